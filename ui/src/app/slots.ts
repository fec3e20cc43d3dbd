// Which action can be done for a row now, and why not. The hub decides; this only spares a person hopeless tries.

import { ACTIONS, type ActionSlot } from "../parts/details/actions";
import type { Action, FreshnessState } from "../platform/contract";
import type { Row } from "../platform/generated/Row";
import type { ZoneClock } from "../texts/format";
import { m } from "../texts/generated/messages";

/** What the window knows beside the row. */
export type Around = {
  role: string | null;
  /** The name of a foreign server, which takes no commands; null: a hub. */
  foreign: string | null;
  /** Of the row's center. */
  freshness: FreshnessState | null;
  clock: ZoneClock;
};

const DISPATCH: readonly Action[] = ACTIONS.map(({ action }) => action);
const BY_ROLE: Record<string, readonly Action[]> = {
  dispatcher: DISPATCH,
  supervisor: DISPATCH,
  callcenter: ["accept", "note", "cancel"],
};

/** Why the action can't be done for the row, in a few words; null: it can. */
export function whyNot(action: Action, row: Row | null, around: Around): string | null {
  if (row === null) return m.slot_nothing_chosen();
  if (around.foreign !== null) return m.slot_foreign();
  if (!(BY_ROLE[around.role ?? ""] ?? []).includes(action)) return m.slot_role();
  if (around.freshness === "offline" || around.freshness === "refused") return m.slot_offline();
  if (row.mark === "pending") return m.slot_pending();
  if (row.mark === "unknown") return m.slot_unknown();
  if (row.status === null) return m.st_unreadable();
  return action === "note" ? null : byStatus(action, row, around.clock);
}

function byStatus(action: Action, row: Row, clock: ZoneClock): string | null {
  const { status, rider } = row;
  if (status === "cancelled") return action === "cancel" ? m.slot_cancelled_already() : m.slot_cancelled();
  if (status === "delivered") return m.slot_delivered();
  switch (action) {
    case "accept":
      return status === "received" ? null : m.slot_accepted({ time: clock.minute(row.waitingAt) });
    case "assign":
      if (status === "received") return m.slot_not_accepted();
      return status === "pickedUp" ? m.slot_picked_up() : null;
    case "confirm":
      if (rider === null) return m.slot_no_rider();
      if (status === "pickedUp") return m.slot_picked_up();
      return rider.confirmed ? m.slot_confirmed() : null;
    case "unassign":
    case "pickup":
      if (status === "pickedUp") return m.slot_picked_up_at({ time: clock.minute(row.pickedUpAt) });
      return status === "assigned" ? null : m.slot_no_rider();
    case "deliver":
      return status === "pickedUp" ? null : m.slot_not_picked_up();
    default:
      return null;
  }
}

/** The eight slots of a row. */
export function slotsOf(row: Row | null, around: Around): readonly ActionSlot[] {
  return ACTIONS.map(({ action, key, title }) => ({
    action,
    key,
    title: title(),
    why: whyNot(action, row, around),
    hint: row === null ? "" : hintOf(action, row),
  }));
}

function hintOf(action: Action, { status, rider }: Row): string {
  if (action === "assign" && status === "assigned") return m.act_reassign();
  if (action === "unassign" && rider !== null) return m.slot_from({ rider: rider.name });
  if ((action === "cancel" || action === "note") && rider !== null) return m.slot_tells_rider();
  return "";
}
