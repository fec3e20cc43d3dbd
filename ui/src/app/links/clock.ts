// The clock of operations, as last read from the hub and carried on by the desk's own.

import type { Link } from "../../platform/contract";

/** The instant of operations at a wall instant. */
export function dayAt(link: Link | undefined, wall: number): number {
  if (link?.dayAt == null || link.dayAtWall == null) return wall;
  return link.dayAt + (wall - link.dayAtWall) * link.speed;
}

/** The instant of operations up to which everything is known to be there; null: nothing proven yet. */
export function completeAsOf(link: Link | undefined): number | null {
  if (link?.provenAt == null) return null;
  return dayAt(link, link.provenAt);
}
