// A foreign server: its name and how it is proven in view, actions shown but disabled with the reason.

import { expect, test } from "vitest";
import { FakePlatform } from "../test/fake";
import { openWindow, press, until } from "../test/window";

test("a foreign server is named, proven by its list, and takes no commands", async () => {
  const platform = new FakePlatform(50, {
    foreign: "레거시 배차",
    role: "viewer",
    demo: false,
    demoSpeed: null,
  });
  const { app, board, find } = await openWindow(platform);
  expect(find("foreign").textContent?.trim()).toBe("레거시 배차 · 목록 기준");
  expect(find("complete-as-of").textContent?.trim()).toBe("18:42:07 목록과 일치");
  expect(document.querySelector('[data-testid="sign-out"]')).toBeNull();
  press("Home");
  await until(() => board.selection.id !== null);
  board.openDetail();
  await until(() => document.querySelector('[data-testid="no-commands"]') !== null);
  const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-testid^="action-"]')];
  expect(buttons.length).toBeGreaterThan(0);
  for (const button of buttons) {
    expect(button.disabled).toBe(true);
    expect(button.title).toContain("레거시 배차");
  }
  press("KeyN");
  press("KeyC");
  expect(platform.commands).toEqual([]);
  expect(app.dialog).toBeNull();
});

test.each([
  ["a foreign server knows no revisions, and none is shown", "레거시 배차", false],
  ["a hub's revisions are shown", null, true],
])("%s", async (_, foreign, shown) => {
  const { board, find } = await openWindow(new FakePlatform(50, { foreign }));
  press("Home");
  await until(() => board.selection.id !== null);
  board.openDetail();
  await until(() => document.querySelector('[data-testid="history"]') !== null);
  find("open-diagnosis").click();
  await until(() => document.querySelector("#diagnosis-panel dt") !== null);
  for (const part of ["footer", "#diagnosis-panel"]) {
    expect(/rev \d|리비전/.test(document.querySelector(part)?.textContent ?? ""), part).toBe(shown);
  }
  // Keys that do nothing there are not offered.
  expect(document.querySelector("footer .keys")?.textContent?.includes("A 배차")).toBe(shown);
});
