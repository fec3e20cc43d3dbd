// The keys of a delivery's actions, the same on every screen that shows its details.

import type { Action } from "../../platform/contract";
import { m } from "../../texts/generated/messages";
import { letter, type Shortcut } from "../shortcut";

/** A button in the details. */
export type ActionButton = { action: Action; key: string };

const ACTIONS: readonly { action: Action; title: () => string; key: string }[] = [
  { action: "assign", title: m.act_assign, key: "A" },
  { action: "unassign", title: m.act_unassign, key: "U" },
  { action: "accept", title: m.act_accept, key: "T" },
  { action: "pickup", title: m.act_pickup, key: "P" },
  { action: "deliver", title: m.act_deliver, key: "D" },
  { action: "confirm", title: m.act_confirm, key: "Y" },
  { action: "note", title: m.act_note, key: "N" },
  { action: "cancel", title: m.act_cancel, key: "C" },
];

export function actionShortcuts(
  possible: (action: Action) => boolean,
  run: (action: Action) => void,
): readonly Shortcut[] {
  return ACTIONS.map(({ action, title, key }) => ({
    id: action,
    group: "delivery",
    title,
    keys: [letter(key)],
    possible: () => possible(action),
    run: () => run(action),
  }));
}
