// How close rows stand. The pool, the styles and the places on the screen go by one number.

import { m } from "../../texts/generated/messages";

export const DENSITIES = ["compact", "usual", "roomy"] as const;

export type Density = (typeof DENSITIES)[number];

/** The height of a row in pixels. */
const ROW_PX: Record<Density, number> = { compact: 22, usual: 24, roomy: 30 };

const NAME: Record<Density, () => string> = {
  compact: m.density_compact,
  usual: m.density_usual,
  roomy: m.density_roomy,
};

export function densityName(density: Density): string {
  return NAME[density]();
}

export function rowPx(density: Density): number {
  return ROW_PX[density];
}

/** What was kept as one; what is none is the usual one. */
export function asDensity(kept: unknown): Density {
  return DENSITIES.find((density) => density === kept) ?? "usual";
}
