// The development page: the whole window on made-up rows. Not part of a build.
// ?theme=light&lang=en&rows=100000&signin&state=offline&open&alarms

import { mount } from "svelte";
import "../app/frame/app.css";
import { App } from "../app/app.svelte";
import Frame from "../app/frame/Frame.svelte";
import { boardOf } from "./board";
import { FakePlatform } from "./fake";

const asked = new URLSearchParams(location.search);
const platform = new FakePlatform(Number(asked.get("rows") ?? 3_213), {
  theme: asked.get("theme") === "light" ? "light" : "dark",
  locale: asked.get("lang") === "en" ? "en" : "ko",
  signedIn: !asked.has("signin"),
});
const app = new App(platform);
const board = boardOf(app);
const target = document.getElementById("app");
if (target) mount(Frame, { target, props: { app } });

setTimeout(() => {
  const rows = [...platform.rows.values()].reverse();
  const state = asked.get("state");
  if (state === "offline" || state === "polling") {
    platform.tell(platform.link({ state, provenAt: Date.now() - 200_000 }));
  }
  if (asked.has("alarms")) {
    for (const row of rows.filter((row) => row.status === "cancelled").slice(0, 3)) {
      const { id, center } = row;
      platform.tell({
        type: "alarm",
        center,
        id,
        kind: "cancelled",
        raisedAt: row.cancelledAt ?? 0,
        relisted: false,
        priority: "critical",
        yours: false,
        row,
      });
    }
  }
  const assigned = 5 + rows.slice(5).findIndex((row) => row.status === "assigned");
  if (asked.has("open")) {
    board.selection.goTo(assigned);
    board.openDetail();
  }
  if (asked.get("dialog") === "assign") {
    board.selection.goTo(assigned);
    board.act("assign");
  }
  if (asked.get("dialog") === "cancel") {
    board.selection.goTo(assigned);
    board.act("cancel");
  }
  if (asked.has("open")) {
    platform.tell({
      type: "command",
      commandId: "x",
      center: "gangnam",
      id: 9,
      number: null,
      action: "assign",
      outcome: "refused",
      code: "invalid-transition",
      message: "",
    });
  }
}, 300);
