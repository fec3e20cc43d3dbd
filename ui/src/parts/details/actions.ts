// A delivery's actions: eight fixed slots and their keys, the same on every screen that shows details.

import type { Action } from "../../platform/contract";
import { m } from "../../texts/generated/messages";
import { letter, type Shortcut } from "../shortcut";

/** A slot in the details' head. It stays where it is; what is impossible is off, with its reason. */
export type ActionSlot = {
  action: Action;
  key: string;
  title: string;
  /** Why it can't be done now; null: it can. */
  why: string | null;
  /** What it does, below its name, while it can be done. */
  hint: string;
};

/** In the order of the slots. */
export const ACTIONS: readonly { action: Action; title: () => string; key: string }[] = [
  { action: "accept", title: m.act_accept, key: "T" },
  { action: "assign", title: m.act_assign, key: "A" },
  { action: "confirm", title: m.act_confirm, key: "R" },
  { action: "unassign", title: m.act_unassign, key: "U" },
  { action: "pickup", title: m.act_pickup, key: "P" },
  { action: "deliver", title: m.act_deliver, key: "D" },
  { action: "note", title: m.act_note, key: "N" },
  { action: "cancel", title: m.act_cancel, key: "C" },
];

/** `why`: why an action can't be done on what is chosen; null: it can. */
export function actionShortcuts(
  why: (action: Action) => string | null,
  run: (action: Action) => void,
): readonly Shortcut[] {
  return ACTIONS.map(({ action, title, key }) => ({
    id: action,
    group: "delivery",
    title,
    keys: [letter(key)],
    possible: () => why(action) === null,
    reason: () => why(action),
    run: () => run(action),
  }));
}
