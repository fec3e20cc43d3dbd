// What an account keeps of views: read whatever it is, and merged so that nobody's change is lost.

import { describe, expect, test } from "vitest";
import { EVERYTHING } from "../../parts/grid/view.svelte";
import {
  type Book,
  bookOf,
  type Content,
  isSame,
  merged,
  NO_BOOK,
  viewsOf,
  withoutView,
  withView,
  written,
} from "./saved";

const CONTENT: Content = {
  filter: { ...EVERYTHING.filter, late: true },
  sort: [{ key: "shop", descending: true }],
  group: "rider",
  pinned: "act",
  layout: { order: ["number", "shop"], hidden: ["distance"] },
};
const book = (...ids: string[]): Book =>
  ids.reduce((all, id) => withView(all, { id, name: id, content: CONTENT }), NO_BOOK);
const names = (of: Book): string =>
  viewsOf(of)
    .map(({ name }) => name)
    .join(" ");
const renamed = (of: Book, id: string, name: string): Book => withView(of, { id, name, content: CONTENT });

describe("what is read", () => {
  test("is what was written", () => {
    const again = bookOf(JSON.parse(JSON.stringify(written(book("a")))));
    expect(viewsOf(again)).toEqual([{ id: "a", name: "a", content: CONTENT }]);
  });

  test("falls back where it makes no sense, and takes nothing that the core does not know", () => {
    const odd = bookOf({
      views: [
        {
          id: "a",
          name: "A",
          filter: { statuses: ["waiting", "flying", 3], late: "yes", rider: 7 },
          sort: [{ key: "weather" }, { key: "shop", descending: 1 }, null],
          group: "moon",
          columns: { order: "number", hidden: ["shop", 4] },
        },
        { id: "a", name: "twice" },
        { id: "", name: " " },
        { name: "without an id" },
        "text",
      ],
    });
    expect(viewsOf(odd)).toEqual([
      {
        id: "a",
        name: "A",
        content: {
          filter: { ...EVERYTHING.filter, statuses: ["waiting"] },
          sort: [{ key: "shop", descending: false }],
          group: "status",
          pinned: "act",
          layout: { order: [], hidden: ["shop"] },
        },
      },
    ]);
  });

  test.each([[null], [undefined], [7], ["text"], [[1, 2]], [{ views: 5, other: 1 }], [{ other: 1 }]])(
    "%j is no book: there are no views, and it is not lost",
    (kept) => {
      const read = bookOf(kept);
      expect(viewsOf(read)).toEqual([]);
      const text = JSON.stringify(written(withView(read, { id: "a", name: "A", content: CONTENT })));
      if (kept !== null && kept !== undefined)
        expect(text).toContain(
          JSON.stringify(kept)
            .replace(/^\{|\}$/g, "")
            .replace('"views":', '"before":')
            .split(",")[0],
        );
      expect(viewsOf(bookOf(JSON.parse(text))).length).toBe(1);
    },
  );

  test("what another version wrote into a view, and beside views, stays", () => {
    const read = bookOf({ version: 9, views: [{ id: "a", name: "A", colour: "red" }, { strange: true }] });
    const after = written(renamed(read, "a", "B"));
    expect(after).toMatchObject({
      version: 9,
      views: [{ id: "a", name: "B", colour: "red" }, { strange: true }],
    });
  });
});

describe("two that wrote at once", () => {
  const base = book("a", "b");

  test("both keep what they added and renamed", () => {
    const mine = renamed(renamed(base, "c", "mine"), "a", "A");
    const theirs = renamed(renamed(base, "d", "theirs"), "b", "B");
    expect(names(merged(base, mine, theirs))).toBe("A B theirs mine");
  });

  test("what one removed is gone, unless the other changed it", () => {
    expect(names(merged(base, withoutView(base, "a"), base))).toBe("b");
    expect(names(merged(base, base, withoutView(base, "a")))).toBe("b");
    expect(names(merged(base, withoutView(base, "a"), renamed(base, "a", "A")))).toBe("A b");
    expect(names(merged(base, renamed(base, "a", "A"), withoutView(base, "a")))).toBe("b A");
  });

  test("of one view that both changed, the one that writes now stays", () => {
    expect(names(merged(base, renamed(base, "a", "mine"), renamed(base, "a", "theirs")))).toBe("mine b");
  });

  test("the hub's own order of fields is no change", () => {
    const turned = bookOf({
      views: base.entries.map((entry) => Object.fromEntries(Object.entries(entry as object).reverse())),
    });
    expect(isSame(turned, base)).toBe(true);
    expect(names(merged(base, base, withoutView(turned, "a")))).toBe("b");
  });
});
