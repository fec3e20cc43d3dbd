// One open view: asks for what should be in sight, applies what comes, acknowledges what was shown.

import { asFailure, type Failure, type Platform } from "../../platform/contract";
import type { Counters } from "../../platform/generated/Counters";
import type { Findings } from "../../platform/generated/Findings";
import type { HeldCounts } from "../../platform/generated/HeldCounts";
import type { Patch } from "../../platform/generated/Patch";
import type { ViewSpec } from "../../platform/generated/ViewSpec";
import { type Applied, Page } from "./page";

/** Told after each patch, before the frame that shows it. */
export type OnApplied = (applied: Extract<Applied, { kind: "applied" }>) => void;

export const EVERYTHING: ViewSpec = {
  centers: [],
  filter: { statuses: [], late: false, unconfirmed: false, noted: false, rider: null, shop: null },
  sort: [],
  group: null,
  pinned: null,
  collapsed: [],
  search: "",
  first: 0,
  len: 64,
  hold: false,
};

/** After this long without the reset that was asked for, the channel is taken for dead. */
const RESET_PATIENCE_MS = 5_000;
/** Between attempts to open a view that failed to open. */
const REOPEN_AFTER_MS = 1_000;

export class View {
  spec: ViewSpec;
  /** Places of rows and heads. */
  total = $state(0);
  /** Rows that match. */
  matching = $state(0);
  /** What waits while places are held; null: they are not. */
  held = $state.raw<HeldCounts | null>(null);
  /** What the search found; null: nothing is searched for. */
  found = $state.raw<Findings | null>(null);
  counters = $state.raw<Counters | null>(null);
  asOf = $state.raw<Record<string, number>>({});
  /** Until the first patch the board is loading. */
  loaded = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Grows with each applied patch: what derives from rows reads it. */
  version = $state(0);

  page = new Page();
  onApplied: OnApplied = () => {};

  readonly #platform: Platform;
  #id: number | null = null;
  /** Grows with each opening: what an earlier channel still brings is not ours. */
  #opening = 0;
  #changing = false;
  #changeWanted = false;
  #frameAsked = false;
  #resetTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Who waits for the next reset. */
  #awaiting: (() => void)[] = [];

  constructor(platform: Platform, first: ViewSpec = EVERYTHING) {
    this.#platform = platform;
    this.spec = $state.raw(first);
  }

  async open(): Promise<void> {
    const opening = ++this.#opening;
    this.#closed = false;
    this.#id = null;
    this.page = new Page();
    let unacknowledged: number | null = null;
    const asked = this.spec;
    try {
      const id = await this.#platform.openView(asked, (patch) => {
        if (opening !== this.#opening) return;
        if (this.#id === null) unacknowledged = patch.seq;
        this.#receive(patch);
      });
      if (opening !== this.#opening || this.#closed) {
        await this.#platform.closeView(id);
        return;
      }
      this.#id = id;
      this.failure = null;
      // What came before the id was known could not be acknowledged by it.
      if (unacknowledged !== null) this.#acknowledge(unacknowledged);
      if (this.spec !== asked) this.#wantChange();
    } catch (thrown) {
      if (opening !== this.#opening) return;
      this.failure = asFailure(thrown);
      setTimeout(() => opening === this.#opening && !this.#closed && void this.open(), REOPEN_AFTER_MS);
    }
  }

  /** Opens the view on a new channel. The page shows what it has until the new one speaks. */
  reopen(): void {
    const old = this.#id;
    if (old !== null) void this.#platform.closeView(old).catch(() => {});
    void this.open();
  }

  /** The application says that nothing of a view was acknowledged for too long. */
  stalled(view: number): void {
    if (view === this.#id) this.reopen();
  }

  change(part: Partial<ViewSpec>): void {
    this.spec = { ...this.spec, ...part };
    this.#wantChange();
  }

  /** Shows only the head of a group, or its rows again. */
  toggle(group: string): void {
    const { collapsed } = this.spec;
    const others = collapsed.filter((key) => key !== group);
    this.change({ collapsed: others.length < collapsed.length ? others : [...others, group] });
  }

  close(): void {
    this.#closed = true;
    this.#opening += 1;
    clearTimeout(this.#resetTimer);
    if (this.#id !== null) void this.#platform.closeView(this.#id).catch(() => {});
    this.#id = null;
    this.#release();
  }

  /** Resolves once what is shown is what was asked for last. */
  async current(): Promise<void> {
    while (this.#changeWanted || this.#changing) await new Promise<void>((next) => afterFrame(next));
    if (this.#id === null) return;
    // Patches have a way of their own: only one that begins anew is certain to come after the change.
    const shown = new Promise<void>((next) => this.#awaiting.push(next));
    this.#askForReset();
    await shown;
  }

  /** The place of a delivery in the list, in sight or not. */
  async placeOf(id: number): Promise<number | null> {
    const inSight = this.page.placeOf(id);
    if (inSight !== null || this.#id === null) return inSight;
    return this.#platform.placeOf(this.#id, id).catch(() => null);
  }

  /** The group in which a delivery stands, in sight or not. */
  async groupOf(id: number): Promise<string | null> {
    if (this.#id === null) return null;
    return this.#platform.groupOf(this.#id, id).catch(() => null);
  }

  /** Rows of Act now that wait behind a hold come in at the head of the list. */
  admitAct(): void {
    if (this.#id !== null) void this.#platform.admitAct(this.#id).catch(() => {});
  }

  /** At most one change a frame, and one on its way: later ones must not be overtaken by earlier ones. */
  #wantChange(): void {
    this.#changeWanted = true;
    if (this.#changing || this.#frameAsked) return;
    this.#frameAsked = true;
    afterFrame(() => {
      this.#frameAsked = false;
      void this.#sendChange();
    });
  }

  async #sendChange(): Promise<void> {
    if (this.#id === null || this.#changing) return;
    this.#changing = true;
    this.#changeWanted = false;
    try {
      await this.#platform.changeView(this.#id, this.spec);
    } catch {
      this.reopen();
    } finally {
      this.#changing = false;
    }
    if (this.#changeWanted) this.#wantChange();
  }

  #receive(patch: Patch): void {
    const applied = this.page.apply(patch);
    if (applied.kind === "lost") this.#askForReset();
    if (applied.kind !== "applied") return;
    clearTimeout(this.#resetTimer);
    this.total = this.page.total;
    this.matching = this.page.matching;
    this.held = this.page.held;
    this.found = this.page.found;
    if (this.counters !== this.page.counters) this.counters = this.page.counters;
    this.asOf = this.page.asOf;
    this.loaded = true;
    this.version += 1;
    this.onApplied(applied);
    if (patch.reset) this.#release();
    const opening = this.#opening;
    afterPaint(() => opening === this.#opening && this.#acknowledge(patch.seq));
  }

  #release(): void {
    for (const next of this.#awaiting.splice(0)) next();
  }

  #acknowledge(seq: number): void {
    if (this.#id === null) return;
    const opening = this.#opening;
    this.#platform
      .ack(this.#id, seq)
      .catch(() => opening === this.#opening && !this.#closed && this.reopen());
  }

  #askForReset(): void {
    if (this.#id === null) {
      this.reopen();
      return;
    }
    clearTimeout(this.#resetTimer);
    this.#resetTimer = setTimeout(() => this.reopen(), RESET_PATIENCE_MS);
    this.#platform.resetView(this.#id).catch(() => this.reopen());
  }
}

/** A hidden page has no frames; what waits for one must go on all the same. */
function afterFrame(run: () => void): void {
  if (document.hidden) setTimeout(run, 0);
  else requestAnimationFrame(run);
}

function afterPaint(run: () => void): void {
  // A task begun in a frame's callback runs after that frame was painted.
  afterFrame(() => setTimeout(run, 0));
}
