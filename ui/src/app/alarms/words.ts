// What an alarm is called and what it says, in the language in use.

import type { AlarmKind } from "../../platform/generated/AlarmKind";
import type { AlarmPriority as Priority } from "../../platform/generated/AlarmPriority";
import type { Row } from "../../platform/generated/Row";
import { m } from "../../texts/generated/messages";
import { statusName } from "../../texts/names";
import type { Alarm } from "./alarms.svelte";
import type { Line } from "./lines";

/** Icon beside the words: what an alarm is about is never told by colour alone. */
export const ALARM_ICON: Record<AlarmKind, string> = {
  cancelled: "✕",
  late: "▲",
  unconfirmed: "?",
  unaccepted: "◌",
  unproven: "⚯",
};

const NAME: Record<AlarmKind, () => string> = {
  cancelled: m.alarm_cancelled,
  late: m.late,
  unconfirmed: m.unconfirmed,
  unaccepted: m.alarm_unaccepted,
  unproven: m.alarm_unproven,
};

const PRIORITY: Record<Priority, () => string> = {
  critical: m.priority_critical,
  high: m.priority_high,
  normal: m.priority_normal,
};

export function priorityName(priority: Priority): string {
  return PRIORITY[priority]();
}

export function alarmName({ kind, by }: Pick<Alarm, "kind" | "by">): string {
  if (kind === "cancelled" && by === "customer") return m.alarm_cancelled_customer();
  if (kind === "cancelled" && by === "shop") return m.alarm_cancelled_shop();
  return NAME[kind]();
}

/** What people call the delivery. A center that is not proven has none. */
export function numberOf({ kind, row, id, known }: Alarm): string {
  return kind === "unproven" ? "" : row?.number || known?.number || `#${id}`;
}

export function shopOf({ row, known }: Alarm): string {
  return row?.shop ?? known?.shop ?? "";
}

/** Who has got it, seen it, taken note of it. */
export const STAGE_ICON = { delivered: "•", displayed: "◉", acknowledged: "✓" } as const;

/** What happens next with it, or has. */
export function nextStep({ known, yours }: Alarm, wall: number): string {
  if (yours) return m.alarm_yours();
  if (known === null) return "";
  if (known.acknowledgedBy !== null) return m.alarm_acknowledged_by({ who: known.acknowledgedBy });
  if (known.acknowledged) return m.alarm_acknowledged();
  if (known.escalatedAt !== null) return m.alarm_escalated();
  if (known.at === null) return "";
  const left = Math.ceil((known.at + ESCALATES_MS - wall) / 1000);
  return left > 0 ? m.alarm_escalates({ count: left }) : "";
}

/** Without an acknowledgement an alarm becomes the supervisors' too. */
const ESCALATES_MS = 60_000;

/**
 * How far it had come, and who rides: of a cancelled one that is what the rider knows. That the server has lost it goes
 * before all else: the delivery may be under way again.
 */
export function stateOf({ kind, row, known }: Alarm): string {
  if (known?.lost === true) return m.alarm_lost();
  if (row === null) return known?.rider ?? "";
  const rider = row.rider?.name ?? m.alarm_no_rider();
  return `${kind === "cancelled" ? reached(row) : statusName(row.status)} · ${rider}`;
}

/** What a line of several says: how many, and of which cause. */
export function lineName(line: Line): string {
  const [first] = line.alarms;
  if (first === undefined) return "";
  if (line.alarms.length === 1) return alarmName(first);
  const about = line.kind === "cancelled" ? `${shopOf(first)} `.trimStart() : "";
  return (
    about + m.alarm_several({ name: alarmName({ kind: line.kind, by: null }), count: line.alarms.length })
  );
}

function reached(row: Row): string {
  if (row.pickedUpAt !== null) return m.alarm_after({ status: statusName("pickedUp") });
  if (row.assignedAt !== null) return m.alarm_after({ status: statusName("assigned") });
  if (row.waitingAt !== null) return m.alarm_after({ status: statusName("waiting") });
  return m.alarm_after({ status: statusName("received") });
}
