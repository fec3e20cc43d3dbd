// One recycled row of the grid: its nodes are made once, and only texts that differ are written.

import type { GroupHead } from "../../platform/generated/GroupHead";
import type { Row } from "../../platform/generated/Row";
import type { Scene } from "../scene";
import type { GridCell } from "./cells";
import type { Column } from "./columns";
import { HeadCell } from "./head";

/** A hand needs so long to press what an eye has seen, milliseconds. */
const REACTION_MS = 150;

/** What is chosen and what is marked in the list. */
export type Chosen = {
  readonly id: number | null;
  readonly group: string | null;
  readonly marked: { has(id: number): boolean };
};

export class Slot {
  readonly element: HTMLDivElement;
  row: Row | undefined;
  /** The group head that it shows instead of a row. */
  head: GroupHead | undefined;
  place = -1;
  readonly #cells: readonly GridCell[];
  readonly #columns: number;
  #headCell: HeadCell | undefined;
  #hasLeft = false;
  #className = "";
  /** What stood here before the last change, and when that was. */
  #before: Row | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly id: string,
    columns: readonly Column[],
  ) {
    this.element = document.createElement("div");
    this.element.id = id;
    this.element.setAttribute("role", "row");
    this.#columns = columns.length;
    this.#cells = columns.map((column, index) => {
      const cell = document.createElement("span");
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", String(index + 1));
      cell.dataset["column"] = column.id;
      cell.classList.toggle("num", column.numeric);
      cell.classList.toggle("dim", column.dim);
      this.element.append(cell);
      return column.cell(cell);
    });
  }

  /** Puts the slot at a place among rows of a height in pixels. */
  move(place: number, rowPx: number): void {
    this.element.style.top = `${place * rowPx}px`;
    if (place === this.place) return;
    this.place = place;
    this.element.setAttribute("aria-rowindex", String(place + 2));
  }

  /** The row that a hand means that presses now: it has seen what was painted there a moment ago. */
  meant(): Row | undefined {
    return performance.now() - this.#changedAt < REACTION_MS ? this.#before : this.row;
  }

  /** Draws a row. `hasLeft`: it does not match any more, and stays while places are held. */
  draw(row: Row | undefined, chosen: Chosen, hasLeft: boolean, scene: Scene): void {
    if (row?.id !== this.row?.id) {
      this.#before = this.row;
      this.#changedAt = performance.now();
    }
    this.row = row;
    this.#hasLeft = hasLeft;
    if (this.head !== undefined) {
      this.head = undefined;
      this.element.removeAttribute("data-group");
      this.element.removeAttribute("aria-expanded");
    }
    this.#class(row, chosen, scene);
    if (row === undefined) this.element.removeAttribute("data-id");
    else this.element.dataset["id"] = String(row.id);
    for (const cell of this.#cells) {
      if (row === undefined || row.status === null) cell.blank(row);
      else cell.show(row, scene);
    }
  }

  /** Draws the head of a group. It can't be chosen. */
  drawHead(head: GroupHead, selected: boolean, scene: Scene): void {
    this.row = undefined;
    this.head = head;
    this.#className = selected ? "row group selected" : "row group";
    this.element.className = this.#className;
    this.element.removeAttribute("data-id");
    this.element.setAttribute("aria-selected", String(selected));
    this.element.dataset["group"] = head.key;
    this.element.setAttribute("aria-expanded", String(!head.collapsed));
    this.#headCell ??= new HeadCell(this.element, this.#columns);
    this.#headCell.show(head, scene);
  }

  /** Time went on: what derives from it, and nothing else. */
  tick(chosen: Chosen, scene: Scene): void {
    if (this.head !== undefined) this.#headCell?.show(this.head, scene);
    if (this.row === undefined || this.row.status === null) return;
    this.#class(this.row, chosen, scene);
    for (const cell of this.#cells) cell.tick?.(this.row, scene);
  }

  select(chosen: Chosen, scene: Scene): void {
    if (this.head === undefined) this.#class(this.row, chosen, scene);
    else this.drawHead(this.head, chosen.group === this.head.key, scene);
  }

  #class(row: Row | undefined, chosen: Chosen, scene: Scene): void {
    const selected = row !== undefined && row.id === chosen.id;
    const marked = row !== undefined && chosen.marked.has(row.id);
    const late = row?.lateAt != null && scene.nowIn(row.center) >= row.lateAt;
    let name = "row";
    if (row === undefined) name += " blank";
    else if (row.status === null) name += " unreadable";
    else if (row.status === "cancelled") name += " cancelled";
    else if (row.status === "delivered") name += " delivered";
    if (late) name += " late";
    else if (row?.riskAt != null && scene.nowIn(row.center) >= row.riskAt) name += " at-risk";
    if (this.#hasLeft) name += " left";
    if (row?.mark) name += ` ${row.mark}`;
    if (marked) name += " marked";
    if (selected) name += " selected";
    if (name === this.#className) return;
    this.#className = name;
    this.element.className = name;
    this.element.setAttribute("aria-selected", String(selected || marked));
  }
}
