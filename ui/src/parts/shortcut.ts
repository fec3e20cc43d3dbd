// Something that a person can do, with its keys. Keys, palette, help, the foot's hints and buttons read the same ones.

/** A key by its place on the keyboard, so that it works with Hangul input on. */
export type Key = { code: string; shown: string; ctrl?: true; shift?: true };

/** In the order in which help and palette list them. */
export const GROUPS = ["list", "delivery", "alarm", "find", "window"] as const;

export type Shortcut = {
  id: string;
  group: (typeof GROUPS)[number];
  title: () => string;
  keys: readonly Key[];
  possible: () => boolean;
  run: () => void;
};

export const letter = (name: string): Key => ({ code: `Key${name}`, shown: name });
export const named = (code: string, shown: string): Key => ({ code, shown });
