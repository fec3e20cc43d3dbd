// One window of the application: who is signed in, what is known of each center, which screen is shown and what is asked.

import { tick } from "svelte";
import type { ActionButton } from "../parts/details/actions";
import type { Scene } from "../parts/scene";
import type { Shortcut } from "../parts/shortcut";
import {
  type Action,
  type ActionRequest,
  type AppEvent,
  asFailure,
  type Boot,
  type Center,
  type Failure,
  type Link,
  type Platform,
  type Rider,
} from "../platform/contract";
import type { CheckReport } from "../platform/generated/CheckReport";
import type { Row } from "../platform/generated/Row";
import { SCREENS } from "../screens";
import type { FreeRiders, Host, OpenScreen } from "../screens/screen";
import { ZoneClock } from "../texts/format";
import { type Alarm, Alarms } from "./alarms/alarms.svelte";
import type { Dialog } from "./dialogs/dialogs";
import { offered } from "./lifecycle";
import { dayAt } from "./links/clock";
import { freshness } from "./links/freshness";
import { Preferences } from "./preferences.svelte";
import { CommandTracker } from "./reports/tracker.svelte";
import { Riders } from "./riders.svelte";
import { shortcutsOf } from "./shortcuts";

export type Phase =
  | { kind: "starting" }
  | { kind: "failed"; failure: Failure }
  | { kind: "signedOut"; ended: boolean }
  | { kind: "signedIn" };

/** Until a center's zone is known. */
const SEOUL = new ZoneClock("Asia/Seoul");

export class App implements Host {
  phase = $state.raw<Phase>({ kind: "starting" });
  boot = $state.raw<Boot | null>(null);
  links = $state.raw<Readonly<Record<string, Link>>>({});
  /** The last reports of comparisons of everything, by center. */
  checks = $state.raw<Readonly<Record<string, CheckReport>>>({});
  center = $state<string | null>(null);
  /** The screen that is shown. */
  screen: OpenScreen;
  dialog = $state.raw<Dialog | null>(null);
  wall = $state(Date.now());

  readonly platform: Platform;
  readonly screens: readonly OpenScreen[];
  readonly preferences: Preferences;
  readonly alarms: Alarms;
  readonly commands: CommandTracker;
  readonly riders: Riders;
  readonly shortcuts: readonly Shortcut[] = $derived.by(() => shortcutsOf(this, this.screen));
  readonly fresh = $derived.by(() => freshness(this.shownLinks));
  readonly #clocks = new Map<string, ZoneClock>();
  /** Screens that have been shown since someone signed in. */
  readonly #begun = new Set<OpenScreen>();

  constructor(platform: Platform, [first, ...others] = SCREENS) {
    this.platform = platform;
    this.preferences = new Preferences(platform);
    this.alarms = new Alarms(platform);
    this.commands = new CommandTracker(platform);
    this.riders = new Riders(platform);
    this.screen = $state.raw(first.open(this));
    this.screens = [this.screen, ...others.map((screen) => screen.open(this))];
  }

  readonly scene: Scene = {
    clockOf: (center) => this.#clockOf(center),
    nameOf: (center) => this.centers.find(({ id }) => id === center)?.name ?? center,
    nowIn: (center) => dayAt(this.links[center], Date.now()),
    now: () => dayAt(this.links[this.center ?? this.centers[0]?.id ?? ""], Date.now()),
  };

  get centers(): readonly Center[] {
    return this.boot?.centers ?? [];
  }

  /** Links of the centers that are looked at. */
  get shownLinks(): Link[] {
    const centers = this.center === null ? this.centers.map(({ id }) => id) : [this.center];
    return centers.flatMap((center) => this.links[center] ?? []);
  }

  get stale(): boolean {
    return this.fresh.stale;
  }

  get foreign(): string | null {
    return this.boot?.foreign ?? null;
  }

  async start(): Promise<void> {
    this.phase = { kind: "starting" };
    try {
      const boot = await this.platform.boot();
      this.preferences.read(boot);
      void this.platform.onViewStalled((view) => this.#stalled(view)).catch(() => {});
      if (boot.signedIn) await this.#enter(boot);
      else {
        this.boot = boot;
        this.phase = { kind: "signedOut", ended: false };
      }
    } catch (thrown) {
      this.phase = { kind: "failed", failure: asFailure(thrown) };
    }
  }

  /** Signs in; throws what went wrong. */
  async signIn(server: string, account: string, password: string): Promise<void> {
    await this.#enter(await this.platform.signIn(server, account, password));
  }

  async tryDemo(): Promise<void> {
    await this.#enter(await this.platform.tryDemo());
  }

  async signOut(): Promise<void> {
    await this.platform.signOut().catch(() => {});
    this.#leave(false);
  }

  /** The window goes. */
  close(): void {
    for (const { state } of this.screens) state.end();
  }

  /** A second went by. */
  tick(wall: number): void {
    this.wall = wall;
    // A foreign server tells no riders.
    if (this.phase.kind !== "signedIn" || this.foreign !== null) return;
    const opened = this.screen.state.opened ?? null;
    const center = opened?.center ?? this.center;
    const state = center === null ? undefined : this.links[center]?.state;
    if (center === null || state === undefined) return;
    if (state === "live" || state === "polling" || state === "catchingUp")
      void this.riders.look(center, wall, opened?.rider != null && opened.deliveredAt === null);
    else this.riders.forget();
  }

  async showScreen(screen: OpenScreen): Promise<void> {
    this.screen = screen;
    if (this.#begun.has(screen) || this.centers.length === 0) return;
    this.#begun.add(screen);
    await screen.state.begin();
  }

  showCenter(center: string | null): void {
    this.center = center;
    for (const screen of this.#begun) screen.state.showCenter?.();
  }

  async openAlarm(alarm: Alarm): Promise<void> {
    if (this.center !== null && alarm.center !== this.center) this.showCenter(alarm.center);
    const shows = [this.screen, ...this.screens].find(({ state }) => state.openDelivery !== undefined);
    if (shows === undefined) return;
    if (shows !== this.screen) await this.showScreen(shows);
    await shows.state.openDelivery?.(alarm.id, alarm.row);
  }

  ask(dialog: Dialog): void {
    this.dialog = dialog;
    this.screen.state.asking?.(dialog.about !== null);
  }

  async closeDialog(): Promise<void> {
    this.dialog = null;
    this.screen.state.asking?.(false);
    // While the dialog is there nothing behind it takes the focus.
    await tick();
    this.screen.state.focus();
  }

  /** Chosen in the palette, which closes first: what is chosen may open a dialog of its own. */
  async pick(shortcut: Shortcut): Promise<void> {
    await this.closeDialog();
    shortcut.run();
  }

  offered(row: Row | null): readonly Action[] {
    return row === null ? [] : offered(row, this.boot?.role ?? null);
  }

  /** At a foreign server those of a dispatcher, none of which can be run. */
  buttons(row: Row | null): readonly ActionButton[] {
    const shown = row !== null && this.foreign !== null ? offered(row, "dispatcher") : this.offered(row);
    return shown.map((action) => ({ action, key: this.keyOf(action) }));
  }

  keyOf(shortcut: string): string {
    return this.shortcuts.find(({ id }) => id === shortcut)?.keys[0]?.shown ?? "";
  }

  act(action: Action, row: Row): void {
    if (!this.offered(row).includes(action)) return;
    if (action === "assign" || action === "cancel" || action === "note")
      this.ask({ kind: action, about: row });
    else this.command({ center: row.center, id: row.id, action }, row);
  }

  command(request: ActionRequest, row: Row): void {
    void this.commands.run(request, row.number);
  }

  /** Whether a delivery that is asked about has been delivered or cancelled meanwhile. */
  hasEnded({ id }: Row): boolean {
    const status = this.screen.state.rowOf?.(id)?.status;
    return status === "cancelled" || status === "delivered";
  }

  rider(center: string, id: string): Rider | null {
    return this.riders.rider(center, id);
  }

  freeRiders(center: string | null): FreeRiders | null {
    return this.riders.freeIn(center);
  }

  #clockOf(center: string): ZoneClock {
    const known = this.#clocks.get(center);
    if (known) return known;
    const zone = this.centers.find(({ id }) => id === center)?.timeZone;
    if (zone === undefined) return SEOUL;
    const clock = new ZoneClock(zone);
    this.#clocks.set(center, clock);
    return clock;
  }

  async #enter(boot: Boot): Promise<void> {
    this.boot = boot;
    this.#clocks.clear();
    this.center = boot.centers[0]?.id ?? null;
    await this.platform.subscribeEvents((event) => this.#hear(event));
    this.phase = { kind: "signedIn" };
    await this.showScreen(this.screen);
  }

  #leave(ended: boolean): void {
    for (const { state } of this.#begun) state.end();
    this.#begun.clear();
    this.alarms.clear();
    this.commands.clear();
    this.riders.forget();
    this.links = {};
    this.checks = {};
    this.dialog = null;
    if (this.boot) this.boot = { ...this.boot, signedIn: false, demo: false };
    this.phase = { kind: "signedOut", ended };
  }

  #stalled(view: number): void {
    for (const { state } of this.#begun) state.stalled?.(view);
  }

  #hear(event: AppEvent): void {
    switch (event.type) {
      case "link": {
        const { type: _, ...link } = event;
        this.links = { ...this.links, [link.center]: link };
        break;
      }
      case "alarm":
        this.alarms.raise(event);
        break;
      case "alarmSettled":
        this.alarms.settle(event);
        break;
      case "alarms":
        break;
      case "command":
        this.commands.hear(event);
        break;
      case "check":
        this.checks = { ...this.checks, [event.center]: event.report };
        break;
      case "signedOut":
        if (this.phase.kind === "signedIn") this.#leave(event.code !== null);
        break;
    }
  }
}
