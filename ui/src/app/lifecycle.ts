// Which actions are offered for a row and to which role. The hub decides; this only spares a person hopeless tries.

import type { Action } from "../platform/contract";
import type { Row } from "../platform/generated/Row";

const OFFERED: Record<string, readonly Action[]> = {
  received: ["accept", "note", "cancel"],
  waiting: ["assign", "note", "cancel"],
  assigned: ["assign", "confirm", "unassign", "pickup", "note", "cancel"],
  pickedUp: ["deliver", "note", "cancel"],
  delivered: ["note"],
  cancelled: ["note"],
};

const DISPATCH: readonly Action[] = [
  "accept",
  "assign",
  "unassign",
  "confirm",
  "pickup",
  "deliver",
  "note",
  "cancel",
];

const BY_ROLE: Record<string, readonly Action[]> = {
  dispatcher: DISPATCH,
  supervisor: DISPATCH,
  callcenter: ["accept", "note", "cancel"],
};

export function offered(row: Pick<Row, "status" | "rider">, role: string | null): readonly Action[] {
  const may = BY_ROLE[role ?? ""] ?? [];
  return (OFFERED[row.status ?? ""] ?? []).filter(
    (action) => may.includes(action) && (action !== "confirm" || row.rider?.confirmed === false),
  );
}
