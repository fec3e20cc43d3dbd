// The columns of the board in their order. A further one is a line here; its sort key is one of the core's.

import { elapsedCell, riderCell, shopCell, statusCell, textCell } from "../../parts/grid/cells";
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
    width: "40px",
    narrow: "0",
    cell: textCell((row, scene) => scene.clockOf(row.center).minute(row[id])),
  };
}

export const COLUMNS: readonly Column[] = [
  {
    id: "number",
    title: m.col_number,
    sort: "number",
    numeric: false,
    dim: false,
    width: "50px",
    narrow: "52px",
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
    width: "82px",
    narrow: "82px",
    cell: statusCell,
  },
  {
    id: "elapsed",
    title: m.col_elapsed,
    sort: "elapsed",
    numeric: true,
    dim: false,
    width: "60px",
    narrow: "62px",
    cell: elapsedCell,
  },
  {
    id: "target",
    title: m.col_target,
    sort: "target",
    numeric: true,
    dim: true,
    width: "42px",
    narrow: "44px",
    cell: textCell((row) => `${row.pickupTargetMin}/${row.deliveryTargetMin}`),
  },
  {
    id: "rider",
    title: m.col_rider,
    sort: "rider",
    numeric: false,
    dim: false,
    width: "118px",
    narrow: "110px",
    cell: riderCell,
  },
  {
    id: "shop",
    title: m.col_shop,
    sort: "shop",
    numeric: false,
    dim: false,
    width: "minmax(100px, 1fr)",
    narrow: "minmax(90px, 1fr)",
    cell: shopCell,
  },
  {
    id: "address",
    title: m.col_address,
    sort: "address",
    numeric: false,
    dim: false,
    width: "minmax(124px, 1.35fr)",
    narrow: "minmax(90px, 1fr)",
    cell: textCell((row) => row.address),
  },
  {
    id: "distance",
    title: m.col_distance,
    sort: "distance",
    numeric: true,
    dim: true,
    width: "28px",
    narrow: "30px",
    cell: textCell((row) => kilometres(row.distanceM)),
  },
  time("waitingAt", m.col_waiting),
  time("assignedAt", m.col_assigned),
  time("pickedUpAt", m.col_pickup),
  time("deliveredAt", m.col_delivered),
];

/** What an empty order means: the newest number first. */
export const NATURAL: readonly SortOrder[] = [{ key: "number", descending: true }];
