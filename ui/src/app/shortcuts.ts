// Everything a person can do, with its key: keys, palette and help all read this one list.

import { m } from "../texts/generated/messages";
import type { App } from "./app.svelte";

/** A key by its place on the keyboard, so that it works with Hangul input on. */
export type Key = { code: string; shown: string; ctrl?: true; shift?: true };

export type Shortcut = {
  id: string;
  title: () => string;
  keys: readonly Key[];
  possible: () => boolean;
  run: () => void;
};

/** Places in the window that a shortcut may send the focus to. */
export type Focus = { search: () => void; filter: () => void; grid: () => void };

const letter = (name: string): Key => ({ code: `Key${name}`, shown: name });
const named = (code: string, shown: string): Key => ({ code, shown });

export function shortcuts(app: App, focus: Focus): readonly Shortcut[] {
  const always = (): boolean => true;
  const offers = (action: Parameters<App["act"]>[0]) => ({
    possible: () => app.offered(app.selection.row).includes(action),
    run: () => app.act(action),
  });
  const step = (delta: () => number) => ({
    possible: () => app.view.total > 0,
    run: () => void app.selection.step(delta()),
  });
  return [
    { id: "next", title: m.act_next, keys: [letter("J"), named("ArrowDown", "↓")], ...step(() => 1) },
    { id: "previous", title: m.act_previous, keys: [letter("K"), named("ArrowUp", "↑")], ...step(() => -1) },
    {
      id: "pageDown",
      title: m.act_page_down,
      keys: [named("PageDown", "PgDn")],
      ...step(() => app.selection.pageLength),
    },
    {
      id: "pageUp",
      title: m.act_page_up,
      keys: [named("PageUp", "PgUp")],
      ...step(() => -app.selection.pageLength),
    },
    {
      id: "first",
      title: m.act_first,
      keys: [named("Home", "Home")],
      possible: () => app.view.total > 0,
      run: () => app.selection.goTo(0),
    },
    {
      id: "last",
      title: m.act_last,
      keys: [named("End", "End")],
      possible: () => app.view.total > 0,
      run: () => app.selection.goTo(app.view.total - 1),
    },
    {
      id: "open",
      title: m.act_open,
      keys: [named("Enter", "Enter")],
      possible: () => app.selection.id !== null,
      run: () => app.openDetail(),
    },
    {
      id: "close",
      title: m.act_close,
      keys: [named("Escape", "Esc")],
      possible: () => app.detailOpen || app.view.spec.search !== "",
      run: () => {
        if (app.detailOpen) app.closeDetail();
        else app.view.change({ search: "", first: 0 });
        focus.grid();
      },
    },
    { id: "assign", title: m.act_assign, keys: [letter("A")], ...offers("assign") },
    { id: "unassign", title: m.act_unassign, keys: [letter("U")], ...offers("unassign") },
    { id: "accept", title: m.act_accept, keys: [letter("T")], ...offers("accept") },
    { id: "pickup", title: m.act_pickup, keys: [letter("P")], ...offers("pickup") },
    { id: "deliver", title: m.act_deliver, keys: [letter("D")], ...offers("deliver") },
    { id: "confirm", title: m.act_confirm, keys: [letter("Y")], ...offers("confirm") },
    { id: "note", title: m.act_note, keys: [letter("N")], ...offers("note") },
    { id: "cancel", title: m.act_cancel, keys: [letter("C")], ...offers("cancel") },
    {
      id: "acknowledge",
      title: m.act_acknowledge,
      keys: [named("Space", "Space")],
      possible: () => app.alarms.open.length > 0,
      run: () => void app.alarms.acknowledge(),
    },
    { id: "search", title: m.act_search, keys: [named("Slash", "/")], possible: always, run: focus.search },
    { id: "filter", title: m.act_filter, keys: [letter("F")], possible: always, run: focus.filter },
    {
      id: "catchUp",
      title: m.act_catch_up,
      keys: [named("Period", ".")],
      possible: () => app.view.moved > 0,
      run: () => app.catchUp(),
    },
    {
      id: "palette",
      title: m.act_palette,
      keys: [{ code: "KeyK", shown: "Ctrl K", ctrl: true }],
      possible: always,
      run: () => app.ask({ kind: "palette" }),
    },
    {
      id: "help",
      title: m.act_help,
      keys: [{ code: "Slash", shown: "?", shift: true }],
      possible: always,
      run: () => app.ask({ kind: "help" }),
    },
    {
      id: "diagnosis",
      title: m.act_diagnosis,
      keys: [letter("I")],
      possible: always,
      run: () => app.ask({ kind: "diagnosis" }),
    },
    { id: "theme", title: m.act_theme, keys: [], possible: always, run: () => app.toggleTheme() },
    { id: "language", title: m.act_language, keys: [], possible: always, run: () => app.toggleLanguage() },
    { id: "signOut", title: m.sign_out, keys: [], possible: always, run: () => void app.signOut() },
  ];
}

/** The shortcut of a key event, when it is meant as a command; `typing`: whether the keys of a field are typed into it. */
export function shortcutOf(
  all: readonly Shortcut[],
  event: KeyboardEvent,
  typing = true,
): Shortcut | undefined {
  if (event.isComposing || event.altKey) return undefined;
  const ctrl = event.ctrlKey || event.metaKey;
  if (!ctrl && typing && isTyping(event.target)) return undefined;
  if (isPressing(event)) return undefined;
  return all.find((shortcut) =>
    shortcut.keys.some(
      (key) =>
        key.code === event.code && ctrl === (key.ctrl ?? false) && event.shiftKey === (key.shift ?? false),
    ),
  );
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** Space and Enter on a button press that button. */
function isPressing(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLButtonElement && (event.code === "Space" || event.code === "Enter");
}
