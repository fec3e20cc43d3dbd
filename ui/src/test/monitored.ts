// Pictures of the Monitor: who sees what of it, and what it says when a hub is away.

import { press, until } from "./hands";
import { type Scene, there } from "./scene";

async function open(): Promise<void> {
  press("KeyG");
  press("KeyM");
  await until(() => there("monitor-own"));
}

function click(testId: string): void {
  document.querySelector<HTMLElement>(`[data-testid="${testId}"]`)?.click();
}

async function clients(): Promise<void> {
  await open();
  await until(() => there("monitor-nodes"));
  click("monitor-tab-clients");
  await until(() => document.querySelector("[data-client]") !== null);
}

const admin = { account: "admin", name: "하진솔", role: "admin" };

export const MONITORED: Readonly<Record<string, Scene>> = {
  monitor: {
    boot: admin,
    play: async () => {
      await open();
      await until(() => there("monitor-nodes"));
    },
  },
  "monitor-clients": {
    boot: admin,
    play: async () => {
      await clients();
      press("KeyJ");
      press("KeyJ");
      press("Enter");
      await until(() => there("monitor-put-out"));
    },
  },
  "monitor-no-match": {
    boot: { ...admin, role: "supervisor" },
    play: async ({ platform }) => {
      platform.connected = platform.connected.filter(({ behind }) => behind.worst === 0);
      await clients();
      click("monitor-behind");
      await until(() => there("monitor-no-match"));
    },
  },
  "monitor-put-out": {
    boot: admin,
    play: async () => {
      await clients();
      press("KeyJ");
      press("Enter");
      await until(() => there("monitor-put-out"));
      click("monitor-put-out");
      await until(() => there("put-out-dialog"));
    },
  },
  "monitor-away": {
    boot: admin,
    play: async ({ platform }) => {
      await open();
      await until(() => there("monitor-nodes"));
      platform.hubFailure = { code: "unreachable", message: "", retryable: true };
      await until(() => there("monitor-old"));
    },
  },
  "monitor-never": {
    boot: admin,
    make: (platform) => {
      platform.hubFailure = { code: "unreachable", message: "", retryable: true };
    },
    play: async () => {
      await open();
      await until(() => document.querySelector('[data-testid="monitor-hub-state"] button') !== null);
    },
  },
  "monitor-own": { play: open },
  "monitor-foreign": {
    boot: { foreign: "레거시 배차", name: null, account: null, role: null, demo: false, drill: false },
    play: open,
  },
};
