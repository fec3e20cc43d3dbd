// Where the page begins.

import { mount } from "svelte";
import "./shell/app.css";
import { tauri } from "./platform/tauri";
import App from "./shell/App.svelte";
import { Room } from "./shell/room.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app to put the window in");
mount(App, { target, props: { room: new Room(tauri) } });
