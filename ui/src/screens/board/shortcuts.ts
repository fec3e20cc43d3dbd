// What a person can do on the board.

import { actionShortcuts } from "../../parts/details/actions";
import { sortedBy } from "../../parts/grid/columns";
import { DENSITIES, densityName } from "../../parts/grid/density";
import { moveShortcuts } from "../../parts/grid/moves";
import { letter, named, type Shortcut } from "../../parts/shortcut";
import { m } from "../../texts/generated/messages";
import type { Arrangement } from "./arrangement.svelte";
import { COLUMNS, NATURAL } from "./columns";
import type { BoardState } from "./state.svelte";

export function shortcuts(board: BoardState): readonly Shortcut[] {
  const { arrangement } = board;
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
      possible: () => board.held,
      run: () => board.release(),
    },
    ...viewShortcuts(arrangement),
    {
      id: "columns",
      group: "find",
      title: m.act_columns,
      keys: [],
      possible: always,
      run: () => arrangement.askColumns(),
    },
    {
      id: "heads",
      group: "find",
      title: m.act_heads,
      keys: [],
      possible: always,
      run: () => board.places.heads(),
    },
    ...DENSITIES.map(
      (density): Shortcut => ({
        id: `density.${density}`,
        group: "window",
        title: () => m.act_density({ name: densityName(density) }),
        keys: [],
        possible: () => arrangement.density !== density,
        reason: () => null,
        run: () => arrangement.setDensity(density),
      }),
    ),
  ];
}

/** One for each view that there is now. */
function viewShortcuts(arrangement: Arrangement): readonly Shortcut[] {
  const plain = (id: string, title: () => string, run: () => void): Shortcut => ({
    id: `view.${id}`,
    group: "find",
    title,
    keys: [],
    possible: () => true,
    run,
  });
  const ofChosen = (id: string, title: () => string, run: () => void): Shortcut => ({
    ...plain(id, title, run),
    possible: () => arrangement.chosen !== null,
    reason: () => m.view_none_chosen(),
  });
  return [
    plain(
      "default",
      () => m.view_show({ name: m.view_default() }),
      () => arrangement.chooseView(null),
    ),
    ...arrangement.views.all.map(({ id, name }) =>
      plain(
        `saved.${id}`,
        () => m.view_show({ name }),
        () => arrangement.chooseView(id),
      ),
    ),
    plain("save", m.act_view_save, () => arrangement.askSave()),
    ofChosen(
      "saveOver",
      () => m.act_view_save_over({ name: arrangement.chosen?.name ?? "" }),
      () => arrangement.saveOver(),
    ),
    ofChosen("rename", m.act_view_rename, () => arrangement.askRename()),
    ofChosen("remove", m.act_view_remove, () => arrangement.askRemove()),
  ];
}
