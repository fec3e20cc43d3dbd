// What a person at the window does: waits for it, and presses keys.

import { unanswered } from "../platform/generated/NotFaked";

/** Waits for a condition, frame by frame, unless the platform lacks a command. Vitest's own time-out bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    const [name] = unanswered;
    if (name !== undefined) throw new Error(`not faked: ${name}`);
    await new Promise((next) => requestAnimationFrame(next));
  }
}

/** A key pressed wherever the focus is; Hangul input changes `key`, never `code`. */
export function press(code: string, more: Partial<KeyboardEventInit> = {}): void {
  const target = document.activeElement ?? document.body;
  target.dispatchEvent(
    new KeyboardEvent("keydown", { code, key: "ㅁ", bubbles: true, cancelable: true, ...more }),
  );
}
