// The columns of the board in the order that they have by themselves. A further one is a line here; its sort key is one of
// the core's.

import { elapsedCell, leftCell, riderCell, shopCell, statusCell, textCell } from "../../parts/grid/cells";
import type { Column } from "../../parts/grid/columns";
import type { SortOrder } from "../../platform/generated/SortOrder";
import { kilometres } from "../../texts/format";
import { m } from "../../texts/generated/messages";

/** A time of the story: where room is scarce it is left to the details. */
function time(id: "waitingAt" | "assignedAt" | "pickedUpAt" | "deliveredAt", title: () => string): Column {
  return {
    id,
    title,
    sort: id,
    numeric: true,
    dim: true,
    min: 40,
    grow: 0,
    stays: false,
    cell: textCell((row, scene) => scene.clockOf(row.center).minute(row[id])),
  };
}

/** Only where several centers are shown together. */
export const CENTER: Column = {
  id: "center",
  title: m.center,
  sort: "center",
  numeric: false,
  dim: false,
  min: 44,
  grow: 0,
  stays: true,
  cell: textCell(
    (row, scene) => scene.nameOf(row.center),
    (row) => row.center,
  ),
};

export const COLUMNS: readonly Column[] = [
  {
    id: "number",
    title: m.col_number,
    sort: "number",
    numeric: false,
    dim: false,
    min: 50,
    grow: 0,
    stays: true,
    cell: textCell(
      (row) => row.number,
      (row) => `#${row.id}`,
    ),
  },
  {
    id: "status",
    title: m.col_status,
    sort: "status",
    numeric: false,
    dim: false,
    min: 90,
    grow: 0,
    stays: true,
    cell: statusCell,
  },
  {
    id: "elapsed",
    title: m.col_elapsed,
    sort: "elapsed",
    numeric: true,
    dim: false,
    min: 48,
    grow: 0,
    stays: false,
    cell: elapsedCell,
  },
  {
    id: "left",
    title: m.col_left,
    sort: "target",
    numeric: true,
    dim: false,
    min: 62,
    grow: 0,
    stays: false,
    cell: leftCell,
  },
  {
    id: "target",
    title: m.col_target,
    sort: null,
    numeric: true,
    dim: true,
    min: 38,
    grow: 0,
    stays: false,
    cell: textCell((row) => `${row.pickupTargetMin}/${row.deliveryTargetMin}`),
  },
  {
    id: "rider",
    title: m.col_rider,
    sort: "rider",
    numeric: false,
    dim: false,
    min: 112,
    grow: 0,
    stays: false,
    cell: riderCell,
  },
  {
    id: "shop",
    title: m.col_shop,
    sort: "shop",
    numeric: false,
    dim: false,
    min: 100,
    grow: 1,
    stays: false,
    cell: shopCell,
  },
  {
    id: "address",
    title: m.col_address,
    sort: "address",
    numeric: false,
    dim: false,
    min: 110,
    grow: 1.35,
    stays: false,
    cell: textCell((row) => row.address),
  },
  {
    id: "distance",
    title: m.col_distance,
    sort: "distance",
    numeric: true,
    dim: true,
    min: 28,
    grow: 0,
    stays: false,
    cell: textCell((row) => kilometres(row.distanceM)),
  },
  time("waitingAt", m.col_waiting),
  time("assignedAt", m.col_assigned),
  time("pickedUpAt", m.col_pickup),
  time("deliveredAt", m.col_delivered),
];

/** All that there ever are, whichever centers are shown. */
export const ALL_COLUMNS: readonly Column[] = [CENTER, ...COLUMNS];

/** What an empty order means: what has the least time left first. */
export const NATURAL: readonly SortOrder[] = [{ key: "target", descending: false }];
