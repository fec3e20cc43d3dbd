// Commands of this seat and what became of them: pending, done, refused, unknown or not to be known any more.
// Never a false success, never a false refusal.

import {
  type ActionRequest,
  asFailure,
  type CommandNews,
  type CommandOutcome,
  type Platform,
} from "../../platform/contract";

export type Report = {
  commandId: string;
  action: string;
  /** What people call the delivery. */
  number: string;
  outcome: CommandOutcome;
  code: string | null;
  message: string | null;
};

/** A success is shown this long; a refusal and an unknown outcome stay until a person has read them. */
const DONE_SHOWN_MS = 4_000;
/** More than a screen can show; the oldest success goes first. */
const KEPT = 6;

export class CommandTracker {
  reports = $state.raw<readonly Report[]>([]);
  readonly #platform: Platform;
  readonly #numbers = new Map<string, string>();
  #failures = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async run(request: ActionRequest, number: string): Promise<void> {
    this.#numbers.set(`${request.center}/${request.id}`, number);
    try {
      const { commandId } = await this.#platform.runCommand(request);
      if (!this.reports.some((report) => report.commandId === commandId)) {
        this.#put({
          commandId,
          action: request.action,
          number,
          outcome: "pending",
          code: null,
          message: null,
        });
      }
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      this.#failures += 1;
      const commandId = `not-sent-${this.#failures}`;
      this.#put({ commandId, action: request.action, number, outcome: "refused", code, message });
    }
  }

  hear(news: CommandNews): void {
    // One of an earlier run is known by what the board calls it.
    const known = this.#numbers.get(`${news.center}/${news.id}`) ?? news.number;
    const number = known ?? (news.id === null ? "" : `#${news.id}`);
    const { commandId, action, outcome, code, message } = news;
    this.#put({ commandId, action, number, outcome, code, message });
    if (outcome === "done") setTimeout(() => this.dismiss(commandId), DONE_SHOWN_MS);
  }

  dismiss(commandId: string): void {
    this.reports = this.reports.filter((report) => report.commandId !== commandId);
  }

  clear(): void {
    this.reports = [];
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
