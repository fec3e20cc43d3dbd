// The board of a window, for tests and the development page: they act on it as its component does.

import type { App } from "../app/app.svelte";
import { BoardState } from "../screens/board/state.svelte";

export function boardOf(app: App): BoardState {
  for (const { state } of app.screens) if (state instanceof BoardState) return state;
  throw new Error("the window has no board");
}
