// One recycled row of the grid: its nodes are made once, and only texts that differ are written.

import type { Row } from "../../platform/generated/Row";
import { elapsed, kilometres, type ZoneClock } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { asStatus, STATUS_ICON, statusName } from "../../texts/names";
import { COLUMNS } from "./columns";

/** What a row needs to know of the world to be drawn. */
export type Scene = {
  clockOf(center: string): ZoneClock;
  nameOf(center: string): string;
  /** The instant of operations in a center. */
  nowIn(center: string): number;
};

const ROW_PX = 24;

export class Slot {
  readonly element: HTMLDivElement;
  row: Row | undefined;
  place = -1;
  readonly #text: Text[] = [];
  readonly #cells: HTMLElement[] = [];
  readonly #icon = span("icon");
  readonly #late = span("late-icon", "▲ ");
  readonly #lent = span("tag home");
  readonly #unconfirmed = span("tag");
  readonly #remark = span("tag home before");
  readonly #notes = span("tag before");
  #className = "";

  constructor(readonly id: string) {
    this.element = document.createElement("div");
    this.element.id = id;
    this.element.setAttribute("role", "row");
    COLUMNS.forEach((column, index) => {
      const cell = document.createElement("span");
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", String(index + 1));
      cell.dataset["column"] = column.id;
      if (column.numeric) cell.className = "num";
      const text = document.createTextNode("");
      if (column.id === "status") {
        this.#icon.setAttribute("aria-hidden", "true");
        cell.append(this.#icon, text);
      } else if (column.id === "elapsed") {
        cell.append(this.#late, text);
      } else if (column.id === "rider") {
        cell.append(text, this.#unconfirmed, this.#lent);
      } else if (column.id === "shop") {
        // Before the name: a long one is cut, and a badge that is cut says nothing.
        cell.append(this.#remark, this.#notes, text);
      } else {
        cell.append(text);
      }
      this.#text.push(text);
      this.#cells.push(cell);
      this.element.append(cell);
    });
  }

  /** Puts the slot at a place. */
  move(place: number): void {
    if (place === this.place) return;
    this.place = place;
    this.element.style.top = `${place * ROW_PX}px`;
    this.element.setAttribute("aria-rowindex", String(place + 2));
  }

  draw(row: Row | undefined, selected: boolean, scene: Scene): void {
    this.row = row;
    this.#class(row, selected, scene);
    if (row === undefined) {
      this.#texts(["", "…", "", "", "", "", "", "", "", "", "", ""]);
      this.#tags("", "", "", "");
      write(this.#icon, "");
      this.element.removeAttribute("data-id");
      return;
    }
    this.element.dataset["id"] = String(row.id);
    const status = asStatus(row.status);
    if (row.status === null) {
      write(this.#icon, "!");
      this.#texts([`#${row.id}`, statusName(null), "", "", "", "", "", "", "", "", "", ""]);
      this.#tags("", "", "", "");
      return;
    }
    const clock = scene.clockOf(row.center);
    write(
      this.#icon,
      row.mark === null ? (status ? STATUS_ICON[status] : "·") : row.mark === "pending" ? "⋯" : "?",
    );
    this.#icon.dataset["status"] = row.status;
    const marked = row.mark === "pending" ? m.row_pending() : row.mark === "unknown" ? m.row_unknown() : "";
    if (this.#cells[1] && this.#cells[1].title !== marked) this.#cells[1].title = marked;
    this.#texts([
      row.number,
      statusName(row.status),
      this.#elapsed(row, scene),
      `${row.pickupTargetMin}/${row.deliveryTargetMin}`,
      row.rider?.name ?? m.no_rider(),
      row.shop,
      row.address,
      kilometres(row.distanceM),
      clock.minute(row.waitingAt),
      clock.minute(row.assignedAt),
      clock.minute(row.pickedUpAt),
      clock.minute(row.deliveredAt),
    ]);
    this.#tags(
      row.rider?.lentFrom ? scene.nameOf(row.rider.lentFrom) : "",
      row.rider && !row.rider.confirmed && row.status === "assigned" ? m.unconfirmed_tag() : "",
      row.shopRemark,
      row.notes > 0 ? `✎${row.notes}` : "",
    );
  }

  /** Time went on: what derives from it, and nothing else. */
  tick(selected: boolean, scene: Scene): void {
    if (this.row === undefined || this.row.status === null) return;
    this.#class(this.row, selected, scene);
    const text = this.#text[2];
    const now = this.#elapsed(this.row, scene);
    if (text && text.data !== now) text.data = now;
  }

  select(selected: boolean, scene: Scene): void {
    this.#class(this.row, selected, scene);
  }

  #elapsed(row: Row, scene: Scene): string {
    const end = row.deliveredAt ?? row.cancelledAt ?? scene.nowIn(row.center);
    return elapsed(end - row.receivedAt);
  }

  #class(row: Row | undefined, selected: boolean, scene: Scene): void {
    const late = row?.lateAt != null && scene.nowIn(row.center) >= row.lateAt;
    let name = "row";
    if (row === undefined) name += " blank";
    else if (row.status === null) name += " unreadable";
    else if (row.status === "cancelled") name += " cancelled";
    else if (row.status === "delivered") name += " delivered";
    if (late) name += " late";
    if (row?.mark) name += ` ${row.mark}`;
    if (selected) name += " selected";
    if (name === this.#className) return;
    this.#className = name;
    this.element.className = name;
    this.element.setAttribute("aria-selected", String(selected));
  }

  #texts(texts: readonly string[]): void {
    for (let i = 0; i < texts.length; i += 1) {
      const node = this.#text[i];
      const text = texts[i] ?? "";
      if (node && node.data !== text) node.data = text;
    }
  }

  #tags(lent: string, unconfirmed: string, remark: string, notes: string): void {
    write(this.#lent, lent);
    write(this.#unconfirmed, unconfirmed);
    // A remark is longer than its cell: the badge says that there is one, the pointer and the details what it says.
    write(this.#remark, remark === "" ? "" : "※");
    if (this.#remark.title !== remark) this.#remark.title = remark;
    write(this.#notes, notes);
  }
}

function span(className: string, text = ""): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
