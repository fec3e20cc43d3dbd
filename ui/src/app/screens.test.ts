// Screens in a window: a further one is a tab, keys of its own, and a state that begins when it is first shown.

import { expect, test } from "vitest";
import { render } from "vitest-browser-svelte";
import { named } from "../parts/shortcut";
import { SCREENS } from "../screens";
import { type Screen, type ScreenState, screenOf } from "../screens/screen";
import { FakePlatform } from "../test/fake";
import Made from "../test/Made.svelte";
import { until } from "../test/window";
import { App } from "./app.svelte";
import Frame from "./frame/Frame.svelte";

class MadeState implements ScreenState {
  readonly log: string[] = [];
  async begin(): Promise<void> {
    this.log.push("begin");
  }
  end(): void {
    this.log.push("end");
  }
  focus(): void {}
  showCenter(): void {
    this.log.push("center");
  }
}

/** A screen that remembers what it was asked, and does so when M is pressed. */
function made(state: MadeState): Screen {
  return screenOf({
    id: "made",
    title: () => "Made",
    letter: null,
    icon: "·",
    open: () => state,
    shortcuts: ({ log }) => [
      {
        id: "remember",
        group: "list",
        title: () => "Remember",
        keys: [named("KeyM", "M")],
        possible: () => true,
        run: () => log.push("key"),
      },
    ],
    component: Made,
  });
}

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;
const press = (code: string): void => {
  const event = new KeyboardEvent("keydown", { code, bubbles: true, cancelable: true });
  (document.activeElement ?? document.body).dispatchEvent(event);
};

test("a further screen is a tab; its keys work there and the board's don't", async () => {
  const state = new MadeState();
  const platform = new FakePlatform(100);
  const app = new App(platform, [...SCREENS, made(state)]);
  await render(Frame, { app });
  await until(() => document.querySelector(".row[data-id]") !== null);
  press("KeyM");
  expect(state.log).toEqual([]);

  document.querySelector<HTMLElement>('[data-testid="screen-made"]')?.click();
  await until(() => there("made"));
  expect(there("board-grid")).toBe(false);
  expect(document.querySelector('[aria-current="page"] .title')?.textContent).toBe("Made");
  expect(document.querySelector("footer")?.textContent).not.toContain("건 표시");
  press("KeyM");
  press("KeyJ");
  expect(state.log).toEqual(["begin", "key"]);
  app.showCenter("songpa");

  document.querySelector<HTMLElement>('[data-testid="screen-board"]')?.click();
  await until(() => document.querySelector(".row[data-id]") !== null);
  expect(document.activeElement).toBe(document.querySelector('[data-testid="board-grid"]'));
  expect(platform.opened.length).toBe(1);
  await app.showScreen(app.screens.at(-1) ?? app.screen);
  await app.signOut();
  expect(state.log).toEqual(["begin", "key", "center", "end"]);
});

test("an alarm that is opened leads to the screen that shows deliveries", async () => {
  const platform = new FakePlatform(100);
  const app = new App(platform, [...SCREENS, made(new MadeState())]);
  await render(Frame, { app });
  await until(() => document.querySelector(".row[data-id]") !== null);
  document.querySelector<HTMLElement>('[data-testid="screen-made"]')?.click();
  await until(() => there("made"));
  const row = platform.rows.get(60) ?? null;
  platform.tell({
    type: "alarm",
    center: "gangnam",
    id: 60,
    kind: "cancelled",
    raisedAt: 1,
    relisted: false,
    priority: "critical",
    yours: false,
    row,
  });
  await until(() => document.querySelector(".which") !== null);
  document.querySelector<HTMLElement>(".which")?.click();
  await until(() => there("history"));
  expect(app.screen.id).toBe("board");
  expect(app.screen.state.opened?.id).toBe(60);
});
