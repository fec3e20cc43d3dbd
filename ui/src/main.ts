// Where the page begins.

import { mount } from "svelte";
import "./app/frame/app.css";
import { App } from "./app/app.svelte";
import Frame from "./app/frame/Frame.svelte";
import { tauri } from "./platform/tauri";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app to put the window in");
mount(Frame, { target, props: { app: new App(tauri) } });
