// What the board of a window holds: its list, the chosen delivery, whether its details are open, and whether places are held.

import { Selection } from "../../parts/grid/selection.svelte";
import { EVERYTHING, View } from "../../parts/grid/view.svelte";
import type { Action } from "../../platform/contract";
import type { Row } from "../../platform/generated/Row";
import type { ViewSpec } from "../../platform/generated/ViewSpec";
import type { Foot, Host, ScreenState } from "../screen";
import { Arrangement } from "./arrangement.svelte";
import { URGENT_FIRST } from "./first";

/** Where on the board the focus may be sent, and what only the component can do. */
export type Places = {
  search: () => void;
  filter: () => void;
  grid: () => void;
  /** The heads of the columns. */
  heads: () => void;
  /** What stands where on the screen now; gives back what puts it there again. */
  keepPlace: () => () => Promise<void>;
};

/** While the board is not shown. */
const NOWHERE: Places = {
  search: () => {},
  filter: () => {},
  grid: () => {},
  heads: () => {},
  keepPlace: () => async () => {},
};

/** Places stand still for so long after the last touch. */
export const HOLD_MS = 10_000;
/** After so long an unbroken hold what someone must act on comes in all the same. */
export const ADMIT_MS = 60_000;

export class BoardState implements ScreenState {
  detailOpen = $state(false);
  choosing: Promise<boolean> | null = null;
  /** The component's own, while it is there. */
  places = NOWHERE;
  readonly host: Host;
  readonly view: View;
  readonly selection: Selection;
  readonly arrangement: Arrangement;
  /** The desk's instants of the last touch, and of the first one of this hold; null: places are not held. */
  #touchedAt: number | null = null;
  #heldSince: number | null = null;
  /** The core held places by itself a second ago. */
  #seenByCore = false;
  /** Releases that are not shown yet: what the list still says of a hold is from before them. */
  #releasing = 0;

  constructor(host: Host) {
    this.host = host;
    this.view = new View(host.platform, URGENT_FIRST);
    this.selection = new Selection(this.view);
    this.arrangement = new Arrangement(host, this.view, (part) => this.show(part));
  }

  get opened(): Row | null {
    return this.detailOpen ? this.selection.row : null;
  }

  get foot(): Foot {
    const { matching, counters } = this.view;
    return { total: matching, counters };
  }

  async begin(): Promise<void> {
    this.arrangement.begin();
    this.view.change({ centers: this.#centers });
    await this.view.open();
  }

  end(): void {
    this.arrangement.end();
    this.view.close();
    this.selection.clear();
    this.detailOpen = false;
    this.#touchedAt = null;
    this.#heldSince = null;
  }

  freeze(): void {
    this.detailOpen = false;
    this.selection.clear();
    this.view.close();
  }

  focus(): void {
    this.places.grid();
  }

  showCenter(): void {
    this.selection.clear();
    this.detailOpen = false;
    this.show({ centers: this.#centers });
  }

  /** Shows something else: another filter, order, search. A hold begins anew with the next touch. */
  show(part: Partial<ViewSpec>): void {
    this.#heldSince = null;
    this.#touchedAt = null;
    if (this.held) void this.#letGo({ ...part, first: 0 });
    else this.view.change({ ...part, first: 0 });
    if ("sort" in part || "group" in part) this.arrangement.keepLast();
  }

  /** Chooses the first delivery that fits what was just typed; false: none does. */
  chooseFirst(): Promise<boolean> {
    const choosing = this.#chooseFirst();
    this.choosing = choosing;
    void choosing.then(() => {
      if (this.choosing === choosing) this.choosing = null;
    });
    return choosing;
  }

  async #chooseFirst(): Promise<boolean> {
    await this.view.current();
    if (this.view.total === 0) return false;
    const exact = this.view.found?.exact ?? null;
    if (exact !== null && (await this.selection.goToDelivery(exact))) return true;
    this.selection.goTo(0);
    return true;
  }

  async find(typed: string): Promise<void> {
    this.show({ search: typed, filter: EVERYTHING.filter });
    if ((await this.chooseFirst()) && this.view.matching === 1) this.openDetail();
  }

  async openDelivery(id: number, row: Row | null): Promise<void> {
    if (!(await this.selection.goToDelivery(id)) && row) this.selection.choose(row, 0);
    this.openDetail();
  }

  openDetail(): void {
    if (this.selection.group !== null) {
      void this.selection.fold(false);
      return;
    }
    if (this.selection.id === null) return;
    this.detailOpen = true;
    this.touch();
  }

  closeDetail(): void {
    this.detailOpen = false;
  }

  /** What Esc ends: the topmost alone of marks, details, a hold, the search; null: there is none of them. */
  get topmost(): (() => void) | null {
    if (this.selection.marked.size > 0) return () => this.selection.unmark();
    if (this.detailOpen) return () => this.closeDetail();
    if (this.held) return () => this.release();
    return this.view.spec.search === "" ? null : () => this.show({ search: "" });
  }

  /** Whether places stand still, for this page or for the core, and nobody has released them yet. */
  get held(): boolean {
    return this.view.spec.hold || (this.view.held !== null && this.#releasing === 0);
  }

  closeTopmost(): void {
    this.topmost?.();
    this.focus();
  }

  /** Someone reads or moves over rows: places stand still from now on. */
  touch(wall = Date.now()): void {
    // An empty list that were held would hide the whole day behind the strip.
    if (this.view.total === 0) return;
    this.#touchedAt = wall;
    this.#heldSince ??= wall;
    if (!this.view.spec.hold) this.view.change({ hold: true });
  }

  /** A second went by. */
  tick(wall: number): void {
    // The core holds by itself for an alarm's row. When that is no patch from before a release, it is this page's hold
    // from here on.
    const byCore = this.held && !this.view.spec.hold;
    if (byCore && this.#seenByCore) this.touch(wall);
    this.#seenByCore = byCore;
    this.arrangement.tick(wall);
    if (this.#touchedAt === null || !this.view.spec.hold) return;
    if (wall - this.#touchedAt >= HOLD_MS) this.release();
    else if (wall - (this.#heldSince ?? wall) >= ADMIT_MS && (this.view.held?.act ?? 0) > 0)
      this.view.admitAct();
  }

  /** Shows the order as it is now. What someone looks at keeps its place on the screen. */
  release(): void {
    this.#touchedAt = null;
    this.#heldSince = null;
    if (!this.view.spec.hold && this.view.held === null) return;
    this.#seenByCore = false;
    const putBack = this.places.keepPlace();
    void this.#letGo({}).then(putBack);
  }

  /** Changes what is shown, without a hold; resolves once the hold is out of sight. */
  async #letGo(part: Partial<ViewSpec>): Promise<void> {
    this.view.change({ ...part, hold: false });
    this.#releasing += 1;
    await this.view.current();
    this.#releasing -= 1;
  }

  /** An alarm is about a row that may be in sight. */
  alarmed(): void {
    // What is listed again at a start, or after an outage, must not hold up the rows that come with it.
    if (!this.host.stale) this.touch();
  }

  stalled(view: number): void {
    this.view.stalled(view);
  }

  rowOf(id: number): Row | null {
    void this.view.version;
    return this.view.page.rows.get(id) ?? null;
  }

  /** What failed of a batch stays marked; the rest was done. */
  keepMarked(ids: ReadonlySet<number>): void {
    this.selection.unmark(ids);
  }

  /** Begins an action on the marked deliveries, else on the chosen one. */
  act(action: Action): void {
    const marked = [...this.selection.marked.values()];
    if (marked.length > 0) this.host.actOnAll(action, marked);
    else if (this.selection.row !== null) this.host.act(action, this.selection.row);
  }

  get #centers(): string[] {
    const { center } = this.host;
    return center === null ? [] : [center];
  }
}
