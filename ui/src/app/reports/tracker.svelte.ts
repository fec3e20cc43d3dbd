// Commands of this seat and what became of them: pending, done, refused, not sent, unknown or not to be known any more.
// Never a false success, never a false refusal.

import {
  type ActionRequest,
  asFailure,
  type CommandNews,
  type CommandOutcome,
  type Platform,
} from "../../platform/contract";
import type { MovedOn } from "../../platform/generated/MovedOn";
import type { Row } from "../../platform/generated/Row";

export type Report = {
  commandId: string;
  center: string;
  /** Null: a new order that has no id yet. */
  id: number | null;
  action: string;
  /** What people call the delivery. */
  number: string;
  /** `notSent`: it never left this seat. */
  outcome: CommandOutcome | "notSent";
  code: string | null;
  message: string | null;
  /** With a conflict: what became of the delivery meanwhile, and by whom. */
  movedOn: MovedOn | null;
  /** What to run to do it all the same; null: nothing can be done again. */
  again: ActionRequest | null;
  /** The desk's instant at which it was known to be done. */
  doneAt: number | null;
};

/** A success is shown this long, and can be taken back as long; all else stays until a person has read it. */
export const DONE_SHOWN_MS = 8_000;
/** More than a person reads; the oldest success goes first. */
const KEPT = 12;

type Asked = { request: ActionRequest; number: string };

export class CommandTracker {
  reports = $state.raw<readonly Report[]>([]);
  readonly #platform: Platform;
  readonly #asked = new Map<string, Asked>();
  /** What was asked last of each delivery: news may come before the id of what they are about. */
  readonly #latest = new Map<string, Asked>();
  #failures = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async run(request: ActionRequest, row: Pick<Row, "number">): Promise<void> {
    const { number } = row;
    this.#latest.set(`${request.center}/${request.id}`, { request, number });
    const about = { center: request.center, id: request.id, action: request.action, number };
    try {
      const { commandId } = await this.#platform.runCommand(request);
      this.#asked.set(commandId, { request, number });
      if (!this.reports.some((report) => report.commandId === commandId)) {
        const nothing = { code: null, message: null, movedOn: null, again: null, doneAt: null };
        this.#put({ commandId, ...about, outcome: "pending", ...nothing });
      }
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      this.#failures += 1;
      const commandId = `not-sent-${this.#failures}`;
      const rest = { code, message, movedOn: null, again: request, doneAt: null };
      this.#put({ commandId, ...about, outcome: "notSent", ...rest });
    }
  }

  hear(news: CommandNews): void {
    const { commandId, center, id, action, outcome, code, message } = news;
    const movedOn = news.movedOn ?? null;
    // One of an earlier run is known by what the board calls it.
    const latest = this.#latest.get(`${center}/${id}`);
    const asked = this.#asked.get(commandId) ?? (latest?.request.action === action ? latest : undefined);
    const known = asked?.number ?? latest?.number ?? news.number;
    const number = known ?? (id === null ? "" : `#${id}`);
    const request = asked?.request ?? null;
    // To do it all the same is to do it to what is there now.
    const seen = movedOn === null ? {} : { seenRev: movedOn.rev };
    const again = outcome === "refused" && code === "conflict" && request ? { ...request, ...seen } : null;
    const doneAt = outcome === "done" ? Date.now() : null;
    this.#put({ commandId, center, id, action, number, outcome, code, message, movedOn, again, doneAt });
    if (outcome === "done") setTimeout(() => this.dismiss(commandId), DONE_SHOWN_MS);
    if (outcome !== "pending" && outcome !== "unknown") this.#asked.delete(commandId);
  }

  dismiss(commandId: string): void {
    this.reports = this.reports.filter((report) => report.commandId !== commandId);
  }

  clear(): void {
    this.reports = [];
    this.#asked.clear();
    this.#latest.clear();
  }

  #put(next: Report): void {
    const held = this.reports.some((report) => report.commandId === next.commandId);
    const all = held
      ? this.reports.map((report) => (report.commandId === next.commandId ? next : report))
      : [...this.reports, next];
    const over = all.length - KEPT;
    const gone = new Set(over > 0 ? all.filter((report) => report.outcome === "done").slice(0, over) : []);
    this.reports = all.filter((report) => !gone.has(report));
  }
}
