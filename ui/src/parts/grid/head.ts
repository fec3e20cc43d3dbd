// The head of a group: what it is called, and what it says of its rows.

import type { GroupHead } from "../../platform/generated/GroupHead";
import { count, elapsed } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { language } from "../../texts/language.svelte";
import { asStatus, STATUS_ICON, statusName } from "../../texts/names";
import type { Scene } from "../scene";

/** What groups that are named by no value are called. */
const NAMES: Record<string, () => string> = {
  act: m.group_act,
  none: m.group_no_rider,
  rest: m.group_rest,
  unreadable: m.st_unreadable,
};

/** The one cell of a head, over all columns. */
export class HeadCell {
  readonly #sign = document.createElement("span");
  readonly #name = document.createElement("b");
  readonly #count = document.createElement("span");
  readonly #more = document.createElement("span");

  constructor(row: HTMLElement, columns: number) {
    const cell = document.createElement("span");
    cell.className = "group-head";
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", "1");
    cell.setAttribute("aria-colspan", String(columns));
    this.#sign.className = "icon";
    this.#sign.setAttribute("aria-hidden", "true");
    this.#more.className = "more";
    cell.append(this.#sign, this.#name, this.#count, this.#more);
    row.append(cell);
  }

  show(head: GroupHead, scene: Scene): void {
    write(this.#sign, head.collapsed ? "▸" : "▾");
    write(this.#name, nameOf(head, scene));
    write(this.#count, count(head.count, language.current));
    write(this.#more, more(head, scene).join(" · "));
  }
}

function nameOf({ key, value }: GroupHead, scene: Scene): string {
  const named = NAMES[key];
  if (named !== undefined) return named();
  const status = asStatus(key);
  if (status !== null) return `${STATUS_ICON[status]} ${statusName(status)}`;
  // What is called by its id may be a center, whose name the window knows.
  return value === key ? scene.nameOf(key) : value;
}

function more(head: GroupHead, scene: Scene): string[] {
  const parts: string[] = [];
  if (head.cancelled > 0 && head.key === "act") parts.push(m.group_cancelled({ count: head.cancelled }));
  if (head.late > 0) parts.push(m.group_late({ count: head.late }));
  if (head.atRisk > 0) parts.push(m.group_at_risk({ count: head.atRisk }));
  if (head.unconfirmed > 0) parts.push(m.group_unconfirmed({ count: head.unconfirmed }));
  if (head.oldestAt !== null) parts.push(m.group_oldest({ time: elapsed(scene.now() - head.oldestAt) }));
  if (head.above > 0) parts.push(m.group_above({ count: head.above }));
  if (head.outside > 0) parts.push(m.group_outside({ count: head.outside }));
  return parts;
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
