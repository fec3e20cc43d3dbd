// What a view's page holds, and how patches change it. It never sorts, filters or counts.

import type { Counters } from "../../platform/generated/Counters";
import type { Findings } from "../../platform/generated/Findings";
import type { GroupHead } from "../../platform/generated/GroupHead";
import type { HeldCounts } from "../../platform/generated/HeldCounts";
import type { Patch } from "../../platform/generated/Patch";
import type { Place } from "../../platform/generated/Place";
import type { Row } from "../../platform/generated/Row";

/** What a patch did to the page. */
export type Applied =
  /** `moved`: places changed; else only rows and heads of `touched`, by id and by key. */
  | { kind: "applied"; moved: boolean; touched: ReadonlySet<number | string> }
  /** A patch is missing: ask for a reset, once. */
  | { kind: "lost" }
  /** Of a sequence that a reset replaces. */
  | { kind: "ignored" };

export class Page {
  order: readonly Place[] = [];
  rows = new Map<number, Row>();
  heads = new Map<string, GroupHead>();
  /** Rows in sight that only a hold keeps there. */
  left: ReadonlySet<number> = new Set();
  /** Places of rows and heads. */
  total = 0;
  /** Rows that match. */
  matching = 0;
  first = 0;
  /** What waits while places are held; null: they are not. */
  held: HeldCounts | null = null;
  asOf: Record<string, number> = {};
  counters: Counters | null = null;
  /** What the search found; null: nothing is searched for. */
  found: Findings | null = null;
  /** Nothing has come yet. */
  isEmpty = true;
  #seq = 0;
  #awaitsReset = true;

  apply(patch: Patch): Applied {
    if (patch.reset) {
      this.rows = new Map();
      this.heads = new Map();
      this.left = new Set();
      this.order = [];
      this.found = null;
    } else if (this.#awaitsReset) {
      return { kind: "ignored" };
    } else if (patch.seq !== this.#seq + 1) {
      this.#awaitsReset = true;
      return { kind: "lost" };
    }
    this.#seq = patch.seq;
    this.#awaitsReset = false;
    this.isEmpty = false;

    const moved =
      patch.reset || patch.order !== undefined || patch.first !== this.first || patch.total !== this.total;
    const touched = new Set<number | string>();
    for (const row of patch.rows ?? []) {
      this.rows.set(row.id, row);
      touched.add(row.id);
    }
    for (const [id, column, value] of patch.cells ?? []) {
      const row = this.rows.get(id);
      if (row === undefined) continue;
      this.rows.set(id, { ...row, [column]: value });
      touched.add(id);
    }
    for (const head of patch.groups ?? []) {
      this.heads.set(head.key, head);
      touched.add(head.key);
    }
    if (patch.left !== undefined) {
      for (const id of [...this.left, ...patch.left]) touched.add(id);
      this.left = new Set(patch.left);
    }
    if (patch.order !== undefined) {
      this.order = patch.order;
      this.#forgetOutOfSight();
    }
    this.total = patch.total;
    this.matching = patch.matching;
    this.first = patch.first;
    this.held = patch.held ?? null;
    this.asOf = patch.asOf;
    if (patch.counters !== undefined) this.counters = patch.counters;
    if (patch.found !== undefined) this.found = patch.found;
    return { kind: "applied", moved, touched };
  }

  /** The row at a place of the whole list, when it is in sight. */
  at(place: number): Row | undefined {
    const there = this.order[place - this.first];
    return typeof there === "number" ? this.rows.get(there) : undefined;
  }

  /** The group head at a place of the whole list, when one is in sight there. */
  headAt(place: number): GroupHead | undefined {
    const there = this.order[place - this.first];
    return typeof there === "object" ? this.heads.get(there.group) : undefined;
  }

  /** The place of a row in the whole list, when it is in sight. */
  placeOf(id: number): number | null {
    const index = this.order.indexOf(id);
    return index < 0 ? null : this.first + index;
  }

  /** The place of a group's head in the whole list, when it is in sight. */
  headPlace(key: string): number | null {
    const index = this.order.findIndex((place) => typeof place === "object" && place.group === key);
    return index < 0 ? null : this.first + index;
  }

  /** The group below whose head a row stands, when both are in sight. */
  groupAbove(id: number): string | null {
    const heads = this.order.slice(0, Math.max(0, this.order.indexOf(id)));
    const head = heads.findLast((place) => typeof place === "object");
    return typeof head === "object" ? head.group : null;
  }

  #forgetOutOfSight(): void {
    const inSight = new Set(this.order.map((place) => (typeof place === "number" ? place : place.group)));
    for (const id of this.rows.keys()) if (!inSight.has(id)) this.rows.delete(id);
    for (const key of this.heads.keys()) if (!inSight.has(key)) this.heads.delete(key);
  }
}
