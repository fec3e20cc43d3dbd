// The columns of the board in their order: what each is called and what sorting by it means.

import type { SortKey } from "../../platform/generated/SortKey";
import type { SortOrder } from "../../platform/generated/SortOrder";
import { m } from "../../texts/generated/messages";

export type ColumnId =
  | "number"
  | "status"
  | "elapsed"
  | "target"
  | "rider"
  | "shop"
  | "address"
  | "distance"
  | "waitingAt"
  | "assignedAt"
  | "pickedUpAt"
  | "deliveredAt";

export type Column = { id: ColumnId; title: () => string; sort: SortKey; numeric: boolean };

export const COLUMNS: readonly Column[] = [
  { id: "number", title: m.col_number, sort: "number", numeric: false },
  { id: "status", title: m.col_status, sort: "status", numeric: false },
  { id: "elapsed", title: m.col_elapsed, sort: "elapsed", numeric: true },
  { id: "target", title: m.col_target, sort: "target", numeric: true },
  { id: "rider", title: m.col_rider, sort: "rider", numeric: false },
  { id: "shop", title: m.col_shop, sort: "shop", numeric: false },
  { id: "address", title: m.col_address, sort: "address", numeric: false },
  { id: "distance", title: m.col_distance, sort: "distance", numeric: true },
  { id: "waitingAt", title: m.col_waiting, sort: "waitingAt", numeric: true },
  { id: "assignedAt", title: m.col_assigned, sort: "assignedAt", numeric: true },
  { id: "pickedUpAt", title: m.col_pickup, sort: "pickedUpAt", numeric: true },
  { id: "deliveredAt", title: m.col_delivered, sort: "deliveredAt", numeric: true },
];

/** What an empty order means: the newest number first. */
export const NATURAL: readonly SortOrder[] = [{ key: "number", descending: true }];

/** The order after a click on a header. `add`: as a further key, after those there are. */
export function sortedBy(sort: readonly SortOrder[], key: SortKey, add: boolean): SortOrder[] {
  const now = sort.length === 0 ? NATURAL : sort;
  const held = now.find((order) => order.key === key);
  const next: SortOrder = { key, descending: held ? !held.descending : key === "number" };
  if (!add) return [next];
  return held ? now.map((order) => (order.key === key ? next : order)) : [...now, next];
}
