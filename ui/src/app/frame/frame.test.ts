// What the frame says of what it shows: a drill is marked, what is old looks old, columns come and go by one rule.

import { afterEach, expect, test } from "vitest";
import { page } from "vitest/browser";
import { NOW } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { drawn } from "../../test/frames";
import { openWindow, press, until } from "../../test/window";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

afterEach(async () => {
  await page.viewport(1_440, 900);
});

test("a drill is marked whatever way one came to it, and a real day is not", async () => {
  const real = { demo: false, drill: false };
  const byAddress = await openWindow(new FakePlatform(50, { demo: false, drill: true, demoSpeed: null }));
  expect(byAddress.find("drill").textContent).toContain("모의");
  byAddress.app.close();
  document.body.replaceChildren();

  // The server says it of its clock alone.
  const platform = new FakePlatform(50, real);
  const { find } = await openWindow(platform);
  expect(there("drill")).toBe(false);
  platform.tell(platform.freshness({ drill: true, speed: 30 }));
  await until(() => there("drill"));
  expect(find("drill").textContent).toContain("모의 ×30");
  expect(find("zone-clock").title).toBe("모의 시계");
});

test("what is old looks old: list, counts, chart, averages, details and what can be done", async () => {
  const { platform, board, find } = await openWindow();
  platform.change(3_000, { status: "assigned" });
  press("Home");
  await until(() => board.selection.row?.status === "assigned");
  press("Enter");
  await until(() => there("history"));
  const drawnAs = (): string[] => {
    const style = (selector: string, what: "color" | "filter"): string => {
      const element = document.querySelector(selector);
      return element === null ? "gone" : getComputedStyle(element)[what];
    };
    return [
      style(".sheet", "filter"),
      style('[data-testid="count-waiting"]', "color"),
      style('[data-testid="count-late"]', "color"),
      style(".share", "filter"),
      style("nav svg", "filter"),
      style('[data-testid="detail-panel"] dl', "color"),
    ];
  };
  await until(() => there("free-riders"));
  expect(document.querySelectorAll(".kpi").length).toBe(5);
  expect(find("action-unassign").hasAttribute("disabled")).toBe(false);
  const fresh = drawnAs();
  platform.tell(platform.freshness({ state: "offline", provenAt: Date.now() - 200_000 }));
  await until(() => there("stale-band"));
  await drawn();
  for (const [at, style] of drawnAs().entries()) expect(style, String(at)).not.toBe(fresh[at]);
  // How many are shown is no average; all others are not said.
  expect(document.querySelectorAll(".kpi").length).toBe(1);
  for (const { action } of board.host.slots(board.selection.row)) {
    expect(find(`action-${action}`).hasAttribute("disabled"), action).toBe(true);
    expect(find(`action-${action}`).textContent).toContain("연결 안 됨");
  }
  press("KeyU");
  expect(platform.commands).toEqual([]);
  platform.tell(platform.freshness({}));
  await until(() => !there("stale-band"));
  await drawn();
  expect(drawnAs()).toEqual(fresh);
});

test("of columns and averages fewer fit in less room, and none comes back", async () => {
  await openWindow();
  const inSight = (): { columns: string[]; averages: number } => {
    const columns = [...document.querySelectorAll<HTMLElement>("[data-head]:not([inert])")];
    const strip = document.querySelector(".kpis")?.getBoundingClientRect();
    const averages = [...document.querySelectorAll(".kpi")].filter((kpi) => {
      const box = kpi.getBoundingClientRect();
      return strip !== undefined && box.bottom <= strip.bottom && box.left >= strip.left;
    });
    return { columns: columns.map(({ dataset }) => dataset["head"] ?? ""), averages: averages.length };
  };
  // Where there is more room the details stand beside the list.
  await page.viewport(1_399, 800);
  await until(() => there("free-riders"));
  await drawn();
  let wider = inSight();
  expect(wider.columns.length).toBe(13);
  expect(wider.averages).toBeGreaterThanOrEqual(4);
  for (let width = 1_389; width >= 900; width -= 10) {
    await page.viewport(width, 800);
    await drawn();
    const narrower = inSight();
    expect(
      narrower.columns.filter((column) => !wider.columns.includes(column)),
      `at ${width}`,
    ).toEqual([]);
    expect(narrower.averages, `at ${width}`).toBeLessThanOrEqual(wider.averages);
    wider = narrower;
  }
  expect(wider.columns).toContain("number");
  expect(wider.columns).toContain("status");
});

test("the bar of shares holds what is under way, of what has ended neither kind", async () => {
  const { platform } = await openWindow(new FakePlatform(100));
  const under = ["received", "waiting", "assigned", "pickedUp"];
  const counts = under.map(
    (status) => [...platform.rows.values()].filter((row) => row.status === status).length,
  );
  const parts = [...document.querySelectorAll<HTMLElement>(".share span")];
  expect(parts.map((part) => Number(part.style.flexGrow))).toEqual(counts);
});

test("no half row stands below the heads or at the foot, wherever the keys lead", async () => {
  const { board, find } = await openWindow();
  const grid = find("board-grid");
  const chosenIsWhole = (): boolean => {
    const row = grid.querySelector('[role="row"][aria-selected="true"]')?.getBoundingClientRect();
    const heads = grid.querySelector(".heads")?.getBoundingClientRect();
    const { bottom } = grid.getBoundingClientRect();
    return row !== undefined && heads !== undefined && row.top >= heads.bottom && row.bottom <= bottom;
  };
  press("Home");
  await until(() => board.selection.id === 3_000 && chosenIsWhole());
  for (const code of ["PageDown", "PageDown", "KeyJ", "End", "KeyK", "PageUp", "PageUp", "PageUp", "Home"]) {
    const before = board.selection.id;
    press(code);
    await until(() => board.selection.id !== before && chosenIsWhole());
  }
});

test("a new seat begins with what must be acted on, the most urgent first", async () => {
  const { platform, board } = await openWindow(new FakePlatform(300), true, {});
  await until(() => document.querySelector("[data-group='act']") !== null);
  expect(board.view.spec.pinned).toBe("act");
  const first = document.querySelector<HTMLElement>('[role="row"][aria-rowindex="2"]');
  expect(first?.dataset["group"]).toBe("act");
  const late = [...platform.rows.values()].filter(({ lateAt }) => lateAt !== null && lateAt <= NOW);
  expect(late.length).toBeGreaterThan(0);
  const second = document.querySelector<HTMLElement>('[role="row"][aria-rowindex="3"]');
  expect(late.map(({ id }) => String(id))).toContain(second?.dataset["id"]);
});

test("the text is drawn in the typeface that comes with the window", async () => {
  await openWindow(new FakePlatform(10));
  const [family] = getComputedStyle(document.body).fontFamily.split(",");
  expect(family).toBe('"Pretendard Variable"');
  await document.fonts.load('12.5px "Pretendard Variable"', "배달현황");
  expect(
    [...document.fonts].some((font) => font.status === "loaded" && font.family.includes("Pretendard")),
  ).toBe(true);
});

test("what the server says in its own words is told in the window's language", async () => {
  const { platform, find } = await openWindow(new FakePlatform(10));
  const english = "row moved on; the socket was cut";
  platform.tell(platform.freshness({ state: "offline", reason: english, provenAt: Date.now() - 200_000 }));
  for (const code of ["conflict", "no-code-of-this-version"]) {
    platform.tell({
      type: "command",
      commandId: code,
      center: "gangnam",
      id: 9,
      number: "74862",
      action: "assign",
      outcome: "refused",
      code,
      message: english,
    });
    await until(() => there("command-report") && find("command-report").textContent.includes("거부됨"));
  }
  await until(() => find("link-state").dataset["state"] === "offline");
  expect(document.body.innerHTML).not.toContain(english);
});
