// What the board of a window holds: its list, the chosen delivery, and whether its details are open.

import { Selection } from "../../parts/grid/selection.svelte";
import { View } from "../../parts/grid/view.svelte";
import type { Action } from "../../platform/contract";
import type { Row } from "../../platform/generated/Row";
import type { Foot, Host, ScreenState } from "../screen";

/** Where on the board the focus may be sent. */
export type Places = { search: () => void; filter: () => void; grid: () => void };

/** While the board is not shown. */
const NOWHERE: Places = { search: () => {}, filter: () => {}, grid: () => {} };

export class BoardState implements ScreenState {
  detailOpen = $state(false);
  choosing: Promise<boolean> | null = null;
  /** The component's own, while it is there. */
  places = NOWHERE;
  readonly host: Host;
  readonly view: View;
  readonly selection: Selection;
  #asking = false;

  constructor(host: Host) {
    this.host = host;
    this.view = new View(host.platform);
    this.selection = new Selection(this.view);
  }

  get opened(): Row | null {
    return this.detailOpen ? this.selection.row : null;
  }

  get foot(): Foot {
    const { matching, moved, counters } = this.view;
    return { total: matching, moved, counters };
  }

  async begin(): Promise<void> {
    this.view.change({ centers: this.#centers });
    await this.view.open();
  }

  end(): void {
    this.view.close();
    this.selection.clear();
    this.detailOpen = false;
    this.#asking = false;
  }

  focus(): void {
    this.places.grid();
  }

  showCenter(): void {
    this.selection.clear();
    this.detailOpen = false;
    this.view.change({ centers: this.#centers, first: 0, hold: false });
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
    this.selection.goTo(0);
    return true;
  }

  async openDelivery(id: number, row: Row | null): Promise<void> {
    if (!(await this.selection.goToDelivery(id)) && row) this.selection.choose(row, 0);
    this.openDetail();
  }

  openDetail(): void {
    if (this.selection.id === null) return;
    this.detailOpen = true;
    this.hold(true);
  }

  closeDetail(): void {
    this.detailOpen = false;
    this.hold(false);
  }

  /** Closes the details; with none open, ends the search. */
  closeTopmost(): void {
    if (this.detailOpen) this.closeDetail();
    else this.view.change({ search: "", first: 0 });
    this.focus();
  }

  asking(open: boolean): void {
    this.#asking = open;
    this.hold(false);
  }

  /** Places don't change under a row while it is being read. */
  hold(hold: boolean): void {
    const reading = hold || this.detailOpen || this.#asking;
    if (this.view.spec.hold !== reading) this.view.change({ hold: reading });
  }

  catchUp(): void {
    this.view.change({ hold: false });
  }

  stalled(view: number): void {
    this.view.stalled(view);
  }

  rowOf(id: number): Row | null {
    void this.view.version;
    return this.view.page.rows.get(id) ?? null;
  }

  /** Begins an action on the chosen delivery. */
  act(action: Action): void {
    const { row } = this.selection;
    if (row !== null) this.host.act(action, row);
  }

  get #centers(): string[] {
    const { center } = this.host;
    return center === null ? [] : [center];
  }
}
