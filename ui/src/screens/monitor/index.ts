// 모니터: this seat's own link, the hubs, and who is connected to them.

import { m } from "../../texts/generated/messages";
import { screenOf } from "../screen";
import Monitor from "./Monitor.svelte";
import { shortcuts } from "./shortcuts";
import { MonitorState } from "./state.svelte";

export const monitor = screenOf({
  id: "monitor",
  title: m.monitor,
  icon: "◎",
  letter: "M",
  open: (host) => new MonitorState(host),
  shortcuts,
  component: Monitor,
});
