// A key that an input method has ends a syllable, and means nothing else: in no dialog, in no field, nor in the list.

import { beforeEach, describe, expect, test } from "vitest";
import { FakePlatform } from "../test/fake";
import { openWindow, press, type TestWindow, until } from "../test/window";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

function fail(): never {
  throw new Error("there is none");
}

describe("a key that an input method has", () => {
  let window: TestWindow;
  beforeEach(async () => {
    window = await openWindow(new FakePlatform(50));
    window.platform.change(50, { status: "assigned" });
    press("Home");
    await until(() => window.board.selection.row?.status === "assigned");
  });
  const composed = (code: string, more: Partial<KeyboardEventInit> = {}): void =>
    press(code, { key: "Process", keyCode: 229, ...more });
  /** Every way to end a composition that elsewhere means something. */
  const composedKeys = (): void => {
    for (const code of ["Enter", "NumpadEnter", "Space", "Escape", "Digit1", "ArrowDown"]) {
      composed(code);
      // Some give the key its name still.
      composed(code, { key: code });
    }
    composed("Enter", { key: "Enter", ctrlKey: true });
  };

  test.each([
    ["KeyA", "assign-dialog", "[role=listbox]"],
    ["KeyA", "assign-dialog", "input"],
    ["KeyC", "cancel-dialog", "[role=radiogroup]"],
    ["KeyC", "cancel-dialog", "textarea"],
    ["KeyN", "note-dialog", "textarea"],
  ])("does nothing by %s in %s, in its %s", async (code, dialog, place) => {
    const { platform, find } = window;
    press(code);
    await until(() => there(dialog));
    if (code === "KeyA") await until(() => there("rider-option"));
    if (place === "[role=radiogroup]") press("Digit2");
    const at = find(dialog).querySelector<HTMLElement>(place) ?? fail();
    if (at instanceof HTMLTextAreaElement) {
      at.value = "한글";
      at.dispatchEvent(new Event("input", { bubbles: true }));
    }
    at.focus();
    composedKeys();
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    expect(there(dialog)).toBe(true);
    expect(document.activeElement).toBe(at);
    if (place === "[role=radiogroup]") expect(find("cancel-reason-2").ariaChecked).toBe("true");
    // The same keys, when they are nobody's, do.
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
  });

  test("does nothing in the search, where Enter and Esc mean something", async () => {
    const { board, find } = window;
    press("Slash");
    const field = find("search") as HTMLInputElement;
    field.value = "강남";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    composedKeys();
    expect(document.activeElement).toBe(field);
    expect(board.view.spec.search).toBe("강남");
  });

  test("does nothing in the palette, in a view's name, and in the list", async () => {
    const { app, board, find } = window;
    press("KeyK", { ctrlKey: true });
    await until(() => there("palette-option"));
    composedKeys();
    expect(app.dialog?.kind).toBe("palette");
    press("Escape", { key: "Escape" });
    await until(() => !there("palette"));
    board.arrangement.askSave();
    await until(() => there("view-dialog"));
    const name = find("view-dialog").querySelector("input") ?? fail();
    name.value = "지연만";
    name.dispatchEvent(new Event("input", { bubbles: true }));
    composedKeys();
    expect(there("view-dialog")).toBe(true);
    expect(board.arrangement.views.all).toEqual([]);
    press("Escape", { key: "Escape" });
    await until(() => !there("view-dialog"));
    composedKeys();
    expect(board.detailOpen).toBe(false);
    expect(board.selection.id).toBe(50);
  });
});
