// The whole window on the fake platform, for component tests.

import { render } from "vitest-browser-svelte";
import "../app/frame/app.css";
import { App } from "../app/app.svelte";
import Frame from "../app/frame/Frame.svelte";
import type { ViewSpec } from "../platform/generated/ViewSpec";
import type { BoardState } from "../screens/board/state.svelte";
import { boardOf } from "./board";
import { FakePlatform } from "./fake";
import { until } from "./hands";

export { press, until } from "./hands";

export type TestWindow = {
  platform: FakePlatform;
  app: App;
  board: BoardState;
  find: (testId: string) => HTMLElement;
};

/** A plain list, the newest first: most tests say where a row stands. */
const PLAIN: Partial<ViewSpec> = {
  sort: [{ key: "number", descending: true }],
  group: null,
  pinned: null,
  collapsed: [],
};

/** `spec`: what the board shows at first. */
export async function openWindow(
  platform = new FakePlatform(),
  ready = true,
  spec: Partial<ViewSpec> = PLAIN,
): Promise<TestWindow> {
  const app = new App(platform);
  const board = boardOf(app);
  board.view.change(spec);
  const { container } = await render(Frame, { app });
  container.style.height = "100%";
  const find = (testId: string): HTMLElement => {
    const found = document.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
    if (!found) throw new Error(`no ${testId} in the window`);
    return found;
  };
  if (ready) await until(() => board.view.loaded && document.querySelector(".row[data-id]") !== null);
  return { platform, app, board, find };
}
