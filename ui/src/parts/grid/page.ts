// What a view's page holds, and how patches change it. It never sorts, filters or counts.

import type { Counters } from "../../platform/generated/Counters";
import type { Patch } from "../../platform/generated/Patch";
import type { Row } from "../../platform/generated/Row";

/** What a patch did to the page. */
export type Applied =
  /** `moved`: places changed; else only the rows of `touched`. */
  | { kind: "applied"; moved: boolean; touched: ReadonlySet<number> }
  /** A patch is missing: ask for a reset, once. */
  | { kind: "lost" }
  /** Of a sequence that a reset replaces. */
  | { kind: "ignored" };

export class Page {
  order: readonly number[] = [];
  rows = new Map<number, Row>();
  total = 0;
  first = 0;
  moved = 0;
  asOf: Record<string, number> = {};
  counters: Counters | null = null;
  /** Nothing has come yet. */
  isEmpty = true;
  #seq = 0;
  #awaitsReset = true;

  apply(patch: Patch): Applied {
    if (patch.reset) {
      this.rows = new Map();
      this.order = [];
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
    const touched = new Set<number>();
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
    if (patch.order !== undefined) {
      this.order = patch.order;
      this.#forgetOutOfSight();
    }
    this.total = patch.total;
    this.first = patch.first;
    this.moved = patch.moved;
    this.asOf = patch.asOf;
    if (patch.counters !== undefined) this.counters = patch.counters;
    return { kind: "applied", moved, touched };
  }

  /** The row at a place of the whole list, when it is in sight. */
  at(place: number): Row | undefined {
    const id = this.order[place - this.first];
    return id === undefined ? undefined : this.rows.get(id);
  }

  /** The place of a row in the whole list, when it is in sight. */
  placeOf(id: number): number | null {
    const index = this.order.indexOf(id);
    return index < 0 ? null : this.first + index;
  }

  #forgetOutOfSight(): void {
    const inSight = new Set(this.order);
    for (const id of this.rows.keys()) if (!inSight.has(id)) this.rows.delete(id);
  }
}
