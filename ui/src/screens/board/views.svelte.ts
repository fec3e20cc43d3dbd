// The views that a person has saved. They belong to the account and lie at the hub; a copy at the seat shows them at once,
// and keeps what was changed while the hub was away. At a foreign server the copy is all there is.

import type { Host } from "../screen";
import {
  type Book,
  bookOf,
  type Content,
  isSame,
  merged,
  NO_BOOK,
  type SavedView,
  VIEWS_MOST,
  viewsOf,
  withoutView,
  withView,
  written,
} from "./saved";

/** The name under which the account keeps them. */
const KEY = "views";
/** So many lost races in a row mean that somebody writes without end. */
const RACES = 4;
/** After a failure it is tried again this much later, milliseconds. */
const AGAIN_MS = 30_000;

export class Views {
  /** As they stand here. */
  #book = $state.raw<Book>(NO_BOOK);
  readonly all: readonly SavedView[] = $derived(viewsOf(this.#book));
  readonly #host: Host;
  /** What was last read at the hub, or written there: what differs from it is this seat's own doing. */
  #base: Book = NO_BOOK;
  #meeting = false;
  #triedAt = Number.NEGATIVE_INFINITY;
  /** Grows with each sign-in: what an earlier one still hears is not ours. */
  #turn = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Someone has signed in. */
  begin(): void {
    this.#turn += 1;
    const copy = this.#host.seat.get(this.#copy);
    const fields = typeof copy === "object" && copy !== null ? copy : {};
    this.#book = bookOf("mine" in fields ? fields.mine : undefined);
    this.#base = bookOf("base" in fields ? fields.base : undefined);
    this.#triedAt = Date.now();
    void this.#meet();
  }

  end(): void {
    this.#turn += 1;
    this.#meeting = false;
    this.#book = NO_BOOK;
    this.#base = NO_BOOK;
  }

  /** A second went by: what did not reach the hub is tried again. */
  tick(wall: number): void {
    if (this.#meeting || wall - this.#triedAt < AGAIN_MS || isSame(this.#book, this.#base)) return;
    if (this.#host.stale) return;
    this.#triedAt = wall;
    void this.#meet();
  }

  get isFull(): boolean {
    return this.#book.entries.length >= VIEWS_MOST;
  }

  find(id: string | null): SavedView | null {
    return this.all.find((view) => view.id === id) ?? null;
  }

  named(name: string): SavedView | null {
    return this.all.find((view) => view.name === name.trim()) ?? null;
  }

  /** Saves a view under a name; one of that name is replaced. */
  save(name: string, content: Content): SavedView {
    const id = this.named(name)?.id ?? crypto.randomUUID();
    const view = { id, name: name.trim(), content };
    this.#write(withView(this.#book, view));
    return view;
  }

  rename(view: SavedView, name: string): void {
    this.#write(withView(this.#book, { ...view, name: name.trim() }));
  }

  remove(id: string): void {
    this.#write(withoutView(this.#book, id));
  }

  #write(book: Book): void {
    this.#book = book;
    this.#keepCopy();
    void this.#meet();
  }

  get #copy(): string {
    return `views ${this.#host.owner}`;
  }

  #keepCopy(): void {
    this.#host.seat.keep(this.#copy, { mine: written(this.#book), base: written(this.#base) });
  }

  /** Brings this seat and the hub together. One at a time; a change meanwhile is taken along. */
  async #meet(): Promise<void> {
    if (this.#meeting || this.#host.foreign !== null) return;
    this.#meeting = true;
    const turn = this.#turn;
    try {
      await this.#exchange(turn);
    } catch {
      // The hub does not answer, or keeps nothing for this account: the copy at the seat stays.
    }
    if (turn === this.#turn) this.#meeting = false;
  }

  async #exchange(turn: number): Promise<void> {
    const { platform } = this.#host;
    let kept = await platform.preference(KEY);
    for (let race = 0; race < RACES && turn === this.#turn; race += 1) {
      const theirs = bookOf(parsed(kept?.json));
      const book = merged(this.#base, this.#book, theirs);
      this.#take(book, theirs);
      if (isSame(book, theirs)) return;
      const json = JSON.stringify(written(book));
      const answer = await platform.savePreference(KEY, json, kept?.version ?? null);
      if (turn !== this.#turn) return;
      if (answer.kind === "conflict") kept = answer.latest;
      else {
        this.#take(this.#book, book);
        kept = { json, version: answer.version };
        race = -1;
        if (isSame(this.#book, book)) return;
      }
    }
  }

  #take(book: Book, base: Book): void {
    this.#book = book;
    this.#base = base;
    this.#keepCopy();
  }
}

/** What is no JSON is kept as a text. */
function parsed(json: string | undefined): unknown {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
