// The library that draws charts: it comes with the first chart, not with the window.

import type uPlot from "uplot";

/** Rejects when it can't be had: a chart then has its numbers alone. */
export async function loadPlot(): Promise<typeof uPlot> {
  // As it loads it asks for numbers in the desk's language, and the name of a desk without one ("C") is none.
  try {
    new Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
  }
  return (await import("uplot")).default;
}
