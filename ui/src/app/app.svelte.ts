// One window of the application: who is signed in, what is known of each center, the board and what is open.

import { offered } from "../parts/details/lifecycle";
import { Selection } from "../parts/grid/selection.svelte";
import type { Scene } from "../parts/grid/slot";
import { BoardView } from "../parts/grid/view.svelte";
import {
  type Action,
  type ActionRequest,
  type AppEvent,
  asFailure,
  type Boot,
  type Failure,
  type Link,
  type Platform,
  type Theme,
} from "../platform/contract";
import type { CheckReport } from "../platform/generated/CheckReport";
import type { Row } from "../platform/generated/Row";
import { ZoneClock } from "../texts/format";
import { deskLanguage, language } from "../texts/language.svelte";
import type { Alarm } from "./alarms/alarms.svelte";
import { Alarms } from "./alarms/alarms.svelte";
import { dayAt } from "./clock";
import { CommandTracker } from "./reports/tracker.svelte";
import { Riders } from "./riders.svelte";

export type Phase =
  | { kind: "starting" }
  | { kind: "failed"; failure: Failure }
  | { kind: "signedOut"; ended: boolean }
  | { kind: "signedIn" };

export type Dialog =
  | { kind: "none" }
  | { kind: "assign"; row: Row }
  | { kind: "cancel"; row: Row }
  | { kind: "note"; row: Row }
  | { kind: "palette" }
  | { kind: "diagnosis" }
  | { kind: "help" };

/** Until a center's zone is known. */
const SEOUL = new ZoneClock("Asia/Seoul");

export class App {
  phase = $state.raw<Phase>({ kind: "starting" });
  boot = $state.raw<Boot | null>(null);
  links = $state.raw<Readonly<Record<string, Link>>>({});
  /** The last reports of comparisons of everything, by center. */
  checks = $state.raw<Readonly<Record<string, CheckReport>>>({});
  /** The center on the board; null: all of them. */
  center = $state<string | null>(null);
  theme = $state<Theme>("system");
  /** Under way: the first delivery that fits is being chosen. */
  choosing: Promise<boolean> | null = null;
  detailOpen = $state(false);
  dialog = $state.raw<Dialog>({ kind: "none" });
  /** The desk's clock, once a second. */
  wall = $state(Date.now());

  readonly platform: Platform;
  readonly view: BoardView;
  readonly selection: Selection;
  readonly alarms: Alarms;
  readonly commands: CommandTracker;
  readonly riders: Riders;
  readonly #clocks = new Map<string, ZoneClock>();

  constructor(platform: Platform) {
    this.platform = platform;
    this.view = new BoardView(platform);
    this.selection = new Selection(this.view);
    this.alarms = new Alarms(platform);
    this.commands = new CommandTracker(platform);
    this.riders = new Riders(platform);
  }

  readonly scene: Scene = {
    clockOf: (center) => this.clockOf(center),
    nameOf: (center) => this.nameOf(center),
    nowIn: (center) => dayAt(this.links[center], Date.now()),
  };

  /** Links of the centers on the board. */
  get shownLinks(): Link[] {
    const centers =
      this.center === null ? (this.boot?.centers ?? []).map((center) => center.id) : [this.center];
    return centers.flatMap((center) => this.links[center] ?? []);
  }

  async start(): Promise<void> {
    this.phase = { kind: "starting" };
    try {
      const boot = await this.platform.boot();
      language.current = boot.locale ?? deskLanguage();
      this.theme = boot.theme;
      void this.platform.onViewStalled((view) => this.view.stalled(view)).catch(() => {});
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

  /** A second went by. */
  tick(wall: number): void {
    this.wall = wall;
    // A foreign server tells no riders.
    if (this.phase.kind !== "signedIn" || this.foreign !== null) return;
    const opened = this.detailOpen ? this.selection.row : null;
    const center = opened?.center ?? this.center;
    const state = center === null ? undefined : this.links[center]?.state;
    if (center === null || state === undefined) return;
    if (state === "live" || state === "polling" || state === "catchingUp")
      void this.riders.look(center, wall, opened?.rider != null && opened.deliveredAt === null);
    else this.riders.forget();
  }

  /** Chooses the first delivery that fits what was just typed; false: none does. */
  chooseFirst(): Promise<boolean> {
    const choosing = this.#chooseFirst();
    this.choosing = choosing;
    void choosing.then(() => {
      if (this.choosing === choosing) this.choosing = null;
    });
    return choosing;
  }

  async #chooseFirst(): Promise<boolean> {
    await this.view.current();
    if (this.view.total === 0) return false;
    this.selection.goTo(0);
    return true;
  }

  showCenter(center: string | null): void {
    this.center = center;
    this.selection.clear();
    this.detailOpen = false;
    this.view.change({ centers: center === null ? [] : [center], first: 0, hold: false });
  }

  openDetail(): void {
    if (this.selection.id === null) return;
    this.detailOpen = true;
    this.hold(true);
  }

  closeDetail(): void {
    this.detailOpen = false;
    this.hold(false);
  }

  /** While a row is being read, places don't change under it. */
  hold(hold: boolean): void {
    const asked =
      this.dialog.kind === "assign" || this.dialog.kind === "cancel" || this.dialog.kind === "note";
    const reading = hold || this.detailOpen || asked;
    if (this.view.spec.hold !== reading) this.view.change({ hold: reading });
  }

  /** Shows the order as it is now, though a row is open. */
  catchUp(): void {
    this.view.change({ hold: false });
  }

  async openAlarm(alarm: Alarm): Promise<void> {
    if (this.center !== null && alarm.center !== this.center) this.showCenter(alarm.center);
    if (!(await this.selection.goToDelivery(alarm.id)) && alarm.row) this.selection.choose(alarm.row, 0);
    this.openDetail();
  }

  ask(dialog: Dialog): void {
    this.dialog = dialog;
    this.hold(false);
  }

  closeDialog(): void {
    this.dialog = { kind: "none" };
    this.hold(false);
  }

  /** The name of a foreign server, which takes no commands and gives its list only; null: a hub. */
  get foreign(): string | null {
    return this.boot?.foreign ?? null;
  }

  /** What is shown of actions for a row: at a foreign server those of a dispatcher, none of which can be run. */
  shownActions(row: Row | null): readonly Action[] {
    if (row !== null && this.foreign !== null) return offered(row, "dispatcher");
    return this.offered(row);
  }

  /** What is offered for a row. */
  offered(row: Row | null): readonly Action[] {
    return row === null ? [] : offered(row, this.boot?.role ?? null);
  }

  /** Begins an action on the chosen delivery, or asks what it still needs. */
  act(action: Action): void {
    const row = this.selection.row;
    if (row === null || !this.offered(row).includes(action)) return;
    if (action === "assign" || action === "cancel" || action === "note") this.ask({ kind: action, row });
    else this.command({ center: row.center, id: row.id, action }, row);
  }

  command(request: ActionRequest, row: Row): void {
    void this.commands.run(request, row.number);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.#keepPreferences();
  }

  toggleTheme(): void {
    this.setTheme(this.shownTheme === "dark" ? "light" : "dark");
  }

  get shownTheme(): "dark" | "light" {
    if (this.theme !== "system") return this.theme;
    return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  }

  toggleLanguage(): void {
    language.current = language.current === "ko" ? "en" : "ko";
    this.#keepPreferences();
  }

  clockOf(center: string): ZoneClock {
    const known = this.#clocks.get(center);
    if (known) return known;
    const zone = this.boot?.centers.find(({ id }) => id === center)?.timeZone;
    if (zone === undefined) return SEOUL;
    const clock = new ZoneClock(zone);
    this.#clocks.set(center, clock);
    return clock;
  }

  nameOf(center: string): string {
    return this.boot?.centers.find(({ id }) => id === center)?.name ?? center;
  }

  #keepPreferences(): void {
    void this.platform.setPreferences(language.current, this.theme).catch(() => {});
  }

  async #enter(boot: Boot): Promise<void> {
    this.boot = boot;
    this.#clocks.clear();
    this.center = boot.centers[0]?.id ?? null;
    await this.platform.subscribeEvents((event) => this.#hear(event));
    this.phase = { kind: "signedIn" };
    if (boot.centers.length === 0) return;
    this.view.change({ centers: this.center === null ? [] : [this.center] });
    await this.view.open();
  }

  #leave(ended: boolean): void {
    this.view.close();
    this.selection.clear();
    this.alarms.clear();
    this.commands.clear();
    this.riders.forget();
    this.links = {};
    this.checks = {};
    this.detailOpen = false;
    this.dialog = { kind: "none" };
    if (this.boot) this.boot = { ...this.boot, signedIn: false, demo: false };
    this.phase = { kind: "signedOut", ended };
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
