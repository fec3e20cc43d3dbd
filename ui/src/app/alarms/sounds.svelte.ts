// Which alarms sound at this seat, and which are muted until when. They are played beneath the page; here is what it shows.

import { asFailure, type Failure, type Platform } from "../../platform/contract";
import type { AlarmKind } from "../../platform/generated/AlarmKind";
import type { SoundView } from "../../platform/generated/SoundView";
import { m } from "../../texts/generated/messages";
import { alarmName } from "./words";

/** For so many minutes a kind can be muted. */
export const MUTED_MIN: readonly number[] = [5, 15, 60];

export class Sounds {
  all = $state.raw<readonly SoundView[]>([]);
  failure = $state.raw<Failure | null>(null);
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  read(all: readonly SoundView[]): void {
    this.all = all;
  }

  /** 0 minutes: it sounds again. */
  async mute(kind: AlarmKind, minutes: number): Promise<void> {
    try {
      this.all = await this.#platform.muteAlarms(kind, minutes);
      this.failure = null;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }
}

export function soundName(kind: AlarmKind): string {
  return alarmName({ kind, by: null });
}

/** The window's clock may be behind by so much, milliseconds: five minutes are not shown as six. */
const BEHIND_MS = 1_000;

/** The minutes until an instant, by the wall clock; 0: it has come. */
export function minutesTo(until: number | null, wall: number): number {
  if (until === null || until <= wall) return 0;
  return Math.max(1, Math.ceil((until - wall - BEHIND_MS) / 60_000));
}

/** What the rail says of what is silent, the gravest first; null: everything sounds. */
export function silence(all: readonly SoundView[], wall: number): { text: string; critical: boolean } | null {
  for (const { criticalMutedUntil } of all) {
    const count = minutesTo(criticalMutedUntil, wall);
    if (count > 0) return { text: m.sound_off_critical({ count }), critical: true };
  }
  for (const { kind, mutedUntil } of all) {
    const count = minutesTo(mutedUntil, wall);
    if (count > 0) return { text: m.sound_off({ name: soundName(kind), count }), critical: false };
  }
  return null;
}
