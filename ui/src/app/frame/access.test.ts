// What axe-core finds wrong: nothing, in both themes.

import axe from "axe-core";
import { describe, expect, test } from "vitest";
import type { Theme } from "../../platform/contract";
import { FakePlatform } from "../../test/fake";
import { openWindow, press, until } from "../../test/window";

async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, { resultTypes: ["violations"] });
  return violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
  );
}

describe.each<Theme>(["dark", "light"])("in %s", (theme) => {
  test("the board with an alarm, details and a stale link", async () => {
    const { platform, board } = await openWindow(new FakePlatform(3_000, { theme }));
    const row = platform.rows.get(10) ?? null;
    platform.tell({
      type: "alarm",
      center: "gangnam",
      id: 10,
      kind: "cancelled",
      raisedAt: 1,
      relisted: false,
      priority: "critical",
      yours: false,
      row,
    });
    press("Home");
    await until(() => board.selection.id !== null);
    press("Enter");
    await until(() => document.querySelector('[data-testid="history"]') !== null);
    expect(await faults()).toEqual([]);
  });

  test("the sign-in", async () => {
    await openWindow(new FakePlatform(0, { theme, signedIn: false }), false);
    await until(() => document.querySelector("form") !== null);
    expect(await faults()).toEqual([]);
  });

  test("the assign dialog", async () => {
    const { platform, board } = await openWindow(new FakePlatform(500, { theme }));
    platform.change(500, { status: "waiting" });
    press("Home");
    await until(() => board.selection.id === 500);
    press("KeyA");
    await until(() => document.querySelector('[data-testid="rider-option"]') !== null);
    expect(await faults()).toEqual([]);
  });
});
