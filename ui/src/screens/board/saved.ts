// Views as an account keeps them: filter, sort, group, columns and their order, by an id. What this version can't read stays
// in what is kept as it is, and two that wrote at once lose nothing of each other.

import type { Layout } from "../../parts/grid/columns";
import type { Filter } from "../../platform/generated/Filter";
import type { GroupBy } from "../../platform/generated/GroupBy";
import type { Pinned } from "../../platform/generated/Pinned";
import type { SortKey } from "../../platform/generated/SortKey";
import type { SortOrder } from "../../platform/generated/SortOrder";
import { STATUSES } from "../../texts/names";
import { ALL_COLUMNS } from "./columns";
import { FIRST } from "./first";

/** What a view shows, and how. */
export type Content = {
  filter: Filter;
  sort: readonly SortOrder[];
  group: GroupBy | null;
  pinned: Pinned | null;
  layout: Layout;
};

export type SavedView = { id: string; name: string; content: Content };

/** All that an account keeps: its views as they were written, and whatever else stood there. */
export type Book = {
  readonly entries: readonly unknown[];
  readonly rest: Readonly<Record<string, unknown>>;
};

export const NO_BOOK: Book = { entries: [], rest: {} };

/** As many views as fit into what the hub keeps under one name. */
export const VIEWS_MOST = 40;
export const NAME_MOST = 40;

const GROUPS: readonly GroupBy[] = ["status", "rider", "shop", "center"];

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What was kept, whatever it is: what is no book is kept within one. */
export function bookOf(kept: unknown): Book {
  if (kept === undefined || kept === null) return NO_BOOK;
  if (!isFields(kept)) return { entries: [], rest: { before: kept } };
  const { views, ...rest } = kept;
  if (Array.isArray(views)) return { entries: views, rest };
  return { entries: [], rest: views === undefined ? rest : { ...rest, before: views } };
}

/** As it is written. */
export function written({ entries, rest }: Book): Fields {
  return { ...rest, views: entries };
}

/** The views that can be read. */
export function viewsOf({ entries }: Book): readonly SavedView[] {
  const all = entries.flatMap((entry) => readView(entry) ?? []);
  return all.filter(({ id }, at) => all.findIndex((view) => view.id === id) === at);
}

/** With a view, in the place of the one with its id. */
export function withView(book: Book, view: SavedView): Book {
  const at = book.entries.findIndex((entry) => idOf(entry) === view.id);
  const before = book.entries[at];
  // Fields of another version stay.
  const { layout, ...content } = view.content;
  const entry = {
    ...(isFields(before) ? before : {}),
    id: view.id,
    name: view.name,
    ...content,
    columns: layout,
  };
  const { entries } = book;
  return { ...book, entries: at < 0 ? [...entries, entry] : entries.with(at, entry) };
}

export function withoutView(book: Book, id: string): Book {
  return { ...book, entries: book.entries.filter((entry) => idOf(entry) !== id) };
}

export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** What was changed here since `base` was read, on top of what others wrote meanwhile. By id: whose change is lost is nobody's. */
export function merged(base: Book, mine: Book, theirs: Book): Book {
  const inBase = byId(base);
  const inMine = byId(mine);
  const inTheirs = byId(theirs);
  const isMine = (id: string): boolean => inMine.has(id) && !isSame(inMine.get(id), inBase.get(id));
  const isGone = (id: string): boolean => inBase.has(id) && !inMine.has(id);
  const kept = theirs.entries.flatMap((entry): unknown[] => {
    const id = idOf(entry);
    if (id === null) return [entry];
    if (isMine(id)) return [inMine.get(id)];
    // Removed here, but changed there since: the change stays.
    return isGone(id) && isSame(entry, inBase.get(id)) ? [] : [entry];
  });
  const added = mine.entries.filter((entry) => {
    const id = idOf(entry);
    return id !== null && !inTheirs.has(id) && isMine(id);
  });
  return { entries: [...kept, ...added], rest: { ...mine.rest, ...theirs.rest } };
}

function byId({ entries }: Book): ReadonlyMap<string, unknown> {
  return new Map(
    entries.flatMap((entry) => {
      const id = idOf(entry);
      return id === null ? [] : [[id, entry] as const];
    }),
  );
}

function idOf(entry: unknown): string | null {
  return isFields(entry) && typeof entry["id"] === "string" ? entry["id"] : null;
}

function readView(entry: unknown): SavedView | null {
  const id = idOf(entry);
  if (id === null || !isFields(entry)) return null;
  const { name } = entry;
  if (typeof name !== "string" || name.trim() === "") return null;
  return { id, name, content: readContent(entry) };
}

/** What is missing or can't be read is as a new seat has it: the core takes only what it knows. */
export function readContent(fields: Fields): Content {
  const { sort, group, pinned } = fields;
  return {
    filter: readFilter(fields["filter"]),
    sort: Array.isArray(sort) ? sort.flatMap((order) => readOrder(order) ?? []) : [],
    group: group === null ? null : (GROUPS.find((known) => known === group) ?? FIRST.group),
    pinned: pinned === null ? null : "act",
    layout: readLayout(fields["columns"]),
  };
}

function readFilter(kept: unknown): Filter {
  const fields = isFields(kept) ? kept : {};
  const { statuses, rider, shop } = fields;
  return {
    statuses: strings(statuses).filter((name) => STATUSES.some((status) => status === name)),
    late: fields["late"] === true,
    unconfirmed: fields["unconfirmed"] === true,
    noted: fields["noted"] === true,
    rider: typeof rider === "string" ? rider : null,
    shop: typeof shop === "string" ? shop : null,
  };
}

function readOrder(kept: unknown): SortOrder | null {
  if (!isFields(kept)) return null;
  const key = ALL_COLUMNS.flatMap(({ sort }): SortKey[] => (sort === null ? [] : [sort])).find(
    (known) => known === kept["key"],
  );
  return key === undefined ? null : { key, descending: kept["descending"] === true };
}

export function readLayout(kept: unknown): Layout {
  const fields = isFields(kept) ? kept : {};
  return { order: strings(fields["order"]), hidden: strings(fields["hidden"]) };
}

function strings(kept: unknown): string[] {
  return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
}

/** JSON with its keys in order: the hub gives them back in an order of its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
