// What a delivery that is drawn needs to know of the world around it.

import type { ZoneClock } from "../texts/format";

export type Scene = {
  clockOf(center: string): ZoneClock;
  nameOf(center: string): string;
  /** The instant of operations in a center. */
  nowIn(center: string): number;
  /** The instant of operations where the board is: of one center, or of the first of several. */
  now(): number;
};
