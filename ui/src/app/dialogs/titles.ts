// What a dialog about one delivery or several is called.

import type { Row } from "../../platform/generated/Row";

export function titleOf(
  rows: readonly Row[],
  one: (of: { number: string }) => string,
  many: (of: { count: number }) => string,
): string {
  const [first, second] = rows;
  return second === undefined
    ? one({ number: first?.number || `#${first?.id ?? ""}` })
    : many({ count: rows.length });
}
