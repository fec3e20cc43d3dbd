// What an alarm is called and what it says, in the language in use.

import type { AlarmKind } from "../../platform/generated/AlarmKind";
import type { Row } from "../../platform/generated/Row";
import { m } from "../../texts/generated/messages";
import { statusName } from "../../texts/names";
import type { Alarm } from "./alarms.svelte";
import type { Line, Priority } from "./lines";

/** Icon beside the words: what an alarm is about is never told by colour alone. */
export const ALARM_ICON: Record<AlarmKind, string> = {
  cancelled: "✕",
  late: "▲",
  unconfirmed: "?",
  unproven: "⚯",
};

const NAME: Record<AlarmKind, () => string> = {
  cancelled: m.alarm_cancelled,
  late: m.late,
  unconfirmed: m.unconfirmed,
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
export function numberOf({ kind, row, id }: Pick<Alarm, "kind" | "row" | "id">): string {
  return kind === "unproven" ? "" : row?.number || `#${id}`;
}

/** How far it had come, and who rides: of a cancelled one that is what the rider knows. */
export function stateOf({ kind, row }: Pick<Alarm, "kind" | "row">): string {
  if (row === null) return "";
  const rider = row.rider?.name ?? m.alarm_no_rider();
  return `${kind === "cancelled" ? reached(row) : statusName(row.status)} · ${rider}`;
}

/** What a line of several says: how many, and of which cause. */
export function lineName(line: Line): string {
  const [first] = line.alarms;
  if (first === undefined) return "";
  if (line.alarms.length === 1) return alarmName(first);
  const about = line.kind === "cancelled" && first.row !== null ? `${first.row.shop} ` : "";
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
