// The keys that move through a list, the same on every screen that has one.

import { m } from "../../texts/generated/messages";
import { type Key, letter, named, type Shortcut } from "../shortcut";
import type { Selection } from "./selection.svelte";
import type { View } from "./view.svelte";

export function moveShortcuts(view: View, selection: Selection): readonly Shortcut[] {
  const move = (id: string, title: () => string, keys: readonly Key[], run: () => void): Shortcut => ({
    id,
    group: "list",
    title,
    keys,
    possible: () => view.total > 0,
    run,
  });
  const step = (delta: number): void => void selection.step(delta);
  return [
    move("next", m.act_next, [letter("J"), named("ArrowDown", "↓")], () => step(1)),
    move("previous", m.act_previous, [letter("K"), named("ArrowUp", "↑")], () => step(-1)),
    move("pageDown", m.act_page_down, [named("PageDown", "PgDn")], () => step(selection.pageLength)),
    move("pageUp", m.act_page_up, [named("PageUp", "PgUp")], () => step(-selection.pageLength)),
    move("first", m.act_first, [named("Home", "Home")], () => selection.goTo(0)),
    move("last", m.act_last, [named("End", "End")], () => selection.goTo(view.total - 1, -1)),
  ];
}
