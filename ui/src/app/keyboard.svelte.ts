// What a key event is meant for: a shortcut of the table, or the next key of a sequence that G began.

import type { Key, Shortcut } from "../parts/shortcut";
import { isComposing, isTyping } from "../parts/typing";

export class Keyboard {
  /** G was pressed, and the next key says where to go. */
  prefixed = $state(false);

  /** A click, Esc or a lost focus ends a begun sequence. */
  endPrefix(): void {
    this.prefixed = false;
  }

  /**
   * Runs what a key event is meant for, if anything. `choosing`: what is being chosen for the next keys; `dialog`: one
   * lies over the window and has the keys, but for those that work everywhere.
   */
  press(
    all: readonly Shortcut[],
    event: KeyboardEvent,
    choosing: Promise<boolean> | null,
    dialog: boolean,
  ): void {
    if (event.altKey || isComposing(event)) return;
    if (isModifier(event)) return;
    if (this.prefixed) {
      this.prefixed = false;
      event.preventDefault();
      const meant = find(all, event, (key) => key.afterG === true);
      if (meant?.possible()) meant.run();
      return;
    }
    // Quicker than the list: meant for the delivery that is about to be chosen, not for the search, nor for the last one.
    const typing = dialog || (isTyping(event.target) && choosing === null);
    const ctrl = event.ctrlKey || event.metaKey;
    if (!typing && !ctrl && !event.shiftKey && event.code === "KeyG" && !event.repeat) {
      event.preventDefault();
      this.prefixed = true;
      return;
    }
    if (isPressing(event)) return;
    const meant = find(
      all,
      event,
      (key) => key.afterG !== true && (key.everywhere === true || (!dialog && (ctrl || !typing))),
    );
    if (meant === undefined) return;
    // A held key moves; it never acts.
    if (event.repeat && meant.repeats !== true) {
      event.preventDefault();
      return;
    }
    if (choosing !== null) {
      event.preventDefault();
      void choosing.then((found) => found && meant.possible() && meant.run());
    } else if (meant.possible()) {
      event.preventDefault();
      meant.run();
    }
  }
}

function find(
  all: readonly Shortcut[],
  event: KeyboardEvent,
  may: (key: Key) => boolean,
): Shortcut | undefined {
  const ctrl = event.ctrlKey || event.metaKey;
  return all.find((shortcut) =>
    shortcut.keys.some(
      (key) =>
        may(key) &&
        key.code === event.code &&
        ctrl === (key.ctrl ?? false) &&
        event.shiftKey === (key.shift ?? false),
    ),
  );
}

function isModifier({ code }: KeyboardEvent): boolean {
  return /^(Shift|Control|Alt|Meta)(Left|Right)$/.test(code);
}

/** Space and Enter on a button press that button. */
function isPressing(event: KeyboardEvent): boolean {
  const presses = (event.code === "Space" && !event.shiftKey) || event.code === "Enter";
  return presses && event.target instanceof HTMLButtonElement;
}
