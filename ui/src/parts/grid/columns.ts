// What a column of a list is; which are shown, in which order and how wide; which fit; and what a head makes of the order.

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
  /** It can't be hidden, nor does it leave for want of room: a row would not be known by what is left. */
  stays: boolean;
  /** Makes its cell in a row, once a slot. */
  cell: (into: HTMLElement) => GridCell;
};

/** Which columns a person sees, and in which order. A column that it does not know stands where it does by itself. */
export type Layout = { readonly order: readonly string[]; readonly hidden: readonly string[] };

/** As the list has them by itself. */
export const NATURAL_LAYOUT: Layout = { order: [], hidden: [] };

/** What a person made of the widths, in pixels by column. */
export type Widths = Readonly<Record<string, number>>;

/** No column is narrower than a few characters, none wider than a long address. Pixels. */
export const WIDTH_PX = { least: 28, most: 600, step: 8 } as const;

/** Room between columns, and at both ends of a row, in pixels. */
const GAP_PX = 8;
const ENDS_PX = 24;

/** All columns in a person's order. One that the order does not name comes after the one before it by itself. */
export function ordered<Of extends { id: string }>(columns: readonly Of[], { order }: Layout): readonly Of[] {
  const known = order.flatMap((id) => columns.find((column) => column.id === id) ?? []);
  const all = known.filter((column, at) => known.indexOf(column) === at);
  for (const [at, column] of columns.entries()) {
    if (all.includes(column)) continue;
    const before = columns[at - 1];
    all.splice(before === undefined ? 0 : all.indexOf(before) + 1, 0, column);
  }
  return all;
}

/** The columns that are shown, in a person's order. */
export function arranged(columns: readonly Column[], layout: Layout): readonly Column[] {
  return ordered(columns, layout).filter(({ id, stays }) => stays || !layout.hidden.includes(id));
}

/** A column moved to before another one; null: to the end. `columns`: all that there ever are, shown now or not. */
export function moved(columns: readonly Column[], layout: Layout, id: string, before: string | null): Layout {
  const ids = ordered(columns, layout).map((column) => column.id);
  if (!ids.includes(id) || id === before) return layout;
  const others = ids.filter((other) => other !== id);
  const at = before === null ? others.length : others.indexOf(before);
  if (at < 0) return layout;
  return { ...layout, order: [...others.slice(0, at), id, ...others.slice(at)] };
}

/** A column shown or hidden. */
export function shownOrHidden(layout: Layout, id: string, shown: boolean): Layout {
  const others = layout.hidden.filter((hidden) => hidden !== id);
  return { ...layout, hidden: shown ? others : [...others, id] };
}

/** A width that a column can have. */
export function within(px: number): number {
  return Math.round(Math.min(Math.max(px, WIDTH_PX.least), WIDTH_PX.most));
}

/** Columns as wide as a person made them: such a one takes no share of what is left over. */
export function sized(columns: readonly Column[], widths: Widths): readonly Column[] {
  return columns.map((column) => {
    const width = widths[column.id];
    return width === undefined ? column : { ...column, min: within(width), grow: 0 };
  });
}

/** The columns that leave because they do not fit into a width in pixels: the last of a person's order first. */
export function leavingAt(width: number, columns: readonly Column[]): ReadonlySet<string> {
  const leaving = new Set<string>();
  let needed = columns.reduce((sum, { min }) => sum + min + GAP_PX, ENDS_PX);
  for (const { id, min, stays } of columns.toReversed()) {
    if (needed <= width) break;
    if (stays) continue;
    leaving.add(id);
    needed -= min + GAP_PX;
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
