// Charts: what they are drawn by, and what they say of the highest value.

import { expect, test } from "vitest";
import { highest } from "./chart";
import { loadPlot } from "./plot";

test("a desk whose language has no name draws charts all the same", async () => {
  Object.defineProperty(navigator, "language", { value: "c", configurable: true });
  expect(() => new Intl.NumberFormat(navigator.language)).toThrow();
  expect(typeof (await loadPlot())).toBe("function");
});

test("the highest is that of what is shown; holes are none", () => {
  const lines = [
    { name: "a", values: [9, 1, null, 3] },
    { name: "b", values: [null, null, 2, null] },
  ];
  expect(highest(lines, [10, 20, 30, 40], 20)).toBe(3);
  expect(highest(lines, [10, 20, 30, 40], 50)).toBe(null);
  expect(highest([{ name: "", values: [null] }], [10], 0)).toBe(null);
});
