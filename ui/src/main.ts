// Where the page begins.

import { mount } from "svelte";
import "./app/frame/app.css";
import App from "./app/frame/App.svelte";
import { Room } from "./app/room.svelte";
import { tauri } from "./platform/tauri";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app to put the window in");
mount(App, { target, props: { room: new Room(tauri) } });
