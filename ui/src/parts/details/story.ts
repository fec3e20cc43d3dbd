// A delivery's story in words: what each event meant, and who was told.

import type { HistoryEvent } from "../../platform/contract";
import { actionName, personName, statusName } from "../../texts/names";

/** What an event did, in a word; a status reached counts for more than the action that led to it. */
export function eventName(event: HistoryEvent): string {
  if (event.action === "assign" && event.from === "assigned") return actionName("assign");
  return event.to !== null && event.to !== event.from ? statusName(event.to) : actionName(event.action);
}

/** What the event says beside its name: a rider, a reason, a note. */
export function eventDetail(event: HistoryEvent): string {
  // An assignment is told as "id name"; people know the name.
  return event.action === "assign" ? event.detail.replace(/^\S+ /, "") : event.detail;
}

/** A phone that is not to be read over someone's shoulder: first and last digits only. */
export function maskedPhone(phone: string): string {
  const digits = phone.replace(/\D/g, "");
  return digits.length < 8 ? phone : `${digits.slice(0, 3)}-****-${digits.slice(-4)}`;
}

/** Who did it. */
export function eventBy({ by }: HistoryEvent): string {
  return personName(by);
}

/** Who wrote a note. Notes name accounts; what happened names the people behind them. */
export function noteBy(account: string, story: readonly HistoryEvent[] | null): string {
  const theirs = story?.find(({ by }) => by.account === account);
  return personName(theirs?.by ?? { account, name: account });
}
