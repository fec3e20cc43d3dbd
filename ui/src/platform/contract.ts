// What the page asks of the application beneath it, each command once, with what goes in and what comes out.

import type { ActionRequest } from "./generated/ActionRequest";
import type { AppEvent } from "./generated/AppEvent";
import type { Boot as BootAnswer } from "./generated/Boot";
import type { CenterView as Center } from "./generated/CenterView";
import type { CommandPhase as CommandOutcome } from "./generated/CommandPhase";
import type { CommandStarted } from "./generated/CommandStarted";
import type { Diagnostics } from "./generated/Diagnostics";
import type { IpcError as Failure } from "./generated/IpcError";
import type { LinkState } from "./generated/LinkState";
import type { LinkView as Link } from "./generated/LinkView";
import type { Patch } from "./generated/Patch";
import type { ViewSpec } from "./generated/ViewSpec";

export type { ActionRequest, AppEvent, Center, CommandOutcome, Failure, Link, LinkState };

export type Locale = "ko" | "en";
export type Theme = "dark" | "light" | "system";

export type Status = "received" | "waiting" | "assigned" | "pickedUp" | "delivered" | "cancelled";

/** How things stand; asked once by each page. */
export type Boot = Omit<BootAnswer, "locale" | "theme"> & { locale: Locale | null; theme: Theme };

/** With `center`: what names an alarm. */
export type AlarmKey = { center: string; id: number; kind: string; raisedAt: number };

/** News of a command of this seat. */
export type CommandNews = Omit<Extract<AppEvent, { type: "command" }>, "type">;

export type Pos = { lat: number; lon: number } | { x: number; y: number };

export type CancelBy = "customer" | "shop" | "center" | "rider" | "system";

/** Everything about a delivery, as it travels. */
export type Delivery = {
  id: number;
  center: string;
  rev: number;
  number: string;
  orderNo: string;
  status: Status;
  shop: { id: string; name: string; phone: string; address: string; pos: Pos | null; remark: string };
  dropoff: { address: string; detail: string; phone: string; recipientPhone: string; pos: Pos | null };
  rider: { id: string; name: string; home: string; confirmed: boolean } | null;
  pickupTargetMin: number;
  deliveryTargetMin: number;
  distanceM: number;
  items: { name: string; quantity: number }[];
  priceWon: number;
  request: string;
  notes: { at: number; by: string; text: string }[];
  receivedAt: number;
  cancel: { reason: string; by: CancelBy } | null;
};

/** One step of a delivery's story. */
export type HistoryEvent = {
  rev: number;
  at: number;
  by: string;
  action: string;
  from: string | null;
  to: string | null;
  detail: unknown;
};

export type Rider = {
  id: string;
  name: string;
  phone: string;
  home: string;
  status: "off" | "idle" | "busy";
  pos: Pos | null;
  seenAt: number | null;
  load: number;
};

export type Action = "accept" | "assign" | "unassign" | "confirm" | "pickup" | "deliver" | "cancel" | "note";

export interface Platform {
  boot(): Promise<Boot>;
  signIn(server: string, account: string, password: string): Promise<Boot>;
  tryDemo(): Promise<Boot>;
  signOut(): Promise<void>;
  setPreferences(locale: Locale | null, theme: Theme): Promise<void>;
  subscribeEvents(onEvent: (event: AppEvent) => void): Promise<void>;
  /** A view whose channel went silent must be opened anew. */
  onViewStalled(stalled: (view: number) => void): Promise<void>;
  openView(spec: ViewSpec, onPatch: (patch: Patch) => void): Promise<number>;
  changeView(view: number, spec: ViewSpec): Promise<void>;
  ack(view: number, seq: number): Promise<void>;
  resetView(view: number): Promise<void>;
  closeView(view: number): Promise<void>;
  placeOf(view: number, id: number): Promise<number | null>;
  delivery(center: string, id: number): Promise<Delivery>;
  history(center: string, id: number): Promise<HistoryEvent[]>;
  riders(center: string): Promise<Rider[]>;
  runCommand(request: ActionRequest): Promise<CommandStarted>;
  acknowledgeAlarm(key: AlarmKey): Promise<void>;
  alarmDisplayed(key: AlarmKey): Promise<void>;
  diagnostics(): Promise<Diagnostics>;
  /** Compares everything of a center; `check` events tell how far it has come. */
  checkEverything(center: string): Promise<void>;
}

/** Any thrown value as a failure with a code. */
export function asFailure(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) {
    const { code, message } = thrown;
    const retryable = "retryable" in thrown && thrown.retryable === true;
    return { code: String(code), message: String(message), retryable };
  }
  return {
    code: "other",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    retryable: false,
  };
}
