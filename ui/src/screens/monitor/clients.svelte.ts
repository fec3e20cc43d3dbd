// Who is connected to the hubs: what is asked for, what is shown of it, and who is chosen.

import { asFailure, type Failure, type Platform } from "../../platform/contract";
import type { ClientsWish } from "../../platform/generated/ClientsWish";
import type { MonitorClient } from "../../platform/generated/MonitorClient";

/** A socket is one connection in one namespace. */
export function keyOf({ connectionId, namespace }: MonitorClient): string {
  return `${connectionId} ${namespace}`;
}

/** People find names in the order of their alphabet, whatever order the hub tells them in. */
const NAMES = new Intl.Collator(["ko", "en"], { numeric: true });

function byName(a: MonitorClient, b: MonitorClient): number {
  return (
    NAMES.compare(a.name, b.name) ||
    NAMES.compare(a.namespace, b.namespace) ||
    a.since - b.since ||
    NAMES.compare(keyOf(a), keyOf(b))
  );
}

export class ClientList {
  /** Only those in this namespace, and in this room; nothing: in any. */
  namespace = $state("");
  room = $state("");
  /** Whose account, name or seat holds these words. */
  typed = $state("");
  /** Only those that lack something. */
  behindOnly = $state(false);
  /** By name; null: not told yet. */
  all = $state.raw<readonly MonitorClient[] | null>(null);
  /** The hub has more than these. */
  more = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** As it was last told. */
  chosen = $state.raw<MonitorClient | null>(null);
  /** The desk's instant at which the chosen one was missing first; null: it is there. */
  goneAt = $state<number | null>(null);
  readonly shown: readonly MonitorClient[] = $derived.by(() => this.#shown());
  readonly chosenKey: string | null = $derived(this.chosen === null ? null : keyOf(this.chosen));
  /** Whom the words fit, of those that are here; null: there are no words to fit. */
  #fitting = $state.raw<ReadonlySet<string> | null>(null);
  /** Of this namespace and room there are more than are told: only the hub can look for an account. */
  #partial = false;
  readonly #platform: Platform;
  /** Counts up when what is under way means nothing any more. */
  #run = 0;
  #asking = false;
  #again = false;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Forgets everything. */
  clear(): void {
    this.#run += 1;
    this.#asking = false;
    this.#again = false;
    this.#partial = false;
    this.namespace = "";
    this.room = "";
    this.typed = "";
    this.behindOnly = false;
    this.all = null;
    this.more = false;
    this.failure = null;
    this.#fitting = null;
    this.unchoose();
  }

  get isFiltered(): boolean {
    return this.namespace !== "" || this.room !== "" || this.typed.trim() !== "" || this.behindOnly;
  }

  /** Another namespace or room: what is here of the others goes at once. */
  showPlace(namespace: string, room: string): void {
    if (namespace === this.namespace && room === this.room) return;
    this.namespace = namespace;
    this.room = room;
    this.#partial = false;
    this.all = null;
    this.more = false;
    void this.ask();
  }

  type(typed: string): void {
    this.typed = typed;
    if (this.#partial) void this.ask();
    else void this.#fit();
  }

  /** Everybody again. */
  showAll(): void {
    this.behindOnly = false;
    this.type("");
    this.showPlace("", "");
  }

  choose(client: MonitorClient): void {
    this.chosen = client;
    this.goneAt = null;
  }

  unchoose(): void {
    this.chosen = null;
    this.goneAt = null;
  }

  /** The place of the chosen one in the list; -1: it is not shown. */
  get place(): number {
    return this.chosenKey === null ? -1 : this.shown.findIndex((client) => keyOf(client) === this.chosenKey);
  }

  step(delta: number): void {
    const { place } = this;
    this.goTo(place < 0 ? (delta > 0 ? 0 : this.shown.length - 1) : place + delta);
  }

  goTo(place: number): void {
    const client = this.shown[Math.max(0, Math.min(place, this.shown.length - 1))];
    if (client !== undefined) this.choose(client);
  }

  /** Asks the hub for the list: one question at a time, and once more where the wish changed meanwhile. */
  async ask(): Promise<void> {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    const run = this.#run;
    try {
      do {
        this.#again = false;
        const wish = this.#wish();
        const { clients, more } = await this.#platform.monitorClients(wish);
        if (run !== this.#run) return;
        const now = this.#wish();
        if (wish.namespace !== now.namespace || wish.room !== now.room || wish.account !== now.account)
          this.#again = true;
        else this.#take(clients, more, wish.account === null);
      } while (this.#again);
    } catch (thrown) {
      if (run === this.#run) this.failure = asFailure(thrown);
    } finally {
      if (run === this.#run) this.#asking = false;
    }
  }

  #wish(): ClientsWish {
    const typed = this.typed.trim();
    return {
      namespace: this.namespace || null,
      room: this.room || null,
      account: this.#partial && typed !== "" ? typed : null,
    };
  }

  #take(clients: readonly MonitorClient[], more: boolean, everybody: boolean): void {
    this.failure = null;
    this.all = [...clients].sort(byName);
    this.more = more;
    if (everybody) {
      const becamePartial = more && !this.#partial;
      this.#partial = more;
      // What was typed is looked for among all, not among those that happen to be here.
      if (becamePartial && this.typed.trim() !== "") this.#again = true;
    }
    void this.#fit();
    const { chosenKey } = this;
    if (chosenKey === null) return;
    const now = clients.find((client) => keyOf(client) === chosenKey);
    if (now !== undefined) this.choose(now);
    // Of a part nobody can tell who is gone.
    else if (everybody && !more && this.namespace === "" && this.room === "") this.goneAt ??= Date.now();
  }

  /** Looks whom the words fit, as everywhere: letters, initials, Hangul half typed. */
  async #fit(): Promise<void> {
    const typed = this.typed.trim();
    const all = this.all ?? [];
    // The hub has looked already.
    if (typed === "" || this.#partial) {
      this.#fitting = null;
      return;
    }
    const run = this.#run;
    const choices = all.map(({ account, name, seat }) => `${name} ${account} ${seat}`);
    const places = await this.#platform.matching(typed, choices).catch(() => null);
    if (run !== this.#run || typed !== this.typed.trim() || all !== this.all || places === null) return;
    this.#fitting = new Set(places.flatMap((place) => all[place] ?? []).map(keyOf));
  }

  #shown(): readonly MonitorClient[] {
    const fitting = this.#fitting;
    return (this.all ?? []).filter(
      (client) =>
        (fitting === null || fitting.has(keyOf(client))) && (!this.behindOnly || client.behind.worst > 0),
    );
  }
}
