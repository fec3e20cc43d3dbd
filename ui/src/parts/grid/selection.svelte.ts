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
  /** A place to be chosen once its row is there. */
  #wanted: number | null = null;

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
    if (this.#wanted !== null) {
      this.goTo(this.#wanted + delta);
      return;
    }
    if (this.id === null) {
      this.goTo(delta > 0 ? 0 : this.#view.total - 1);
      return;
    }
    const inSight = this.#view.page.placeOf(this.id);
    const place = inSight ?? (await this.#view.placeOf(this.id));
    // One that left the list: on from where it was.
    this.goTo(place === null ? this.#place + (delta > 0 ? delta - 1 : delta) : place + delta);
  }

  goTo(place: number): void {
    const total = this.#view.total;
    if (total === 0) return;
    const wanted = Math.min(Math.max(place, 0), total - 1);
    this.reveal(wanted);
    const row = this.#view.page.at(wanted);
    if (row) this.choose(row, wanted);
    else this.#wanted = wanted;
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
      const row = this.#view.page.at(this.#wanted);
      if (row) this.choose(row, this.#wanted);
      return;
    }
    if (this.id === null) return;
    const row = this.#view.page.rows.get(this.id);
    if (row === undefined) return;
    this.row = row;
    this.#place = this.#view.page.placeOf(this.id) ?? this.#place;
  }
}
