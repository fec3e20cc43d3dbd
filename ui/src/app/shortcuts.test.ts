// The one table of shortcuts: no key twice, and what buttons, help and foot show is what the keys do.

import { describe, expect, test } from "vitest";
import { type Key, type Shortcut, shownKeys } from "../parts/shortcut";
import { FakePlatform } from "../test/fake";
import { openWindow, press, until } from "../test/window";
import { App } from "./app.svelte";
import { Keyboard } from "./keyboard.svelte";
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

describe("each key of the table", () => {
  /** What a key runs, were everything possible. `more`: how it is pressed, and where. */
  function ran(
    all: readonly Shortcut[],
    { code, ctrl, shift, afterG }: Key,
    more: { into?: HTMLElement; repeat?: boolean; dialog?: boolean } = {},
  ): string[] {
    const ids: string[] = [];
    const table = all.map(
      (shortcut): Shortcut => ({ ...shortcut, possible: () => true, run: () => ids.push(shortcut.id) }),
    );
    const keyboard = new Keyboard();
    const into = more.into ?? document.body;
    const hear = (event: KeyboardEvent): void => keyboard.press(table, event, null, more.dialog ?? false);
    into.addEventListener("keydown", hear);
    const { repeat = false } = more;
    const send = (part: KeyboardEventInit): void =>
      void into.dispatchEvent(new KeyboardEvent("keydown", { key: "ㅁ", repeat, ...part }));
    if (afterG) send({ code: "KeyG" });
    send({ code, ctrlKey: ctrl ?? false, shiftKey: shift ?? false });
    into.removeEventListener("keydown", hear);
    return ids;
  }

  /** Every table that there is, with each of its keys. */
  function tables(): { all: readonly Shortcut[]; keys: { id: string; group: string; key: Key }[] }[] {
    const app = new App(new FakePlatform(1));
    return [false, true].flatMap((queueOpen) => {
      app.alarms.queueOpen = queueOpen;
      return app.screens.map((screen) => {
        const all = shortcutsOf(app, screen);
        return { all, keys: all.flatMap(({ id, group, keys }) => keys.map((key) => ({ id, group, key }))) };
      });
    });
  }

  test("does what it stands for and nothing else, in the list and in the open queue", () => {
    for (const { all, keys } of tables()) {
      expect(keys.length).toBeGreaterThan(30);
      for (const { id, key } of keys) expect(ran(all, key), `${id} ${key.shown}`).toEqual([id]);
    }
  });

  test("is written in one way alone: no two shortcuts show the same key", () => {
    for (const { all } of tables()) {
      const shown = all.flatMap(shownKeys);
      expect(shown.filter((key, at) => shown.indexOf(key) !== at)).toEqual([]);
    }
  });

  test("held does nothing but move", () => {
    for (const { all, keys } of tables())
      for (const { id, group, key } of keys) {
        const held = key.afterG ? [] : ran(all, key, { repeat: true });
        if (held.length > 0) expect([id, group]).toEqual([held[0], "list"]);
      }
  });

  test("in a field is text, but for those that work everywhere and those with Ctrl; in a dialog the first alone", () => {
    const field = document.createElement("input");
    document.body.append(field);
    for (const { all, keys } of tables())
      for (const { id, key } of keys) {
        const everywhere = key.everywhere === true;
        const named = `${id} ${key.shown}`;
        if (!key.afterG)
          expect(ran(all, key, { into: field }), named).toEqual(everywhere || key.ctrl ? [id] : []);
        expect(ran(all, key, { dialog: true }), named).toEqual(everywhere ? [id] : []);
      }
    field.remove();
  });
});

test("the palette shows the keys of the table, and what is impossible with its reason", async () => {
  const { app, find } = await openWindow();
  press("KeyK", { ctrlKey: true });
  const options = (): HTMLElement[] => [
    ...document.querySelectorAll<HTMLElement>('[data-testid="palette-option"]'),
  ];
  await until(() => options().length === app.shortcuts.length - 1);
  for (const option of options()) {
    const shortcut = app.shortcuts.find(({ id }) => id === option.dataset["key"]);
    if (shortcut === undefined) throw new Error("an option of no shortcut");
    const keys = [...option.querySelectorAll("kbd")].map((kbd) => kbd.textContent);
    expect(keys, shortcut.id).toEqual(shownKeys(shortcut));
  }
  // Nothing is chosen: there is nothing to be assigned.
  const assign = find("palette").querySelector<HTMLElement>('[data-key="assign"]');
  expect(assign?.textContent).toContain("고른 배달 없음");
  expect(assign?.querySelector(".off")).not.toBeNull();
  assign?.click();
  expect(app.dialog?.kind).toBe("palette");
});

test("sorting, the center, a report and the columns are reached from the palette, in either language", async () => {
  const { app, board, platform, find } = await openWindow();
  const take = async (typed: string, key: string): Promise<void> => {
    press("KeyK", { ctrlKey: true });
    await until(() => document.querySelector('[data-testid="palette"]') !== null);
    const field = find("palette").querySelector("input");
    if (field === null) throw new Error("the palette has no field");
    field.value = typed;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    // Beside it stands that it can be looked for on the board.
    await until(() => find("palette").querySelectorAll('[role="option"]').length === 2);
    expect(find("palette").querySelector<HTMLElement>('[role="option"]')?.dataset["key"]).toBe(key);
    press("Enter", { key: "Enter" });
    await until(() => document.querySelector('[data-testid="palette"]') === null);
  };
  await take("ㅈㄹ: ㅈㅁㅇㅅ", "sort.shop");
  expect(board.view.spec.sort).toEqual([{ key: "shop", descending: false }]);
  await take("center: 송파", "center.songpa");
  expect(app.center).toBe("songpa");
  await take("all centers", "center.all");
  expect(app.center).toBeNull();
  platform.runCommand = () => Promise.reject({ code: "unreachable", message: "", retryable: true });
  const [row] = platform.list(board.view.spec);
  if (row === undefined) throw new Error("an empty board");
  app.commandAll({ action: "note", text: "메모" }, [row]);
  await until(() => app.retryable);
  let sent = 0;
  platform.runCommand = async () => ({ commandId: `c${++sent}` });
  await take("다시 시도", "retry");
  await until(() => sent === 1);
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
  await until(() => app.screen.id === "monitor");
});

test("the keys of alarms work in a dialog and in a field, where Space is a blank", async () => {
  const { app, board, platform } = await openWindow();
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
  press("F9");
  // In a dialog, too, with what is being written in it.
  press("Home");
  await until(() => board.selection.id !== null);
  press("KeyN");
  await until(() => document.activeElement instanceof HTMLTextAreaElement);
  platform.raise(11, "cancelled");
  await until(() => document.querySelector('[data-testid="alarm-banner"][data-read="true"]') !== null);
  press("Space");
  press("F8");
  await until(() => platform.acknowledged.length === 2);
  expect(platform.acknowledged[1]?.id).toBe(11);
  expect(document.activeElement instanceof HTMLTextAreaElement).toBe(true);
});

test("text size is stepped through by keys, from a field too, and kept", async () => {
  const { platform, find } = await openWindow();
  find("search").focus();
  press("Equal", { ctrlKey: true });
  await until(() => platform.textSize === 110);
  press("Digit0", { ctrlKey: true });
  await until(() => platform.textSize === 100);
});
