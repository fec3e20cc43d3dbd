// The chosen delivery. The choice follows the delivery, not the place; moving goes by places.

import type { Row } from "../../platform/generated/Row";
import type { View } from "./view.svelte";

export class Selection {
  id = $state<number | null>(null);
  /** Its row as last in sight. */
  row = $state.raw<Row | null>(null);
  /** Brings a place into sight. */
  reveal: (place: number) => void = () => {};
  /** How many places a page has. */
  pageLength = 20;

  readonly #view: View;
  #place = 0;
  /** A place to be chosen once its row is there; and which way on when a group head stands there. */
  #wanted: number | null = null;
  #onward: 1 | -1 = 1;

  constructor(view: View) {
    this.#view = view;
  }

  choose(row: Row, place: number): void {
    this.#wanted = null;
    this.#place = place;
    this.id = row.id;
    this.row = row;
  }

  clear(): void {
    this.#wanted = null;
    this.id = null;
    this.row = null;
    this.#place = 0;
  }

  /** Moves by a number of places from the chosen delivery. */
  async step(delta: number): Promise<void> {
    const onward = delta > 0 ? 1 : -1;
    if (this.#wanted !== null) {
      this.goTo(this.#wanted + delta, onward);
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

  /** Chooses what stands at a place; where that is the head of a group, the next row onward. */
  goTo(place: number, onward: 1 | -1 = 1): void {
    const total = this.#view.total;
    if (total === 0) return;
    const wanted = this.#pastHeads(Math.min(Math.max(place, 0), total - 1), onward);
    if (wanted === null) return;
    this.reveal(wanted);
    const row = this.#view.page.at(wanted);
    if (row) this.choose(row, wanted);
    else {
      this.#wanted = wanted;
      this.#onward = onward;
    }
  }

  /** The first place onward where no head is in sight; null: heads up to the end. */
  #pastHeads(place: number, onward: 1 | -1): number | null {
    let past = place;
    while (this.#view.page.headAt(past) !== undefined) past += onward;
    return past >= 0 && past < this.#view.total ? past : null;
  }

  /** Chooses a delivery wherever it is; false: it is not in this list. */
  async goToDelivery(id: number): Promise<boolean> {
    const place = await this.#view.placeOf(id);
    if (place === null) return false;
    this.goTo(place);
    return true;
  }

  /** The page changed. */
  refresh(): void {
    if (this.#wanted !== null) {
      const wanted = this.#wanted;
      const row = this.#view.page.at(wanted);
      if (row) this.choose(row, wanted);
      else if (this.#view.page.headAt(wanted) !== undefined) {
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
}
