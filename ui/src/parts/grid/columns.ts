// What a column of a list is, which columns fit, and what clicking a head makes of the order.

import type { SortKey } from "../../platform/generated/SortKey";
import type { SortOrder } from "../../platform/generated/SortOrder";
import type { GridCell } from "./cells";

export type Column = {
  id: string;
  title: () => string;
  /** Null: it is no order. */
  sort: SortKey | null;
  /** Numbers stand on the right. */
  numeric: boolean;
  /** Read after the others. */
  dim: boolean;
  /** The least width in pixels, and its share of what is left over (0: none). */
  min: number;
  grow: number;
  /** Where room is scarce the column with the greatest number leaves first; 0: it never leaves. */
  leaves: number;
  /** Makes its cell in a row, once a slot. */
  cell: (into: HTMLElement) => GridCell;
};

/** Room between columns, and at both ends of a row, in pixels. */
const GAP_PX = 8;
const ENDS_PX = 24;

/** The columns that leave because they do not fit into a width in pixels. */
export function leavingAt(width: number, columns: readonly Column[]): ReadonlySet<string> {
  const leaving = new Set<string>();
  const needed = (): number =>
    columns.filter(({ id }) => !leaving.has(id)).reduce((sum, { min }) => sum + min + GAP_PX, ENDS_PX);
  const mayLeave = columns.filter(({ leaves }) => leaves > 0).toSorted((a, b) => b.leaves - a.leaves);
  for (const { id } of mayLeave) {
    if (needed() <= width) break;
    leaving.add(id);
  }
  return leaving;
}

/** Widths as CSS has them for the tracks of a grid. */
export function tracksOf(columns: readonly Column[], leaving: ReadonlySet<string>): string {
  return columns
    .map(({ id, min, grow }) => {
      if (leaving.has(id)) return "0px";
      return grow === 0 ? `${min + GAP_PX}px` : `minmax(${min + GAP_PX}px, ${grow}fr)`;
    })
    .join(" ");
}

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
