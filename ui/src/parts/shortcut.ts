// Something that a person can do, with its keys. Keys, palette, help, the foot's hints and buttons read the same ones.

/** A key by its place on the keyboard, so that it works with Hangul input on. */
export type Key = {
  code: string;
  shown: string;
  ctrl?: true;
  shift?: true;
  /** Only right after G. */
  afterG?: true;
  /** Also while something is typed into a field, and in a dialog. */
  everywhere?: true;
};

/** In the order in which help and palette list them. */
export const GROUPS = ["list", "delivery", "alarm", "find", "window"] as const;

export type Shortcut = {
  id: string;
  group: (typeof GROUPS)[number];
  title: () => string;
  keys: readonly Key[];
  possible: () => boolean;
  /** Why it is not possible, in a sentence; null: nothing is known about that. */
  reason?: () => string | null;
  /** A held key does it again and again. Else a held key does it once. */
  repeats?: true;
  run: () => void;
};

export const letter = (name: string): Key => ({ code: `Key${name}`, shown: name });
export const shifted = (name: string): Key => ({ code: `Key${name}`, shown: `⇧${name}`, shift: true });
export const named = (code: string, shown: string): Key => ({ code, shown });
export const afterG = (name: string): Key => ({ code: `Key${name}`, shown: `G ${name}`, afterG: true });

/** How its keys are shown, each once: two keys of the board may be one to people. */
export function shownKeys({ keys }: Shortcut): readonly string[] {
  return [...new Set(keys.map(({ shown }) => shown))];
}
