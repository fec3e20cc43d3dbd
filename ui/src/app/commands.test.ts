// Commands: dialogs, honest outcomes, alarms.

import { beforeEach, describe, expect, test } from "vitest";
import { riders } from "../test/day";
import { openWindow, press, type TestWindow, until } from "../test/window";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

describe("a command", () => {
  let window: TestWindow;
  beforeEach(async () => {
    window = await openWindow();
    window.platform.change(3_000, { status: "assigned" });
    press("Home");
    await until(() => window.board.selection.id === 3_000);
  });

  test("assign asks for a rider, found by typing, and sends the choice", async () => {
    const { platform, find } = window;
    platform.people = riders(400);
    press("KeyA");
    await until(() => document.querySelectorAll('[data-testid="rider-option"]').length === 400);
    const input = find("assign-dialog").querySelector("input");
    if (!input) throw new Error("the dialog has no field");
    expect(document.activeElement).toBe(input);
    input.value = "ㄴㅅㄹ49";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => document.querySelectorAll('[data-testid="rider-option"]').length === 1);
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toEqual({ center: "gangnam", id: 3_000, action: "assign", riderId: "r49" });
    await until(() => !there("assign-dialog") && document.activeElement === find("board-grid"));
  });

  test("Enter before the answer takes what was typed, not what was offered before it", async () => {
    const { platform, find } = window;
    platform.people = riders(400);
    press("KeyA");
    await until(() => document.querySelectorAll('[data-testid="rider-option"]').length === 400);
    const input = find("assign-dialog").querySelector("input");
    if (!input) throw new Error("the dialog has no field");
    const answer = platform.hold();
    input.value = "ㄴㅅㄹ49";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    press("Enter", { key: "Enter" });
    expect(platform.commands).toEqual([]);
    answer();
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ action: "assign", riderId: "r49" });
  });

  test("a picker that was closed before the answer takes nothing", async () => {
    const { platform, find } = window;
    press("KeyA");
    await until(() => there("rider-option"));
    const input = find("assign-dialog").querySelector("input");
    if (!input) throw new Error("the dialog has no field");
    const answer = platform.hold();
    input.value = "r1";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => platform.asked === 1);
    press("Enter", { key: "Enter" });
    find("assign-dialog").dispatchEvent(new Event("cancel", { cancelable: true }));
    await until(() => !there("assign-dialog"));
    answer();
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
  });

  test("the palette is narrowed by typing, and says when nothing is left", async () => {
    press("KeyK", { ctrlKey: true });
    await until(() => there("palette-option"));
    const input = window.find("palette").querySelector("input");
    if (!input) throw new Error("the palette has no field");
    const all = document.querySelectorAll('[data-testid="palette-option"]').length;
    const type = (text: string): void => {
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    };
    type("ㅂㅊ");
    const options = (): NodeListOf<Element> => document.querySelectorAll('[data-testid="palette-option"]');
    await until(() => options().length > 0 && options().length < all);
    type("없는 명령");
    await until(() => options().length === 0);
    expect(window.find("palette").querySelector('[role="status"]')).not.toBeNull();
    type("");
    await until(() => options().length === all);
  });

  test("a delivery cancelled while its rider is being chosen can't be assigned any more", async () => {
    press("KeyA");
    await until(() => there("rider-option"));
    window.platform.change(3_000, { status: "cancelled" });
    await until(() => !there("rider-option"));
    expect(window.find("assign-dialog").textContent).toContain("더는 배차할 수 없습니다");
  });

  test("cancel asks for reason and by whom", async () => {
    const { platform, find } = window;
    press("KeyC");
    await until(() => there("cancel-dialog"));
    const dialog = find("cancel-dialog");
    expect(find("cancel-confirm").hasAttribute("disabled")).toBe(true);
    const reason = dialog.querySelector<HTMLInputElement>("input[name=reason]");
    if (!reason) throw new Error("the dialog asks for no reason");
    reason.value = "재고 없음";
    reason.dispatchEvent(new Event("input", { bubbles: true }));
    dialog.querySelector<HTMLInputElement>('input[value="shop"]')?.click();
    await until(() => !find("cancel-confirm").hasAttribute("disabled"));
    find("cancel-confirm").click();
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ action: "cancel", reason: "재고 없음", by: "shop" });
  });

  test("is reported as pending, refused with its reason, or unknown; never as a success before it is one", async () => {
    const { platform, find } = window;
    press("KeyU");
    await until(() => there("command-report"));
    expect(find("command-report").dataset["outcome"]).toBe("pending");
    const news = {
      type: "command",
      commandId: "c1",
      center: "gangnam",
      id: 3_000,
      number: null,
      action: "unassign",
    } as const;
    platform.tell({ ...news, outcome: "unknown", code: null, message: null });
    await until(() => find("command-report").dataset["outcome"] === "unknown");
    platform.tell({ ...news, outcome: "refused", code: "invalid-transition", message: "no" });
    await until(() => find("command-report").dataset["outcome"] === "refused");
    expect(find("command-report").textContent).toContain("지금 상태에서는 할 수 없습니다");
  });

  test("of an earlier run is reported by what the board calls its delivery", async () => {
    const { platform, find } = window;
    const news = {
      type: "command",
      commandId: "before",
      center: "songpa",
      id: 77,
      action: "assign",
    } as const;
    platform.tell({ ...news, number: "1042", outcome: "unknown", code: null, message: null });
    await until(() => there("command-report"));
    expect(find("command-report").textContent).toContain("1042 배차: 결과를 알 수 없습니다");
    platform.tell({ ...news, number: "1042", outcome: "refused", code: "void", message: "void" });
    await until(() => find("command-report").dataset["outcome"] === "refused");
    expect(find("command-report").textContent).toContain("바뀐 것은 없습니다");
  });

  test("that can't be asked about any more is reported as neither done nor refused, until a person has read it", async () => {
    const { platform, find } = window;
    const news = {
      type: "command",
      commandId: "lost",
      center: "gangnam",
      id: 3_000,
      number: "1042",
      action: "assign",
    } as const;
    platform.tell({ ...news, outcome: "unknown", code: null, message: null });
    await until(() => there("command-report"));
    platform.tell({ ...news, outcome: "unknowable", code: "not-found", message: "no such center" });
    await until(() => find("command-report").dataset["outcome"] === "unknowable");
    const text = find("command-report").textContent;
    expect(text).toContain("1042 배차: 처리되었는지 더는 알 수 없습니다");
    expect(text).not.toContain("거부됨");
    find("command-report").querySelector("button")?.click();
    await until(() => !there("command-report"));
  });

  test("keys that the status does not offer do nothing", () => {
    press("KeyT");
    press("KeyD");
    expect(window.platform.commands).toEqual([]);
  });

  test("the palette lists commands with their keys and runs one", async () => {
    press("KeyK", { ctrlKey: true });
    await until(() => there("palette-option"));
    document.querySelector<HTMLElement>('[data-testid="palette-option"][data-key="cancel"]')?.click();
    await until(() => there("cancel-dialog"));
  });

  test("a cancellation is told over everything, with the rest of its batch; Space acknowledges", async () => {
    const { platform, find } = window;
    expect(find("alarm-banner").hidden).toBe(true);
    for (const id of [10, 11, 12]) {
      const row = platform.rows.get(id) ?? null;
      platform.tell({
        type: "alarm",
        center: "gangnam",
        id,
        kind: "cancelled",
        raisedAt: 1_000 + id,
        relisted: false,
        priority: "critical",
        yours: false,
        row,
      });
    }
    await until(() => find("alarm-banner").textContent?.includes("외 2건") ?? false);
    expect(find("alarm-banner").getAttribute("role")).toBe("alert");
    press("Space");
    await until(() => find("alarm-banner").hidden === true);
    expect(platform.acknowledged.map(({ id }) => id).sort()).toEqual([10, 11, 12]);
  });

  test("details show the delivery and its story", async () => {
    press("Enter");
    await until(() => there("history"));
    expect(window.find("detail-panel").textContent).toContain("1204호");
    expect(window.find("detail-panel").textContent).not.toContain("010-2345-9856");
    expect(window.board.view.spec.hold).toBe(true);
    press("Escape");
    await until(() => !there("history") && !window.board.view.spec.hold);
  });
});
