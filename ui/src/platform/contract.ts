// What the page asks of the application beneath it. Commands and types come from Rust; here is what is the page's own.

import type { ActionRequest } from "./generated/ActionRequest";
import type { AppEvent } from "./generated/AppEvent";
import type { BatchActionRequest } from "./generated/BatchActionRequest";
import type { Commands } from "./generated/Commands";
import type { IpcError as Failure } from "./generated/IpcError";

export type { AlarmKey } from "./generated/AlarmKey";
export type { Boot } from "./generated/Boot";
export type { CancelBy } from "./generated/CancelBy";
export type { Candidate } from "./generated/Candidate";
export type { CenterFreshness } from "./generated/CenterFreshness";
export type { CenterView as Center } from "./generated/CenterView";
export type { CommandPhase as CommandOutcome } from "./generated/CommandPhase";
export type { Delivery } from "./generated/Delivery";
export type { DraftSubject } from "./generated/DraftSubject";
export type { DraftView as Draft } from "./generated/DraftView";
export type { FreshnessState } from "./generated/FreshnessState";
export type { HistoryEvent } from "./generated/HistoryEvent";
export type { Locale } from "./generated/Locale";
export type { Pos } from "./generated/Pos";
export type { Rider } from "./generated/Rider";
export type { Status } from "./generated/Status";
export type { Theme } from "./generated/Theme";
export type { ActionRequest, AppEvent, BatchActionRequest, Failure };

/** The name of an action. */
export type Action = ActionRequest["action"];

/** What is to be done, without to what. */
export type Wish = ActionRequest extends infer Request
  ? Request extends ActionRequest
    ? Omit<Request, "center" | "id" | "seenRev">
    : never
  : never;

/** News of a command of this seat. */
export type CommandNews = Omit<Extract<AppEvent, { type: "command" }>, "type">;

export interface Platform extends Commands {
  /** A view whose channel went silent must be opened anew. */
  onViewStalled(stalled: (view: number) => void): Promise<void>;
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
