// How fresh what is shown is, over all centers on the board: only as fresh as the worst of them.

import type { Link, LinkState } from "../../platform/contract";
import { completeAsOf } from "./clock";

/** Worst last. */
const RANK: readonly LinkState[] = ["live", "polling", "catchingUp", "connecting", "offline", "refused"];

export type Freshness = {
  state: LinkState | null;
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

export function freshness(links: readonly Link[]): Freshness {
  let worst: Link | null = null;
  let oldest: Link | null = null;
  let rev = 0;
  for (const link of links) {
    if (worst === null || RANK.indexOf(link.state) > RANK.indexOf(worst.state)) worst = link;
    if (oldest === null || (link.provenAt ?? 0) < (oldest.provenAt ?? 0)) oldest = link;
    rev += link.rev;
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
