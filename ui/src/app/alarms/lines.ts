// Alarms as lines of the rail and of the queue: by priority, those of one cause together.

import type { AlarmKind } from "../../platform/generated/AlarmKind";
import type { AlarmPriority as Priority } from "../../platform/generated/AlarmPriority";
import { type Alarm, named } from "./alarms.svelte";

export const PRIORITIES: readonly Priority[] = ["critical", "high", "normal"];

/** One alarm, or several of one cause in one center. */
export type Line = {
  /** The same while its alarms come and go. */
  key: string;
  priority: Priority;
  kind: AlarmKind;
  center: string;
  /** Oldest first; never empty. */
  alarms: readonly Alarm[];
};

/** Kinds that stand in one line a center, however few they are. */
const TOGETHER: ReadonlySet<AlarmKind> = new Set(["late", "unconfirmed", "unaccepted"]);
/** As many of one cause within this time are a storm, and one line. */
const STORM = 10;
const STORM_MS = 10 * 60_000;

/**
 * Most urgent first: by priority, then those of the center that is looked at, then by age. What is new comes after what
 * is old, so that it never takes the place of what someone is about to acknowledge.
 */
export function linesOf(alarms: readonly Alarm[], board: string | null, now: number): readonly Line[] {
  const groups = new Map<string, Alarm[]>();
  for (const alarm of [...alarms].sort((a, b) => a.raisedAt - b.raisedAt || a.id - b.id)) {
    const cause = causeOf(alarm);
    groups.set(cause, [...(groups.get(cause) ?? []), alarm]);
  }
  const lines: Line[] = [];
  for (const [cause, [first, ...others]] of groups) {
    if (first === undefined) continue;
    const together = [first, ...others];
    if (TOGETHER.has(first.kind) || isStorm(together, now)) lines.push(lineOf(cause, first, together));
    else for (const alarm of together) lines.push(lineOf(named(alarm), alarm, [alarm]));
  }
  return lines.sort(
    (a, b) =>
      PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) ||
      Number(b.center === board) - Number(a.center === board) ||
      (a.alarms[0]?.raisedAt ?? 0) - (b.alarms[0]?.raisedAt ?? 0),
  );
}

function lineOf(key: string, first: Alarm, alarms: readonly Alarm[]): Line {
  const priorities = alarms.map(({ priority }) => priority);
  const priority = PRIORITIES.find((grave) => priorities.includes(grave)) ?? "normal";
  return { key, priority, kind: first.kind, center: first.center, alarms };
}

/** What alarms have in common that are told as one: their kind and center; of cancellations also the shop. */
function causeOf({ kind, center, row }: Alarm): string {
  return kind === "cancelled" ? `${kind} ${center} ${row?.shop ?? ""}` : `${kind} ${center}`;
}

function isStorm(alarms: readonly Alarm[], now: number): boolean {
  return alarms.filter(({ raisedAt }) => now - raisedAt <= STORM_MS).length >= STORM;
}
