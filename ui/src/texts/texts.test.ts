// Both languages say everything, with the same values in it; times are read in the center's zone.

import { expect, test } from "vitest";
import en from "../../messages/en.json";
import ko from "../../messages/ko.json";
import { ZoneClock } from "./format";

const values = (message: unknown): string[] =>
  [...new Set([...JSON.stringify(message).matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""))].sort();

test("ko and en have the same keys and the same values in each", () => {
  expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
  for (const [key, message] of Object.entries(en)) {
    expect(values((ko as Record<string, unknown>)[key]), key).toEqual(values(message));
  }
});

test("times are those of the zone", () => {
  const at = Date.UTC(2026, 4, 15, 15, 30, 9);
  expect(new ZoneClock("Asia/Seoul").minute(at)).toBe("00:30");
  expect(new ZoneClock("Asia/Seoul").second(at)).toBe("00:30:09");
  expect(new ZoneClock("Asia/Kathmandu").minute(at)).toBe("21:15");
  expect(new ZoneClock("Asia/Seoul").minute(null)).toBe("");
});
