// The development page: the whole window on made-up rows. Not part of a build.
// ?scene=queue&theme=light&lang=en&rows=100000

import { mount } from "svelte";
import "../app/frame/app.css";
import { App } from "../app/app.svelte";
import Frame from "../app/frame/Frame.svelte";
import { boardOf } from "./board";
import { until } from "./hands";
import { platformOf, play, SCENES } from "./scenes";

const asked = new URLSearchParams(location.search);
const rows = asked.get("rows");
const named = SCENES[asked.get("scene") ?? "board"] ?? {};
const scene = rows === null ? named : { ...named, rows: Number(rows) };
const platform = platformOf(scene, {
  theme: asked.get("theme") === "light" ? "light" : "dark",
  locale: asked.get("lang") === "en" ? "en" : "ko",
});
const app = new App(platform);
const target = document.getElementById("app");
if (target) mount(Frame, { target, props: { app } });
await until(() => app.phase.kind !== "starting");
await play(scene, { app, board: boardOf(app), platform });
// For whoever takes a picture.
document.documentElement.dataset["scene"] = "played";
