// What a person can do on the board.

import { actionShortcuts } from "../../parts/details/actions";
import { sortedBy } from "../../parts/grid/columns";
import { moveShortcuts } from "../../parts/grid/moves";
import { letter, named, type Shortcut } from "../../parts/shortcut";
import { m } from "../../texts/generated/messages";
import { COLUMNS, NATURAL } from "./columns";
import type { BoardState } from "./state.svelte";

export function shortcuts(board: BoardState): readonly Shortcut[] {
  const always = (): boolean => true;
  const begin = (): void => {
    board.touch();
    board.places.grid();
  };
  return [
    ...moveShortcuts(board.view, board.selection, begin),
    {
      id: "open",
      group: "list",
      title: m.act_open,
      keys: [named("Enter", "Enter")],
      possible: () => board.selection.id !== null || board.selection.group !== null,
      run: () => board.openDetail(),
    },
    {
      id: "close",
      group: "list",
      title: m.act_close,
      keys: [named("Escape", "Esc")],
      possible: () => board.topmost !== null,
      run: () => board.closeTopmost(),
    },
    ...actionShortcuts(
      (action) => board.host.whyNot(action, board.selection.row, board.selection.marked),
      (action) => board.act(action),
    ),
    ...COLUMNS.flatMap(({ sort, title }): Shortcut[] =>
      sort === null
        ? []
        : [
            {
              id: `sort.${sort}`,
              group: "find",
              title: () => m.sort_by({ column: title() }),
              keys: [],
              possible: always,
              run: () => board.show({ sort: sortedBy(board.view.spec.sort, NATURAL, sort, false) }),
            },
          ],
    ),
    {
      id: "search",
      group: "find",
      title: m.act_search,
      keys: [named("Slash", "/")],
      possible: always,
      run: () => board.places.search(),
    },
    {
      id: "filter",
      group: "find",
      title: m.act_filter,
      keys: [letter("F")],
      possible: always,
      run: () => board.places.filter(),
    },
    {
      id: "now",
      group: "find",
      title: m.act_catch_up,
      keys: [named("Period", ".")],
      possible: () => board.view.spec.hold,
      run: () => board.release(),
    },
  ];
}
