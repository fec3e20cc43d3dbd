// What a dialog is about: deliveries as its person saw them, and what has become of them since. Another seat may assign or
// cancel one while the dialog lies open; then nothing is done by a stray Enter.

import type { HistoryEvent } from "../../platform/generated/HistoryEvent";
import type { Row } from "../../platform/generated/Row";

/** Of so many changed deliveries is asked who did it: a batch must not ask for hundreds of histories. */
const ASKED = 5;

/** What may give another rider under the same status. */
const RIDER: ReadonlySet<string> = new Set(["assign", "undo"]);

export class Subject {
  #seen = $state.raw<readonly Row[]>([]);
  readonly #now: (row: Row) => Row;
  readonly #historyOf: (row: Row) => Promise<readonly HistoryEvent[]>;
  /** What was asked about a delivery at a revision. */
  readonly #asked = new Map<string, Promise<HistoryEvent | null>>();

  constructor(
    rows: readonly Row[],
    now: (row: Row) => Row,
    historyOf: (row: Row) => Promise<readonly HistoryEvent[]>,
  ) {
    this.#seen = rows;
    this.#now = now;
    this.#historyOf = historyOf;
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

  /** What last gave one of the changed its status or rider; null: nobody knows, as where a server keeps no history. */
  lastOf(row: Row): Promise<HistoryEvent | null> {
    const key = `${row.center} ${row.id} ${row.rev}`;
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    if (this.changed.findIndex(({ id }) => id === row.id) >= ASKED) return Promise.resolve(null);
    const answer = this.#historyOf(row).then(
      // A rider's word, a note, a change of the address leave both as they were.
      (events) => events.findLast(({ action, from, to }) => RIDER.has(action) || from !== to) ?? null,
      () => null,
    );
    this.#asked.set(key, answer);
    return answer;
  }

  /** The person has seen what changed. */
  look(): void {
    this.#seen = this.rows;
  }
}
