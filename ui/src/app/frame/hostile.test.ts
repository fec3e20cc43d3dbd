// Bad input: whatever comes from outside or is typed, the window stays as it is, nothing is lost and nothing is done.

import { afterEach, describe, expect, test } from "vitest";
import { page } from "vitest/browser";
import { day, deliveryOf, riders } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { cut, drawn } from "../../test/frames";
import { openWindow, press, until } from "../../test/window";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

/** Long without a blank, from right to left, turned around, of several code points each, and piled up. */
const HOSTILE: Record<string, string> = {
  long: "아주긴업소이름".repeat(60),
  "right to left": "مطعم الشرق ".repeat(40),
  "turned around": "\u202E\u2066가게 12-34\u2069",
  emoji: "👩‍👩‍👧‍👦🍕🇰🇷".repeat(80),
  "piled up": `가${"\u0301\u0323\u0489".repeat(200)}`,
  markup: "<img src=x onerror=alert(1)>{{x}}%s\n\t\0",
};

afterEach(async () => {
  await page.viewport(1_440, 900);
});

describe.each(Object.entries(HOSTILE))("names that are %s", (_, name) => {
  test.each([
    [1_280, 800],
    [640, 400],
  ])("are shown within their places at %i×%i, and leave every button whole", async (width, height) => {
    await page.viewport(width, height);
    const centers = ["gangnam", "songpa"].map((id) => ({
      id,
      name: `${name} ${id}`,
      timeZone: "Asia/Seoul",
      undoWithinMs: 15_000,
      atRiskMin: 5,
    }));
    const platform = new FakePlatform(300, { centers, name, account: name, foreign: null });
    platform.people = riders(12).map((rider) => ({ ...rider, name: `${name}${rider.id}` }));
    platform.delivery = async (_center, id) => {
      const row = platform.rows.get(id);
      if (row === undefined) throw new Error("no such row");
      const found = deliveryOf(row);
      const note = { at: 1, by: name, role: "dispatcher", text: name };
      return {
        ...found,
        shop: { ...found.shop, name, remark: name },
        request: name,
        notes: [note],
        items: [{ name, quantity: 1 }],
      };
    };
    const { app, board, find } = await openWindow(platform);
    const whole = async (where: string): Promise<void> => {
      await drawn();
      expect(cut(), where).toEqual([]);
    };
    const rider = { id: "r1", name, lentFrom: "songpa", confirmed: false };
    platform.change(300, {
      status: "assigned",
      shop: name,
      address: name,
      shopRemark: name,
      rider,
      number: name,
    });
    press("Home");
    await until(() => board.selection.id === 300);
    const row = document.querySelector<HTMLElement>('.row[data-id="300"]');
    expect(row?.getBoundingClientRect().height).toBe(24);
    await whole("the list");

    platform.raise(300, "cancelled");
    await until(() => there("alarm-banner"));
    press("KeyQ");
    await until(() => there("queue-line"));
    await whole("the queue");
    press("Escape");

    press("Enter");
    await until(() => there("history"));
    await whole("the details");
    expect(document.querySelector("img")).toBeNull();

    for (const [code, dialog] of [
      ["KeyA", "assign-dialog"],
      ["KeyC", "cancel-dialog"],
      ["KeyN", "note-dialog"],
      ["KeyK", "palette"],
    ] as const) {
      press(code, { ctrlKey: code === "KeyK" });
      await until(() => there(dialog));
      await whole(dialog);
      find(dialog).dispatchEvent(new Event("cancel", { cancelable: true }));
      await until(() => !there(dialog));
    }
    platform.tell({
      type: "command",
      commandId: "c",
      center: "gangnam",
      id: 300,
      number: name,
      action: "assign",
      outcome: "refused",
      code: "conflict",
      message: name,
      movedOn: {
        rev: 9,
        status: "assigned",
        rider: name,
        by: { account: name, name },
        action: "assign",
        at: 1,
      },
    });
    await until(() => there("command-report"));
    await whole("the report");
    expect(app.commands.reports.length).toBe(1);
  });
});

test("what is long is clamped in the details, and shown whole for who asks", async () => {
  const { platform, find } = await openWindow(new FakePlatform(50));
  const request = "문 앞에 두고 ".repeat(100);
  platform.delivery = async (_center, id) => ({ ...deliveryOf(day(50)[id - 1] ?? fail()), request });
  press("Home");
  press("Enter");
  await until(() => there("more"));
  const panel = find("detail-panel");
  expect(panel.textContent).not.toContain(request.trim());
  find("more").click();
  await until(() => panel.textContent?.includes(request.trim()) === true);
  find("more").click();
  await until(() => panel.textContent?.includes(request.trim()) === false);
});

function fail(): never {
  throw new Error("a day has rows");
}

describe("ten thousand characters", () => {
  const MANY = "가나다 라마바 ".repeat(1_250);

  function paste(field: HTMLInputElement | HTMLTextAreaElement): void {
    field.focus();
    // As a person pastes: a bound of the field would cut it.
    document.execCommand("insertText", false, MANY);
  }

  test("in the search find nothing, say so, and go with Esc", async () => {
    const { board, find } = await openWindow(new FakePlatform(50));
    press("Slash");
    paste(find("search") as HTMLInputElement);
    await until(() => there("board-no-match"));
    expect(cut()).toEqual([]);
    press("Escape", { key: "Escape" });
    await until(() => board.view.total === 50 && board.view.spec.search === "");
  });

  test.each([
    ["KeyN", "note-dialog", "note-confirm"],
    ["KeyC", "cancel-dialog", "cancel-confirm"],
  ])("by %s stay as they are, are not sent, and the window says why", async (code, dialog, confirm) => {
    const { platform, board, find } = await openWindow(new FakePlatform(50));
    platform.change(50, { status: "assigned" });
    press("Home");
    await until(() => board.selection.row?.status === "assigned");
    press(code);
    await until(() => there(dialog));
    const field = find(dialog).querySelector("textarea") ?? fail();
    paste(field);
    await until(() => there("too-long"));
    expect(field.value).toBe(MANY);
    expect(find("too-long").textContent).toContain("10,000자");
    expect(find(confirm).hasAttribute("disabled")).toBe(true);
    press("Enter", { key: "Enter" });
    press("Enter", { key: "Enter", ctrlKey: true });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    expect(there(dialog)).toBe(true);
  });

  test("in a picker offer nothing, and Enter takes nobody", async () => {
    const { platform, board, find } = await openWindow(new FakePlatform(50));
    platform.change(50, { status: "assigned" });
    press("Home");
    await until(() => board.selection.row?.status === "assigned");
    press("KeyA");
    await until(() => there("rider-option"));
    paste(find("assign-dialog").querySelector("input") ?? fail());
    await until(() => !there("rider-option"));
    press("Enter", { key: "Enter" });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
  });
});

describe("a server that answers nothing", () => {
  const never = (): Promise<never> => new Promise(() => {});

  test("at the start: says that it starts", async () => {
    const platform = new FakePlatform(0);
    platform.boot = never;
    await openWindow(platform, false);
    await until(() => document.querySelector("main")?.textContent?.includes("시작하는 중") === true);
  });

  test("at the sign-in: says so, and what was typed stays", async () => {
    const platform = new FakePlatform(0, { signedIn: false });
    platform.signIn = never;
    const { find } = await openWindow(platform, false);
    await until(() => there("sign-in-form"));
    for (const name of ["server", "account", "password"]) {
      const field = find(name) as HTMLInputElement;
      field.value = "https://hub.example";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    find("sign-in").click();
    await until(() => find("sign-in").textContent.includes("로그인하는 중"));
    expect(find("sign-in").hasAttribute("disabled")).toBe(true);
    expect((find("account") as HTMLInputElement).value).toBe("https://hub.example");
  });

  test("for the board: it is being fetched, and no day is empty", async () => {
    const platform = new FakePlatform(0);
    platform.openView = never;
    await openWindow(platform, false);
    await until(() => there("board-loading"));
    expect(there("board-empty")).toBe(false);
  });

  test("for details, riders and a story: each says so, goes with Esc, and nobody is assigned", async () => {
    const platform = new FakePlatform(50);
    Object.assign(platform, { delivery: never, history: never, candidates: never, riders: never });
    const { board, find } = await openWindow(platform);
    platform.change(50, { status: "assigned" });
    press("Home");
    await until(() => board.selection.row?.status === "assigned");
    press("Enter");
    await until(() => find("detail-panel").textContent?.includes("가져오는 중") === true);
    expect(find("action-assign").hasAttribute("disabled")).toBe(false);
    press("KeyA");
    await until(() => there("assign-dialog"));
    expect(find("assign-dialog").textContent).toContain("라이더를 가져오는 중");
    press("Digit1");
    press("Enter", { key: "Enter" });
    await platform.matching("", []);
    expect(platform.commands).toEqual([]);
    press("Escape", { key: "Escape" });
    await until(() => !there("assign-dialog"));
    // A remark needs nothing of what was said before.
    press("KeyN");
    await until(() => there("note-dialog"));
    const area = find("note-dialog").querySelector("textarea") ?? fail();
    area.value = "메모";
    area.dispatchEvent(new Event("input", { bubbles: true }));
    press("Enter", { key: "Enter" });
    await until(() => platform.commands.length === 1);
    press("Escape");
    await until(() => !board.detailOpen);
  });

  test("to a command: it is neither done nor refused, and a second one can be given", async () => {
    const { platform, board, find } = await openWindow(new FakePlatform(50));
    platform.change(50, { status: "assigned" });
    press("Home");
    await until(() => board.selection.row?.status === "assigned");
    press("KeyU");
    await until(() => there("command-report"));
    expect(find("command-report").dataset["outcome"]).toBe("pending");
    platform.change(49, { status: "assigned" });
    press("KeyJ");
    await until(() => board.selection.row?.id === 49 && board.selection.row.status === "assigned");
    press("KeyU");
    await until(() => platform.commands.length === 2);
  });
});

test("a session that ends closes the dialog, and its note is there after the next sign-in", async () => {
  const platform = new FakePlatform(50);
  const { app, board, find } = await openWindow(platform);
  platform.change(50, { status: "assigned" });
  press("Home");
  await until(() => board.selection.row?.status === "assigned");
  press("Enter");
  await until(() => there("history"));
  press("KeyN");
  await until(() => there("note-dialog"));
  const area = find("note-dialog").querySelector("textarea") ?? fail();
  area.value = "절반쯤 쓴 메";
  area.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: true }));
  platform.tell({ type: "signedOut", code: "unauthorized" });
  await until(() => there("session-ended"));
  expect(there("note-dialog")).toBe(false);
  await until(() => platform.unsent.length === 1);
  expect(platform.unsent[0]?.text).toBe("절반쯤 쓴 메");
  // No key reaches what lies under the sign-in.
  press("KeyN");
  press("KeyU");
  expect(app.dialog).toBeNull();
  expect(platform.commands).toEqual([]);
  const password = find("password") as HTMLInputElement;
  for (const field of [find("server"), find("account"), password] as HTMLInputElement[]) {
    field.value = "x";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  find("sign-in").click();
  await until(() => app.phase.kind === "signedIn" && board.view.loaded);
  board.focus();
  press("Home");
  await until(() => board.selection.id === 50);
  press("KeyN");
  await until(() => there("note-dialog"));
  expect(find("note-dialog").querySelector("textarea")?.value).toBe("절반쯤 쓴 메");
});
