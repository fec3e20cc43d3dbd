// What a dialog is about: deliveries as its person saw them, and what has become of them since. Another seat may assign or
// cancel one while the dialog lies open; then nothing is done by a stray Enter.

import type { Row } from "../../platform/generated/Row";

export class Subject {
  #seen = $state.raw<readonly Row[]>([]);
  readonly #now: (row: Row) => Row;

  constructor(rows: readonly Row[], now: (row: Row) => Row) {
    this.#seen = rows;
    this.#now = now;
  }

  /** As they are now. */
  get rows(): readonly Row[] {
    return this.#seen.map((row) => this.#now(row));
  }

  get first(): Row | null {
    return this.rows[0] ?? null;
  }

  /** Those whose status or rider is another than the one that was seen. */
  readonly changed: readonly Row[] = $derived.by(() =>
    this.#seen.flatMap((seen) => {
      const now = this.#now(seen);
      return now.status === seen.status && now.rider?.id === seen.rider?.id ? [] : [now];
    }),
  );

  /** All of them have been delivered or cancelled. */
  get ended(): boolean {
    return this.rows.every(({ status }) => status === "cancelled" || status === "delivered");
  }

  /** Enter may act: nothing has changed since it was seen. */
  get armed(): boolean {
    return this.changed.length === 0;
  }

  /** The person has seen what changed. */
  look(): void {
    this.#seen = this.rows;
  }
}
