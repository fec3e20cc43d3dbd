// The one table of shortcuts: no key twice, and what buttons, help and foot show is what the keys do.

import { expect, test } from "vitest";
import { FakePlatform } from "../test/fake";
import { openWindow, press, until } from "../test/window";
import { App } from "./app.svelte";
import { shortcutsOf } from "./shortcuts";

const kbd = (testId: string): string | undefined =>
  document.querySelector(`[data-testid="${testId}"] kbd`)?.textContent?.trim();

test("on no screen does a key mean two things, nor do two shortcuts have one name", () => {
  const app = new App(new FakePlatform(1));
  expect(app.screens.length).toBeGreaterThan(0);
  for (const screen of app.screens) {
    const all = shortcutsOf(app, screen);
    const keys = all.flatMap((shortcut) =>
      shortcut.keys.map(
        ({ code, ctrl, shift, afterG }) =>
          `${afterG ? "G " : ""}${ctrl ? "Ctrl " : ""}${shift ? "Shift " : ""}${code}`,
      ),
    );
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    const ids = all.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  }
});

test("a button shows the key of its shortcut; help lists each that has one, in the table's order", async () => {
  const { app, board, find } = await openWindow();
  press("Home");
  await until(() => board.selection.id !== null);
  press("Enter");
  await until(() => document.querySelector('[data-testid="history"]') !== null);
  const shown = board.host.slots(board.selection.row);
  expect(shown.length).toBeGreaterThan(0);
  for (const { action } of shown) expect(kbd(`action-${action}`), action).toBe(app.keyOf(action));
  expect(app.keyOf("assign")).toBe("A");
  expect(app.keyOf("theme")).toBe("");
  expect(document.querySelector("footer .keys")?.textContent).toBe(
    "J K 이동 · Enter 열기 · A 배차 · Z 되돌리기 · / 찾기 · Q 알람 · Ctrl K 명령 · ? 도움말",
  );
  press("Slash", { shiftKey: true });
  await until(() => document.querySelector('[data-testid="help"]') !== null);
  const listed = [...find("help").querySelectorAll("dt")].map((term) => term.textContent);
  const keyed = app.shortcuts.filter(({ keys }) => keys.length > 0);
  expect(listed).toEqual(keyed.map(({ title }) => title()));
  expect(listed).toContain("배차");
});

test("after G the next key alone says where to go; any other ends it, and does nothing", async () => {
  const { app, board } = await openWindow();
  press("Home");
  await until(() => board.selection.id !== null);
  press("KeyG");
  await until(() => document.querySelector('[data-testid="prefix-hint"]') !== null);
  press("KeyU");
  expect(app.keyboard.prefixed).toBe(false);
  expect(app.commands.reports).toEqual([]);
  press("KeyG");
  press("KeyM");
  await until(() => document.querySelector('[data-testid="diagnosis"]') !== null);
});

test("the keys of alarms work in a dialog and in a field, where Space is a blank", async () => {
  const { app, platform } = await openWindow();
  platform.raise(10, "cancelled");
  await until(() => document.querySelector('[data-testid="alarm-banner"][data-read="true"]') !== null);
  press("Slash");
  press("Space");
  await platform.matching("", []);
  expect(platform.acknowledged).toEqual([]);
  press("F8");
  await until(() => platform.acknowledged.length === 1);
  press("F9");
  await until(() => app.alarms.queueOpen);
});

test("text size is stepped through by keys, from a field too, and kept", async () => {
  const { platform, find } = await openWindow();
  find("search").focus();
  press("Equal", { ctrlKey: true });
  await until(() => platform.textSize === 110);
  press("Digit0", { ctrlKey: true });
  await until(() => platform.textSize === 100);
});
