// What is chosen in a list: a delivery, or the head of a collapsed group; and the deliveries that are marked for one action.
// The choice follows the delivery, not the place; moving goes by places.

import type { Row } from "../../platform/generated/Row";
import type { View } from "./view.svelte";

/** As many as one action takes. */
export const MARKED_MAX = 200;

export class Selection {
  id = $state<number | null>(null);
  /** Its row as last in sight. */
  row = $state.raw<Row | null>(null);
  /** The chosen head of a collapsed group, by its key. */
  group = $state<string | null>(null);
  /** Marked deliveries with their rows as last in sight, in the order of marking. */
  marked = $state.raw<ReadonlyMap<number, Row>>(new Map());
  /** Brings a place into sight. */
  reveal: (place: number) => void = () => {};
  /** How many places a page has. */
  pageLength = 20;

  readonly #view: View;
  #place = 0;
  /** A place to be chosen once its row is there; and which way on when the head of an open group stands there. */
  #wanted: number | null = null;
  #onward: 1 | -1 = 1;
  /** Where a range of marks begins. */
  #anchor: number | null = null;

  constructor(view: View) {
    this.#view = view;
  }

  choose(row: Row, place: number): void {
    this.#wanted = null;
    this.#place = place;
    this.group = null;
    this.id = row.id;
    this.row = row;
  }

  clear(): void {
    this.#wanted = null;
    this.group = null;
    this.id = null;
    this.row = null;
    this.#place = 0;
    this.unmark();
  }

  /** Moves by a number of places from what is chosen. */
  async step(delta: number): Promise<void> {
    const onward = delta > 0 ? 1 : -1;
    if (this.#wanted !== null) {
      this.goTo(this.#wanted + delta, onward);
      return;
    }
    if (this.group !== null) {
      this.goTo((this.#view.page.headPlace(this.group) ?? this.#place) + delta, onward);
      return;
    }
    if (this.id === null) {
      this.goTo(delta > 0 ? 0 : this.#view.total - 1, onward);
      return;
    }
    const inSight = this.#view.page.placeOf(this.id);
    const place = inSight ?? (await this.#view.placeOf(this.id));
    // One that left the list: on from where it was.
    this.goTo(place === null ? this.#place + (delta > 0 ? delta - 1 : delta) : place + delta, onward);
  }

  /** Chooses what stands at a place; where that is the head of an open group, the next row onward. */
  goTo(place: number, onward: 1 | -1 = 1): void {
    const total = this.#view.total;
    if (total === 0) return;
    const wanted = this.#pastOpenHeads(Math.min(Math.max(place, 0), total - 1), onward);
    if (wanted === null) return;
    // The heads above a row belong to it: at the top of the list they come into sight, too.
    if (wanted > place) this.reveal(Math.max(place, 0));
    this.reveal(wanted);
    if (!this.#chooseAt(wanted)) {
      this.#wanted = wanted;
      this.#onward = onward;
    }
  }

  /** Chooses a delivery wherever it is; false: it is not in this list. */
  async goToDelivery(id: number): Promise<boolean> {
    const place = await this.#view.placeOf(id);
    if (place === null) return false;
    this.goTo(place);
    // Out of sight its row comes with what is in sight there.
    if (this.id !== id) await this.#view.current();
    return true;
  }

  /** Closes the group of what is chosen, or opens it. */
  async fold(closed: boolean): Promise<void> {
    const key = this.group ?? (await this.#groupOfRow());
    if (key === null) return;
    const { collapsed } = this.#view.spec;
    if (collapsed.includes(key) === closed) return;
    this.#view.toggle(key);
    await this.#view.current();
    const place = this.#view.page.headPlace(key);
    if (place !== null) this.goTo(closed ? place : place + 1);
  }

  /** Whether something in a group is chosen. */
  get isGrouped(): boolean {
    const { group, pinned } = this.#view.spec;
    return (group !== null || pinned !== null) && (this.group !== null || this.id !== null);
  }

  /** Marks the chosen delivery. */
  mark(): void {
    const { row } = this;
    if (row === null || this.marked.has(row.id) || this.marked.size >= MARKED_MAX) return;
    this.marked = new Map([...this.marked, [row.id, row]]);
    this.#anchor = this.#place;
  }

  /** Marks a delivery, or takes its mark away. */
  toggleMark(row: Row | null = this.row): void {
    if (row === null) return;
    if (!this.marked.has(row.id)) {
      if (this.marked.size < MARKED_MAX) this.marked = new Map([...this.marked, [row.id, row]]);
      return;
    }
    this.marked = new Map([...this.marked].filter(([id]) => id !== row.id));
  }

  /** Marks every row in sight between the last mark, or what is chosen, and a place. */
  markTo(place: number): void {
    const from = this.#anchor ?? this.#place;
    const [first, last] = from < place ? [from, place] : [place, from];
    const marked = new Map(this.marked);
    for (let at = first; at <= last && marked.size < MARKED_MAX; at += 1) {
      const row = this.#view.page.at(at);
      if (row !== undefined) marked.set(row.id, row);
    }
    this.marked = marked;
  }

  /** Takes all marks away but those of what failed. */
  unmark(keep: ReadonlySet<number> = new Set()): void {
    this.marked = new Map([...this.marked].filter(([id]) => keep.has(id)));
    this.#anchor = null;
  }

  /** The page changed. */
  refresh(): void {
    if (this.marked.size > 0) this.#refreshMarked();
    if (this.#wanted !== null) {
      const wanted = this.#wanted;
      if (this.#chooseAt(wanted)) return;
      if (this.#view.page.headAt(wanted) !== undefined) {
        this.#wanted = null;
        this.goTo(wanted, this.#onward);
      }
      return;
    }
    if (this.id === null) return;
    const row = this.#view.page.rows.get(this.id);
    if (row === undefined) return;
    this.row = row;
    this.#place = this.#view.page.placeOf(this.id) ?? this.#place;
  }

  /** The first place onward where no head of an open group is in sight; null: such heads up to the end. */
  #pastOpenHeads(place: number, onward: 1 | -1): number | null {
    let past = place;
    while (this.#view.page.headAt(past)?.collapsed === false) past += onward;
    return past >= 0 && past < this.#view.total ? past : null;
  }

  /** False: what stands there is not known yet, or is the head of an open group. */
  #chooseAt(place: number): boolean {
    const row = this.#view.page.at(place);
    const head = this.#view.page.headAt(place);
    if (row !== undefined) this.choose(row, place);
    else if (head?.collapsed === true) {
      this.#wanted = null;
      this.#place = place;
      this.id = null;
      this.row = null;
      this.group = head.key;
    } else return false;
    return true;
  }

  async #groupOfRow(): Promise<string | null> {
    if (this.id === null) return null;
    return this.#view.page.groupAbove(this.id) ?? (await this.#view.groupOf(this.id));
  }

  #refreshMarked(): void {
    const { rows } = this.#view.page;
    if (![...this.marked].some(([id, row]) => (rows.get(id) ?? row) !== row)) return;
    this.marked = new Map([...this.marked].map(([id, row]) => [id, rows.get(id) ?? row]));
  }
}
