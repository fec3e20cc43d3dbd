// What holds in every picture of the window: nothing is cut, every key that it shows is one of the table, and no dialog lies
// over the alarms.

import { afterEach, expect, test } from "vitest";
import { page } from "vitest/browser";
import { shownKeys } from "../../parts/shortcut";
import { cut, drawn } from "../../test/frames";
import { platformOf, play, SCENES } from "../../test/scenes";
import { openWindow, type TestWindow, until } from "../../test/window";
import { language } from "../../texts/language.svelte";

/** As pixels of the page: at 200 % a window has half as many. */
const SIZES = [
  [1_280, 800],
  [640, 400],
] as const;

/** Keys that the window shows and the table does not have. In an open list of choices digits mark. */
function strayKeys({ app }: TestWindow): string[] {
  const known = new Set(app.shortcuts.flatMap(shownKeys));
  return [...document.querySelectorAll("kbd")]
    .filter((kbd) => !(kbd.closest("dialog") !== null && /^[1-9]$/.test(kbd.textContent)))
    .map((kbd) => kbd.textContent.trim())
    .filter((key) => !known.has(key));
}

/** Whether a press on the rail's buttons reaches them. */
function railIsFree(): boolean {
  return ["alarm-queue-toggle", "alarm-ack"].every((testId) => {
    const box = document.querySelector(`[data-testid="${testId}"]`)?.getBoundingClientRect();
    if (box === undefined) return false;
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return hit?.closest("[data-testid]")?.getAttribute("data-testid") === testId;
  });
}

afterEach(async () => {
  language.current = "ko";
  await page.viewport(1_440, 900);
});

test.each(Object.keys(SCENES))("%s", async (name) => {
  const scene = SCENES[name] ?? {};
  await page.viewport(1_280, 800);
  const window = await openWindow(platformOf(scene), false, {});
  await until(() => window.app.phase.kind !== "starting");
  await play(scene, window);
  expect(strayKeys(window)).toEqual([]);
  const found: Record<string, string[]> = {};
  for (const [width, height] of SIZES)
    for (const locale of ["ko", "en"] as const) {
      await page.viewport(width, height);
      language.current = locale;
      await drawn();
      const here = cut();
      // A menu is opened by a hand, and goes with the next press.
      const menu = document.querySelector('[role="menu"]') !== null;
      if (window.app.phase.kind === "signedIn" && !menu && !railIsFree()) here.push("the rail is covered");
      if (here.length > 0) found[`${width}×${height} ${locale}`] = here;
    }
  expect(found).toEqual({});
});
