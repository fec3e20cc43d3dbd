// The slot pool: as many row nodes as fit the window and a little more, whatever the number of deliveries.

import type { Scene } from "../scene";
import type { Column } from "./columns";
import type { Page } from "./page";
import { type Chosen, Slot } from "./slot";

/** Rows kept ready above and below what is in sight, so that a turn of the wheel finds them drawn. */
const READY_ROWS = 16;

/** Which places should be there. */
export type Window = { first: number; len: number };

let pools = 0;

export class SlotPool {
  readonly #sheet: HTMLElement;
  #columns: readonly Column[];
  #rowPx: number;
  #height = 0;
  readonly #scene: Scene;
  readonly #name: string;
  #slots: Slot[] = [];
  #page: Page | undefined;
  #first = 0;
  #chosen: Chosen = { id: null, group: null, marked: new Set() };

  constructor(sheet: HTMLElement, columns: readonly Column[], rowPx: number, scene: Scene) {
    this.#sheet = sheet;
    this.#columns = columns;
    this.#rowPx = rowPx;
    this.#scene = scene;
    pools += 1;
    this.#name = `pool${pools}`;
  }

  /** Number of row nodes. */
  get size(): number {
    return this.#slots.length;
  }

  /** Other columns, or the same ones in another order: a slot's cells are made once, so that all slots are new. */
  reshape(columns: readonly Column[]): void {
    if (sameIds(columns, this.#columns)) return;
    this.#columns = columns;
    for (const slot of this.#slots.splice(0)) slot.element.remove();
    this.resize(this.#height);
  }

  /** Rows of another height in pixels. */
  setRow(rowPx: number): void {
    if (rowPx === this.#rowPx) return;
    this.#rowPx = rowPx;
    this.resize(this.#height);
    this.#place(true);
  }

  /** As many slots as a height needs. */
  resize(height: number): void {
    this.#height = height;
    const wanted = Math.ceil(height / this.#rowPx) + 1 + 2 * READY_ROWS;
    while (this.#slots.length > wanted) this.#slots.pop()?.element.remove();
    while (this.#slots.length < wanted) {
      const slot = new Slot(`${this.#name}-${this.#slots.length}`, this.#columns);
      this.#slots.push(slot);
      this.#sheet.append(slot.element);
    }
    this.#place();
  }

  /** Scrolls to a number of pixels; says which places should be there. */
  scroll(top: number): Window {
    const first = Math.max(0, Math.floor(top / this.#rowPx) - READY_ROWS);
    if (first !== this.#first) {
      this.#first = first;
      this.#place();
    }
    return { first, len: this.#slots.length };
  }

  /** Places, and with them possibly everything, changed. */
  showAll(page: Page): void {
    this.#page = page;
    this.#place(true);
  }

  /** Only these rows and heads changed. */
  showSome(page: Page, touched: ReadonlySet<number | string>): void {
    this.#page = page;
    for (const slot of this.#slots) {
      const what = slot.row?.id ?? slot.head?.key;
      if (what !== undefined && touched.has(what)) this.#draw(slot);
    }
  }

  /** Marks what is chosen; gives the node that shows it, if one does. */
  select(chosen: Chosen): string | null {
    this.#chosen = chosen;
    let shown: string | null = null;
    for (const slot of this.#slots) {
      const isRow = chosen.id !== null && slot.row?.id === chosen.id;
      const isHead = chosen.group !== null && slot.head?.key === chosen.group;
      if (isRow || isHead) shown = slot.id;
      slot.select(chosen, this.#scene);
    }
    return shown;
  }

  /** The slot of a node within it. */
  slotOf(element: Element): Slot | undefined {
    return this.#slots.find((slot) => slot.element === element);
  }

  /** Time went on. */
  tick(): void {
    for (const slot of this.#slots) slot.tick(this.#chosen, this.#scene);
  }

  /** Draws everything anew: the language or a center's name changed. */
  redraw(): void {
    this.#place(true);
  }

  /** A place keeps its slot while it is in the window; slots that leave at one end come in at the other. */
  #place(all = false): void {
    const size = this.#slots.length;
    if (size === 0) return;
    const total = this.#page?.total ?? 0;
    const from = this.#first;
    for (let place = from; place < from + size; place += 1) {
      const slot = this.#slots[place % size];
      if (!slot) continue;
      const hidden = place >= total;
      if (slot.element.hidden !== hidden) slot.element.hidden = hidden;
      if (slot.place !== place || all) {
        slot.move(place, this.#rowPx);
        this.#draw(slot);
      }
    }
  }

  /** Draws what stands at the slot's place. */
  #draw(slot: Slot): void {
    const head = slot.element.hidden ? undefined : this.#page?.headAt(slot.place);
    if (head !== undefined) {
      slot.drawHead(head, head.key === this.#chosen.group, this.#scene);
      return;
    }
    const row = slot.element.hidden ? undefined : this.#page?.at(slot.place);
    const hasLeft = row !== undefined && this.#page?.left.has(row.id) === true;
    slot.draw(row, this.#chosen, hasLeft, this.#scene);
  }
}

function sameIds(a: readonly Column[], b: readonly Column[]): boolean {
  return a.length === b.length && a.every(({ id }, at) => id === b[at]?.id);
}
