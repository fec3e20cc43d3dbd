// The one table of what a person can do with keys: keys, palette, help, the foot's hints and buttons read it.

import { GROUPS, letter, named, type Shortcut } from "../parts/shortcut";
import type { OpenScreen } from "../screens/screen";
import { m } from "../texts/generated/messages";
import type { App } from "./app.svelte";

/** What can be done in a window while a screen is shown, in the order of the groups. */
export function shortcutsOf(app: App, screen: OpenScreen): readonly Shortcut[] {
  const all = [...screen.shortcuts, ...everywhere(app)];
  return GROUPS.flatMap((group) => all.filter((shortcut) => shortcut.group === group));
}

function everywhere(app: App): readonly Shortcut[] {
  const always = (): boolean => true;
  return [
    {
      id: "acknowledge",
      group: "alarm",
      title: m.act_acknowledge,
      keys: [named("Space", "Space")],
      possible: () => app.alarms.open.length > 0,
      run: () => void app.alarms.acknowledge(),
    },
    {
      id: "palette",
      group: "window",
      title: m.act_palette,
      keys: [{ code: "KeyK", shown: "Ctrl K", ctrl: true }],
      possible: always,
      run: () => app.ask({ kind: "palette", about: null }),
    },
    {
      id: "help",
      group: "window",
      title: m.act_help,
      keys: [{ code: "Slash", shown: "?", shift: true }],
      possible: always,
      run: () => app.ask({ kind: "help", about: null }),
    },
    {
      id: "diagnosis",
      group: "window",
      title: m.act_diagnosis,
      keys: [letter("I")],
      possible: always,
      run: () => app.ask({ kind: "diagnosis", about: null }),
    },
    {
      id: "theme",
      group: "window",
      title: m.act_theme,
      keys: [],
      possible: always,
      run: () => app.preferences.toggleTheme(),
    },
    {
      id: "language",
      group: "window",
      title: m.act_language,
      keys: [],
      possible: always,
      run: () => app.preferences.toggleLanguage(),
    },
    {
      id: "signOut",
      group: "window",
      title: m.sign_out,
      keys: [],
      possible: always,
      run: () => void app.signOut(),
    },
  ];
}

/** What the foot of the window reminds of: a word for one shortcut, or for two that go together. */
const HINTS: readonly { of: readonly string[]; word: () => string }[] = [
  { of: ["next", "previous"], word: m.hint_move },
  { of: ["open"], word: m.hint_open },
  { of: ["assign"], word: m.hint_assign },
  { of: ["note"], word: m.hint_note },
  { of: ["search"], word: m.hint_search },
  { of: ["palette"], word: m.hint_palette },
  { of: ["help"], word: m.hint_help },
];

/** Hints of what there is. `commands`: whether the server takes any. */
export function hints(all: readonly Shortcut[], commands: boolean): string {
  const keyOf = (id: string): string => {
    const found = all.find((shortcut) => shortcut.id === id && (commands || shortcut.group !== "delivery"));
    return found?.keys[0]?.shown ?? "";
  };
  return HINTS.flatMap(({ of, word }) => {
    const keys = of.map(keyOf).filter((key) => key !== "");
    return keys.length === 0 ? [] : `${keys.join(" ")} ${word()}`;
  }).join(" · ");
}

/** Runs what a key event is meant for, if anything. */
export function press(
  all: readonly Shortcut[],
  choosing: Promise<boolean> | null,
  event: KeyboardEvent,
): void {
  // Quicker than the list: meant for the delivery that is about to be chosen, not for the search, nor for the last one.
  const meant = shortcutOf(all, event, choosing === null);
  if (meant === undefined) return;
  if (choosing !== null) {
    event.preventDefault();
    void choosing.then((found) => found && meant.possible() && meant.run());
  } else if (meant.possible()) {
    event.preventDefault();
    meant.run();
  }
}

/** The shortcut of a key event, when it is meant as a command; `typing`: whether the keys of a field are typed into it. */
function shortcutOf(all: readonly Shortcut[], event: KeyboardEvent, typing: boolean): Shortcut | undefined {
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
