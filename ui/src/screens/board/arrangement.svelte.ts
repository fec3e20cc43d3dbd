// Which view and columns the board shows: chosen, saved, moved, sized, kept at the seat.

import { drawing } from "../../parts/drawing";
import {
  arranged,
  type Column,
  type Layout,
  moved,
  NATURAL_LAYOUT,
  ordered,
  shownOrHidden,
  type Widths,
} from "../../parts/grid/columns";
import { asDensity, type Density } from "../../parts/grid/density";
import type { View } from "../../parts/grid/view.svelte";
import type { ViewSpec } from "../../platform/generated/ViewSpec";
import { m } from "../../texts/generated/messages";
import type { Host } from "../screen";
import ColumnsDialog from "./ColumnsDialog.svelte";
import { ALL_COLUMNS, COLUMNS } from "./columns";
import { collapsedIn, FIRST } from "./first";
import { type Content, isSame, readContent, type SavedView, VIEWS_MOST } from "./saved";
import ViewNameDialog from "./ViewNameDialog.svelte";
import ViewRemoveDialog from "./ViewRemoveDialog.svelte";
import { Views } from "./views.svelte";

/** What the seat keeps, by name: what was shown last, what a person made of the widths, and how close rows stand. */
const LAST = "board.last";
const WIDTHS = "board.widths";
const DENSITY = "density";

export class Arrangement {
  /** Which columns there are to see, in which order. */
  layout = $state.raw<Layout>(NATURAL_LAYOUT);
  /** The chosen view, by its id; null: none. */
  #chosen = $state<string | null>(null);
  readonly views: Views;
  /** Those that are shown, in their order. */
  readonly columns: readonly Column[] = $derived.by(() => arranged(this.#present, this.layout));
  /** Those that can be shown, hidden ones too. */
  readonly everyColumn: readonly Column[] = $derived.by(() => ordered(this.#present, this.layout));
  readonly widths: Widths = $derived.by(() => readWidths(this.#host.seat.get(WIDTHS)));
  readonly density: Density = $derived.by(() => asDensity(this.#host.seat.get(DENSITY)));
  readonly #host: Host;
  readonly #view: View;
  readonly #show: (part: Partial<ViewSpec>) => void;

  constructor(host: Host, view: View, show: (part: Partial<ViewSpec>) => void) {
    this.#host = host;
    this.#view = view;
    this.#show = show;
    this.views = new Views(host);
  }

  /** Someone has signed in: what this seat showed last comes back. */
  begin(): void {
    this.views.begin();
    this.#restore();
  }

  end(): void {
    this.views.end();
    this.#chosen = null;
  }

  /** A second went by. */
  tick(wall: number): void {
    this.views.tick(wall);
  }

  /** The view that was chosen; null: none, or it is there no more. */
  get chosen(): SavedView | null {
    return this.views.find(this.#chosen);
  }

  /** What is shown differs from the chosen view. */
  get isChanged(): boolean {
    return !isSame(this.#content, (this.chosen ?? { content: FIRST }).content);
  }

  get #content(): Content {
    const { filter, sort, group, pinned } = this.#view.spec;
    return { filter, sort, group, pinned, layout: this.layout };
  }

  /** Shows a view as it was saved; null: what a new seat sees. */
  chooseView(id: string | null): void {
    const { layout, sort, ...content } = this.views.find(id)?.content ?? FIRST;
    this.#chosen = id;
    this.layout = layout;
    this.#show({ ...content, sort: [...sort], collapsed: collapsedIn(content.group) });
    this.keepLast();
  }

  askSave(): void {
    this.#askName(m.view_save_title(), "", (name) => {
      this.#chosen = this.views.save(name, this.#content).id;
      this.keepLast();
    });
  }

  /** Saves what is shown as the chosen view. */
  saveOver(): void {
    if (this.chosen !== null) this.views.save(this.chosen.name, this.#content);
  }

  askRename(): void {
    const { chosen } = this;
    if (chosen === null) return;
    this.#askName(m.view_rename_title(), chosen.name, (name) => {
      const other = this.views.named(name);
      if (other !== null && other.id !== chosen.id) this.views.remove(other.id);
      this.views.rename(chosen, name);
    });
  }

  askRemove(): void {
    const { chosen } = this;
    if (chosen === null) return;
    this.#host.lay((close) =>
      drawing(ViewRemoveDialog, {
        name: chosen.name,
        onremove: () => {
          this.views.remove(chosen.id);
          close();
        },
        onclose: close,
      }),
    );
  }

  askColumns(): void {
    this.#host.lay((close) => drawing(ColumnsDialog, { arrangement: this, onclose: close }));
  }

  #askName(title: string, first: string, named: (name: string) => void): void {
    const { views } = this;
    this.#host.lay((close) =>
      drawing(ViewNameDialog, {
        title,
        lead: this.#host.foreign === null ? m.view_save_lead() : m.view_save_lead_foreign(),
        first,
        taken: (name: string) => views.named(name),
        full: first === "" && views.isFull ? m.view_full({ count: VIEWS_MOST }) : null,
        onname: (name: string) => {
          named(name);
          close();
        },
        onclose: close,
      }),
    );
  }

  isShown(column: string): boolean {
    return this.columns.some(({ id }) => id === column);
  }

  showColumn(column: string, shown: boolean): void {
    this.#arrange(shownOrHidden(this.layout, column, shown));
  }

  /** A column goes to before another one; null: to the end. */
  moveColumn(column: string, before: string | null): void {
    this.#arrange(moved(ALL_COLUMNS, this.layout, column, before));
  }

  /** A column gets a width in pixels; null: its own again. */
  sizeColumn(column: string, px: number | null): void {
    const { [column]: _, ...others } = this.widths;
    this.#host.seat.keep(WIDTHS, px === null ? others : { ...others, [column]: px });
  }

  setDensity(density: Density): void {
    this.#host.seat.keep(DENSITY, density);
  }

  /** Columns as they are by themselves. */
  resetColumns(): void {
    this.#host.seat.keep(WIDTHS, {});
    this.#arrange(NATURAL_LAYOUT);
  }

  /** A filter is not kept but with a view: tomorrow nobody remembers that deliveries are left out. */
  keepLast(): void {
    const { sort, group, pinned, layout } = this.#content;
    this.#host.seat.keep(LAST, { view: this.#chosen, sort, group, pinned, columns: layout });
  }

  #arrange(layout: Layout): void {
    this.layout = layout;
    this.keepLast();
  }

  /** What this seat showed last. */
  #restore(): void {
    const last = this.#host.seat.get(LAST);
    if (typeof last !== "object" || last === null || Array.isArray(last)) return;
    const { sort, group, pinned, layout } = readContent({ ...last });
    this.#chosen = "view" in last && typeof last.view === "string" ? last.view : null;
    this.layout = layout;
    const filter = this.chosen?.content.filter ?? FIRST.filter;
    this.#view.change({ filter, sort: [...sort], group, pinned, collapsed: collapsedIn(group) });
  }

  /** Only where several centers are shown each row says which is its own. */
  get #present(): readonly Column[] {
    return this.#host.center === null && this.#host.centers.length > 1 ? ALL_COLUMNS : COLUMNS;
  }
}

function readWidths(kept: unknown): Widths {
  if (typeof kept !== "object" || kept === null) return {};
  return Object.fromEntries(
    Object.entries(kept).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}
