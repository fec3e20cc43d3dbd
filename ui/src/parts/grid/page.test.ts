// The law of patches: applied in order to an empty page they give what a fresh query gives.

import { describe, expect, test } from "vitest";
import type { Patch } from "../../platform/generated/Patch";
import { dice } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { Page } from "./page";
import { EVERYTHING } from "./view.svelte";

const patch = (part: Partial<Patch>): Patch => ({
  seq: 1,
  reset: false,
  asOf: {},
  total: 0,
  matching: 0,
  first: 0,
  ...part,
});

describe("a page", () => {
  test("holds what a fresh query gives after any mixture of changes, scrolls and resets", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const roll = dice(seed);
      const platform = new FakePlatform(200);
      const page = new Page();
      let spec = { ...EVERYTHING, len: 30 };
      const view = await platform.openView(spec, (next) => page.apply(next));
      for (let step = 0; step < 60; step += 1) {
        const what = roll();
        const id = 1 + Math.floor(roll() * 200);
        if (what < 0.5)
          platform.change(id, { status: roll() < 0.5 ? "waiting" : "cancelled", shop: `${step}` });
        else if (what < 0.7) {
          spec = { ...spec, first: Math.floor(roll() * 260) };
          await platform.changeView(view, spec);
        } else if (what < 0.85) {
          spec = { ...spec, filter: { ...spec.filter, statuses: roll() < 0.5 ? ["waiting"] : [] } };
          await platform.changeView(view, spec);
        } else if (what < 0.9) {
          spec = { ...spec, group: roll() < 0.5 ? "status" : null, pinned: roll() < 0.5 ? "act" : null };
          spec = { ...spec, collapsed: roll() < 0.5 ? ["waiting", "act"] : [] };
          await platform.changeView(view, spec);
        } else if (what < 0.95) {
          spec = { ...spec, sort: [{ key: "number", descending: roll() < 0.5 }] };
          await platform.changeView(view, spec);
        } else await platform.resetView(view);

        const fresh = platform.places(spec);
        const first = Math.max(0, Math.min(spec.first, fresh.length - spec.len));
        expect(page.total).toBe(fresh.length);
        expect(page.matching).toBe(platform.list(spec).length);
        expect(page.first).toBe(first);
        expect(page.order).toEqual(fresh.slice(first, first + spec.len));
        page.order.forEach((place, index) => {
          if (typeof place === "number") expect(page.at(first + index)).toEqual(platform.rows.get(place));
          else expect(page.headAt(first + index)?.key).toBe(place.group);
        });
        expect(page.rows.size + page.heads.size).toBe(page.order.length);
      }
    }
  });

  test("says once that a patch is missing, and goes on with the reset", () => {
    const page = new Page();
    expect(page.apply(patch({ seq: 4, reset: true, total: 1 })).kind).toBe("applied");
    expect(page.apply(patch({ seq: 6 })).kind).toBe("lost");
    expect(page.apply(patch({ seq: 7 })).kind).toBe("ignored");
    expect(page.apply(patch({ seq: 8, reset: true, total: 9 })).kind).toBe("applied");
    expect(page.total).toBe(9);
    expect(page.apply(patch({ seq: 9, total: 10 })).kind).toBe("applied");
  });

  test("takes nothing before its first reset", () => {
    expect(new Page().apply(patch({ seq: 1, total: 5 })).kind).toBe("ignored");
  });
});
