// What a person can do on the board.

import { actionShortcuts } from "../../parts/details/actions";
import { moveShortcuts } from "../../parts/grid/moves";
import { letter, named, type Shortcut } from "../../parts/shortcut";
import { m } from "../../texts/generated/messages";
import type { BoardState } from "./state.svelte";

export function shortcuts(board: BoardState): readonly Shortcut[] {
  const always = (): boolean => true;
  return [
    ...moveShortcuts(board.view, board.selection),
    {
      id: "open",
      group: "list",
      title: m.act_open,
      keys: [named("Enter", "Enter")],
      possible: () => board.selection.id !== null,
      run: () => board.openDetail(),
    },
    {
      id: "close",
      group: "list",
      title: m.act_close,
      keys: [named("Escape", "Esc")],
      possible: () => board.detailOpen || board.view.spec.search !== "",
      run: () => board.closeTopmost(),
    },
    ...actionShortcuts(
      (action) => board.host.offered(board.selection.row).includes(action),
      (action) => board.act(action),
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
      id: "catchUp",
      group: "find",
      title: m.act_catch_up,
      keys: [named("Period", ".")],
      possible: () => board.view.moved > 0,
      run: () => board.catchUp(),
    },
  ];
}
