// Cells of the grid: their nodes are made once a slot, and only texts that differ are written.

import type { Row } from "../../platform/generated/Row";
import { elapsed, left } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { asStatus, STATUS_ICON, statusName } from "../../texts/names";
import type { Scene } from "../scene";

export interface GridCell {
  /** Shows a row that can be read. */
  show(row: Row, scene: Scene): void;
  /** Shows that a row can't be read; undefined: that it has not come yet. */
  blank(row: Row | undefined): void;
  /** Time went on: there where a cell derives from it. */
  tick?(row: Row, scene: Scene): void;
}

/** A text, and nothing of a row that can't be read unless `unreadable` says what. */
export function textCell(
  of: (row: Row, scene: Scene) => string,
  unreadable: (row: Row) => string = () => "",
): (into: HTMLElement) => GridCell {
  return (into) => {
    const text = textIn(into);
    return {
      show: (row, scene) => text(of(row, scene)),
      blank: (row) => text(row === undefined ? "" : unreadable(row)),
    };
  };
}

/** Icon and name of the status; under way or unknown, that is its icon. */
export function statusCell(into: HTMLElement): GridCell {
  const icon = spanIn(into, "icon");
  icon.setAttribute("aria-hidden", "true");
  const text = textIn(into);
  return {
    show(row) {
      const status = asStatus(row.status);
      const sign = status ? STATUS_ICON[status] : "·";
      write(icon, row.mark === null ? sign : row.mark === "pending" ? "⋯" : "?");
      icon.dataset["status"] = row.status ?? "";
      const marked = row.mark === "pending" ? m.row_pending() : row.mark === "unknown" ? m.row_unknown() : "";
      if (into.title !== marked) into.title = marked;
      text(statusName(row.status));
    },
    blank(row) {
      write(icon, row === undefined ? "" : "!");
      if (into.title !== "") into.title = "";
      text(row === undefined ? "…" : statusName(null));
    },
  };
}

/** How many minutes are left to its target; less than none when it is late. */
export function leftCell(into: HTMLElement): GridCell {
  spanIn(into, "late-icon", "▲ ");
  spanIn(into, "risk-icon", "△ ");
  const text = textIn(into);
  const show = (row: Row, scene: Scene): void => {
    text(row.lateAt === null ? "–" : left(row.lateAt - scene.nowIn(row.center)));
  };
  return { show, tick: show, blank: () => text("") };
}

/** How long it has been under way, or was. */
export function elapsedCell(into: HTMLElement): GridCell {
  const text = textIn(into);
  const show = (row: Row, scene: Scene): void => {
    const end = row.deliveredAt ?? row.cancelledAt ?? scene.nowIn(row.center);
    text(elapsed(end - row.receivedAt));
  };
  return { show, tick: show, blank: () => text("") };
}

/** The rider's name, whether confirmed, and lent from where. */
export function riderCell(into: HTMLElement): GridCell {
  const text = textIn(into);
  const unconfirmed = spanIn(into, "tag");
  const lent = spanIn(into, "tag home");
  return {
    show({ rider, status }, scene) {
      text(rider?.name ?? m.no_rider());
      write(unconfirmed, rider && !rider.confirmed && status === "assigned" ? m.unconfirmed_tag() : "");
      write(lent, rider?.lentFrom ? scene.nameOf(rider.lentFrom) : "");
    },
    blank() {
      text("");
      write(unconfirmed, "");
      write(lent, "");
    },
  };
}

/** The shop's name. Badges stand before it: a long name is cut, and a badge that is cut says nothing. */
export function shopCell(into: HTMLElement): GridCell {
  const remark = spanIn(into, "tag home before");
  const notes = spanIn(into, "tag before");
  const text = textIn(into);
  const badges = (said: string, count: number, asks: boolean): void => {
    // A remark is longer than its cell: the badge says that there is one, the pointer and the details what it says.
    write(remark, said === "" ? "" : "※");
    if (remark.title !== said) remark.title = said;
    write(notes, count > 0 ? `✎${count}` : "");
    notes.classList.toggle("quiet", !asks);
  };
  return {
    show(row) {
      badges(row.shopRemark, row.notes, row.asks);
      text(row.shop);
    },
    blank() {
      badges("", 0, false);
      text("");
    },
  };
}

function textIn(into: HTMLElement): (text: string) => void {
  const node = document.createTextNode("");
  into.append(node);
  return (text) => {
    if (node.data !== text) node.data = text;
  };
}

function spanIn(into: HTMLElement, className: string, text = ""): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  into.append(element);
  return element;
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
