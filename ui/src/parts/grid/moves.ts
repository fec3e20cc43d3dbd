// The keys that move through a list, the same on every screen that has one.

import { m } from "../../texts/generated/messages";
import { type Key, letter, named, type Shortcut, shifted } from "../shortcut";
import type { Selection } from "./selection.svelte";
import type { View } from "./view.svelte";

/** `begin`: the keys go to the list, so that what follows acts on its rows and not on what had the focus before. */
export function moveShortcuts(view: View, selection: Selection, begin: () => void): readonly Shortcut[] {
  const move = (id: string, title: () => string, keys: readonly Key[], run: () => void): Shortcut => ({
    id,
    group: "list",
    title,
    keys,
    possible: () => view.total > 0,
    repeats: true,
    run: () => {
      begin();
      run();
    },
  });
  const step = (delta: number): void => void selection.step(delta);
  const arrow = (code: string, shown: string): Key => ({ code, shown, shift: true });
  return [
    move("next", m.act_next, [letter("J"), named("ArrowDown", "↓")], () => step(1)),
    move("previous", m.act_previous, [letter("K"), named("ArrowUp", "↑")], () => step(-1)),
    move("pageDown", m.act_page_down, [named("PageDown", "PgDn")], () => step(selection.pageLength)),
    move("pageUp", m.act_page_up, [named("PageUp", "PgUp")], () => step(-selection.pageLength)),
    move("first", m.act_first, [named("Home", "Home")], () => selection.goTo(0)),
    move("last", m.act_last, [named("End", "End")], () => selection.goTo(view.total - 1, -1)),
    move("markNext", m.act_mark_next, [shifted("J"), arrow("ArrowDown", "⇧↓")], () => {
      selection.mark();
      void selection.step(1).then(() => selection.mark());
    }),
    move("markPrevious", m.act_mark_previous, [shifted("K"), arrow("ArrowUp", "⇧↑")], () => {
      selection.mark();
      void selection.step(-1).then(() => selection.mark());
    }),
    {
      id: "mark",
      group: "list",
      title: m.act_mark,
      keys: [letter("S")],
      possible: () => selection.row !== null,
      run: () => {
        begin();
        selection.toggleMark();
      },
    },
    {
      id: "fold",
      group: "list",
      title: m.act_fold,
      keys: [named("ArrowLeft", "←")],
      possible: () => selection.isGrouped,
      run: () => void selection.fold(true),
    },
    {
      id: "unfold",
      group: "list",
      title: m.act_unfold,
      keys: [named("ArrowRight", "→")],
      possible: () => selection.isGrouped,
      run: () => void selection.fold(false),
    },
  ];
}
