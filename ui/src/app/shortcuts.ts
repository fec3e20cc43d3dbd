// The one table of what a person can do with keys: keys, palette, help, the foot's hints and buttons read it.

import { afterG, GROUPS, letter, named, type Shortcut, shifted } from "../parts/shortcut";
import type { OpenScreen } from "../screens/screen";
import { m } from "../texts/generated/messages";
import { MUTED_MIN, soundName } from "./alarms/sounds.svelte";
import type { App } from "./app.svelte";

/** What can be done in a window while a screen is shown, in the order of the groups. */
export function shortcutsOf(app: App, screen: OpenScreen): readonly Shortcut[] {
  // In the open queue the keys of lists move there.
  const own = app.alarms.queueOpen
    ? [...screen.shortcuts.filter(({ group }) => group !== "list"), ...queueShortcuts(app)]
    : screen.shortcuts;
  const all = [...own, ...everywhere(app)];
  return GROUPS.flatMap((group) => all.filter((shortcut) => shortcut.group === group));
}

const always = (): boolean => true;

function queueShortcuts(app: App): readonly Shortcut[] {
  const { alarms } = app;
  const some = (): boolean => alarms.lines.length > 0;
  return [
    {
      id: "next",
      group: "list",
      title: m.act_next_alarm,
      keys: [letter("J"), named("ArrowDown", "↓")],
      possible: some,
      repeats: true,
      run: () => alarms.step(1),
    },
    {
      id: "previous",
      group: "list",
      title: m.act_previous_alarm,
      keys: [letter("K"), named("ArrowUp", "↑")],
      possible: some,
      repeats: true,
      run: () => alarms.step(-1),
    },
    {
      id: "first",
      group: "list",
      title: m.act_first_alarm,
      keys: [named("Home", "Home")],
      possible: some,
      repeats: true,
      run: () => alarms.step(-alarms.lines.length),
    },
    {
      id: "last",
      group: "list",
      title: m.act_last_alarm,
      keys: [named("End", "End")],
      possible: some,
      repeats: true,
      run: () => alarms.step(alarms.lines.length),
    },
    {
      id: "unfold",
      group: "list",
      title: m.act_unfold,
      keys: [named("ArrowRight", "→")],
      possible: () => alarms.chosen !== null,
      run: () => alarms.chosen !== null && alarms.fold(alarms.chosen, true),
    },
    {
      id: "fold",
      group: "list",
      title: m.act_fold,
      keys: [named("ArrowLeft", "←")],
      possible: () => alarms.chosen !== null,
      run: () => alarms.chosen !== null && alarms.fold(alarms.chosen, false),
    },
    {
      id: "open",
      group: "list",
      title: m.act_open,
      keys: [named("Enter", "Enter")],
      possible: () => app.chosenLine !== null,
      run: () => app.chosenLine !== null && app.openLine(app.chosenLine),
    },
    {
      id: "close",
      group: "list",
      title: m.act_close_queue,
      keys: [named("Escape", "Esc")],
      possible: always,
      run: () => app.closeQueue(),
    },
  ];
}

function everywhere(app: App): readonly Shortcut[] {
  return [
    {
      id: "undo",
      group: "delivery",
      title: m.act_undo,
      keys: [letter("Z"), { code: "KeyZ", shown: "Ctrl Z", ctrl: true }],
      possible: () => app.undoable !== null,
      reason: () => m.undo_nothing(),
      run: () => app.undo(),
    },
    {
      id: "retry",
      group: "delivery",
      title: m.act_retry,
      keys: [shifted("R")],
      possible: () => app.retryable,
      reason: () => m.retry_nothing(),
      run: () => app.retry(),
    },
    {
      id: "acknowledge",
      group: "alarm",
      title: m.act_acknowledge,
      keys: [named("Space", "Space"), { code: "F8", shown: "F8", everywhere: true }],
      possible: () => app.alarms.open.length > 0,
      reason: () => m.alarm_none(),
      run: () => void app.alarms.acknowledge(),
    },
    {
      id: "queue",
      group: "alarm",
      title: m.act_queue,
      keys: [
        letter("Q"),
        { code: "F9", shown: "F9", everywhere: true },
        { code: "Space", shown: "⇧Space", shift: true },
      ],
      possible: always,
      run: () => app.toggleQueue(),
    },
    ...muteShortcuts(app),
    ...app.screens.map(
      (screen): Shortcut => ({
        id: `screen.${screen.id}`,
        group: "window",
        title: screen.title,
        keys: screen.letter === null ? [] : [afterG(screen.letter)],
        possible: always,
        run: () => void app.showScreen(screen),
      }),
    ),
    ...(app.centers.length > 1 ? [null, ...app.centers.map(({ id }) => id)] : []).map(
      (center): Shortcut => ({
        id: `center.${center ?? "all"}`,
        group: "window",
        title: () => m.center_show({ name: center === null ? m.all_centers() : app.scene.nameOf(center) }),
        keys: [],
        possible: always,
        run: () => app.showCenter(center),
      }),
    ),
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
      keys: [],
      possible: always,
      run: () => app.ask({ kind: "diagnosis", about: null }),
    },
    {
      id: "nextRegion",
      group: "window",
      title: m.act_next_region,
      keys: [named("F6", "F6")],
      possible: always,
      run: () => app.focusRegion(1),
    },
    {
      id: "previousRegion",
      group: "window",
      title: m.act_previous_region,
      keys: [{ code: "F6", shown: "⇧F6", shift: true }],
      possible: always,
      run: () => app.focusRegion(-1),
    },
    {
      id: "zoomIn",
      group: "window",
      title: m.act_zoom_in,
      keys: [
        { code: "Equal", shown: "Ctrl +", ctrl: true, everywhere: true },
        { code: "NumpadAdd", shown: "Ctrl +", ctrl: true, everywhere: true },
      ],
      possible: always,
      run: () => app.preferences.zoom(1),
    },
    {
      id: "zoomOut",
      group: "window",
      title: m.act_zoom_out,
      keys: [
        { code: "Minus", shown: "Ctrl −", ctrl: true, everywhere: true },
        { code: "NumpadSubtract", shown: "Ctrl −", ctrl: true, everywhere: true },
      ],
      possible: always,
      run: () => app.preferences.zoom(-1),
    },
    {
      id: "zoomReset",
      group: "window",
      title: m.act_zoom_reset,
      keys: [{ code: "Digit0", shown: "Ctrl 0", ctrl: true, everywhere: true }],
      possible: always,
      run: () => app.preferences.zoom(0),
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
      possible: () => app.foreign === null,
      reason: () => null,
      run: () => void app.askSignOut(),
    },
  ];
}

/** Muting each kind that sounds, and hearing it again. */
function muteShortcuts({ sounds }: App): readonly Shortcut[] {
  return sounds.all.flatMap(({ kind, mayBeCritical }): Shortcut[] => [
    ...MUTED_MIN.map(
      (count): Shortcut => ({
        id: `mute.${kind}.${count}`,
        group: "alarm",
        title: () =>
          (mayBeCritical && count > 5 ? m.act_mute_critical : m.act_mute)({ name: soundName(kind), count }),
        keys: [],
        possible: always,
        run: () => void sounds.mute(kind, count),
      }),
    ),
    {
      id: `unmute.${kind}`,
      group: "alarm",
      title: () => m.act_unmute({ name: soundName(kind) }),
      keys: [],
      possible: () => sounds.all.some((sound) => sound.kind === kind && sound.mutedUntil !== null),
      reason: () => m.sound_on({ name: soundName(kind) }),
      run: () => void sounds.mute(kind, 0),
    },
  ]);
}

/** What the foot of the window reminds of: a word for one shortcut, or for two that go together. */
const HINTS: readonly { of: readonly string[]; word: () => string }[] = [
  { of: ["next", "previous"], word: m.hint_move },
  { of: ["open"], word: m.hint_open },
  { of: ["assign"], word: m.hint_assign },
  { of: ["undo"], word: m.hint_undo },
  { of: ["search"], word: m.hint_search },
  { of: ["copyReport"], word: m.hint_report },
  { of: ["prove"], word: m.hint_prove },
  { of: ["log"], word: m.hint_log },
  { of: ["queue"], word: m.hint_queue },
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

/** Where the key after G leads. */
export function prefixHints(all: readonly Shortcut[]): string {
  return all
    .flatMap(({ keys, title }) =>
      keys.filter(({ afterG }) => afterG).map(({ shown }) => `${shown.slice(2)} ${title()}`),
    )
    .join(" · ");
}
