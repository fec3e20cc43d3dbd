// Which actions are offered in which status and to which role. The hub decides; this only spares a person hopeless tries.

import type { Action } from "../platform/contract";

const OFFERED: Record<string, readonly Action[]> = {
  received: ["accept", "cancel"],
  waiting: ["assign", "cancel"],
  assigned: ["assign", "unassign", "pickup", "cancel"],
  pickedUp: ["deliver", "cancel"],
};

const BY_ROLE: Record<string, readonly Action[]> = {
  dispatcher: ["accept", "assign", "unassign", "pickup", "deliver", "cancel"],
  supervisor: ["accept", "assign", "unassign", "pickup", "deliver", "cancel"],
  callcenter: ["accept", "cancel"],
};

export function offered(status: string | null, role: string | null): readonly Action[] {
  const may = BY_ROLE[role ?? ""] ?? [];
  return (OFFERED[status ?? ""] ?? []).filter((action) => may.includes(action));
}
