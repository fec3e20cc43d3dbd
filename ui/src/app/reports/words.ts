// What a report says, in the language in use.

import type { MovedOn } from "../../platform/generated/MovedOn";
import type { RowOutcome } from "../../platform/generated/RowOutcome";
import { m } from "../../texts/generated/messages";
import { actionName, personName, problemText, statusName } from "../../texts/names";
import type { Report } from "./tracker.svelte";

export function reportText({
  action,
  number,
  count,
  outcome,
  code,
  message,
  movedOn,
  refused,
}: Report): string {
  const about = { action: actionName(action), number: count > 1 ? m.report_many({ number, count }) : number };
  const why = (): string =>
    movedOn === null ? problemText({ code: code ?? "other", message: message ?? "" }) : whoDid(movedOn);
  switch (outcome) {
    case "pending":
      return m.outcome_pending(about);
    case "done":
      return refused.length === 0
        ? m.outcome_done(about)
        : m.outcome_partly({ ...about, why: whyNot(refused) });
    case "refused":
      return m.outcome_refused({ ...about, why: why() });
    case "notSent":
      return m.outcome_not_sent({ ...about, why: notSentSince(code, message) });
    case "unknown":
      return m.outcome_unknown(about);
    case "unknowable":
      return m.outcome_unknowable(about);
    case "lost":
      return m.outcome_lost(about);
    case "draftGone":
      return m.draft_gone(about);
  }
}

/** Here `unavailable` is said by the seat: no server was there to be asked. */
function notSentSince(code: string | null, message: string | null): string {
  return problemText({
    code: code === "unavailable" ? "unreachable" : (code ?? "other"),
    message: message ?? "",
  });
}

/** Who did what to it meanwhile, and how it stands now. */
function whoDid({ by, action, rider, status }: MovedOn): string {
  const now = rider === null ? statusName(status) : m.conflict_with({ status: statusName(status), rider });
  if (by === null || action === null) return m.conflict_now({ now });
  return m.conflict_by({ who: personName(by), action: actionName(action), now });
}

/** More refused deliveries than a line holds. */
const NAMED = 4;

/** Which of several were refused, and why. */
function whyNot(refused: readonly RowOutcome[]): string {
  const named = refused
    .slice(0, NAMED)
    .map(({ id, number, code, message, movedOn }) => {
      const why = movedOn ? whoDid(movedOn) : problemText({ code: code ?? "other", message: message ?? "" });
      return `${number ?? `#${id}`} ${why}`;
    })
    .join(" · ");
  return refused.length > NAMED ? `${named} …` : named;
}
