// Alarms that concern this seat. Only a person acknowledges, and only what has been in full view.

import {
  type AlarmKey,
  type AppEvent,
  asFailure,
  type CancelBy,
  type Failure,
  type Platform,
} from "../../platform/contract";
import type { AlarmPriority as Priority } from "../../platform/generated/AlarmPriority";
import type { AlarmView } from "../../platform/generated/AlarmView";
import type { Row } from "../../platform/generated/Row";
import { type Line, linesOf } from "./lines";

/** What names an alarm among all centers. */
type Known = AlarmKey & { center: string };

export type Alarm = Known & {
  priority: Priority;
  /** Raised before, and listed again. */
  relisted: boolean;
  /** This seat caused it: it is silent, and no line of the rail. */
  yours: boolean;
  row: Row | null;
  /** Who cancelled; null until it is known. */
  by: CancelBy | null;
  /** What the hub knows of it: who has it, who took note, and whether it is a supervisor's. Null: nothing yet. */
  known: AlarmView | null;
};

/** What has been in view for less can't have been read: no key acknowledges it. */
export const READ_MS = 700;

/** What alarms are looked at from. */
export type Around = {
  /** The center that is looked at; null: all. */
  board: () => string | null;
  /** The instant of operations. */
  day: () => number;
  /** The desk's own clock. */
  wall: () => number;
};

export class Alarms {
  open = $state.raw<readonly Alarm[]>([]);
  /** Those that someone has acknowledged, or that this seat caused: they stay in the queue until their reason is gone. */
  noted = $state.raw<readonly Alarm[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** When the last open alarm was settled; null: none was since someone signed in. */
  lastAt = $state<number | null>(null);
  /** Whether the queue lies open over the board. */
  queueOpen = $state(false);
  /** The queue's chosen line, by its key. */
  chosen = $state<string | null>(null);
  /** The groups that show each of their alarms. */
  unfolded = $state.raw<ReadonlySet<string>>(new Set());
  /** Lines, most urgent first. */
  readonly lines: readonly Line[] = $derived.by(() =>
    linesOf(this.open, this.#around.board(), this.#around.day()),
  );
  readonly #platform: Platform;
  readonly #around: Around;
  /** Since when each line has stood where a person can read it, by its key: one line may stand in both places. */
  readonly #inView = { rail: new Map<string, number>(), queue: new Map<string, number>() };

  constructor(platform: Platform, around: Around) {
    this.#platform = platform;
    this.#around = around;
  }

  /** What stands in the rail's red block. */
  get block(): Line | null {
    return this.lines[0] ?? null;
  }

  raise(event: Extract<AppEvent, { type: "alarm" }>): void {
    if (this.open.some((alarm) => same(alarm, event))) return;
    const { center, id, kind, raisedAt, relisted, row, priority, yours } = event;
    const alarm: Alarm = {
      center,
      id,
      kind,
      raisedAt,
      relisted,
      row,
      priority,
      yours,
      by: null,
      known: null,
    };
    if (yours) this.noted = [...this.noted.filter((one) => !same(one, alarm)), alarm];
    else this.open = [...this.open, alarm];
    void this.#platform.alarmDisplayed(alarm.center, keyOf(alarm)).catch(() => {});
    if (kind === "cancelled") void this.#learnWho(alarm);
  }

  settle(known: Known): void {
    const left = this.open.filter((alarm) => !same(alarm, known));
    if (left.length === this.open.length) return;
    this.open = left;
    this.lastAt = this.#around.day();
  }

  /** All alarms as the core has them, with what the hub knows of each. */
  list(all: readonly AlarmView[]): void {
    const before = [...this.open, ...this.noted];
    const merged = all.map((known): Alarm => {
      const held = before.find((alarm) => same(alarm, known));
      const { center, id, kind, raisedAt, priority, yours } = known;
      const rest = held ?? { relisted: false, row: null, by: null };
      return { ...rest, center, id, kind, raisedAt, priority, yours, known };
    });
    const isOpen = ({ yours, known }: Alarm): boolean => !yours && known?.acknowledged !== true;
    const open = merged.filter(isOpen);
    if (this.open.some((alarm) => !open.some((one) => same(one, alarm)))) this.lastAt = this.#around.day();
    this.open = open;
    this.noted = merged.filter((alarm) => !isOpen(alarm));
  }

  /** A line can be read in that place from now on; no longer, once `shown` is false. */
  see(place: "rail" | "queue", key: string, shown: boolean): void {
    const inView = this.#inView[place];
    if (!shown) inView.delete(key);
    else if (!inView.has(key)) inView.set(key, this.#around.wall());
  }

  /**
   * Acknowledges the rail's block, or in the open queue the chosen line. A line of several is opened first: who
   * acknowledges it has seen each of its alarms. Gives what was acknowledged.
   */
  async acknowledge(): Promise<readonly Alarm[]> {
    const line = this.queueOpen ? this.lines.find(({ key }) => key === this.chosen) : this.block;
    if (line === undefined || line === null || !this.#wasRead(line.key)) return [];
    if (line.alarms.length > 1 && !(this.queueOpen && this.unfolded.has(line.key))) {
      this.openQueue(line.key);
      this.unfolded = new Set([...this.unfolded, line.key]);
      return [];
    }
    const read =
      line.alarms.length === 1 ? line.alarms : line.alarms.filter((alarm) => this.#wasRead(named(alarm)));
    return await this.#acknowledge(read);
  }

  openQueue(chosen: string | null = null): void {
    this.queueOpen = true;
    this.chosen = chosen ?? this.chosen ?? this.lines[0]?.key ?? null;
  }

  closeQueue(): void {
    this.queueOpen = false;
    this.chosen = null;
    this.unfolded = new Set();
  }

  /** Chooses the line so many further on in the queue. */
  step(delta: number): void {
    const at = this.lines.findIndex(({ key }) => key === this.chosen);
    const next = at < 0 ? 0 : Math.min(Math.max(at + delta, 0), this.lines.length - 1);
    this.chosen = this.lines[next]?.key ?? null;
  }

  fold(key: string, unfolded: boolean): void {
    const others = [...this.unfolded].filter((held) => held !== key);
    this.unfolded = new Set(unfolded ? [...others, key] : others);
  }

  clear(): void {
    this.open = [];
    this.noted = [];
    this.failure = null;
    this.lastAt = null;
    this.closeQueue();
    for (const inView of Object.values(this.#inView)) inView.clear();
  }

  #wasRead(key: string): boolean {
    return Object.values(this.#inView).some((inView) => {
      const since = inView.get(key);
      return since !== undefined && this.#around.wall() - since >= READ_MS;
    });
  }

  async #acknowledge(alarms: readonly Alarm[]): Promise<readonly Alarm[]> {
    this.failure = null;
    const done: Alarm[] = [];
    await Promise.all(
      alarms.map(async (alarm) => {
        try {
          await this.#platform.acknowledgeAlarm(alarm.center, keyOf(alarm));
          done.push(alarm);
          this.#settleOwn(alarm);
        } catch (thrown) {
          this.failure = asFailure(thrown);
        }
      }),
    );
    return done;
  }

  /**
   * Where this seat took note of the chosen line, the next one is chosen. Where another seat did, none is: the key that
   * someone is about to press must not fall on a line that came into its place.
   */
  #settleOwn(alarm: Alarm): void {
    const at = this.lines.findIndex(({ key }) => key === this.chosen);
    this.settle(alarm);
    if (at < 0 || this.lines.some(({ key }) => key === this.chosen)) return;
    this.chosen = (this.lines[at] ?? this.lines.at(-1))?.key ?? null;
  }

  async #learnWho(alarm: Alarm): Promise<void> {
    const delivery = await this.#platform.delivery(alarm.center, alarm.id).catch(() => null);
    const by = delivery?.cancel?.by ?? null;
    if (by !== null) this.open = this.open.map((open) => (same(open, alarm) ? { ...open, by } : open));
  }
}

function keyOf({ id, kind, raisedAt }: Alarm): AlarmKey {
  return { id, kind, raisedAt };
}

/** The key of an alarm among all lines. */
export function named({ center, id, kind, raisedAt }: Known): string {
  return `${center} ${kind} ${id} ${raisedAt}`;
}

function same(a: Known, b: Known): boolean {
  return a.center === b.center && a.id === b.id && a.kind === b.kind && a.raisedAt === b.raisedAt;
}
