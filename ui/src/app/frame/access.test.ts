// What axe-core finds wrong in any picture of the window: nothing, in both themes.

import axe from "axe-core";
import { describe, expect, test } from "vitest";
import type { Theme } from "../../platform/contract";
import { platformOf, play, SCENES } from "../../test/scenes";
import { openWindow, until } from "../../test/window";

async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, { resultTypes: ["violations"] });
  return violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
  );
}

describe.each<Theme>(["dark", "light"])("in %s", (theme) => {
  test.each(Object.keys(SCENES))("%s", async (name) => {
    const scene = SCENES[name] ?? {};
    const window = await openWindow(platformOf(scene, { theme }), false, {});
    await until(() => window.app.phase.kind !== "starting");
    await play(scene, window);
    expect(await faults()).toEqual([]);
  });
});
