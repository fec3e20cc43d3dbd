// Why a delivery is cancelled, as it is written in the dialog and kept as a draft.

import type { CancelBy } from "../../platform/contract";
import { m } from "../../texts/generated/messages";

type UsualReason = { id: string; by: CancelBy; name: () => string };

export const REASONS: readonly UsualReason[] = [
  { id: "changedMind", by: "customer", name: m.reason_changed_mind },
  { id: "tooLate", by: "customer", name: m.reason_too_late },
  { id: "soldOut", by: "shop", name: m.reason_sold_out },
  { id: "shopClosed", by: "shop", name: m.reason_shop_closed },
  { id: "unreachable", by: "center", name: m.reason_unreachable },
];

export const BY: readonly { value: CancelBy; name: () => string }[] = [
  { value: "customer", name: m.by_customer },
  { value: "shop", name: m.by_shop },
  { value: "center", name: m.by_center },
  { value: "rider", name: m.by_rider },
];

export type WrittenReason = {
  /** Of the usual reasons, by place; null: none. */
  chosen: number | null;
  text: string;
  by: CancelBy;
};

/** As a draft. What is chosen alone is a digit, and worth keeping no more than that. */
export function draftOf({ chosen, text, by }: WrittenReason): string {
  if (text.trim() === "") return "";
  return JSON.stringify({ text, by, reason: chosen === null ? null : (REASONS[chosen]?.id ?? null) });
}

/** What a draft says, as far as this version can read it. */
export function reasonOf(draft: string): WrittenReason {
  const nothing: WrittenReason = { chosen: null, text: "", by: "customer" };
  if (draft === "") return nothing;
  let read: unknown;
  try {
    read = JSON.parse(draft);
  } catch {
    return { ...nothing, text: draft };
  }
  if (typeof read !== "object" || read === null) return nothing;
  const { text, by, reason } = read as Record<string, unknown>;
  const chosen = REASONS.findIndex(({ id }) => id === reason);
  return {
    chosen: chosen < 0 ? null : chosen,
    text: typeof text === "string" ? text : "",
    by: BY.find(({ value }) => value === by)?.value ?? nothing.by,
  };
}
