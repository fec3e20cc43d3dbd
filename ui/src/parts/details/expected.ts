// When the next step of a delivery is to be expected, at the pace of today.

import type { Counters } from "../../platform/generated/Counters";
import type { Row } from "../../platform/generated/Row";

const MINUTE_MS = 60_000;

export type Expected = {
  step: "pickup" | "deliver";
  at: number;
  /** Minutes after its target (negative: before). */
  overMin: number;
};

/**
 * Receipt plus what this step takes today on average, and never before now.
 * Null: it has ended, or nobody has got that far today.
 */
export function expected(row: Row, counters: Counters | null, now: number): Expected | null {
  const under = row.status === "received" || row.status === "waiting" || row.status === "assigned";
  if (!under && row.status !== "pickedUp") return null;
  const meanMin10 = under ? counters?.meanPickupMin10 : counters?.meanDeliveryMin10;
  if (meanMin10 == null) return null;
  const at = Math.max(now, row.receivedAt + (meanMin10 / 10) * MINUTE_MS);
  const target = under ? row.receivedAt + row.pickupTargetMin * MINUTE_MS : (row.lateAt ?? at);
  return { step: under ? "pickup" : "deliver", at, overMin: Math.round((at - target) / MINUTE_MS) };
}
