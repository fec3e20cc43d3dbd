// What a report says, in the language in use.

import { m } from "../../texts/generated/messages";
import { actionName, problemText } from "../../texts/names";
import type { Report } from "./tracker.svelte";

export function reportText({ action, number, outcome, code, message }: Report): string {
  const about = { action: actionName(action), number };
  const why = (): string => problemText({ code: code ?? "other", message: message ?? "" });
  switch (outcome) {
    case "pending":
      return m.outcome_pending(about);
    case "done":
      return m.outcome_done(about);
    case "refused":
      return m.outcome_refused({ ...about, why: why() });
    case "notSent":
      return m.outcome_not_sent({ ...about, why: why() });
    case "unknown":
      return m.outcome_unknown(about);
    case "unknowable":
      return m.outcome_unknowable(about);
  }
}
