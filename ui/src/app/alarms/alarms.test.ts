// Alarms in a window: the rail that is always there, what it says, and what a key acknowledges.

import { tick } from "svelte";
import { beforeEach, describe, expect, test } from "vitest";
import type { AlarmKind } from "../../platform/generated/AlarmKind";
import { openWindow, press, type TestWindow, until } from "../../test/window";
import { type Alarm, Alarms, READ_MS } from "./alarms.svelte";
import { linesOf } from "./lines";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

describe("in a window", () => {
  let window: TestWindow;
  let wall: number;
  beforeEach(async () => {
    wall = Date.now();
    window = await openWindow();
    // The desk's clock as it is told: nothing waits for real time.
    Date.now = () => wall;
    return () => {
      Date.now = realNow;
    };
  });
  const realNow = Date.now;

  const raise = (id: number, kind: AlarmKind = "cancelled", center = "gangnam"): void => {
    window.platform.raise(id, kind, { center });
  };
  const read = (): void => {
    wall += READ_MS;
  };

  test("the rail is there with and without alarms, and moves nothing", async () => {
    const { find } = window;
    const top = (): number => find("board-grid").getBoundingClientRect().top;
    const before = top();
    expect(find("alarm-rail").textContent).toContain("알람 없음");
    raise(10);
    await until(() => there("alarm-banner"));
    expect(top()).toBe(before);
    expect(find("alarm-banner").querySelector("[role=alert]")?.textContent).toContain(
      window.platform.rows.get(10)?.number,
    );
    read();
    press("Space");
    await until(() => !there("alarm-banner"));
    expect(top()).toBe(before);
  });

  test("a key acknowledges the one alarm of the block, and no other", async () => {
    const { platform } = window;
    raise(12);
    raise(10);
    raise(11);
    await until(() => document.querySelectorAll('[data-testid="alarm-line"]').length === 2);
    read();
    press("Space");
    await until(() => platform.acknowledged.length === 1);
    expect(platform.acknowledged[0]?.id).toBe(10);
    await until(() => document.querySelectorAll('[data-testid="alarm-line"]').length === 1);
  });

  test("what was in view for less than it takes to read is not acknowledged, nor is a second one by a held key", async () => {
    const { platform } = window;
    raise(10);
    raise(11);
    await until(() => there("alarm-banner"));
    wall += READ_MS - 1;
    press("Space");
    await platform.matching("", []);
    expect(platform.acknowledged).toEqual([]);
    read();
    press("Space");
    await until(() => platform.acknowledged.length === 1);
    read();
    press("Space", { repeat: true });
    await platform.matching("", []);
    expect(platform.acknowledged.length).toBe(1);
  });

  test("what is told of the center meanwhile does not begin the reading anew, in the rail or in the queue", async () => {
    const { platform } = window;
    const told = async (id: number, kind: AlarmKind): Promise<void> => {
      platform.tell(platform.freshness({ rev: 9 }));
      raise(id, kind);
      await tick();
    };
    raise(10);
    await until(() => there("alarm-banner"));
    read();
    await told(11, "late");
    press("Space");
    await until(() => platform.acknowledged.length === 1);
    press("KeyQ");
    await until(() => there("queue-line"));
    // What is in view is told to the queue by the browser, frame by frame.
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    read();
    await told(12, "cancelled");
    press("Space");
    await until(() => platform.acknowledged.length === 2);
  });

  test("late ones of a center are one line; the key opens it, and then acknowledges what is in full view", async () => {
    const { platform, find } = window;
    for (let id = 1; id <= 40; id += 1) raise(id, "late");
    await until(() => there("alarm-banner"));
    expect(find("alarm-banner").textContent).toContain("지연 40");
    read();
    press("Space");
    await until(() => document.querySelectorAll('[data-testid="queue-alarm"]').length === 40);
    expect(platform.acknowledged).toEqual([]);
    const inView = (): number => {
      const list = find("alarm-queue").querySelector(".list")?.getBoundingClientRect();
      const nodes = [...document.querySelectorAll('[data-testid="queue-alarm"]')];
      return nodes.filter((node) => {
        const at = node.getBoundingClientRect();
        return list !== undefined && at.top >= list.top && at.bottom <= list.bottom;
      }).length;
    };
    await until(() => inView() > 0 && inView() < 40);
    // What is in view is told to the queue by the browser, frame by frame.
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    const seen = inView();
    read();
    press("F8");
    await until(() => platform.acknowledged.length > 0);
    await until(() => window.app.alarms.open.length === 40 - platform.acknowledged.length);
    expect(Math.abs(platform.acknowledged.length - seen)).toBeLessThanOrEqual(1);
  });

  test("an alarm of another center says which, and opens its details without changing the board", async () => {
    const { app, board, find } = window;
    raise(10, "cancelled", "songpa");
    await until(() => there("alarm-banner"));
    expect(find("alarm-banner").textContent).toContain("송파");
    find("alarm-banner").querySelector("button")?.click();
    await until(() => board.detailOpen);
    expect(app.center).toBe("gangnam");
  });

  test("in the queue the next line is chosen after this seat took note of one, and none after another seat did", async () => {
    const { platform, app } = window;
    for (const id of [10, 11, 12]) raise(id);
    press("KeyQ");
    await until(() => document.querySelectorAll('[data-testid="queue-line"]').length === 3);
    const [first, second] = app.alarms.lines;
    expect(app.alarms.chosen).toBe(first?.key);
    // What is in view is told to the queue by the browser, frame by frame.
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    read();
    press("Space");
    await until(() => platform.acknowledged.length === 1);
    await until(() => app.alarms.chosen === second?.key);
    const [other] = second?.alarms ?? [];
    if (other) app.alarms.settle(other);
    press("Space");
    await platform.matching("", []);
    expect(platform.acknowledged.length).toBe(1);
  });

  test("opens as a queue with Q, moves by keys and closes with Esc, which acknowledges nothing", async () => {
    const { platform, app, find } = window;
    raise(10);
    raise(11);
    press("KeyQ");
    await until(() => there("alarm-queue"));
    press("KeyJ");
    await until(
      () =>
        find("alarm-queue")
          .querySelector(".chosen")
          ?.textContent?.includes(platform.rows.get(11)?.number ?? "?") ?? false,
    );
    press("Escape");
    await until(() => !there("alarm-queue"));
    expect(platform.acknowledged).toEqual([]);
    expect(app.alarms.open.length).toBe(2);
    expect(document.activeElement).toBe(find("board-grid"));
  });
});

describe("lines", () => {
  const alarm = (id: number, part: Partial<Alarm> = {}): Alarm => ({
    center: "gangnam",
    id,
    kind: "cancelled",
    raisedAt: id,
    priority: part.kind === "late" ? "high" : "critical",
    relisted: false,
    yours: false,
    row: null,
    by: null,
    known: null,
    ...part,
  });

  test("come by priority, then the board's center, then age", () => {
    const lines = linesOf(
      [
        alarm(1, { kind: "late" }),
        alarm(5),
        alarm(4, { center: "songpa" }),
        alarm(9),
        alarm(2, { kind: "late", center: "songpa" }),
      ],
      "gangnam",
      10,
    );
    const said = lines.map(({ kind, center, alarms }) => `${kind} ${center} ${alarms.map(({ id }) => id)}`);
    expect(said).toEqual([
      "cancelled gangnam 5",
      "cancelled gangnam 9",
      "cancelled songpa 4",
      "late gangnam 1",
      "late songpa 2",
    ]);
  });

  test("ten cancellations of one cause within ten minutes are one, nine are not, nor ten over a longer time", () => {
    const minute = 60_000;
    const storm = (count: number, apart: number): number =>
      linesOf(
        Array.from({ length: count }, (_, n) => alarm(n, { raisedAt: n * apart })),
        null,
        (count - 1) * apart,
      ).length;
    expect(storm(10, minute)).toBe(1);
    expect(storm(9, minute)).toBe(9);
    expect(storm(10, 2 * minute)).toBe(10);
  });

  test("nothing newer takes the place of what someone is about to acknowledge", () => {
    const platform = { alarmDisplayed: async () => {}, delivery: () => Promise.reject(new Error("none")) };
    const alarms = new Alarms(platform as never, { board: () => null, day: () => 10, wall: () => 0 });
    alarms.raise({ type: "alarm", ...alarm(5) });
    const before = alarms.block?.key;
    alarms.raise({ type: "alarm", ...alarm(6) });
    expect(alarms.block?.key).toBe(before);
  });
});
