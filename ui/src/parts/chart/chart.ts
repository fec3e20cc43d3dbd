// What a chart draws, and what it says of it in words.

/** A line; its values stand at the chart's instants, null where nothing was seen. */
export type Line = { name: string; values: readonly (number | null)[] };

/** The colors of lines, in their order. None of them calls for anybody. */
export const TONES = ["--info", "--ok", "--notice", "--text-3", "--st-waiting", "--st-pickedUp"] as const;

/** The highest value since an instant; null: nothing was seen. */
export function highest(lines: readonly Line[], at: readonly number[], from: number): number | null {
  const first = at.findIndex((instant) => instant >= from);
  if (first < 0) return null;
  const seen = lines.flatMap(({ values }) => values.slice(first).filter((value) => value !== null));
  return seen.length === 0 ? null : Math.max(...seen);
}
