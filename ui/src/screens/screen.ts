// What a screen is, what the window around it gives it, and what the window may ask of it.

import type { Component } from "svelte";
import type { ActionSlot } from "../parts/details/actions";
import { type Drawing, drawing } from "../parts/drawing";
import type { Scene } from "../parts/scene";
import type { Shortcut } from "../parts/shortcut";
import type { Action, Center, CenterFreshness, Platform, Rider } from "../platform/contract";
import type { Counters } from "../platform/generated/Counters";
import type { Row } from "../platform/generated/Row";

/** What this seat keeps for the page, by name, over a restart. */
export interface Seat {
  /** What was kept, whatever it is; undefined: nothing. */
  get(key: string): unknown;
  keep(key: string, value: unknown): void;
}

export type FreeRiders = { idle: number; onShift: number };

/** The window around a screen: what it knows, and what it takes from a screen. */
export interface Host {
  readonly platform: Platform;
  readonly scene: Scene;
  readonly seat: Seat;
  /** Whose sign-in, at which server: what belongs to an account is kept under this name. */
  readonly owner: string;
  readonly centers: readonly Center[];
  /** The center that is looked at; null: all of them. */
  readonly center: string | null;
  readonly freshness: Readonly<Record<string, CenterFreshness>>;
  /** What is shown may be old. */
  readonly stale: boolean;
  /** That it may be old, how old, and why; null: everything is there as of now. */
  readonly staleSentence: string | null;
  /** Something has been proven of each center that is looked at: counts can be relied on, and nothing means nothing. */
  readonly proven: boolean;
  /** The desk's clock, once a second. */
  readonly wall: number;
  /** The name of a foreign server, which takes no commands and gives its list only; null: a hub. */
  readonly foreign: string | null;
  /** The role of whoever is signed in, by its wire name; null: not told. */
  readonly role: string | null;
  /** Null: not known now. */
  rider(center: string, id: string): Rider | null;
  /** Null: not known now. */
  freeRiders(center: string | null): FreeRiders | null;
  /** The slots of the details for a row. */
  slots(row: Row | null): readonly ActionSlot[];
  /** Why an action can't be begun on what is chosen or marked; null: it can. */
  whyNot(action: Action, row: Row | null, marked: ReadonlyMap<number, Row>): string | null;
  /** Begins an action, or asks what it still needs. */
  act(action: Action, row: Row): void;
  /** Begins an action on several deliveries. */
  actOnAll(action: Action, rows: readonly Row[]): void;
  /** How the key of a shortcut is shown; nothing: it has none. */
  keyOf(shortcut: string): string;
  /** Lays a dialog of the screen's own over the window, until it is closed. */
  lay(draw: (close: () => void) => Drawing): void;
}

/** What the foot of the window says of a screen's list. */
export type Foot = {
  total: number;
  counters: Counters | null;
};

/** A screen's own state in a window. A screen without deliveries leaves out what speaks of them. */
export interface ScreenState {
  /** Someone has signed in, and the screen is shown for the first time since. */
  begin(): Promise<void>;
  /** Nobody is signed in any more: everything is let go. */
  end(): void;
  /** The session has ended: what is shown stays as it is, without details, until `end`. */
  freeze?(): void;
  /** Takes the keys. */
  focus(): void;
  /** Another center is looked at. */
  showCenter?(): void;
  /** Opens a delivery that was chosen elsewhere; its row, if known. */
  openDelivery?(id: number, row: Row | null): Promise<void>;
  /** Looks for deliveries among all that it shows; a single one is opened. */
  find?(typed: string): Promise<void>;
  /** The application has given up a view because nothing of it was acknowledged. */
  stalled?(view: number): void;
  /** A row as it is now; null: not in sight. */
  rowOf?(id: number): Row | null;
  /** Of the marked deliveries only these still need someone. */
  keepMarked?(ids: ReadonlySet<number>): void;
  /** A second went by, by the desk's clock. */
  tick?(wall: number): void;
  /** An alarm was raised. */
  alarmed?(): void;
  /** Under way while what the next keys are meant for is being chosen; false: nothing is. */
  readonly choosing?: Promise<boolean> | null;
  /** The delivery whose details are open. */
  readonly opened?: Row | null;
  readonly foot?: Foot;
}

type Face = {
  readonly id: string;
  readonly title: () => string;
  readonly icon: string;
  /** The key that leads to it, after G; null: none does. */
  readonly letter: string | null;
};

/** A screen as the list of screens has it. */
export type Screen = Face & { open(host: Host): OpenScreen };

/** A screen in a window. */
export type OpenScreen = Face & {
  readonly state: ScreenState;
  readonly shortcuts: readonly Shortcut[];
  readonly drawing: Drawing;
};

/** A screen from its parts. Only its own component and shortcuts know its state. */
export function screenOf<State extends ScreenState>(parts: {
  id: string;
  title: () => string;
  icon: string;
  letter: string | null;
  open: (host: Host) => State;
  shortcuts: (screen: State) => readonly Shortcut[];
  component: Component<{ screen: State }>;
}): Screen {
  const { id, title, icon, letter, open, shortcuts, component } = parts;
  return {
    id,
    title,
    icon,
    letter,
    open(host) {
      const state = open(host);
      return {
        id,
        title,
        icon,
        letter,
        state,
        // Of what there is now: views come and go.
        get shortcuts() {
          return shortcuts(state);
        },
        drawing: drawing(component, { screen: state }),
      };
    },
  };
}
