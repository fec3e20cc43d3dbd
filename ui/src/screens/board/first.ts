// What a new seat sees.

import { NATURAL_LAYOUT } from "../../parts/grid/columns";
import { EVERYTHING } from "../../parts/grid/view.svelte";
import type { ViewSpec } from "../../platform/generated/ViewSpec";
import type { Content } from "./saved";

/** What must be acted on first, then by status; what has ended shows its heads alone. */
export const URGENT_FIRST: ViewSpec = {
  ...EVERYTHING,
  sort: [{ key: "target", descending: false }],
  group: "status",
  pinned: "act",
  collapsed: ["delivered", "cancelled"],
};

/** What is shown where no view is chosen. */
export const FIRST: Content = {
  filter: URGENT_FIRST.filter,
  sort: URGENT_FIRST.sort,
  group: URGENT_FIRST.group,
  pinned: URGENT_FIRST.pinned,
  layout: NATURAL_LAYOUT,
};

/** Below the heads of statuses, those that have ended show no rows. */
export function collapsedIn(group: ViewSpec["group"]): string[] {
  return group === "status" ? [...URGENT_FIRST.collapsed] : [];
}
