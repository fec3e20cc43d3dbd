// Every picture that the window can show, by name: the development page draws them, pictures are taken of them, and each is
// looked at by axe-core.

import type { App } from "../app/app.svelte";
import type { Boot } from "../platform/contract";
import type { Content } from "../screens/board/saved";
import type { BoardState } from "../screens/board/state.svelte";
import { FakePlatform } from "./fake";
import { press, until } from "./hands";
import { MONITORED } from "./monitored";
import { RARE } from "./rare";
import { choose, command, rowsOf, type Scene, there } from "./scene";

function contentOf({ view, arrangement: { layout } }: BoardState): Content {
  const { filter, sort, group, pinned } = view.spec;
  return { filter: { ...filter, late: true }, sort, group, pinned, layout };
}

const alarms: Scene["play"] = async ({ platform }) => {
  for (const row of rowsOf(platform, "cancelled").slice(0, 2))
    platform.raise(row.id, "cancelled", { raisedAt: row.cancelledAt ?? 0 });
  for (const row of rowsOf(platform, "waiting").slice(0, 12))
    platform.raise(row.id, "late", { raisedAt: row.lateAt ?? 0 });
  for (const row of rowsOf(platform, "assigned").slice(0, 3))
    platform.raise(row.id, "unconfirmed", { raisedAt: row.assignedAt ?? 0, center: "songpa" });
  await until(() => there("alarm-banner"));
};

export const SCENES: Readonly<Record<string, Scene>> = {
  board: {},
  details: {
    play: async ({ board }) => {
      await choose(board, "assigned");
      board.openDetail();
      await until(() => there("history"));
    },
  },
  alarms: { play: alarms },
  queue: {
    play: async (window) => {
      await alarms(window);
      press("KeyQ");
      await until(() => there("alarm-queue"));
    },
  },
  muted: {
    play: async (window) => {
      await window.app.sounds.mute("cancelled", 15);
      await alarms(window);
      press("KeyQ");
      await until(() => there("alarm-queue") && there("sound-off"));
    },
  },
  held: {
    play: async ({ board, platform }) => {
      platform.held = { new: 124, act: 2, gone: 3, moved: 40 };
      board.touch();
      await until(() => (board.view.held?.new ?? 0) > 0);
    },
  },
  marked: {
    play: async ({ board }) => {
      await choose(board, "waiting");
      board.selection.mark();
      await board.selection.step(1);
      board.selection.mark();
    },
  },
  assign: {
    play: async ({ board }) => {
      await choose(board, "waiting");
      press("KeyA");
      await until(() => there("rider-option"));
    },
  },
  "assign-changed": {
    play: async ({ board, platform }) => {
      await choose(board, "waiting");
      press("KeyA");
      await until(() => there("rider-option"));
      const rider = { id: "r7", name: "이용권", lentFrom: null, confirmed: false };
      platform.change(board.selection.id ?? 0, { status: "assigned", rider });
      await until(() => document.querySelector('[data-testid="subject-changed"]:not([hidden])') !== null);
    },
  },
  cancel: {
    play: async ({ board }) => {
      await choose(board, "assigned");
      press("KeyC");
      await until(() => there("cancel-dialog"));
    },
  },
  note: {
    play: async ({ board }) => {
      await choose(board, "assigned");
      press("KeyN");
      await until(() => there("note-dialog"));
    },
  },
  columns: {
    play: async ({ board }) => {
      board.arrangement.askColumns();
      await until(() => there("columns-dialog"));
    },
  },
  arranged: {
    play: async ({ board }) => {
      board.arrangement.moveColumn("rider", "elapsed");
      board.arrangement.showColumn("target", false);
      board.arrangement.sizeColumn("shop", 240);
      board.arrangement.setDensity("roomy");
      await until(() => document.querySelector('[data-head="target"]') === null);
    },
  },
  views: {
    play: async ({ board }) => {
      for (const name of ["지연만", "라이더별"]) board.arrangement.views.save(name, contentOf(board));
      board.arrangement.chooseView(board.arrangement.views.all[0]?.id ?? null);
      document.querySelector<HTMLElement>('[data-testid="views"]')?.click();
      await until(() => there("views-save"));
    },
  },
  "view-name": {
    play: async ({ board }) => {
      board.arrangement.askSave();
      await until(() => there("view-dialog"));
    },
  },
  draft: {
    play: async ({ app, board, platform }) => {
      await choose(board, "assigned");
      const subject = {
        type: "delivery",
        center: "gangnam",
        id: board.selection.id ?? 0,
        kind: "note",
      } as const;
      await platform.saveDraft(subject, "비가 와서 늦는다고 전해 주세요");
      await app.drafts.load();
      press("KeyN");
      await until(() => there("draft"));
    },
  },
  "sign-out": {
    play: async ({ app, platform }) => {
      await platform.saveDraft({ type: "delivery", center: "gangnam", id: 9, kind: "note" }, "메모");
      await app.askSignOut();
      await until(() => there("sign-out-dialog"));
    },
  },
  palette: {
    play: async () => {
      press("KeyK", { ctrlKey: true });
      await until(() => there("palette-option"));
    },
  },
  help: {
    play: async () => {
      press("Slash", { shiftKey: true });
      await until(() => there("help"));
    },
  },
  diagnosis: {
    play: async () => {
      document.querySelector<HTMLElement>('[data-testid="open-diagnosis"]')?.click();
      await until(() => there("check-everything"));
    },
  },
  reports: {
    play: async ({ platform }) => {
      platform.tell(command({ commandId: "a", outcome: "unknown", action: "cancel", number: "74801" }));
      platform.tell(command({ commandId: "b", code: "invalid-transition" }));
      platform.tell(command({ commandId: "c", code: "conflict" }));
      await until(() => there("command-report"));
    },
  },
  searched: {
    play: async ({ board }) => {
      board.show({ search: "삼성" });
      await board.view.current();
    },
  },
  "all-centers": {
    play: async ({ app, board }) => {
      app.showCenter(null);
      await board.view.current();
    },
  },
  offline: { first: "offline" },
  loading: { rows: 0, first: "unproven" },
  hanging: { rows: 0, first: "connecting" },
  empty: { rows: 0 },
  "no-match": {
    play: async ({ board }) => {
      board.show({ search: "없는 가게", filter: { ...board.view.spec.filter, late: true } });
      await until(() => there("board-no-match"));
    },
  },
  "no-center": { boot: { centers: [] } },
  "sign-in": { boot: { signedIn: false } },
  foreign: {
    boot: { foreign: "레거시 배차", name: null, account: null, role: null, demo: false, drill: false },
    play: async ({ board }) => {
      await choose(board, "assigned");
      board.openDetail();
      await until(() => there("no-commands"));
    },
  },
  ...MONITORED,
  ...RARE,
};

/** The platform of a scene. */
export function platformOf(
  { rows = 3_213, boot, first, make }: Scene,
  more: Partial<Boot> = {},
): FakePlatform {
  const platform = new FakePlatform(rows, { ...boot, ...more });
  make?.(platform);
  if (first === "offline") platform.firstFreshness = { state: "offline", provenAt: Date.now() - 200_000 };
  if (first === "unproven") platform.firstFreshness = { state: "catchingUp", provenAt: null };
  if (first === "connecting") platform.firstFreshness = { state: "connecting", provenAt: null };
  return platform;
}

/** Plays a scene in a window that is there. */
export async function play(
  { play, rows = 3_213 }: Scene,
  window: { app: App; board: BoardState; platform: FakePlatform },
): Promise<void> {
  const { app, board } = window;
  if (app.phase.kind === "signedIn" && app.centers.length > 0)
    await until(
      () =>
        board.view.failure !== null ||
        (board.view.loaded && (rows === 0 || document.querySelector(".row[data-id]") !== null)),
    );
  await play?.(window);
}
