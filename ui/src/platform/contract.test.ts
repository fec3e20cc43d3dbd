// What the page is promised of the application beneath it, where Rust does not decide it.

import { expect, test } from "vitest";
import { asFailure } from "./contract";
import { NotFaked } from "./generated/NotFaked";

test("a command that a test's platform does not answer says which one it is", async () => {
  const platform = new NotFaked();
  await expect(platform.diagnostics()).rejects.toThrow("not faked: diagnostics");
  await expect(platform.placeOf(1, 7)).rejects.toThrow("not faked: placeOf");
});

test("what the application refuses with keeps its code; anything else is 'other'", () => {
  const refusal = { code: "not-found", message: "it left the board", retryable: false };
  expect(asFailure(refusal)).toEqual(refusal);
  expect(asFailure(new Error("cut"))).toEqual({ code: "other", message: "cut", retryable: false });
});
