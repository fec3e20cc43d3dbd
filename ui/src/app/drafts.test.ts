// Drafts: what was written and not sent is there again, also in the next run, and goes only when it was sent or thrown away.

import { beforeEach, expect, test } from "vitest";
import type { AppEvent, Draft } from "../platform/contract";
import { FakePlatform } from "../test/fake";
import { openWindow, press, type TestWindow, until } from "../test/window";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

let window: TestWindow;
beforeEach(async () => {
  window = await begin(new FakePlatform());
});

/** A window, with a delivery chosen. */
async function begin(platform: FakePlatform): Promise<TestWindow> {
  const begun = await openWindow(platform);
  platform.change(3_000, { status: "assigned" });
  press("Home");
  await until(() => begun.board.selection.id === 3_000);
  return begun;
}

function field(dialog: string): HTMLTextAreaElement {
  const area = window.find(dialog).querySelector("textarea");
  if (!area) throw new Error("the dialog has no field");
  return area;
}

async function open(code: string, dialog: string): Promise<HTMLTextAreaElement> {
  press(code);
  await until(() => there(dialog));
  return field(dialog);
}

function write(area: HTMLTextAreaElement, text: string, composing = false): void {
  area.value = text;
  area.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: composing }));
}

async function leave(dialog: string): Promise<void> {
  press("Escape", { key: "Escape" });
  await until(() => !there(dialog));
}

const note = (text: string, part: Partial<Draft> = {}): Draft => ({
  subject: { type: "delivery", center: "gangnam", id: 3_000, kind: "note" },
  text,
  at: Date.now(),
  number: null,
  sending: false,
  ...part,
});

const texts = (): string[] => window.platform.unsent.map(({ text }) => text);

function news(part: Partial<Extract<AppEvent, { type: "command" }>>): void {
  window.platform.tell({
    type: "command",
    commandId: "c1",
    center: "gangnam",
    id: 3_000,
    number: null,
    action: "note",
    outcome: "done",
    code: null,
    message: null,
    ...part,
  });
}

test("a note that was left is kept, is there again and says that it is a draft", async () => {
  const area = await open("KeyN", "note-dialog");
  expect(there("draft")).toBe(false);
  write(area, "비가 와서 늦습니다");
  await leave("note-dialog");
  await until(() => texts().length === 1);
  expect(window.platform.unsent[0]).toMatchObject({ subject: note("").subject, text: "비가 와서 늦습니다" });
  expect((await open("KeyN", "note-dialog")).value).toBe("비가 와서 늦습니다");
  expect(window.find("draft").textContent).toContain("임시 저장된 글");
});

test("what is being written is kept while the dialog is open, too", async () => {
  write(await open("KeyN", "note-dialog"), "쓰는 중");
  await until(() => texts()[0] === "쓰는 중");
  expect(there("note-dialog")).toBe(true);
  write(field("note-dialog"), "");
  await until(() => texts().length === 0);
});

test("a draft of an earlier run is shown at once", async () => {
  window.platform.unsent = [note("어제 쓴 글")];
  await window.app.drafts.load();
  expect((await open("KeyN", "note-dialog")).value).toBe("어제 쓴 글");
});

test("a syllable that is being composed is kept as far as it has come, and Escape is the input method's", async () => {
  const area = await open("KeyN", "note-dialog");
  area.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  for (const text of ["ㅎ", "하", "한"]) write(area, text, true);
  press("Escape", { key: "Escape", isComposing: true });
  press("Escape", { key: "Process", keyCode: 229 });
  expect(area.value).toBe("한");
  expect(there("note-dialog")).toBe(true);
  document.querySelector<HTMLElement>(".scrim")?.click();
  await until(() => !there("note-dialog") && texts().length === 1);
  expect(texts()).toEqual(["한"]);
  expect((await open("KeyN", "note-dialog")).value).toBe("한");
});

test("a draft is thrown away by its button, and the focus goes back to the field", async () => {
  window.platform.unsent = [note("지울 글")];
  await window.app.drafts.load();
  const area = await open("KeyN", "note-dialog");
  window.find("draft-discard").click();
  await until(() => texts().length === 0 && !there("draft"));
  expect(area.value).toBe("");
  expect(document.activeElement).toBe(area);
  await leave("note-dialog");
  expect((await open("KeyN", "note-dialog")).value).toBe("");
});

test("a note that is sent stays a draft until it is known to be done", async () => {
  const { platform, app } = window;
  write(await open("KeyN", "note-dialog"), " 문 앞에 두세요 ");
  press("Enter", { key: "Enter" });
  await until(() => platform.commands.length === 1);
  expect(platform.commands[0]).toMatchObject({ text: "문 앞에 두세요", draft: " 문 앞에 두세요 " });
  expect(texts()).toEqual([" 문 앞에 두세요 "]);
  // While it is under way, the next note begins empty.
  await until(() => app.drafts.held[0]?.sending === true);
  expect((await open("KeyN", "note-dialog")).value).toBe("");
  expect(there("draft")).toBe(false);
  await leave("note-dialog");
  expect(texts()).toEqual([" 문 앞에 두세요 "]);
  platform.unsent = [];
  news({ rev: 4_711 });
  await until(() => app.drafts.held.length === 0);
});

test("a note that was refused is a draft again", async () => {
  const { platform, app } = window;
  write(await open("KeyN", "note-dialog"), "거부될 글");
  press("Enter", { key: "Enter" });
  await until(() => app.drafts.held[0]?.sending === true);
  platform.unsent = platform.unsent.map((draft) => ({ ...draft, sending: false }));
  news({ outcome: "refused", code: "conflict" });
  await until(() => app.drafts.held[0]?.sending === false);
  expect((await open("KeyN", "note-dialog")).value).toBe("거부될 글");
});

test("a note that could not be sent is a draft, and a try again sends that draft", async () => {
  const { platform, find } = window;
  const run = platform.runCommand.bind(platform);
  platform.runCommand = () => Promise.reject({ code: "unreachable", message: "", retryable: true });
  write(await open("KeyN", "note-dialog"), "못 보낸 글");
  press("Enter", { key: "Enter" });
  await until(() => there("command-report"));
  expect(find("command-report").dataset["outcome"]).toBe("notSent");
  expect(texts()).toEqual(["못 보낸 글"]);
  platform.runCommand = run;
  press("KeyR", { shiftKey: true });
  await until(() => platform.commands.length === 1);
  expect(platform.commands[0]).toMatchObject({ text: "못 보낸 글", draft: "못 보낸 글" });
});

test("a note that the seat kept back in an outage was not sent, by no word refused, and goes once it can", async () => {
  const { platform, app, find } = window;
  write(await open("KeyN", "note-dialog"), "끊긴 사이의 글");
  press("Enter", { key: "Enter" });
  await until(() => app.drafts.held[0]?.sending === true);
  platform.unsent = platform.unsent.map((draft) => ({ ...draft, sending: false }));
  news({ outcome: "notSent", code: "unavailable", message: "no connection to the hub" });
  await until(() => find("command-report").dataset["outcome"] === "notSent");
  expect(find("command-report").textContent).toContain("메모: 보내지 못했습니다. 서버에 연결할 수 없습니다");
  expect(find("command-report").textContent).not.toContain("거부");
  expect(texts()).toEqual(["끊긴 사이의 글"]);
  press("KeyR", { shiftKey: true });
  await until(() => platform.commands.length === 2);
  expect(platform.commands[1]).toMatchObject({ text: "끊긴 사이의 글", draft: "끊긴 사이의 글" });
});

test("why a delivery is to be cancelled is kept whole: text, usual reason and by whom", async () => {
  const area = await open("KeyC", "cancel-dialog");
  press("Digit3");
  write(area, "내일 입고");
  await leave("cancel-dialog");
  await until(() => texts().length === 1);
  expect((await open("KeyC", "cancel-dialog")).value).toBe("내일 입고");
  expect(window.find("cancel-reason-3").getAttribute("aria-checked")).toBe("true");
  expect(window.find("cancel-dialog").querySelector<HTMLInputElement>('input[value="shop"]')?.checked).toBe(
    true,
  );
  press("Enter", { key: "Enter", ctrlKey: true });
  await until(() => window.platform.commands.length === 1);
  expect(window.platform.commands[0]).toMatchObject({
    reason: "재료 소진: 내일 입고",
    by: "shop",
    draft: texts()[0],
  });
});

test("a usual reason alone is no draft", async () => {
  await open("KeyC", "cancel-dialog");
  press("Digit3");
  await leave("cancel-dialog");
  await window.app.drafts.load();
  expect(texts()).toEqual([]);
});

test("the oldest draft that goes for a new one is said", async () => {
  const oldest = note("가장 오래된 글", { number: "1042" });
  window.platform.overflow = [oldest];
  write(await open("KeyN", "note-dialog"), "하나 더");
  await leave("note-dialog");
  await until(() => there("command-report"));
  expect(window.find("command-report").dataset["outcome"]).toBe("draftGone");
  expect(window.find("command-report").textContent).toContain("1042 메모");
});

test("what can't be kept is said while it is written", async () => {
  window.platform.saveDraft = () => Promise.reject({ code: "draft-too-long", message: "", retryable: false });
  write(await open("KeyN", "note-dialog"), "긴 글");
  await until(() => window.find("note-dialog").textContent.includes("임시 저장하지 못했습니다"));
});

test("signing out asks where drafts would go, and does not where there are none", async () => {
  const { app, platform, find } = window;
  platform.unsent = [note("하나"), note("둘", { subject: { type: "newOrder", center: "gangnam" } })];
  await app.askSignOut();
  await until(() => there("sign-out-dialog"));
  expect(find("sign-out-drafts").textContent).toContain("2개");
  await leave("sign-out-dialog");
  expect(app.phase.kind).toBe("signedIn");
  await app.askSignOut();
  await until(() => there("sign-out-dialog"));
  find("sign-out-confirm").click();
  await until(() => app.phase.kind === "signedOut");
  expect(app.drafts.held).toEqual([]);
});

test("without drafts signing out asks nothing", async () => {
  await window.app.askSignOut();
  expect(window.app.phase.kind).toBe("signedOut");
});
