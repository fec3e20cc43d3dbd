// One window of the application: who is signed in, what is known of each center, which screen is shown and what is asked.

import { tick } from "svelte";
import { dayAt } from "../parts/clock";
import type { ActionSlot } from "../parts/details/actions";
import type { Drawing } from "../parts/drawing";
import type { Scene } from "../parts/scene";
import type { Shortcut } from "../parts/shortcut";
import {
  type Action,
  type AppEvent,
  asFailure,
  type Boot,
  type Center,
  type CenterFreshness,
  type Failure,
  type Platform,
  type Rider,
  type Wish,
} from "../platform/contract";
import type { CheckReport } from "../platform/generated/CheckReport";
import type { Row } from "../platform/generated/Row";
import { SCREENS } from "../screens";
import type { FreeRiders, Host, OpenScreen, Seat } from "../screens/screen";
import { ZoneClock } from "../texts/format";
import { type Alarm, Alarms } from "./alarms/alarms.svelte";
import type { Line } from "./alarms/lines";
import { Sounds } from "./alarms/sounds.svelte";
import type { Dialog } from "./dialogs/dialogs";
import { Drafts } from "./dialogs/drafts.svelte";
import { freshness } from "./freshness/freshness";
import { staleSentence } from "./freshness/words";
import { Keyboard } from "./keyboard.svelte";
import { Preferences } from "./preferences.svelte";
import { CommandTracker, type Report } from "./reports/tracker.svelte";
import { Riders } from "./riders.svelte";
import { shortcutsOf } from "./shortcuts";
import { type Around, slotsOf, whyNot } from "./slots";

export type Phase =
  | { kind: "starting" }
  | { kind: "failed"; failure: Failure }
  | { kind: "signedOut"; ended: boolean }
  /** The server ended the session at that instant of the desk. What was last shown stays, greyed, under the sign-in. */
  | { kind: "ended"; at: number }
  | { kind: "signedIn" };

/** What was shown when a session ended stays for so long, milliseconds. */
export const ENDED_SHOWN_MS = 15 * 60_000;
/** Until a center's zone is known. */
const SEOUL = new ZoneClock("Asia/Seoul");

export class App implements Host {
  phase = $state.raw<Phase>({ kind: "starting" });
  boot = $state.raw<Boot | null>(null);
  freshness = $state.raw<Readonly<Record<string, CenterFreshness>>>({});
  /** The last reports of comparisons of everything, by center. */
  checks = $state.raw<Readonly<Record<string, CheckReport>>>({});
  center = $state<string | null>(null);
  /** The screen that is shown. */
  screen: OpenScreen;
  dialog = $state.raw<Dialog | null>(null);
  /** A dialog of a screen's own; null: none. */
  laid = $state.raw<Drawing | null>(null);
  wall = $state(Date.now());

  readonly platform: Platform;
  readonly screens: readonly OpenScreen[];
  readonly preferences: Preferences;
  readonly alarms: Alarms;
  readonly sounds: Sounds;
  readonly commands: CommandTracker;
  readonly drafts: Drafts;
  readonly riders: Riders;
  readonly keyboard = new Keyboard();
  readonly shortcuts: readonly Shortcut[] = $derived.by(() => shortcutsOf(this, this.screen));
  readonly fresh = $derived.by(() => freshness(this.shownFreshness));
  readonly staleSentence = $derived.by(() => staleSentence(this.fresh, this.wall));
  /** Of each center that is looked at something has been proven. */
  readonly proven = $derived.by(() => this.fresh.state !== null && this.fresh.provenAt !== null);
  readonly #clocks = new Map<string, ZoneClock>();
  /** Screens that have been shown since someone signed in. */
  readonly #begun = new Set<OpenScreen>();

  constructor(platform: Platform, [first, ...others] = SCREENS) {
    this.platform = platform;
    this.preferences = new Preferences(platform);
    this.alarms = new Alarms(platform, {
      board: () => this.center,
      day: () => this.scene.now(),
      wall: () => Date.now(),
    });
    this.sounds = new Sounds(platform);
    this.commands = new CommandTracker(platform);
    this.commands.onRefused = (ids) => this.screen.state.keepMarked?.(ids);
    this.drafts = new Drafts(platform);
    this.drafts.onDropped = (draft) => this.commands.dropped(draft);
    this.riders = new Riders(platform);
    this.screen = $state.raw(first.open(this));
    this.screens = [this.screen, ...others.map((screen) => screen.open(this))];
  }

  /** The delivery whose details the core knows to be open. */
  #opened = "";

  readonly scene: Scene = {
    clockOf: (center) => this.#clockOf(center),
    nameOf: (center) => this.centers.find(({ id }) => id === center)?.name ?? center,
    nowIn: (center) => dayAt(this.freshness[center], Date.now()),
    now: () => dayAt(this.freshness[this.center ?? this.centers[0]?.id ?? ""], Date.now()),
  };

  get centers(): readonly Center[] {
    return this.boot?.centers ?? [];
  }

  /** Tells the core whose details are open: a cancellation of that one is critical. */
  tellOpened(): void {
    const opened = this.phase.kind === "signedIn" ? (this.screen.state.opened ?? null) : null;
    const key = opened === null ? "" : `${opened.center} ${opened.id}`;
    if (key === this.#opened) return;
    this.#opened = key;
    void this.platform.setOpened(opened?.center ?? null, opened?.id ?? null).catch(() => {});
  }

  /** Freshness of the centers that are looked at. */
  get shownFreshness(): CenterFreshness[] {
    const centers = this.center === null ? this.centers.map(({ id }) => id) : [this.center];
    return centers.flatMap((center) => this.freshness[center] ?? []);
  }

  get seat(): Seat {
    return this.preferences;
  }

  /** A demo's hub has another address each time. */
  get owner(): string {
    const { boot } = this;
    return `${boot?.demo ? "demo" : (boot?.server ?? "")} ${boot?.account ?? ""}`;
  }

  /** Something lies over the window and has the keys. */
  get isCovered(): boolean {
    return this.dialog !== null || this.laid !== null;
  }

  get stale(): boolean {
    return this.fresh.stale;
  }

  get foreign(): string | null {
    return this.boot?.foreign ?? null;
  }

  get role(): string | null {
    return this.boot?.role ?? null;
  }

  async start(): Promise<void> {
    this.phase = { kind: "starting" };
    try {
      const boot = await this.platform.boot();
      this.preferences.read(boot);
      this.sounds.read(boot.sounds);
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

  /** Signs out, and asks first where drafts would go with it. */
  async askSignOut(): Promise<void> {
    await this.drafts.load();
    if (this.drafts.held.length > 0) this.ask({ kind: "signOut", about: null });
    else await this.signOut();
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
    if (this.phase.kind === "ended" && wall - this.phase.at > ENDED_SHOWN_MS) this.#leave(true);
    if (this.phase.kind === "signedIn") this.screen.state.tick?.(wall);
    // A foreign server tells no riders.
    if (this.phase.kind !== "signedIn" || this.foreign !== null) return;
    const opened = this.screen.state.opened ?? null;
    const center = opened?.center ?? this.center;
    const state = center === null ? undefined : this.freshness[center]?.state;
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

  /** Opens the details of an alarm's delivery. The board stays at the center that it shows. */
  async openAlarm(alarm: Alarm): Promise<void> {
    this.closeQueue();
    await this.openDelivery(alarm.id, alarm.row);
  }

  /** Opens a delivery on the screen that shows details. */
  async openDelivery(id: number, row: Row | null): Promise<void> {
    const shows = [this.screen, ...this.screens].find(({ state }) => state.openDelivery !== undefined);
    if (shows === undefined) return;
    if (shows !== this.screen) await this.showScreen(shows);
    await shows.state.openDelivery?.(id, row);
  }

  /** The queue's chosen line; null: none is. */
  get chosenLine(): Line | null {
    return this.alarms.lines.find(({ key }) => key === this.alarms.chosen) ?? null;
  }

  /** Opens what a line stands for: its delivery, or each of its alarms. */
  openLine(line: Line): void {
    const [only] = line.alarms;
    this.alarms.chosen = line.key;
    if (line.alarms.length > 1) this.alarms.fold(line.key, !this.alarms.unfolded.has(line.key));
    else if (only !== undefined && only.kind !== "unproven") void this.openAlarm(only);
  }

  toggleQueue(): void {
    if (this.alarms.queueOpen) this.closeQueue();
    else this.alarms.openQueue();
  }

  closeQueue(): void {
    this.alarms.closeQueue();
    if (!this.isCovered) this.screen.state.focus();
  }

  ask(dialog: Dialog): void {
    this.laid = null;
    this.dialog = dialog;
  }

  lay(draw: (close: () => void) => Drawing): void {
    this.dialog = null;
    this.laid = draw(() => void this.closeDialog());
  }

  async closeDialog(): Promise<void> {
    this.#uncover();
    // While the dialog is there nothing behind it takes the focus.
    await tick();
    this.screen.state.focus();
  }

  /** Chosen in the palette, which closes first: what is chosen may open a dialog of its own. */
  async pick(shortcut: Shortcut): Promise<void> {
    await this.closeDialog();
    shortcut.run();
  }

  /** Looks for deliveries where the screen can. */
  find(typed: string): void {
    void this.screen.state.find?.(typed);
  }

  slots(row: Row | null): readonly ActionSlot[] {
    return slotsOf(row, this.#around(row));
  }

  whyNot(action: Action, row: Row | null, marked: ReadonlyMap<number, Row>): string | null {
    if (marked.size === 0) return whyNot(action, row, this.#around(row));
    // Of several, those that can be are done, and the others reported.
    const reasons = [...marked.values()].map((one) => whyNot(action, one, this.#around(one)));
    return reasons.includes(null) ? null : (reasons[0] ?? null);
  }

  keyOf(shortcut: string): string {
    return this.shortcuts.find(({ id }) => id === shortcut)?.keys[0]?.shown ?? "";
  }

  act(action: Action, row: Row): void {
    if (whyNot(action, row, this.#around(row)) !== null) return;
    if (action === "assign" || action === "cancel" || action === "note")
      this.ask({ kind: action, about: [row] });
    else this.commandAll({ action }, [row]);
  }

  actOnAll(action: Action, rows: readonly Row[]): void {
    const able = rows.filter((row) => whyNot(action, row, this.#around(row)) === null);
    if (able.length === 0) return;
    if (action === "assign" || action === "cancel" || action === "note")
      this.ask({ kind: action, about: able });
    else this.commandAll({ action }, able);
  }

  /** Does one thing to several deliveries, as they were last seen. */
  commandAll(wish: Wish, rows: readonly Row[]): void {
    void this.commands.runAll(wish, rows);
  }

  /** The command of this seat that Z takes back; null: there is none. */
  get undoable(): Report | null {
    const { centers } = this;
    return this.commands.undoable(
      this.wall,
      (center) => centers.find(({ id }) => id === center)?.undoWithinMs ?? 0,
    );
  }

  undo(): void {
    const { undoable } = this;
    if (undoable !== null) this.commands.undo(undoable);
  }

  /** Whether something failed that can be tried again. */
  get retryable(): boolean {
    return this.commands.reports.some(({ outcome, again }) => outcome === "notSent" && again !== null);
  }

  /** Tries the newest command again that was not sent. */
  retry(): void {
    const failed = this.commands.reports.findLast(
      ({ outcome, again }) => outcome === "notSent" && again !== null,
    );
    if (failed !== undefined) this.again(failed);
  }

  /** Does what a report is about once more. */
  again(report: Report): void {
    void this.commands.again(report);
  }

  /** Opens the delivery that a report is about. */
  look({ id }: Report): void {
    if (id !== null) void this.openDelivery(id, null);
  }

  /** The focus goes to the next region of the window, or to the one before. */
  focusRegion(delta: 1 | -1): void {
    const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
      (region) => region.offsetParent !== null,
    );
    const at = regions.findLastIndex((region) => region.contains(document.activeElement));
    const next = regions[(at + delta + regions.length) % regions.length];
    const target = next?.matches("[tabindex]")
      ? next
      : (next?.querySelector<HTMLElement>("[tabindex='0']") ??
        next?.querySelector<HTMLElement>("button:not(:disabled),input,select"));
    target?.focus();
  }

  #around(row: Row | null): Around {
    const center = row?.center ?? this.center ?? "";
    return {
      role: this.role,
      foreign: this.foreign,
      freshness: this.freshness[center]?.state ?? null,
      clock: this.#clockOf(center),
    };
  }

  /** A delivery as it is now, as far as the screen has it in sight. */
  rowNow(row: Row): Row {
    return this.screen.state.rowOf?.(row.id) ?? row;
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
    // What another session left on the screens goes before anything of this one comes.
    this.#letGo();
    this.boot = boot;
    this.#clocks.clear();
    this.center = boot.centers[0]?.id ?? null;
    await this.platform.subscribeEvents((event) => this.#hear(event));
    this.phase = { kind: "signedIn" };
    this.drafts.clear();
    void this.drafts.load();
    await this.showScreen(this.screen);
  }

  /** The server ended the session: what was shown stays for a while, without what others should not read. */
  #end(): void {
    for (const { state } of this.#begun) state.freeze?.();
    this.alarms.clear();
    this.riders.forget();
    this.#uncover();
    this.phase = { kind: "ended", at: Date.now() };
  }

  #uncover(): void {
    this.dialog = null;
    this.laid = null;
  }

  #letGo(): void {
    for (const { state } of this.#begun) state.end();
    this.#begun.clear();
  }

  #leave(ended: boolean): void {
    this.#letGo();
    this.alarms.clear();
    this.commands.clear();
    this.drafts.clear();
    this.riders.forget();
    this.freshness = {};
    this.checks = {};
    this.#uncover();
    if (this.boot) this.boot = { ...this.boot, signedIn: false, demo: false };
    this.phase = { kind: "signedOut", ended };
  }

  #stalled(view: number): void {
    for (const { state } of this.#begun) state.stalled?.(view);
  }

  #hear(event: AppEvent): void {
    switch (event.type) {
      case "freshness": {
        const { type: _, ...fresh } = event;
        this.freshness = { ...this.freshness, [fresh.center]: fresh };
        break;
      }
      case "alarm":
        // One that is listed again is no news, and what came with it at a start must not stand still.
        if (!event.relisted && !event.yours) this.screen.state.alarmed?.();
        this.alarms.raise(event);
        break;
      case "alarms":
        this.alarms.list(event.alarms);
        break;
      case "alarmSettled":
        // The list that follows says whether it leaves the rail: not where this seat has to take note itself.
        break;
      case "command":
        this.commands.hear(event);
        // What a command carried out is no draft any more.
        if (event.outcome !== "pending" && event.outcome !== "unknown") void this.drafts.load();
        break;
      case "check":
        this.checks = { ...this.checks, [event.center]: event.report };
        break;
      case "signedOut":
        if (this.phase.kind !== "signedIn") break;
        if (event.code === "unauthorized") this.#end();
        else this.#leave(event.code !== null);
        break;
    }
  }
}
