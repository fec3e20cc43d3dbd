// Commands of this seat and what became of them: pending, done, refused, not sent, unknown, not to be known any more, or lost
// by the hub after they were done.
// Never a false success, never a false refusal. What is done can be taken back for a while.

import {
  type ActionRequest,
  asFailure,
  type BatchActionRequest,
  type CommandNews,
  type CommandOutcome,
  type Platform,
  type Wish,
} from "../../platform/contract";
import type { DraftView } from "../../platform/generated/DraftView";
import type { MovedOn } from "../../platform/generated/MovedOn";
import type { Row } from "../../platform/generated/Row";
import type { RowOutcome } from "../../platform/generated/RowOutcome";

export type Report = {
  commandId: string;
  center: string;
  /** Null: a new order that has no id yet, or several deliveries. */
  id: number | null;
  action: string;
  /** What people call the delivery, or the first of several. */
  number: string;
  /** Of how many deliveries. */
  count: number;
  /** `draftGone`: no command; a draft went, since there were too many. */
  outcome: CommandOutcome | "draftGone";
  code: string | null;
  message: string | null;
  /** With a conflict: what became of the delivery meanwhile, and by whom. */
  movedOn: MovedOn | null;
  /** Of several, those that were refused. */
  refused: readonly RowOutcome[];
  /** What to run to do it all the same; null: nothing can be done again. */
  again: Request | null;
  /** What it made of each delivery, by which it can be taken back; empty: it can't be. */
  made: readonly Made[];
  /** The desk's instant at which it was known to be done. */
  doneAt: number | null;
};

type Made = { id: number; rev: number };
type Request = { kind: "one"; of: ActionRequest } | { kind: "batch"; of: BatchActionRequest };
type Asked = { request: Request; number: string; count: number };
type Known = Pick<Row, "id" | "center" | "rev" | "number">;

/** A success is shown this long, and can be taken back as long; all else stays until a person has read it. */
export const DONE_SHOWN_MS = 8_000;
/** More than a person reads; the oldest success goes first. */
const KEPT = 12;
/** What the hub takes back. */
const UNDOABLE = new Set(["accept", "assign", "unassign", "confirm", "pickup", "deliver"]);

const NOTHING = {
  code: null,
  message: null,
  movedOn: null,
  refused: [],
  again: null,
  made: [],
  doneAt: null,
};

export class CommandTracker {
  reports = $state.raw<readonly Report[]>([]);
  /** Deliveries of a batch that were refused: they stay marked. */
  onRefused: (ids: ReadonlySet<number>) => void = () => {};
  readonly #platform: Platform;
  readonly #asked = new Map<string, Asked>();
  /** What was asked last of each delivery: news may come before the id of what they are about. */
  readonly #latest = new Map<string, Asked>();
  /** Commands that are taken back as soon as they are done. */
  readonly #wanted = new Set<string>();
  #failures = 0;
  #dropped = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Does one thing to one delivery, as it was seen. */
  async run(wish: Wish, { center, id, rev, number }: Known): Promise<void> {
    await this.#send({ kind: "one", of: { center, id, seenRev: rev, ...wish } }, number);
  }

  /** Does one thing to several deliveries, as they were seen: one command a center, decided row by row. */
  async runAll(wish: Wish, rows: readonly Known[]): Promise<void> {
    const [only, second] = rows;
    if (only !== undefined && second === undefined) return await this.run(wish, only);
    for (const center of new Set(rows.map((row) => row.center))) {
      const here = rows.filter((row) => row.center === center);
      const asked = here.map(({ id, rev }) => ({ id, seenRev: rev }));
      await this.#send({ kind: "batch", of: { center, rows: asked, ...wish } }, here[0]?.number ?? "");
    }
  }

  /** Does what a report is about once more. */
  async again(report: Report): Promise<void> {
    if (report.again === null) return;
    this.dismiss(report.commandId);
    await this.#send(report.again, report.number);
  }

  /**
   * The newest command that can be taken back, or will be able to once it is answered. `withinMs`: for how long the hub takes
   * a change of a center back; 0: never.
   */
  undoable(wall: number, withinMs: (center: string) => number): Report | null {
    const can = ({ outcome, action, center, doneAt, made, commandId }: Report): boolean => {
      const within = Math.min(DONE_SHOWN_MS, withinMs(center));
      if (!UNDOABLE.has(action) || this.#wanted.has(commandId) || within <= 0) return false;
      if (outcome === "pending") return true;
      return outcome === "done" && made.length > 0 && wall - (doneAt ?? 0) < within;
    };
    return this.reports.findLast(can) ?? null;
  }

  /** Takes a command back; one that is not answered yet, as soon as it is done. */
  undo(report: Report): void {
    if (report.outcome === "pending") this.#wanted.add(report.commandId);
    else {
      const { center, made, number } = report;
      this.dismiss(report.commandId);
      void this.runAll(
        { action: "undo" },
        made.map(({ id, rev }) => ({ id, rev, center, number })),
      );
    }
  }

  hear(news: CommandNews): void {
    const { commandId, center, id, action, outcome, code, message } = news;
    const latest = this.#latest.get(`${center}/${id ?? news.batch?.[0]}`);
    const asked = this.#asked.get(commandId) ?? (actionOf(latest) === action ? latest : undefined);
    // One of an earlier run is known by what the board calls it.
    const number = asked?.number ?? latest?.number ?? news.number ?? (id === null ? "" : `#${id}`);
    const movedOn = news.movedOn ?? null;
    const refused = (news.results ?? []).filter((result) => result.code !== null);
    const report: Report = {
      ...NOTHING,
      commandId,
      center,
      id,
      action,
      number,
      count: news.batch?.length ?? 1,
      outcome,
      code,
      message,
      movedOn,
      refused,
      again: againOf(news, asked),
      made: outcome === "done" ? madeBy(news) : [],
      doneAt: outcome === "done" ? Date.now() : null,
    };
    this.#put(report);
    if (outcome === "pending" || outcome === "unknown") return;
    this.#asked.delete(commandId);
    if (news.results !== undefined) this.onRefused(new Set(refused.map((result) => result.id)));
    if (this.#wanted.delete(commandId) && outcome === "done") this.undo(report);
    else if (outcome === "done" && refused.length === 0)
      setTimeout(() => this.#dismissDone(commandId), DONE_SHOWN_MS);
  }

  /** The oldest draft went, since there were too many. */
  dropped({ subject, number }: DraftView): void {
    this.#dropped += 1;
    const [id, action] = subject.type === "delivery" ? [subject.id, subject.kind] : [null, subject.type];
    const called = number ?? (id === null ? "" : `#${id}`);
    const about = { center: subject.center, id, action, number: called, count: 1 };
    this.#put({ ...NOTHING, commandId: `draft-${this.#dropped}`, ...about, outcome: "draftGone" });
  }

  dismiss(commandId: string): void {
    this.reports = this.reports.filter((report) => report.commandId !== commandId);
  }

  /** A success goes by itself; what has become of it since stays until a person has read it. */
  #dismissDone(commandId: string): void {
    this.reports = this.reports.filter(
      (report) => report.commandId !== commandId || report.outcome !== "done",
    );
  }

  clear(): void {
    this.reports = [];
    this.#asked.clear();
    this.#latest.clear();
    this.#wanted.clear();
  }

  async #send(request: Request, number: string): Promise<void> {
    const { center, action } = request.of;
    const ids = request.kind === "one" ? [request.of.id] : request.of.rows.map(({ id }) => id);
    const asked = { request, number, count: ids.length };
    for (const id of ids) this.#latest.set(`${center}/${id}`, asked);
    const id = request.kind === "one" ? request.of.id : null;
    const about = { center, id, action, number, count: ids.length };
    try {
      const started =
        request.kind === "one"
          ? [await this.#platform.runCommand(request.of)]
          : await this.#platform.runBatch(request.of);
      for (const { commandId } of started) {
        if (!this.reports.some((report) => report.commandId === commandId)) {
          this.#asked.set(commandId, asked);
          this.#put({ ...NOTHING, commandId, ...about, outcome: "pending" });
        }
      }
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      this.#failures += 1;
      const commandId = `not-sent-${this.#failures}`;
      this.#put({ ...NOTHING, commandId, ...about, outcome: "notSent", code, message, again: request });
    }
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

function actionOf(asked: Asked | undefined): string | undefined {
  return asked?.request.of.action;
}

/** What can be run again: what was not sent, as it was asked; what conflicted, all the same. */
function againOf({ outcome, code, movedOn }: CommandNews, asked: Asked | undefined): Request | null {
  if (outcome === "notSent") return asked?.request ?? null;
  return outcome === "refused" && code === "conflict" ? allTheSame(asked, movedOn ?? null) : null;
}

/** To do it all the same is to do it to what is there now. */
function allTheSame(asked: Asked | undefined, movedOn: MovedOn | null): Request | null {
  if (asked === undefined || asked.request.kind === "batch") return asked?.request ?? null;
  const seen = movedOn === null ? {} : { seenRev: movedOn.rev };
  return { kind: "one", of: { ...asked.request.of, ...seen } };
}

function madeBy({ id, rev, results }: CommandNews): Made[] {
  if (results !== undefined)
    return results.flatMap((result) => (result.rev === null ? [] : [{ id: result.id, rev: result.rev }]));
  return id === null || rev === undefined ? [] : [{ id, rev }];
}
