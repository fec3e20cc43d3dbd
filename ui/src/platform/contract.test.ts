// What the page is promised of the application beneath it, where Rust does not decide it.

import { expect, test } from "vitest";
import { until } from "../test/window";
import { asFailure } from "./contract";
import { NotFaked, unanswered } from "./generated/NotFaked";

test("a command that a test's platform does not answer says which one it is", async () => {
  const platform = new NotFaked();
  await expect(platform.diagnostics()).rejects.toThrow("not faked: diagnostics");
  await expect(platform.placeOf(1, 7)).rejects.toThrow("not faked: placeOf");
});

test("a test that waits for what an unanswered command keeps from it ends, and says which one it is", async () => {
  unanswered.clear();
  await new NotFaked().history("gangnam", 7).catch(() => {});
  await expect(until(() => false)).rejects.toThrow("not faked: history");
});

test("what the application refuses with keeps its code; anything else is 'other'", () => {
  const refusal = { code: "not-found", message: "it left the board", retryable: false };
  expect(asFailure(refusal)).toEqual(refusal);
  expect(asFailure(new Error("cut"))).toEqual({ code: "other", message: "cut", retryable: false });
});
