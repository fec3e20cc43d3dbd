// A made-up evening in Gangnam, the same at every start.

import type { Delivery, HistoryEvent, Rider, Status } from "../platform/contract";
import type { Row } from "../platform/generated/Row";

export const MINUTE = 60_000;
/** 18:42:07 in Seoul. */
export const NOW = Date.UTC(2026, 4, 15, 9, 42, 7);

const SHOPS =
  "뽕나무쟁이족발,대동참치,레프트코스트,강남순두부,사보텐 코엑스점,W카페 역삼4호점,소녀냉면,공수간 역삼점,레드바삭,더꼬치,명가교동짬뽕 선릉점,고뽀끼앤닭강정,봉추찜닭 대치점,한촌설렁탕".split(
    ",",
  );
const RIDERS = "임창진,나사랑,남소희,이용권,로비,김진솔,장선주,한동진".split(",");
const PLACES = "대치동 901,역삼동 754-1,도곡동 467-17,대치동 1002,삼성동 149-31,논현동 221,개포동 12-7".split(
  ",",
);
const UNDER_WAY: readonly Status[] = ["received", "waiting", "assigned", "pickedUp"];

/** A small generator of its own, so that pictures and tests are the same everywhere. */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function day(rows: number, center = "gangnam"): Row[] {
  const roll = dice(11);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(roll() * from.length)] as T;
  return Array.from({ length: rows }, (_, index) => {
    const back = rows - 1 - index;
    const open = back < 460;
    const status: Status = roll() < 0.02 ? "cancelled" : open && roll() < 0.9 ? pick(UNDER_WAY) : "delivered";
    const receivedAt = NOW - Math.floor((open ? 12 + roll() * 32 : 60 + back * 0.1) * MINUTE);
    const reached = (order: number, minutes: number): number | null =>
      ["received", "waiting", "assigned", "pickedUp", "delivered"].indexOf(status) >= order
        ? Math.min(receivedAt + minutes * MINUTE, NOW)
        : null;
    const pickupTargetMin = pick([15, 15, 20, 25]);
    const deliveryTargetMin = pickupTargetMin === 15 ? pick([15, 30]) : 30;
    const ended = status === "delivered" || status === "cancelled";
    const rider = status === "received" || status === "waiting" ? null : Math.floor(roll() * RIDERS.length);
    return {
      id: index + 1,
      center,
      rev: index + 1,
      number: String(74_871 - back),
      status,
      shop: pick(SHOPS),
      shopRemark: "",
      address: `강남구 ${pick(PLACES)}`,
      rider:
        rider === null
          ? null
          : {
              id: `r${rider}`,
              name: RIDERS[rider] ?? "",
              lentFrom: roll() < 0.08 ? "songpa" : null,
              confirmed: status !== "assigned" || roll() > 0.1,
            },
      pickupTargetMin,
      deliveryTargetMin,
      distanceM: 200 + Math.floor(roll() * 4_700),
      receivedAt,
      waitingAt: status === "cancelled" ? receivedAt + MINUTE : reached(1, 1),
      assignedAt: status === "cancelled" ? receivedAt + 3 * MINUTE : reached(2, 3),
      pickedUpAt: reached(3, 11),
      deliveredAt: reached(4, 25),
      cancelledAt: status === "cancelled" ? receivedAt + 12 * MINUTE : null,
      lateAt: ended ? null : receivedAt + 36 * MINUTE,
      riskAt: ended ? null : receivedAt + 31 * MINUTE,
      ...noted(roll(), ended),
      mark: null,
    };
  });
}

export function riders(count: number): Rider[] {
  const roll = dice(3);
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index}`,
    name: `${RIDERS[index % RIDERS.length]}${index < RIDERS.length ? "" : index}`,
    phone: "010-0000-0000",
    home: roll() < 0.1 ? "songpa" : "gangnam",
    status: (["idle", "busy", "off"] as const)[Math.floor(roll() * 3)] ?? "idle",
    pos: { lat: 37.49 + roll() * 0.03, lon: 127.02 + roll() * 0.05 },
    seenAt: NOW,
    load: Math.floor(roll() * 4),
  }));
}

export function deliveryOf(row: Row): Delivery {
  return {
    id: row.id,
    center: row.center,
    rev: row.rev,
    modifiedAt: row.receivedAt,
    number: row.number,
    orderNo: `TBIYHG${row.id}`,
    status: row.status as Status,
    shop: {
      id: row.shop,
      name: row.shop,
      phone: "070-4416-0849",
      address: "",
      pos: { lat: 37.5, lon: 127.04 },
      remark: "",
    },
    dropoff: {
      address: row.address,
      detail: "1204호",
      phone: "010-2345-9856",
      recipientPhone: "",
      pos: null,
    },
    rider: row.rider && {
      id: row.rider.id,
      name: row.rider.name,
      home: row.rider.lentFrom ?? row.center,
      confirmed: row.rider.confirmed,
    },
    pickupTargetMin: row.pickupTargetMin,
    deliveryTargetMin: row.deliveryTargetMin,
    distanceM: row.distanceM,
    items: [
      { name: "허니콤보", quantity: 1 },
      { name: "콜라 1.25L", quantity: 1 },
    ],
    priceWon: 23_000,
    request: "문 앞에 놓아주세요",
    notes: [],
    receivedAt: row.receivedAt,
    readyAt: null,
    waitingAt: row.waitingAt,
    assignedAt: row.assignedAt,
    pickedUpAt: row.pickedUpAt,
    deliveredAt: row.deliveredAt,
    cancelledAt: row.cancelledAt,
    cancel: row.status === "cancelled" ? { reason: "고객 변심", by: "customer" } : null,
  };
}

export function historyOf(row: Row): HistoryEvent[] {
  const steps: [number | null, string, string, string][] = [
    [row.receivedAt, "create", "received", "call-1"],
    [row.waitingAt, "accept", "waiting", "call-2"],
    [row.assignedAt, "assign", "assigned", "dispatch-1"],
    [row.pickedUpAt, "pickup", "pickedUp", row.rider?.id ?? ""],
    [row.deliveredAt, "deliver", "delivered", row.rider?.id ?? ""],
    [row.cancelledAt, "cancel", "cancelled", "system"],
  ];
  return steps.flatMap(([at, action, to, by], index) =>
    at === null
      ? []
      : [
          {
            rev: index + 1,
            at,
            by: { account: by, name: by },
            action,
            from: null,
            to,
            detail: action === "assign" ? `${row.rider?.id} ${row.rider?.name}` : "",
          },
        ],
  );
}

/** One row in a hundred has a note, and every second one of these asks for an answer. */
function noted(rolled: number, ended: boolean): Pick<Row, "notes" | "asks"> {
  return { notes: rolled < 0.01 ? 1 : 0, asks: rolled < 0.005 && !ended };
}
