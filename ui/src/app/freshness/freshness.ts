// How fresh what is shown is, over all centers on the board: only as fresh as the worst of them.

import { completeAsOf } from "../../parts/clock";
import type { CenterFreshness, FreshnessState } from "../../platform/contract";

/** Worst last. */
const RANK: readonly FreshnessState[] = ["live", "polling", "catchingUp", "connecting", "offline", "refused"];

export type Freshness = {
  state: FreshnessState | null;
  /** Instant of operations up to which everything is there; null: not proven. */
  asOf: number | null;
  /** The desk's instant of that proof. */
  provenAt: number | null;
  /** Whose clock it is read on. */
  center: string | null;
  rev: number;
  reason: string | null;
  stale: boolean;
};

export function freshness(centers: readonly CenterFreshness[]): Freshness {
  let worst: CenterFreshness | null = null;
  let oldest: CenterFreshness | null = null;
  let rev = 0;
  for (const of of centers) {
    if (worst === null || RANK.indexOf(of.state) > RANK.indexOf(worst.state)) worst = of;
    if (oldest === null || (of.provenAt ?? 0) < (oldest.provenAt ?? 0)) oldest = of;
    rev += of.rev;
  }
  return {
    state: worst?.state ?? null,
    asOf: completeAsOf(oldest ?? undefined),
    provenAt: oldest?.provenAt ?? null,
    center: oldest?.center ?? null,
    rev,
    reason: worst?.reason ?? null,
    stale: worst?.state !== "live",
  };
}
