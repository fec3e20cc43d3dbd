// The application beneath the page, through Tauri, which only this folder knows.

import { listen } from "@tauri-apps/api/event";
import type { Platform } from "./contract";
import { commands } from "./generated/invoke";

export const tauri: Platform = {
  ...commands,
  onViewStalled: async (stalled) => {
    await listen<number>("view-stalled", (event) => stalled(event.payload));
  },
};
