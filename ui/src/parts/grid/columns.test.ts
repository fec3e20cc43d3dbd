// Columns: a person's order, what is hidden, how wide, and which leave first.

import { describe, expect, test } from "vitest";
import {
  arranged,
  type Column,
  leavingAt,
  moved,
  NATURAL_LAYOUT,
  ordered,
  shownOrHidden,
  sized,
  tracksOf,
} from "./columns";

const column = (id: string, part: Partial<Column> = {}): Column => ({
  id,
  title: () => id,
  sort: null,
  numeric: false,
  dim: false,
  min: 92,
  grow: 0,
  stays: id === "a",
  cell: () => ({ show: () => {}, blank: () => {} }),
  ...part,
});
const ALL = ["a", "b", "c", "d"].map((id) => column(id));
const ids = (columns: readonly { id: string }[]): string => columns.map(({ id }) => id).join("");

describe("the order", () => {
  test("is a person's; what it does not name stands behind its neighbour, what there is no more counts for nothing", () => {
    expect(ids(ordered(ALL, NATURAL_LAYOUT))).toBe("abcd");
    expect(ids(ordered(ALL, { order: ["d", "a", "b", "c"], hidden: [] }))).toBe("dabc");
    expect(ids(ordered(ALL, { order: ["d", "a"], hidden: [] }))).toBe("dabc");
    expect(ids(ordered(ALL, { order: ["c", "gone", "c", "b"], hidden: [] }))).toBe("acdb");
  });

  test.each([
    ["a", "c", "bacd"],
    ["d", "a", "dabc"],
    ["a", null, "bcda"],
    ["b", "b", "abcd"],
    ["b", "gone", "abcd"],
    ["gone", "a", "abcd"],
  ])("%s goes to before %s: %s", (id, before, after) => {
    expect(ids(ordered(ALL, moved(ALL, NATURAL_LAYOUT, id, before)))).toBe(after);
  });

  test("keeps the places of hidden columns; one that stays is never hidden", () => {
    const layout = shownOrHidden(shownOrHidden(NATURAL_LAYOUT, "b", false), "a", false);
    expect(ids(arranged(ALL, layout))).toBe("acd");
    const after = moved(ALL, layout, "d", "c");
    expect(ids(arranged(ALL, after))).toBe("adc");
    expect(ids(arranged(ALL, shownOrHidden(after, "b", true)))).toBe("abdc");
  });
});

describe("room", () => {
  // Each takes 92 and 8 pixels, and both ends 24.
  test("the last of a person's order leaves first, and what stays never does", () => {
    const at = (width: number, order: string[] = []): string =>
      [...leavingAt(width, ordered(ALL, { order, hidden: [] }))].join("");
    expect(at(424)).toBe("");
    expect(at(423)).toBe("d");
    expect(at(323)).toBe("dc");
    expect(at(0)).toBe("dcb");
    expect(at(323, ["d", "c", "b", "a"])).toBe("bc");
    expect(at(0, ["d", "c", "b", "a"])).toBe("bcd");
  });

  test("a column that a person sized has that width, within bounds, and no share of the rest", () => {
    const wide = sized([column("a"), column("b", { grow: 2 }), column("c", { grow: 1 })], {
      b: 150.4,
      c: 9_000,
    });
    expect(wide.map(({ min, grow }) => [min, grow])).toEqual([
      [92, 0],
      [150, 0],
      [600, 0],
    ]);
    expect(tracksOf(wide, new Set(["c"]))).toBe("100px 158px 0px");
  });
});
