// How far riders are from a shop, and in which order they are offered.

import type { Pos, Rider } from "../../platform/contract";

/** Mean Earth radius in metres (IUGG). */
const EARTH_RADIUS_M = 6_371_008.8;

/** Metres between two places of the same kind; null when one is unknown or of another kind. */
export function distanceM(a: Pos | null, b: Pos | null): number | null {
  if (a === null || b === null) return null;
  if ("x" in a && "x" in b) return Math.hypot(b.x - a.x, b.y - a.y);
  if ("lat" in a && "lat" in b) {
    const rad = Math.PI / 180;
    const dx = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
    return EARTH_RADIUS_M * Math.hypot(dx, (b.lat - a.lat) * rad);
  }
  return null;
}

export type Candidate = { rider: Rider; metres: number | null };

const ON_SHIFT: Record<Rider["status"], number> = { idle: 0, busy: 1, off: 2 };

/** Free before busy before off; then nearest; then least loaded. */
export function candidates(riders: readonly Rider[], shop: Pos | null): Candidate[] {
  return riders
    .map((rider) => ({ rider, metres: distanceM(rider.pos, shop) }))
    .sort(
      (a, b) =>
        ON_SHIFT[a.rider.status] - ON_SHIFT[b.rider.status] ||
        (a.metres ?? Infinity) - (b.metres ?? Infinity) ||
        a.rider.load - b.rider.load ||
        a.rider.id.localeCompare(b.rider.id),
    );
}

const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";

/** Whether a rider's name or id holds what was typed, also by initial consonants. */
export function fits({ name, id }: Rider, typed: string): boolean {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return true;
  const text = `${name} ${id}`.toLowerCase();
  return text.includes(wanted) || initials(text).includes(wanted);
}

function initials(text: string): string {
  return Array.from(text, (char) => {
    const syllable = char.charCodeAt(0) - 0xac00;
    return syllable >= 0 && syllable < 11_172 ? (INITIALS[Math.floor(syllable / 588)] ?? char) : char;
  }).join("");
}
