// That what is shown may be old, how old, and why: one sentence.

import { age } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import type { Freshness } from "./freshness";

const TEXT = {
  connecting: m.band_connecting,
  catchingUp: m.band_catchingUp,
  polling: m.band_polling,
  offline: m.band_offline,
  refused: m.band_refused,
};

/** While nothing has ever been proven: what is being waited for. */
const UNPROVEN = {
  connecting: m.unproven_connecting,
  catchingUp: m.unproven_catchingUp,
  polling: m.unproven_catchingUp,
  offline: m.unproven_offline,
  refused: m.unproven_refused,
};

/** Null: everything is there as of now. */
export function staleSentence(fresh: Freshness, wall: number): string | null {
  if (fresh.state === "live") return null;
  if (fresh.state === null) return m.unproven_connecting();
  if (fresh.provenAt === null) return UNPROVEN[fresh.state]();
  return TEXT[fresh.state]({ age: age(wall - fresh.provenAt) });
}
