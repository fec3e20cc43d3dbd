// What charts are drawn from: an hour of it, with holes where nobody looked.

import { expect, test } from "vitest";
import { FakePlatform } from "../../test/fake";
import { KEPT_MS, ownSample, type Sample, sampled } from "./samples";

const at = (samples: readonly Sample<number>[]): (number | null)[] => samples.map(({ value }) => value);

test("an hour is kept, and a time without a look is a hole", () => {
  let samples: readonly Sample<number>[] = [];
  for (const [seconds, value] of [
    [0, 1],
    [2, 2],
    [60, 3],
    [62, 4],
  ] as const)
    samples = sampled(samples, seconds * 1_000, value);
  expect(at(samples)).toEqual([1, 2, null, 3, 4]);
  samples = sampled(samples, 61_000 + KEPT_MS, 5);
  expect(at(samples)).toEqual([4, null, 5]);
});

test("a desk's clock that is set back leaves no two values at one time", () => {
  let samples: readonly Sample<number>[] = [];
  for (const [instant, value] of [
    [10_000, 1],
    [12_000, 2],
    [14_000, 3],
    [11_000, 4],
  ] as const)
    samples = sampled(samples, instant, value);
  expect(samples.map((sample) => sample.at)).toEqual([10_000, 11_000]);
});

test("bytes a second are those between two looks, and none after a hole or a new start", async () => {
  const all = await new FakePlatform(1).diagnostics();
  const bytes = all.total.socketBytes + all.total.restBytes;
  const before = (value: number | null): Sample<{ proofAge: null; bytes: number; bytesPerS: null }> => ({
    at: all.at - 2_000,
    value: value === null ? null : { proofAge: null, bytes: value, bytesPerS: null },
  });
  expect(ownSample(all, undefined).bytesPerS).toBe(null);
  expect(ownSample(all, before(bytes - 8_000)).bytesPerS).toBe(4_000);
  expect(ownSample(all, before(bytes + 1)).bytesPerS).toBe(null);
  expect(ownSample(all, before(null)).bytesPerS).toBe(null);
});
