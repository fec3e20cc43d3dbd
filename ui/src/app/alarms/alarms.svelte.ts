// Alarms that nobody has acknowledged yet, newest first. Only a person acknowledges.

import {
  type AlarmKey,
  type AppEvent,
  asFailure,
  type CancelBy,
  type Failure,
  type Platform,
} from "../../platform/contract";
import type { Row } from "../../platform/generated/Row";

/** What names an alarm among all centers. */
type Known = AlarmKey & { center: string };

export type Alarm = Known & {
  relisted: boolean;
  row: Row | null;
  /** Who cancelled; null until it is known. */
  by: CancelBy | null;
};

/** Kinds that stand over everything else. Late and unconfirmed riders are counted beside the board. */
const ON_BANNER = new Set(["cancelled"]);

/** Only what a person could have read is acknowledged by one key. */
export const LISTED = 8;

export class Alarms {
  open = $state.raw<readonly Alarm[]>([]);
  failure = $state.raw<Failure | null>(null);
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  raise(event: Extract<AppEvent, { type: "alarm" }>): void {
    if (!ON_BANNER.has(event.kind) || this.open.some((alarm) => same(alarm, event))) return;
    const { center, id, kind, raisedAt, relisted, row } = event;
    const alarm: Alarm = { center, id, kind, raisedAt, relisted, row, by: null };
    this.open = [alarm, ...this.open].sort((a, b) => b.raisedAt - a.raisedAt);
    void this.#platform.alarmDisplayed(alarm.center, keyOf(alarm)).catch(() => {});
    void this.#learnWho(alarm);
  }

  settle(known: Known): void {
    this.open = this.open.filter((alarm) => !same(alarm, known));
  }

  /** Acknowledges those that are listed. */
  async acknowledge(): Promise<void> {
    const listed = this.open.slice(0, LISTED);
    this.failure = null;
    await Promise.all(
      listed.map(async (alarm) => {
        try {
          await this.#platform.acknowledgeAlarm(alarm.center, keyOf(alarm));
          this.settle(alarm);
        } catch (thrown) {
          this.failure = asFailure(thrown);
        }
      }),
    );
  }

  clear(): void {
    this.open = [];
    this.failure = null;
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

function same(a: Known, b: Known): boolean {
  return a.center === b.center && a.id === b.id && a.kind === b.kind && a.raisedAt === b.raisedAt;
}
