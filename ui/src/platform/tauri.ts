// The application beneath the page: the only file that knows Tauri.

import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Platform } from "./contract";

function channel<T>(onMessage: (message: T) => void): Channel<T> {
  const channel = new Channel<T>();
  channel.onmessage = onMessage;
  return channel;
}

export const tauri: Platform = {
  boot: () => invoke("boot"),
  signIn: (server, account, password) => invoke("sign_in", { server, account, password }),
  tryDemo: () => invoke("try_demo"),
  signOut: () => invoke("sign_out"),
  setPreferences: (locale, theme) => invoke("set_preferences", { locale, theme }),
  subscribeEvents: (onEvent) => invoke("subscribe_events", { channel: channel(onEvent) }),
  onViewStalled: async (stalled) => {
    await listen<number>("view-stalled", (event) => stalled(event.payload));
  },
  openView: (spec, onPatch) => invoke("open_view", { spec, channel: channel(onPatch) }),
  changeView: (view, spec) => invoke("change_view", { view, spec }),
  ack: (view, seq) => invoke("ack", { view, seq }),
  resetView: (view) => invoke("reset_view", { view }),
  closeView: (view) => invoke("close_view", { view }),
  placeOf: (view, id) => invoke("place_of", { view, id }),
  delivery: (center, id) => invoke("delivery", { center, id }),
  history: (center, id) => invoke("history", { center, id }),
  riders: (center) => invoke("riders", { center }),
  runCommand: (request) => invoke("run_command", { request }),
  acknowledgeAlarm: (key) => invoke("acknowledge_alarm", { ...key }),
  alarmDisplayed: (key) => invoke("alarm_displayed", { ...key }),
  diagnostics: () => invoke("diagnostics"),
  checkEverything: (center) => invoke("check_everything", { center }),
};
