// Commands: dialogs, honest outcomes, alarms.

import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AppEvent } from "../platform/contract";
import { NOW, riders } from "../test/day";
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
    expect(document.activeElement).toBe(find("assign-dialog").querySelector("[role=listbox]"));
    press("KeyN", { key: "ㅜ" });
    expect(document.activeElement).toBe(input);
    input.value = "ㄴㅅㄹ49";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => document.querySelectorAll('[data-testid="rider-option"]').length === 1);
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    const seenRev = platform.rows.get(3_000)?.rev;
    const asked = { center: "gangnam", id: 3_000, seenRev, action: "assign", riderId: "r49" };
    expect(platform.commands[0]).toEqual(asked);
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
    const commands = window.app.shortcuts.length - 1;
    await until(() => document.querySelectorAll('[data-testid="palette-option"]').length === commands);
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
    await until(() => window.find("palette").querySelector('[role="status"]') !== null);
    expect([...options()].map((option) => option.getAttribute("data-key"))).toEqual(["find"]);
    type("");
    await until(() => options().length === all);
  });

  test("the palette goes to a delivery by its number, whatever the board was showing", async () => {
    const { platform, board, find } = window;
    const row = platform.rows.get(2_000);
    if (!row) throw new Error("the day has no such delivery");
    board.show({ filter: { ...board.view.spec.filter, statuses: ["received"], late: true } });
    press("KeyK", { ctrlKey: true });
    await until(() => there("palette"));
    const input = find("palette").querySelector("input");
    if (!input) throw new Error("the palette has no field");
    input.value = row.number;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => find("palette").querySelector('[role="option"]')?.getAttribute("data-key") === "find");
    press("Enter", { key: "Enter" });
    await until(() => board.detailOpen && board.selection.id === row.id);
    expect(board.view.spec).toMatchObject({ search: row.number, filter: { statuses: [], late: false } });
  });

  test("a delivery cancelled while its rider is being chosen can't be assigned any more", async () => {
    press("KeyA");
    await until(() => there("rider-option"));
    window.platform.change(3_000, { status: "cancelled" });
    await until(() => !there("rider-option"));
    expect(window.find("assign-dialog").textContent).toContain("더는 배차할 수 없습니다");
  });

  test("who changed it is whoever gave the rider, not a word after it, and no machine by its account", async () => {
    const { platform, find } = window;
    const event = (rev: number, account: string, action: string, from: string) => {
      const by = { account, name: account === "kim" ? "김관제" : account };
      return { rev, at: NOW, by, action, from, to: "assigned", detail: "" };
    };
    const story = [event(2, "kim", "assign", "waiting"), event(3, "drill", "confirm", "assigned")];
    platform.history = async () => story;
    press("KeyA");
    await until(() => there("rider-option"));
    const change = (): void =>
      platform.change(3_000, {
        status: "assigned",
        rider: { id: "r7", name: "다른 라이더", lentFrom: null, confirmed: true },
      });
    change();
    await until(() => find("subject-changed").textContent.includes("김관제 님 · 배차"));
    story.push(event(4, "drill", "assign", "assigned"));
    change();
    await until(() => find("subject-changed").textContent.includes("모의 님 · 배차"));
  });

  test("another seat's assignment under the open dialog disarms Enter until it has been seen", async () => {
    const { platform, find } = window;
    press("KeyA");
    await until(() => there("rider-option"));
    const taken = { id: "r7", name: "다른 라이더", lentFrom: null, confirmed: false };
    platform.change(3_000, { status: "assigned", assignedAt: NOW, rider: taken });
    await until(() => find("subject-changed").hidden === false);
    expect(find("subject-changed").textContent).toContain("다른 라이더");
    await until(() => find("subject-changed").textContent.includes("dispatch-1 님 · 배차"));
    press("Digit1");
    press("Enter", { key: "Enter" });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    find("subject-look").click();
    await until(() => find("subject-changed").hidden === true);
    // The keys are the list's again, as when the dialog began.
    expect(document.activeElement).toBe(find("assign-dialog").querySelector("[role=listbox]"));
    press("Digit1");
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ seenRev: platform.rows.get(3_000)?.rev });
  });

  test.each([
    ["KeyC", "cancel-dialog", "cancel"],
    ["KeyN", "note-dialog", "note"],
  ])(
    "another seat's change under what %s opened disarms it, too, in the field as well",
    async (code, dialog, action) => {
      const { platform, find } = window;
      press(code);
      await until(() => there(dialog));
      const area = find(dialog).querySelector("textarea");
      if (!area) throw new Error("the dialog has no field");
      area.focus();
      area.value = "손님이 기다려요";
      area.dispatchEvent(new Event("input", { bubbles: true }));
      platform.change(3_000, { rider: { id: "r7", name: "다른 라이더", lentFrom: null, confirmed: false } });
      await until(() => find("subject-changed").hidden === false);
      press("Enter", { key: "Enter" });
      press("Enter", { key: "Enter", ctrlKey: true });
      await platform.matching("", []);
      expect(platform.commands).toEqual([]);
      expect(area.value).toBe("손님이 기다려요");
      find("subject-look").click();
      await until(() => find("subject-changed").hidden === true);
      expect(find(dialog).contains(document.activeElement)).toBe(true);
      press("Enter", { key: "Enter", ctrlKey: true });
      await until(() => platform.commands.length === 1);
      expect(platform.commands[0]).toMatchObject({ action, seenRev: platform.rows.get(3_000)?.rev });
      await until(() => !there(dialog));
      expect(platform.commands.length).toBe(1);
    },
  );

  test("of several, the one that another seat changed is named, and none is done before it has been seen", async () => {
    const { platform, board, find } = window;
    for (const id of [3_000, 2_999]) platform.change(id, { status: "waiting", rider: null });
    await until(() => board.view.page.rows.get(2_999)?.status === "waiting");
    press("KeyJ", { shiftKey: true });
    await until(() => board.selection.marked.size === 2);
    press("KeyA");
    await until(() => there("rider-option"));
    platform.change(2_999, { status: "cancelled" });
    await until(() => find("subject-changed").hidden === false);
    expect(find("subject-changed").textContent).toContain(platform.rows.get(2_999)?.number);
    press("Digit1");
    press("Enter", { key: "Enter" });
    await platform.matching("", []);
    expect(platform.batches).toEqual([]);
    find("subject-look").click();
    await until(() => find("subject-changed").hidden === true);
    press("Digit1");
    press("Enter", { key: "Enter" });
    await until(() => platform.batches.length === 1);
    const seen = [3_000, 2_999].map((id) => ({ id, seenRev: platform.rows.get(id)?.rev }));
    expect(platform.batches[0]).toMatchObject({ action: "assign", rows: seen });
  });

  test("Enter alone takes no rider who is off, full or out of sight; a digit does", async () => {
    const { platform } = window;
    const [off, full, unseen] = riders(3);
    if (!off || !full || !unseen) throw new Error("three riders");
    platform.people = [
      { ...off, status: "off" },
      { ...full, status: "busy", load: 9 },
      { ...unseen, status: "idle", load: 0, seenAt: 1 },
    ];
    press("KeyA");
    await until(() => document.querySelectorAll('[data-testid="rider-option"]').length === 3);
    press("Enter", { key: "Enter" });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    press("Digit2");
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ riderId: full.id });
  });

  test("one that could not be sent is called so, keeps what was written, and can be sent again", async () => {
    const { platform, find } = window;
    const run = platform.runCommand.bind(platform);
    platform.runCommand = () => Promise.reject({ code: "unreachable", message: "", retryable: true });
    press("KeyN");
    await until(() => there("note-dialog"));
    const area = find("note-dialog").querySelector("textarea");
    if (!area) throw new Error("the dialog has no field");
    area.value = "두 줄\n메모";
    area.dispatchEvent(new Event("input", { bubbles: true }));
    // With Shift it begins a new line.
    press("Enter", { key: "Enter", shiftKey: true });
    expect(there("note-dialog")).toBe(true);
    press("Enter", { key: "Enter" });
    await until(() => there("command-report"));
    expect(find("command-report").dataset["outcome"]).toBe("notSent");
    expect(find("command-report").textContent).toContain("보내지 못했습니다");
    platform.runCommand = run;
    press("KeyR", { shiftKey: true });
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ action: "note", text: "두 줄\n메모" });
  });

  test("a conflict names who did what, and can be done all the same to what is there now", async () => {
    const { platform, find } = window;
    press("KeyU");
    await until(() => platform.commands.length === 1);
    const by = { account: "dispatch2", name: "최다온" };
    platform.tell({
      type: "command",
      commandId: "c1",
      center: "gangnam",
      id: 3_000,
      number: null,
      action: "unassign",
      outcome: "refused",
      code: "conflict",
      message: "",
      movedOn: { rev: 99_001, status: "assigned", rider: "이용권", by, action: "assign", at: 1 },
    });
    await until(
      () => there("report-again") && find("command-report").textContent?.includes("최다온") === true,
    );
    expect(find("command-report").textContent).toContain("배차 · 이용권");
    find("report-again").click();
    await until(() => platform.commands.length === 2);
    expect(platform.commands[1]).toMatchObject({ action: "unassign", seenRev: 99_001 });
  });

  const news = (part: Partial<Extract<AppEvent, { type: "command" }>>): void =>
    window.platform.tell({
      type: "command",
      commandId: "c1",
      center: "gangnam",
      id: 3_000,
      number: null,
      action: "unassign",
      outcome: "done",
      code: null,
      message: null,
      ...part,
    });

  test("the newest change is taken back with Z, by the revision that it made; a second Z takes back no other", async () => {
    const { platform, find } = window;
    press("KeyU");
    await until(() => platform.commands.length === 1);
    news({ rev: 4_711 });
    await until(() => there("undo"));
    expect(find("undo").textContent).toContain("Z");
    press("KeyZ");
    await until(() => platform.commands.length === 2);
    expect(platform.commands[1]).toMatchObject({ id: 3_000, action: "undo", seenRev: 4_711 });
    press("KeyZ");
    await platform.matching("", []);
    expect(platform.commands.length).toBe(2);
  });

  test("one that is not answered yet is taken back as soon as it is done, and not when it was refused", async () => {
    const { platform } = window;
    press("KeyU");
    await until(() => there("undo"));
    press("KeyZ");
    await platform.matching("", []);
    expect(platform.commands.length).toBe(1);
    news({ rev: 4_711 });
    await until(() => platform.commands.length === 2);
    expect(platform.commands[1]).toMatchObject({ action: "undo", seenRev: 4_711 });
  });

  test("what can't be taken back offers no undo", async () => {
    news({ action: "cancel", rev: 9 });
    await until(() => there("command-report"));
    expect(there("undo")).toBe(false);
    news({ commandId: "c9", outcome: "unknown" });
    await until(() => document.querySelectorAll('[data-testid="reports-more"]').length === 1);
    expect(there("undo")).toBe(false);
  });

  test.each([
    [3_000, 2_999, 3_000],
    [15_000, 7_999, 8_000],
  ])(
    "a hub that takes changes back for %i ms offers it after %i, and no more after %i",
    async (undoWithinMs, still, over) => {
      const { app } = window;
      const { boot } = app;
      if (boot) app.boot = { ...boot, centers: boot.centers.map((center) => ({ ...center, undoWithinMs })) };
      news({ rev: 4_711 });
      await until(() => there("command-report"));
      const done = app.commands.reports[0]?.doneAt ?? 0;
      app.wall = done + still;
      expect(app.undoable).not.toBeNull();
      app.wall = done + over;
      expect(app.undoable).toBeNull();
    },
  );

  test("a hub that takes nothing back is asked for no undo, not even before the answer", async () => {
    const { app } = window;
    const { boot } = app;
    if (boot) app.boot = { ...boot, centers: boot.centers.map((center) => ({ ...center, undoWithinMs: 0 })) };
    press("KeyU");
    await until(() => there("command-report"));
    expect(app.undoable).toBeNull();
  });

  test("several marked deliveries are one command; what failed stays marked, with its reason", async () => {
    const { platform, board, find } = window;
    for (const id of [3_000, 2_999, 2_998]) platform.change(id, { status: "assigned" });
    await until(() => board.view.page.rows.get(2_998)?.status === "assigned");
    press("KeyJ", { shiftKey: true });
    await until(() => board.selection.marked.size === 2);
    press("KeyU");
    await until(() => platform.batches.length === 1);
    const rows = [3_000, 2_999].map((id) => ({ id, seenRev: platform.rows.get(id)?.rev }));
    expect(platform.batches[0]).toEqual({ center: "gangnam", action: "unassign", rows });
    const result = { number: null, rev: null, code: null, message: null, movedOn: null };
    news({
      commandId: "b1",
      id: null,
      batch: [3_000, 2_999],
      results: [
        { ...result, id: 3_000, rev: 5_001 },
        { ...result, id: 2_999, code: "invalid-transition", message: "" },
      ],
    });
    await until(() => board.selection.marked.size === 1 && board.selection.marked.has(2_999));
    expect(find("command-report").textContent).toContain("일부만 됨");
    press("KeyZ");
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ id: 3_000, action: "undo", seenRev: 5_001 });
  });

  test("a usual reason is one digit, and needs no text", async () => {
    const { platform, find } = window;
    press("KeyC");
    await until(() => there("cancel-dialog"));
    press("Enter", { key: "Enter" });
    press("Digit3");
    await until(() => !find("cancel-confirm").hasAttribute("disabled"));
    press("Enter", { key: "Enter", repeat: true });
    expect(there("cancel-dialog")).toBe(true);
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    expect(platform.commands[0]).toMatchObject({ action: "cancel", reason: "재료 소진", by: "shop" });
  });

  test("a held key does nothing but move; nor does a key that an input method has", async () => {
    const { platform, board } = window;
    press("KeyU", { repeat: true });
    press("KeyP", { repeat: true });
    press("Enter", { key: "Enter", keyCode: 229 });
    press("Space", { isComposing: true });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    expect(board.detailOpen).toBe(false);
    press("KeyJ", { repeat: true });
    await until(() => board.selection.id === 2_999);
  });

  test("cancel asks for reason and by whom", async () => {
    const { platform, find } = window;
    press("KeyC");
    await until(() => there("cancel-dialog"));
    const dialog = find("cancel-dialog");
    expect(find("cancel-confirm").hasAttribute("disabled")).toBe(true);
    const reason = dialog.querySelector<HTMLTextAreaElement>("textarea[name=reason]");
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
    platform.tell({ ...news, number: "1042", outcome: "notSent", code: "void", message: "void" });
    await until(() => find("command-report").dataset["outcome"] === "notSent");
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

  test("what the server has lost is said although it was done, and stays until it is read", async () => {
    const { platform, find } = window;
    const news = {
      type: "command",
      commandId: "gone",
      center: "gangnam",
      id: 3_000,
      number: "1042",
      action: "assign",
      code: null,
      message: null,
    } as const;
    vi.useFakeTimers();
    try {
      platform.tell({ ...news, outcome: "done" });
      platform.tell({ ...news, outcome: "lost" });
      // The success would go by itself; what has become of it since does not.
      vi.advanceTimersByTime(60_000);
    } finally {
      vi.useRealTimers();
    }
    await until(() => there("report-look"));
    const report = find("command-report");
    expect(report.dataset["outcome"]).toBe("lost");
    expect(report.textContent).toContain("1042 배차: 서버가 이 처리를 잃었습니다");
    [...report.querySelectorAll("button")].at(-1)?.click();
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

  test("details show the delivery and its story", async () => {
    press("Enter");
    await until(() => there("history"));
    expect(window.find("detail-panel").textContent).toContain("1204호");
    expect(window.find("detail-panel").textContent).not.toContain("010-2345-9856");
    expect(window.board.view.spec.hold).toBe(true);
    press("Escape");
    await until(() => !there("history") && window.board.view.spec.hold);
    press("Escape");
    await until(() => !window.board.view.spec.hold);
  });
});
