// The clock of operations, as last read from the hub and carried on by the desk's own.

import type { CenterFreshness } from "../platform/contract";

/** The instant of operations at a wall instant. */
export function dayAt(of: CenterFreshness | undefined, wall: number): number {
  if (of?.dayAt == null || of.dayAtWall == null) return wall;
  return of.dayAt + (wall - of.dayAtWall) * of.speed;
}

/** The instant of operations up to which everything is known to be there; null: nothing proven yet. */
export function completeAsOf(of: CenterFreshness | undefined): number | null {
  if (of?.provenAt == null) return null;
  return dayAt(of, of.provenAt);
}
