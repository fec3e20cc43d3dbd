// What a search found, in a few words: by which field, and which numbers are missing.

import type { Findings } from "../../platform/generated/Findings";
import { m } from "../../texts/generated/messages";

/** What the fields of a search are called. */
const FIELD: Record<string, () => string> = {
  number: m.col_number,
  orderNo: m.order_no,
  shop: m.shop,
  shopPhone: m.field_shop_phone,
  address: m.address,
  detail: m.address,
  phone: m.field_phone,
  recipientPhone: m.field_phone,
  rider: m.rider,
};
/** More missing numbers than a line holds. */
const NAMED = 12;

/** Nothing: nothing is searched for. */
export function searchedText(found: Findings): string {
  if (found.kind === null) return "";
  const fields = Object.entries(found.byField)
    .filter(([, rows]) => rows > 0)
    .map(([field, rows]) => m.found_by({ field: FIELD[field]?.() ?? field, count: rows }));
  const parts = fields.length === 0 ? [m.found_nothing()] : fields;
  if (found.missing.length > 0) {
    const more = found.missing.length - NAMED;
    const named = found.missing.slice(0, NAMED).join(", ") + (more > 0 ? " …" : "");
    parts.push(m.found_missing({ count: found.missing.length, numbers: named }));
  }
  if (found.leftOut > 0) parts.push(m.found_left_out({ count: found.leftOut }));
  return parts.join(" · ");
}
