// What statuses, actions and failures are called, in the language in use.

import type { Failure, FreshnessState, Status } from "../platform/contract";
import type { Person } from "../platform/generated/Person";
import { m } from "./generated/messages";

export const STATUSES: readonly Status[] = [
  "received",
  "waiting",
  "assigned",
  "pickedUp",
  "delivered",
  "cancelled",
];

/** Status is icon + text + colour; these are the icons. */
export const STATUS_ICON: Record<Status, string> = {
  received: "◌",
  waiting: "◔",
  assigned: "◑",
  pickedUp: "◕",
  delivered: "●",
  cancelled: "✕",
};

const STATUS_NAME: Record<Status, () => string> = {
  received: m.st_received,
  waiting: m.st_waiting,
  assigned: m.st_assigned,
  pickedUp: m.st_pickedUp,
  delivered: m.st_delivered,
  cancelled: m.st_cancelled,
};

export function asStatus(name: string | null): Status | null {
  return STATUSES.find((status) => status === name) ?? null;
}

const STATE_NAME: Record<FreshnessState, () => string> = {
  connecting: m.link_connecting,
  catchingUp: m.link_catchingUp,
  live: m.link_live,
  polling: m.link_polling,
  offline: m.link_offline,
  refused: m.link_refused,
};

export function freshnessName(state: FreshnessState): string {
  return STATE_NAME[state]();
}

/** A status of a newer version keeps its wire name; a row that can't be read says so. */
export function statusName(name: string | null): string {
  const status = asStatus(name);
  return status ? STATUS_NAME[status]() : (name ?? m.st_unreadable());
}

const ACTION_NAME: Record<string, () => string> = {
  accept: m.act_accept,
  assign: m.act_assign,
  unassign: m.act_unassign,
  confirm: m.act_confirm,
  pickup: m.act_pickup,
  deliver: m.act_deliver,
  cancel: m.act_cancel,
  note: m.act_note,
  create: m.act_create,
  undo: m.act_undo,
  seen: m.act_seen,
  amend: m.act_amend,
};

const ROLES: Record<string, () => string> = {
  drill: m.by_simulated,
  dispatcher: m.role_dispatcher,
  callcenter: m.role_callcenter,
  supervisor: m.role_supervisor,
  admin: m.role_admin,
  rider: m.by_rider,
  system: m.by_system,
};

/** A role of a newer version keeps its wire name. */
export function roleName(role: string): string {
  return ROLES[role]?.() ?? role;
}

/** Whoever did something: people by their names, what is no person in words. */
export function personName({ account, name }: Person): string {
  // An account without a person's name may be a role, or a machine.
  return (name === account ? ROLES[account]?.() : undefined) ?? name;
}

export function actionName(action: string): string {
  return ACTION_NAME[action]?.() ?? action;
}

const PROBLEM: Record<string, () => string> = {
  "list-only": m.problem_list_only,
  unauthorized: m.problem_unauthorized,
  unreachable: m.problem_unreachable,
  unreadable: m.problem_unreadable,
  offline: m.problem_unreachable,
  forbidden: m.problem_forbidden,
  "not-found": m.problem_not_found,
  invalid: m.problem_invalid,
  "invalid-transition": m.problem_invalid_transition,
  conflict: m.problem_conflict,
  "too-many-requests": m.problem_too_many,
  unavailable: m.problem_unavailable,
  void: m.problem_void,
  empty: m.problem_empty,
  config: m.problem_config,
  profile: m.problem_profile,
  cache: m.problem_profile,
  demo: m.problem_no_demo,
  "not-signed-in": m.problem_not_yet,
  stopped: m.problem_stopped,
  "draft-too-long": m.problem_draft_too_long,
  "draft-of-nothing": m.problem_not_found,
  "view-not-open": m.problem_unavailable,
  resync: m.problem_unavailable,
};

/** One sentence that says what happened and what to do. */
export function problemText(failure: Pick<Failure, "code" | "message">): string {
  return PROBLEM[failure.code]?.() ?? m.problem_other({ code: failure.code });
}
