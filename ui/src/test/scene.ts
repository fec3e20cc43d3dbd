// What a scene is, and the hands that bring a window there.

import type { App } from "../app/app.svelte";
import type { AppEvent, Boot } from "../platform/contract";
import type { Row } from "../platform/generated/Row";
import type { BoardState } from "../screens/board/state.svelte";
import type { FakePlatform } from "./fake";
import { until } from "./hands";

export type Scene = {
  rows?: number;
  boot?: Partial<Boot>;
  /** What the first word of each center is; null: none comes. */
  first?: "unproven" | "offline" | "connecting";
  /** Makes the platform what it is not usually. */
  make?: (platform: FakePlatform) => void;
  /** Brings the window there. */
  play?: (window: { app: App; board: BoardState; platform: FakePlatform }) => Promise<void>;
};

/** Whether it is in the window. */
export const there = (testId: string): boolean =>
  document.querySelector(`[data-testid="${testId}"]`) !== null;

/** The rows of a status, the newest first. */
export function rowsOf(platform: FakePlatform, status: string): Row[] {
  return [...platform.rows.values()].reverse().filter((row) => row.status === status);
}

/** News of a command: refused, unless `part` says otherwise. */
export function command(part: Partial<Extract<AppEvent, { type: "command" }>>): AppEvent {
  return {
    type: "command",
    commandId: "x",
    center: "gangnam",
    id: 9,
    number: "74862",
    action: "assign",
    outcome: "refused",
    code: null,
    message: null,
    ...part,
  } as AppEvent;
}

/** Chooses the first row of a status. */
export async function choose(board: BoardState, status: string): Promise<void> {
  const row = [...board.view.page.rows.values()].find((row) => row.status === status);
  if (row) board.selection.choose(row, board.view.page.placeOf(row.id) ?? 0);
  await until(() => board.selection.id !== null);
}
