// A platform in memory, for component tests and the development page: it answers a view as the core does, naively.

import type {
  ActionRequest,
  AlarmKey,
  AppEvent,
  BatchActionRequest,
  Boot,
  Candidate,
  CenterFreshness,
  Draft,
  DraftSubject,
  Failure,
  Locale,
  Platform,
  Rider,
  Theme,
} from "../platform/contract";
import type { AlarmKind } from "../platform/generated/AlarmKind";
import type { ClientsView } from "../platform/generated/ClientsView";
import type { ClientsWish } from "../platform/generated/ClientsWish";
import type { Counters } from "../platform/generated/Counters";
import type { Diagnostics } from "../platform/generated/Diagnostics";
import type { GroupHead } from "../platform/generated/GroupHead";
import type { HeldCounts } from "../platform/generated/HeldCounts";
import type { MonitorClient } from "../platform/generated/MonitorClient";
import type { MonitorReply } from "../platform/generated/MonitorReply";
import { NotFaked } from "../platform/generated/NotFaked";
import type { Patch } from "../platform/generated/Patch";
import type { Place } from "../platform/generated/Place";
import type { PreferenceSaved } from "../platform/generated/PreferenceSaved";
import type { PreferenceView } from "../platform/generated/PreferenceView";
import type { Row } from "../platform/generated/Row";
import type { SoundView } from "../platform/generated/SoundView";
import type { ViewSpec } from "../platform/generated/ViewSpec";
import { STATUSES } from "../texts/names";
import { day, deliveryOf, historyOf, MINUTE, NOW, riders } from "./day";
import { diagnosticsOf } from "./diagnostics";
import { clientsOf, monitorOf } from "./monitor";

const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";

function initials(text: string): string {
  return Array.from(text, (char) => {
    const syllable = char.charCodeAt(0) - 0xac00;
    return syllable >= 0 && syllable < 11_172 ? (INITIALS[Math.floor(syllable / 588)] ?? char) : char;
  }).join("");
}

/** What a hub says of a center beside its name. */
const USUAL = { undoWithinMs: 15_000, atRiskMin: 5 };

type OpenView = {
  spec: ViewSpec;
  send: (patch: Patch) => void;
  seq: number;
  sent: Map<number, Row>;
  /** What stood where when a hold began; null: places are not held. */
  kept: Place[] | null;
};

/** A group's rows, in order. */
type Group = { key: string; value: string; rows: Row[] };

export class FakePlatform extends NotFaked implements Platform {
  rows: Map<number, Row>;
  people: Rider[];
  /** The next sign-in fails with this. */
  refusal: Failure | null = null;
  readonly acks: [number, number][] = [];
  readonly resets: number[] = [];
  readonly opened: number[] = [];
  readonly commands: ActionRequest[] = [];
  readonly batches: BatchActionRequest[] = [];
  readonly acknowledged: (AlarmKey & { center: string })[] = [];
  readonly checked: string[] = [];
  /** Views for which Act now was let in behind a hold. */
  readonly admitted: number[] = [];
  /** What is kept as drafts, the newest first; what goes when the next one is kept. */
  unsent: Draft[] = [];
  overflow: Draft[] = [];
  textSize = 100;
  /** How fresh every center is at first. */
  firstFreshness: Partial<CenterFreshness> = {};
  /** What waits behind a hold. */
  held: HeldCounts = { new: 0, act: 0, gone: 0, moved: 0 };
  /** Whether places stay as they are under a hold, as in the core. */
  keepsPlaces = false;
  /** How often pickers asked what matches. */
  asked = 0;
  #held: Promise<void> = Promise.resolve();
  /** How often diagnostics were asked for. */
  looks = 0;
  /** Who is connected to the hubs, by connection; how many the hub tells at once; how it fails; what it was asked. */
  connected: MonitorClient[] = clientsOf(14);
  clientsMost = 2_000;
  hubFailure: Failure | null = null;
  monitorLooks = 0;
  readonly clientWishes: ClientsWish[] = [];
  readonly putOuts: string[] = [];
  /** What the seat keeps, and the account at the hub with how often it was written. */
  readonly kept = new Map<string, string>();
  readonly account = new Map<string, { json: string; writes: number }>();
  /** What sounds; the clock by which it is muted is the page's. */
  #sounds: SoundView[] = [
    { kind: "cancelled", mayBeCritical: true, mutedUntil: null, criticalMutedUntil: null },
    { kind: "unproven", mayBeCritical: false, mutedUntil: null, criticalMutedUntil: null },
  ];
  preferences: { locale: Locale | null; theme: Theme | null } | null = null;
  readonly #views = new Map<number, OpenView>();
  #onEvent: (event: AppEvent) => void = () => {};
  #stalled: (view: number) => void = () => {};

  constructor(
    rows = 3_000,
    readonly bootAnswer: Partial<Boot> = {},
  ) {
    super();
    this.rows = new Map(day(rows).map((row) => [row.id, row]));
    this.people = riders(58);
  }

  #boot(signedIn: boolean): Boot {
    return {
      signedIn,
      account: "dispatcher",
      name: "김관제",
      role: "dispatcher",
      server: "http://127.0.0.1:7400",
      centers: [
        { id: "gangnam", name: "강남", timeZone: "Asia/Seoul", ...USUAL },
        { id: "songpa", name: "송파", timeZone: "Asia/Seoul", ...USUAL },
      ],
      demo: true,
      drill: true,
      demoSpeed: 60,
      foreign: null,
      locale: "ko",
      theme: "dark",
      textSize: 100,
      kept: Object.fromEntries(this.kept),
      sounds: this.#sounds,
      ...this.bootAnswer,
    };
  }

  override async boot(): Promise<Boot> {
    return { ...this.#boot(true), ...this.bootAnswer };
  }
  override async signIn(): Promise<Boot> {
    if (this.refusal) throw this.refusal;
    return { ...this.#boot(true), signedIn: true };
  }
  override async tryDemo(): Promise<Boot> {
    return this.signIn();
  }
  override async signOut(): Promise<void> {}
  override async setPreferences(locale: Locale | null, theme: Theme | null): Promise<void> {
    this.preferences = { locale, theme };
  }
  override async keepAtSeat(key: string, json: string | null): Promise<void> {
    if (json === null) this.kept.delete(key);
    else this.kept.set(key, json);
  }
  override async preference(key: string): Promise<PreferenceView | null> {
    const kept = this.account.get(key);
    return kept === undefined ? null : { json: kept.json, version: String(kept.writes) };
  }
  override async savePreference(key: string, json: string, version: string | null): Promise<PreferenceSaved> {
    const latest = await this.preference(key);
    if ((latest?.version ?? null) !== version) return { kind: "conflict", latest };
    const writes = Number(version ?? 0) + 1;
    this.account.set(key, { json, writes });
    return { kind: "saved", version: String(writes) };
  }
  override async subscribeEvents(onEvent: (event: AppEvent) => void): Promise<void> {
    this.#onEvent = onEvent;
    this.tell(this.freshness(this.firstFreshness));
    this.tell(this.freshness({ ...this.firstFreshness, center: "songpa" }));
  }
  async onViewStalled(stalled: (view: number) => void): Promise<void> {
    this.#stalled = stalled;
  }
  override async openView(spec: ViewSpec, send: (patch: Patch) => void): Promise<number> {
    const view = this.opened.length + 1;
    this.opened.push(view);
    this.#views.set(view, { spec, send, seq: 0, sent: new Map(), kept: null });
    this.#send(view, true);
    return view;
  }
  override async changeView(view: number, spec: ViewSpec): Promise<void> {
    const open = this.#views.get(view);
    if (!open) throw { code: "view-not-open", message: "", retryable: false } satisfies Failure;
    open.spec = spec;
    this.#send(view, false);
  }
  override async ack(view: number, seq: number): Promise<void> {
    this.acks.push([view, seq]);
  }
  override async resetView(view: number): Promise<void> {
    this.resets.push(view);
    this.#send(view, true);
  }
  override async closeView(view: number): Promise<void> {
    this.#views.delete(view);
  }
  override async placeOf(view: number, id: number): Promise<number | null> {
    const open = this.#views.get(view);
    const place = open ? this.places(open.spec).indexOf(id) : -1;
    return place < 0 ? null : place;
  }
  override async groupOf(view: number, id: number): Promise<string | null> {
    const open = this.#views.get(view);
    const row = this.rows.get(id);
    return open === undefined || row === undefined ? null : placed(open.spec, row)[0];
  }
  override async admitAct(view: number): Promise<void> {
    this.admitted.push(view);
  }
  override async setTextSize(percent: number): Promise<number> {
    this.textSize = percent;
    return percent;
  }
  override async delivery(_center: string, id: number) {
    const row = this.rows.get(id);
    if (!row) throw { code: "not-found", message: "", retryable: false } satisfies Failure;
    return deliveryOf(row);
  }
  override async history(_center: string, id: number) {
    const row = this.rows.get(id);
    return row ? historyOf(row) : [];
  }
  override async riders(): Promise<Rider[]> {
    return this.people;
  }
  override async candidates(): Promise<Candidate[]> {
    return this.people.map((rider) => ({ rider, metres: 1_200 }));
  }
  override async matching(typed: string, choices: string[]): Promise<number[]> {
    this.asked += 1;
    await this.#held;
    const words = typed.toLowerCase().split(" ");
    const holds = (text: string): boolean => words.every((word) => text.includes(word));
    const places = choices.map((choice, place) => {
      const text = choice.toLowerCase();
      return holds(text) || holds(initials(text)) ? place : -1;
    });
    return places.filter((place) => place >= 0);
  }
  override async runCommand(request: ActionRequest): Promise<{ commandId: string }> {
    this.commands.push(request);
    const of = ({ subject, text }: Draft): boolean =>
      subject.type === "delivery" && subject.id === request.id && text === request.draft;
    this.unsent = this.unsent.map((draft) => (of(draft) ? { ...draft, sending: true } : draft));
    return { commandId: `c${this.commands.length}` };
  }
  override async runBatch(request: BatchActionRequest): Promise<{ commandId: string }[]> {
    this.batches.push(request);
    return [{ commandId: `b${this.batches.length}` }];
  }
  override async drafts(): Promise<Draft[]> {
    return this.unsent;
  }
  override async saveDraft(subject: DraftSubject, text: string): Promise<Draft[]> {
    await this.discardDraft(subject);
    this.unsent = [{ subject, text, at: Date.now(), number: null, sending: false }, ...this.unsent];
    const dropped = this.overflow;
    this.overflow = [];
    this.unsent = this.unsent.filter((draft) => !dropped.includes(draft));
    return dropped;
  }
  override async discardDraft(subject: DraftSubject): Promise<void> {
    const key = JSON.stringify(Object.entries(subject).sort());
    this.unsent = this.unsent.filter((draft) => JSON.stringify(Object.entries(draft.subject).sort()) !== key);
  }
  override async acknowledgeAlarm(center: string, key: AlarmKey): Promise<void> {
    this.acknowledged.push({ center, ...key });
  }
  override async alarmDisplayed(): Promise<void> {}
  override async muteAlarms(kind: AlarmKind, minutes: number): Promise<SoundView[]> {
    const until = (bound: number): number | null =>
      minutes === 0 ? null : Date.now() + Math.min(minutes, bound) * MINUTE;
    this.#sounds = this.#sounds.map((sound) =>
      sound.kind === kind
        ? { ...sound, mutedUntil: until(60), criticalMutedUntil: sound.mayBeCritical ? until(5) : null }
        : sound,
    );
    return this.#sounds;
  }
  override async diagnostics(): Promise<Diagnostics> {
    this.looks += 1;
    const { type: _, ...fresh } = this.freshness({});
    return diagnosticsOf(
      [fresh, { ...fresh, center: "songpa", state: "polling", reason: "cut" }],
      this.rows.size,
    );
  }
  override async checkEverything(center: string): Promise<void> {
    this.checked.push(center);
  }

  override async monitor(): Promise<MonitorReply> {
    this.monitorLooks += 1;
    if (this.hubFailure !== null) throw this.hubFailure;
    return monitorOf(this.connected);
  }
  override async monitorClients(wish: ClientsWish): Promise<ClientsView> {
    this.clientWishes.push(wish);
    if (this.hubFailure !== null) throw this.hubFailure;
    const clients = this.connected.filter(
      ({ namespace, rooms, account }) =>
        (wish.namespace === null || namespace === wish.namespace) &&
        (wish.room === null || rooms.includes(wish.room)) &&
        (wish.account === null || account === wish.account),
    );
    return { clients: clients.slice(0, this.clientsMost), more: clients.length > this.clientsMost };
  }
  override async putOut(connection: string): Promise<void> {
    if (!this.connected.some(({ connectionId }) => connectionId === connection))
      throw { code: "not-found", message: "", retryable: false } satisfies Failure;
    this.putOuts.push(connection);
    this.connected = this.connected.filter(({ connectionId }) => connectionId !== connection);
  }

  /** Pickers' questions wait until what is given back is called. */
  hold(): () => void {
    let answer = (): void => {};
    this.#held = new Promise((resolve) => (answer = resolve));
    return answer;
  }

  /** Raises an alarm about a delivery. */
  raise(id: number, kind: AlarmKind, part: Partial<Extract<AppEvent, { type: "alarm" }>> = {}): void {
    const row = this.rows.get(id) ?? null;
    const priority = kind !== "cancelled" ? "high" : row === null || row.rider ? "critical" : "high";
    const rest = { relisted: false, yours: false, priority, row } as const;
    this.tell({ type: "alarm", center: "gangnam", id, kind, raisedAt: 1_000 + id, ...rest, ...part });
  }

  tell(event: AppEvent): void {
    this.#onEvent(event);
  }
  stall(view: number): void {
    this.#stalled(view);
  }

  freshness(part: Partial<CenterFreshness>): { type: "freshness" } & CenterFreshness {
    const wall = Date.now();
    return {
      type: "freshness",
      center: "gangnam",
      state: "live",
      since: wall,
      reason: null,
      provenAt: wall,
      unread: 0,
      dayAt: NOW,
      dayAtWall: wall,
      speed: 1,
      drill: false,
      rev: 18_240,
      epoch: "01J",
      ...part,
    };
  }

  /** Changes a row as a frame would. */
  change(id: number, part: Partial<Row>): void {
    const row = this.rows.get(id);
    if (row) this.rows.set(id, { ...row, ...part, rev: row.rev + 1 });
    for (const view of this.#views.keys()) this.#send(view, false);
  }

  add(row: Row): void {
    this.rows.set(row.id, row);
    for (const view of this.#views.keys()) this.#send(view, false);
  }

  /** The delivery whose details the page says are open. */
  openDetails: number | null = null;
  override async setOpened(_center: string | null, id: number | null): Promise<void> {
    this.openDetails = id;
  }

  /** Places are held for an alarm's row before the page asks for it. */
  holdByCore(): void {
    for (const [view, open] of this.#views) {
      open.spec = { ...open.spec, hold: true };
      this.#send(view, false);
    }
  }

  /** Loses the next patch of each view on its way. */
  loseOne(): void {
    for (const open of this.#views.values()) open.seq += 1;
  }

  list(spec: ViewSpec): Row[] {
    const { statuses, late, unconfirmed, noted } = spec.filter;
    const descending = spec.sort[0]?.key === "number" ? spec.sort[0].descending : true;
    return [...this.rows.values()]
      .filter(
        (row) =>
          (statuses.length === 0 || statuses.includes(row.status ?? "")) &&
          (!late || isLate(row)) &&
          (!unconfirmed || row.rider?.confirmed === false) &&
          (!noted || row.asks) &&
          (spec.search === "" ||
            `${row.number} ${row.shop} ${row.address} ${row.rider?.name}`.includes(spec.search)),
      )
      .sort((a, b) => (descending ? b.id - a.id : a.id - b.id));
  }

  /** What stands where: rows alone, or below the heads of their groups. */
  places(spec: ViewSpec): Place[] {
    if (spec.group === null && spec.pinned === null) return this.list(spec).map(({ id }) => id);
    return this.#groups(spec).flatMap(({ key, rows }): Place[] => [
      { group: key },
      ...(spec.collapsed.includes(key) ? [] : rows.map(({ id }) => id)),
    ]);
  }

  /** Rows of Act now are those that are late. */
  #groups(spec: ViewSpec): Group[] {
    const groups = new Map<string, Group>();
    for (const row of this.list(spec)) {
      const [key, value] = placed(spec, row);
      const group = groups.get(key) ?? { key, value, rows: [] };
      group.rows.push(row);
      groups.set(key, group);
    }
    const statuses: string[] = ["act", ...STATUSES];
    const rank = ({ key }: Group): number => (statuses.includes(key) ? statuses.indexOf(key) : 9);
    return [...groups.values()].sort((a, b) => rank(a) - rank(b) || (a.value < b.value ? -1 : 1));
  }

  #heads(spec: ViewSpec): GroupHead[] {
    const groups = this.#groups(spec);
    const pinned = groups.find(({ key }) => key === "act")?.rows ?? [];
    return groups.map(({ key, value, rows }) => {
      const count = (of: (row: Row) => boolean): number => rows.filter(of).length;
      const open = rows.filter(({ lateAt }) => lateAt !== null).map(({ receivedAt }) => receivedAt);
      return {
        key,
        value,
        count: rows.length,
        above: key === "act" ? 0 : pinned.filter((row) => groupOf(spec, row)[0] === key).length,
        outside: 0,
        late: count(isLate),
        atRisk: count(isAtRisk),
        unconfirmed: count((row) => row.rider?.confirmed === false),
        cancelled: count((row) => row.status === "cancelled"),
        oldestAt: open.length === 0 ? null : Math.min(...open),
        collapsed: spec.collapsed.includes(key),
      };
    });
  }

  #counters(): Counters {
    const rows = [...this.rows.values()];
    const count = (of: (row: Row) => boolean): number => rows.filter(of).length;
    return {
      byStatus: Object.fromEntries(STATUSES.map((status) => [status, count((row) => row.status === status)])),
      late: count(isLate),
      atRisk: count(isAtRisk),
      unconfirmed: count((row) => row.rider?.confirmed === false),
      noted: count((row) => row.asks),
      unreadable: count((row) => row.status === null),
      meanPickupMin10: 140,
      meanDeliveryMin10: 270,
      onTimePermille: 914,
      byHalfHour: [6, 9, 8, 14, 19, 26, 30, 34, 42, 46, 38, 40].map((orders, k) => [
        NOW - (11 - k) * 30 * MINUTE,
        orders * 9,
      ]),
    };
  }

  #send(view: number, reset: boolean): void {
    const open = this.#views.get(view);
    if (!open) return;
    const now = this.places(open.spec);
    open.kept = open.spec.hold && this.keepsPlaces ? (open.kept ?? now) : null;
    const all = open.kept ?? now;
    const held = { ...this.held, new: this.held.new + now.length - all.length };
    const first = Math.max(0, Math.min(open.spec.first, all.length - open.spec.len));
    const order = all.slice(first, first + open.spec.len);
    const shown = order.flatMap((place) => (typeof place === "number" ? (this.rows.get(place) ?? []) : []));
    const inSight = new Set(order.flatMap((place) => (typeof place === "number" ? [] : place.group)));
    const before = reset ? new Map<number, Row>() : open.sent;
    open.seq += 1;
    const patch: Patch = {
      seq: open.seq,
      reset,
      asOf: { gangnam: 18_240 },
      total: all.length,
      matching: this.list(open.spec).length,
      first,
      ...(open.spec.hold ? { held } : {}),
      order,
      groups: inSight.size === 0 ? [] : this.#heads(open.spec).filter(({ key }) => inSight.has(key)),
      rows: shown.filter((row) => !before.has(row.id)),
      cells: shown.flatMap((row) => {
        const held = before.get(row.id);
        if (!held) return [];
        return (Object.keys(row) as (keyof Row)[])
          .filter((column) => row[column] !== held[column])
          .map((column): [number, string, unknown] => [row.id, column, row[column]]);
      }),
      counters: this.#counters(),
    };
    open.sent = new Map(shown.map((row) => [row.id, row]));
    open.send(patch);
  }
}

function isLate({ lateAt }: Row): boolean {
  return lateAt !== null && lateAt <= NOW;
}

function isAtRisk(row: Row): boolean {
  return row.riskAt !== null && row.riskAt <= NOW && !isLate(row);
}

/** Key and name of the group in which a row stands. */
function placed(spec: ViewSpec, row: Row): [string, string] {
  return isLate(row) && spec.pinned !== null ? ["act", "act"] : groupOf(spec, row);
}

/** Key and name of the group of a row that is not pinned. */
function groupOf({ group }: ViewSpec, row: Row): [string, string] {
  if (group === null) return ["rest", "rest"];
  if (group === "status") return [row.status ?? "unreadable", row.status ?? "unreadable"];
  if (group === "shop") return [row.shop, row.shop];
  if (group === "center") return [row.center, row.center];
  return row.rider === null ? ["none", "none"] : [row.rider.id, row.rider.name];
}
