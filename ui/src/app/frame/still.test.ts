// The frame holds: whatever comes and goes, nothing moves under a pointer that stands still.

import { afterEach, expect, test } from "vitest";
import { page } from "vitest/browser";
import { day } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { drawn, moved, watchPlaces } from "../../test/frames";
import { openWindow, press, type TestWindow, until } from "../../test/window";

/** As pixels of the page: at 200 % a window has half as many. */
const SIZES = [
  ["1280×800", 1_280, 800],
  ["1280×800 at 200 %", 640, 400],
] as const;

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;
const id = (testId: string): string => `[data-testid="${testId}"]`;

afterEach(async () => {
  await page.viewport(1_440, 900);
});

/** What a hand may lie on. */
const UNDER_A_HAND = {
  header: "header",
  center: id("center"),
  account: id("account-menu"),
  rail: id("alarm-rail"),
  acknowledge: id("alarm-ack"),
  search: id("search"),
  group: id("group"),
  views: id("views"),
  strip: id("held"),
  list: id("board-grid"),
  row: '.row[data-id="2995"]',
  head: '[data-head="status"]',
  footer: "footer",
};
/** Where there is room for them beside the list. */
const FILTERS = {
  waiting: id("status-filter-waiting"),
  late: id("filter-late"),
  noted: id("filter-noted"),
};

async function windowAt(width: number, height: number): Promise<TestWindow> {
  await page.viewport(width, height);
  const platform = new FakePlatform(3_000);
  platform.keepsPlaces = true;
  return openWindow(platform);
}

/** A pointer comes to lie on a row, and is not moved again. */
function pointAt(row: string): void {
  const box = document.querySelector(row)?.getBoundingClientRect();
  if (box === undefined) throw new Error("the row is not in sight");
  const at = { clientX: box.x + 200, clientY: box.y + box.height / 2, bubbles: true };
  document.querySelector(`${row} [data-column="number"]`)?.dispatchEvent(new PointerEvent("pointermove", at));
}

test.each(SIZES)(
  "%s: alarms come and go, the hub dies and returns, orders rush in, and nothing moves",
  async (_, width, height) => {
    const { platform, board, app } = await windowAt(width, height);
    pointAt(UNDER_A_HAND.row);
    await until(() => board.view.spec.hold && board.view.held !== null);
    const end = watchPlaces({ ...UNDER_A_HAND, ...(width > 900 ? FILTERS : {}) });

    // Orders rush in, and what is in sight changes.
    const [last] = day(1);
    if (last === undefined) throw new Error("a day has rows");
    for (let id = 3_001; id <= 3_040; id += 1)
      platform.add({ ...last, id, rev: id, number: String(80_000 + id) });
    for (const id of [2_999, 2_995, 2_990]) platform.change(id, { status: "delivered" });
    await until(() => board.view.held?.new === 40);
    await drawn();

    // Alarms come one by one, as a flood, and go again.
    for (const [raised, kind] of [
      [2_995, "cancelled"],
      [10, "late"],
      [11, "late"],
      [12, "unconfirmed"],
      [2_000, "unaccepted"],
    ] as const) {
      platform.raise(raised, kind);
      await drawn();
    }
    for (let raised = 100; raised < 140; raised += 1)
      platform.raise(raised, "cancelled", { center: "songpa" });
    await until(() => app.alarms.open.length === 45);
    await drawn();
    platform.tell({ type: "alarms", alarms: [], count: 0 });
    await until(() => !there("alarm-banner"));
    await drawn();

    // A command is told of, in each of its outcomes.
    for (const outcome of ["pending", "unknown", "refused", "done"] as const) {
      platform.tell({
        type: "command",
        commandId: "c",
        center: "gangnam",
        id: 2_995,
        number: "74866",
        action: "assign",
        outcome,
        code: outcome === "refused" ? "conflict" : null,
        message: null,
      });
      await until(() => document.querySelector(`[data-outcome="${outcome}"]`) !== null);
      await drawn();
    }

    // The hub dies, is found again, and has all.
    const since = Date.now() - 4_000_000;
    for (const state of ["catchingUp", "polling", "offline", "connecting", "refused", "live"] as const) {
      platform.tell(platform.freshness(state === "live" ? {} : { state, provenAt: since }));
      await until(() => document.querySelector(`${id("link-state")}[data-state="${state}"]`) !== null);
      await drawn();
    }
    expect(moved(end())).toEqual({});
  },
);

test.each(SIZES)("%s: the eight actions keep their places whatever can be done", async (_, width, height) => {
  const { platform, board } = await windowAt(width, height);
  platform.change(3_000, { status: "received", rider: null });
  press("Home");
  await until(() => board.selection.id === 3_000);
  press("Enter");
  await until(() => there("history"));
  const actions = board.host.slots(null).map(({ action }) => action);
  expect(actions.length).toBe(8);
  await drawn();
  const end = watchPlaces(Object.fromEntries(actions.map((action) => [action, id(`action-${action}`)])));
  const rider = {
    id: "r7",
    name: "이름이 아주 긴 라이더 이름이 아주 긴 라이더",
    lentFrom: null,
    confirmed: false,
  };
  const steps = [
    { status: "waiting" },
    { status: "assigned", rider },
    { status: "assigned", rider: { ...rider, confirmed: true }, mark: "pending" },
    { status: "pickedUp", mark: null },
    { status: "delivered" },
    { status: "cancelled" },
  ] as const;
  for (const step of steps) {
    platform.change(3_000, step);
    await until(() => board.selection.row?.status === step.status);
    await drawn();
  }
  platform.tell(platform.freshness({ state: "offline", provenAt: Date.now() - 200_000 }));
  await until(() => document.querySelector(`${id("link-state")}[data-state="offline"]`) !== null);
  await drawn();
  expect(moved(end())).toEqual({});
});
