// Beside a delivery: its plan, what is to be expected next, remarks and answers.

import { beforeEach, describe, expect, test } from "vitest";
import type { HistoryEvent } from "../../platform/contract";
import { day, MINUTE, NOW } from "../../test/day";
import { openWindow, press, type TestWindow, until } from "../../test/window";
import { planOf } from "../plan/plan";
import { expected } from "./expected";
import { eventBy, eventDetail, eventName, noteBy } from "./story";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

describe("an opened delivery", () => {
  let window: TestWindow;
  beforeEach(async () => {
    window = await openWindow();
    const rider = { id: "r1", name: "나사랑", lentFrom: null, confirmed: false };
    window.platform.change(3_000, { status: "assigned", rider, deliveredAt: null });
    press("Home");
    await until(() => window.board.selection.row?.rider?.id === "r1");
    press("Enter");
    await until(() => there("history"));
  });

  test("shows shop and rider on its plan, once the rider's place is known", async () => {
    await until(() => document.querySelector('[data-testid="plan"] [data-place="rider"]') !== null);
    expect(document.querySelector('[data-testid="plan"] [data-place="shop"]')).not.toBeNull();
    expect(window.find("plan").textContent).toContain("나사랑");
    const onShift = window.platform.people.filter(({ status }) => status !== "off").length;
    expect(window.find("free-riders").textContent).toContain(`/${onShift}`);
  });

  test("forgets where riders are when the hub is away", async () => {
    await until(() => there("free-riders"));
    window.platform.tell(window.platform.freshness({ state: "offline" }));
    await until(() => !there("free-riders") && document.querySelector('[data-place="rider"]') === null);
  });

  test("takes a remark, and a confirmation while the rider has not confirmed", async () => {
    const { platform, find } = window;
    press("KeyN");
    await until(() => there("note-dialog"));
    expect(find("note-confirm").hasAttribute("disabled")).toBe(true);
    const field = find("note-dialog").querySelector("textarea");
    if (!field) throw new Error("the dialog has no field");
    expect(document.activeElement).toBe(field);
    field.value = " 사진 부탁 ";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => !find("note-confirm").hasAttribute("disabled"));
    find("note-confirm").click();
    await until(() => platform.commands.length === 1 && !there("note-dialog"));
    expect(platform.commands[0]).toMatchObject({ id: 3_000, action: "note", text: "사진 부탁" });
    press("KeyR");
    await until(() => platform.commands.length === 2);
    expect(platform.commands[1]).toMatchObject({ action: "confirm" });
    const rider = { id: "r1", name: "나사랑", lentFrom: null, confirmed: true };
    platform.change(3_000, { rider });
    // The slot stays where it is, with its reason.
    await until(() => find("action-confirm").hasAttribute("disabled"));
    expect(find("action-confirm").textContent).toContain("확인함");
  });
});

test("what is expected says how much later or earlier than its target, in words and without signs", async () => {
  const { platform, board, find } = await openWindow();
  const rider = { id: "r1", name: "나사랑", lentFrom: null, confirmed: true };
  const said = (): string => find("expected").textContent ?? "";
  platform.change(3_000, {
    status: "assigned",
    rider,
    receivedAt: NOW - 10 * MINUTE,
    pickupTargetMin: 20,
    deliveredAt: null,
  });
  press("Home");
  await until(() => board.selection.row?.pickupTargetMin === 20);
  press("Enter");
  await until(() => there("expected"));
  // Today a pickup takes fourteen minutes.
  expect(board.view.counters?.meanPickupMin10).toBe(140);
  await until(() => said().includes("목표보다 6분 이름"));
  platform.change(3_000, { pickupTargetMin: 5 });
  await until(() => said().includes("목표보다 9분 늦음"));
  expect(said()).not.toMatch(/[−-]\d/);
});

test("a story is told in words: people by name, machines and roles by what they are", () => {
  const event = (account: string, name: string, part: Partial<HistoryEvent> = {}): HistoryEvent => ({
    rev: 1,
    at: 1,
    by: { account, name },
    action: "assign",
    from: "waiting",
    to: "assigned",
    detail: "r7 이용권",
    ...part,
  });
  expect(eventBy(event("drill", "drill"))).toBe("모의");
  expect(eventBy(event("dispatcher", "dispatcher"))).toBe("배차");
  expect(eventBy(event("system", "system"))).toBe("시스템");
  expect(eventBy(event("dispatcher", "최다온"))).toBe("최다온");
  expect(noteBy("dispatcher", [event("dispatcher", "최다온")])).toBe("최다온");
  expect(noteBy("dispatcher", null)).toBe("배차");
  expect(eventDetail(event("a", "a"))).toBe("이용권");
  for (const action of [
    "create",
    "accept",
    "assign",
    "unassign",
    "confirm",
    "pickup",
    "deliver",
    "cancel",
    "note",
    "undo",
    "seen",
    "amend",
  ])
    expect(eventName(event("a", "a", { action, from: null, to: null })), action).toMatch(/[가-힣]/);
});

test("what people wrote can't turn around what stands beside it", async () => {
  const { platform, board, find } = await openWindow();
  platform.change(3_000, {
    number: "\u202E12-34",
    rider: { id: "r1", name: "\u202Eabc", lentFrom: null, confirmed: true },
  });
  press("Home");
  await until(() => board.selection.row?.number === "\u202E12-34");
  press("Enter");
  await until(() => there("history"));
  const apart = [...find("detail-panel").querySelectorAll("bdi")].map((bdi) => bdi.textContent);
  for (const text of ["\u202E12-34", "\u202Eabc", "1204호"]) expect(apart).toContain(text);
  // A cell of the list is its own, as well.
  for (const cell of document.querySelectorAll('.row[data-id="3000"] [data-column]'))
    expect(["isolate", "isolate-override", "plaintext"]).toContain(getComputedStyle(cell).unicodeBidi);
});

test("a plan holds its places, true to scale and north up, on the globe and on a plane", () => {
  const globe = planOf(
    {
      shop: { lat: 37.5, lon: 127.04 },
      door: { lat: 37.51, lon: 127.04 },
      rider: { lat: 37.505, lon: 127.06 },
    },
    302,
    164,
  );
  const plane = planOf({ shop: { x: 0, y: 0 }, door: { x: 0, y: 900 }, rider: null }, 302, 164);
  for (const plan of [globe, plane]) {
    for (const spot of [plan?.shop, plan?.door, plan?.rider]) {
      if (!spot) continue;
      expect(spot.x >= 0 && spot.x <= 302 && spot.y >= 0 && spot.y <= 164).toBe(true);
    }
    expect((plan?.door?.y ?? 0) < (plan?.shop?.y ?? 0)).toBe(true);
  }
  const drawn = (plane?.shop?.y ?? 0) - (plane?.door?.y ?? 0);
  expect((drawn / (plane?.scale.px ?? 1)) * (plane?.scale.metres ?? 0)).toBeCloseTo(900, 6);
});

test("one place fills the picture's middle, places of another kind stay away, none make no plan", () => {
  const alone = planOf({ shop: { x: 5, y: 5 }, door: { lat: 37, lon: 127 }, rider: null }, 300, 160);
  expect(alone?.shop).toEqual({ x: 150, y: 80 });
  expect(alone?.door).toBeNull();
  expect(planOf({ shop: null, door: null, rider: null }, 300, 160)).toBeNull();
});

test("the next step is expected at today's pace, never in the past", () => {
  const row = day(1)[0];
  if (!row) throw new Error("an empty day");
  const base = { ...row, receivedAt: NOW - 10 * MINUTE, pickupTargetMin: 15, lateAt: NOW + 30 * MINUTE };
  const counters = { meanPickupMin10: 140, meanDeliveryMin10: 50 } as Parameters<typeof expected>[1];
  expect(expected({ ...base, status: "assigned" }, counters, NOW)).toEqual({
    step: "pickup",
    at: NOW + 4 * MINUTE,
    overMin: -1,
  });
  expect(expected({ ...base, status: "pickedUp" }, counters, NOW)).toMatchObject({
    step: "deliver",
    at: NOW,
  });
  expect(expected({ ...base, status: "delivered" }, counters, NOW)).toBeNull();
  expect(expected({ ...base, status: "waiting" }, null, NOW)).toBeNull();
});
