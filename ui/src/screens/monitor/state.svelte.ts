// What the Monitor of a window knows: of this seat's link and of the hubs, now and over the last hour. It asks only while it is
// shown, one question at a time, and more and more seldom while no hub answers.

import { dayAt } from "../../parts/clock";
import { drawing } from "../../parts/drawing";
import { asFailure, type Failure } from "../../platform/contract";
import type { Diagnostics } from "../../platform/generated/Diagnostics";
import type { MonitorClient } from "../../platform/generated/MonitorClient";
import type { MonitorReply } from "../../platform/generated/MonitorReply";
import { m } from "../../texts/generated/messages";
import type { Host, ScreenState } from "../screen";
import { ClientList, keyOf } from "./clients.svelte";
import { clientName } from "./names";
import PutOutDialog from "./PutOutDialog.svelte";
import { reportText } from "./report";
import { type HubSample, hubSample, type OwnSample, ownSample, type Sample, sampled } from "./samples";
import { type Sight, sightOf } from "./sight";

/** Between two looks, milliseconds: a hub counts no more often. */
export const LOOK_MS = 2_000;
/** Between two looks at who is connected. */
const CLIENTS_MS = 4_000;
/** While nothing answers, looks lie at most so far apart. */
const AWAY_MS = 30_000;
/** What the hub said last is old when the next two looks have brought nothing. */
export const OLD_MS = 3 * LOOK_MS;
/** "Copied" is said so long. */
const SAID_MS = 3_000;

export type Tab = "overview" | "clients";

/** Times that a chart may show, minutes. */
export const RANGES_MIN = [5, 15, 60] as const;
const RANGE = "monitor.range";

/** Where the focus may be sent. */
export type Places = {
  overview: () => void;
  list: () => void;
  search: () => void;
  filter: () => void;
  log: () => void;
};

/** While the screen is not shown. */
const NOWHERE: Places = {
  overview: () => {},
  list: () => {},
  search: () => {},
  filter: () => {},
  log: () => {},
};

export class MonitorState implements ScreenState {
  tab = $state<Tab>("overview");
  /** This seat's own counts; null: not told yet. */
  own = $state.raw<Diagnostics | null>(null);
  /** What the hubs said last, and the desk's instant of it; null: nothing yet. */
  hub = $state.raw<MonitorReply | null>(null);
  hubAt = $state<number | null>(null);
  /** Why the last question was not answered; null: it was. */
  failure = $state.raw<Failure | null>(null);
  ownSamples = $state.raw<readonly Sample<OwnSample>[]>([]);
  hubSamples = $state.raw<readonly Sample<HubSample>[]>([]);
  detailOpen = $state(false);
  copied = $state<"" | "copied" | "refused">("");
  /** What became of putting the last client out; null: nothing to say. */
  putOut = $state.raw<{ name: string; failure: Failure | null } | null>(null);
  places = NOWHERE;
  /** As many rows as are in sight. */
  pageLength = 10;
  readonly host: Host;
  readonly clients: ClientList;
  readonly sight: Sight = $derived.by(() => sightOf(this.host.role, this.host.foreign));
  /** The hubs have something to show to this account. */
  readonly seesHub: boolean = $derived(this.sight === "all" || this.sight === "centers");
  /** What is shown of the hubs may be old. */
  readonly hubIsOld: boolean = $derived.by(
    () => this.hubAt !== null && (this.failure !== null || this.host.wall - this.hubAt > OLD_MS),
  );
  /** Counts up when what is under way means nothing any more. */
  #run = 0;
  #lookedAt = 0;
  #askingOwn = false;
  #askingHub = false;
  /** Not before this instant of the desk. */
  #nextAt = 0;
  #failures = 0;
  #clientsAt = 0;

  constructor(host: Host) {
    this.host = host;
    this.clients = new ClientList(host.platform);
  }

  async begin(): Promise<void> {
    this.look(Date.now());
  }

  end(): void {
    this.freeze();
    this.tab = "overview";
    this.own = null;
    this.hub = null;
    this.hubAt = null;
    this.failure = null;
    this.ownSamples = [];
    this.hubSamples = [];
    this.putOut = null;
    this.clients.clear();
  }

  /** Whatever is still answered belongs to another session. */
  freeze(): void {
    this.#run += 1;
    this.#askingOwn = false;
    this.#askingHub = false;
    this.#nextAt = 0;
    this.#failures = 0;
    this.detailOpen = false;
  }

  focus(): void {
    if (this.tab === "clients") this.places.list();
    else this.places.overview();
  }

  /** A second went by, and the screen is shown. */
  tick(wall: number): void {
    // The desk's clock may be set back.
    if (wall - this.#lookedAt < LOOK_MS && wall >= this.#lookedAt) return;
    if (document.visibilityState !== "hidden") this.look(wall);
  }

  look(wall: number): void {
    this.#lookedAt = wall;
    void this.#lookAtOwn();
    if (this.seesHub && (wall >= this.#nextAt || wall < this.#nextAt - AWAY_MS)) void this.#lookAtHub(wall);
  }

  /** Looks now, however seldom it does by itself. */
  lookAgain(): void {
    this.#nextAt = 0;
    this.look(Date.now());
  }

  showTab(tab: Tab): void {
    this.tab = tab;
    this.detailOpen = false;
    if (tab === "clients" && this.seesHub) void this.clients.ask();
  }

  /** Who is in a namespace, or in a room of it. */
  showPlace(namespace: string, room: string): void {
    this.clients.showPlace(namespace, room);
    if (this.tab !== "clients") this.showTab("clients");
  }

  openDetail(): void {
    if (this.clients.chosen !== null) this.detailOpen = true;
  }

  closeDetail(): void {
    this.detailOpen = false;
    this.putOut = null;
  }

  /** What Esc ends: the topmost alone; null: there is nothing to end. */
  get topmost(): (() => void) | null {
    if (this.detailOpen) return () => this.closeDetail();
    if (this.tab === "clients" && this.clients.isFiltered) return () => this.clients.showAll();
    return null;
  }

  closeTopmost(): void {
    this.topmost?.();
    this.focus();
  }

  /** Compares everything of the centers that are looked at with the hub. */
  prove(): void {
    const { center, centers, platform } = this.host;
    for (const { id } of centers)
      if (center === null || id === center) void platform.checkEverything(id).catch(() => {});
  }

  async copyReport(): Promise<void> {
    if (this.own === null) return;
    const text = reportText(this.own, this.hub, this.hubAt, this.host);
    this.copied = await navigator.clipboard.writeText(text).then(
      () => "copied" as const,
      () => "refused" as const,
    );
    setTimeout(() => (this.copied = ""), SAID_MS);
  }

  /** Why the chosen client can't be put out; null: it can. */
  get whyNotPutOut(): string | null {
    if (this.clients.chosen === null) return m.mon_none_chosen();
    if (this.sight !== "all") return m.mon_admin_only();
    return this.clients.goneAt === null ? null : m.mon_gone_short();
  }

  /** Asks whether a client is to be put out. */
  askPutOut(): void {
    const client = this.clients.chosen;
    if (client === null || this.whyNotPutOut !== null) return;
    const { clients, host } = this;
    const isOwn = client.seat === this.own?.seat;
    host.lay((close) =>
      drawing(PutOutDialog, {
        client,
        isOwn,
        get isGone() {
          return clients.goneAt !== null || clients.chosenKey !== keyOf(client);
        },
        onputout: () => {
          close();
          void this.#putOut(client);
        },
        onclose: close,
      }),
    );
  }

  async #putOut(client: MonitorClient): Promise<void> {
    const run = this.#run;
    const name = clientName(client);
    const failure = await this.host.platform.putOut(client.connectionId).then(() => null, asFailure);
    if (run !== this.#run) return;
    this.putOut = { name, failure };
    void this.clients.ask();
  }

  /** Minutes that charts show. */
  get range(): number {
    const kept = this.host.seat.get(RANGE);
    return RANGES_MIN.find((minutes) => minutes === kept) ?? 15;
  }

  showRange(minutes: number): void {
    this.host.seat.keep(RANGE, minutes);
  }

  /** The center by whose clock times are told. */
  get clockCenter(): string {
    return this.host.center ?? this.host.centers[0]?.id ?? "";
  }

  /** An instant of the desk, or of a hub, as the clock in the header showed it. */
  timeOf(wall: number, precise = true): string {
    const { clockCenter, host } = this;
    const clock = host.scene.clockOf(clockCenter);
    const at = dayAt(host.freshness[clockCenter], wall);
    return precise ? clock.second(at) : clock.minute(at);
  }

  async #lookAtOwn(): Promise<void> {
    if (this.#askingOwn) return;
    this.#askingOwn = true;
    const run = this.#run;
    try {
      const own = await this.host.platform.diagnostics();
      if (run !== this.#run) return;
      this.own = own;
      const last = this.ownSamples.at(-1);
      this.ownSamples = sampled(this.ownSamples, own.at, ownSample(own, last));
    } catch {
      // The application answers from memory; where it does not, the window says so itself.
    } finally {
      if (run === this.#run) this.#askingOwn = false;
    }
  }

  async #lookAtHub(wall: number): Promise<void> {
    if (this.#askingHub) return;
    this.#askingHub = true;
    const run = this.#run;
    try {
      const hub = await this.host.platform.monitor();
      if (run !== this.#run) return;
      const now = Date.now();
      this.hub = hub;
      this.hubAt = now;
      this.failure = null;
      this.#failures = 0;
      this.#nextAt = 0;
      this.hubSamples = sampled(this.hubSamples, now, hubSample(hub.nodes));
      const isDue = wall - this.#clientsAt >= CLIENTS_MS || wall < this.#clientsAt;
      if (this.tab === "clients" && isDue) {
        this.#clientsAt = wall;
        void this.clients.ask();
      }
    } catch (thrown) {
      if (run !== this.#run) return;
      this.failure = asFailure(thrown);
      this.#failures += 1;
      this.#nextAt = wall + Math.min(LOOK_MS * 2 ** this.#failures, AWAY_MS);
      this.hubSamples = sampled(this.hubSamples, Date.now(), null);
    } finally {
      if (run === this.#run) this.#askingHub = false;
    }
  }
}
