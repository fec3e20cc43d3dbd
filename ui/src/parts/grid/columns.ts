// What a column of a list is, and what clicking its head makes of the order.

import type { SortKey } from "../../platform/generated/SortKey";
import type { SortOrder } from "../../platform/generated/SortOrder";
import type { GridCell } from "./cells";

export type Column = {
  id: string;
  title: () => string;
  sort: SortKey;
  /** Numbers stand on the right. */
  numeric: boolean;
  /** Read after the others. */
  dim: boolean;
  /** Widths as CSS has them for tracks: usually, and where room is scarce. */
  width: string;
  narrow: string;
  /** Makes its cell in a row, once a slot. */
  cell: (into: HTMLElement) => GridCell;
};

/** The order after a click on a head. `natural`: what an empty order means. `add`: as a further key, after those there are. */
export function sortedBy(
  sort: readonly SortOrder[],
  natural: readonly SortOrder[],
  key: SortKey,
  add: boolean,
): SortOrder[] {
  const now = sort.length === 0 ? natural : sort;
  const held = now.find((order) => order.key === key);
  const first = natural.find((order) => order.key === key)?.descending ?? false;
  const next: SortOrder = { key, descending: held ? !held.descending : first };
  if (!add) return [next];
  return held ? now.map((order) => (order.key === key ? next : order)) : [...now, next];
}
