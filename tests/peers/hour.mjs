// An hour of orders, the same for every server that plays it: what happens when is a function of the seed alone.
// Times are milliseconds of the day's clock since the hour began; what happened before it began is negative.

/** A stream of numbers in [0, 1) that depends on its seeds alone (SplitMix32). */
export function dice(...seeds) {
  let state = seeds.reduce((hash, seed) => Math.imul(hash ^ seed, 0x9e3779b1) + 0x85ebca6b | 0, 0x2545f491);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = state ^ (state >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x ^= x >>> 15;
    x = Math.imul(x, 0x735a2d97);
    x ^= x >>> 15;
    return (x >>> 0) / 2 ** 32;
  };
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** How long before the hour the earliest order came in. */
const BEFORE = 75 * MINUTE;
const ORDERS_PER_MINUTE = 5;

const SHOPS = ['황금치킨 역삼점', '서울분식 본점', '명동칼국수', '엄마손 김밥', '불타는 족발', '초밥일번지', '피자나라 선릉점', '마라하우스'];
const FAMILY_NAMES = '김이박최정강조윤장임한오서신권';
const GIVEN_NAMES = ['민준', '서연', '도윤', '지우', '하준', '서현', '예준', '수아', '지호', '다은'];
const STREETS = ['테헤란로', '강남대로', '봉은사로', '논현로', '선릉로', '역삼로'];
const DISHES = [['후라이드', 18_000], ['떡볶이', 6_500], ['칼국수', 9_000], ['참치김밥', 4_500], ['족발 (중)', 34_000], ['모둠초밥', 21_000]];
const REQUESTS = ['', '', '문 앞에 두고 가주세요', '벨 누르지 마세요 "아기"', '젓가락 2개\n단무지 많이', '🙏 빨리요'];
const REASONS = ['고객 변심', '재료 소진', '배달 불가 지역', '중복 주문'];

const pick = (roll, list) => list[Math.floor(roll() * list.length)];
const between = (roll, low, high) => low + roll() * (high - low);

function rider(roll) {
  const n = 1 + Math.floor(roll() * 24);
  const name = FAMILY_NAMES[n % FAMILY_NAMES.length] + GIVEN_NAMES[n % GIVEN_NAMES.length];
  return { id: `R${String(n).padStart(3, '0')}`, name, home: n % 7 === 0 ? 'seocho' : 'gangnam', confirmed: false };
}

/** What an order is, apart from what happens to it. */
function order(seed, index) {
  const roll = dice(seed, index, 1);
  const shop = Math.floor(roll() * SHOPS.length);
  const items = Array.from({ length: 1 + Math.floor(roll() * 3) }, () => {
    const [name, price] = pick(roll, DISHES);
    return { name, price, count: 1 + Math.floor(roll() * 2) };
  });
  const place = () => ({ lat: Number(between(roll, 37.49, 37.52).toFixed(6)), lon: Number(between(roll, 127.02, 127.06).toFixed(6)) });
  const number = () => String(Math.floor(roll() * 10_000)).padStart(4, '0');
  return {
    index,
    // The letters change in the middle of the hour, as they do when a counter runs over.
    no: `TBIYH${index < 500 ? 'G' : 'H'}${String(index % 500).padStart(6, '0')}`,
    number: String(74_000 + index),
    shop: { id: `S${String(shop).padStart(4, '0')}`, name: SHOPS[shop], phone: `02-555-${number()}`, address: `서울 강남구 ${pick(roll, STREETS)} ${1 + shop * 7}`, pos: place() },
    dropoff: { address: `서울 강남구 ${pick(roll, STREETS)} ${1 + Math.floor(roll() * 400)}`, detail: `${1 + Math.floor(roll() * 20)}층 ${101 + Math.floor(roll() * 800)}호`, phone: `050-${number()}-${number()}`, pos: place() },
    items,
    price: items.reduce((sum, { price, count }) => sum + price * count, 0),
    request: pick(roll, REQUESTS),
    pickupMin: 15,
    deliveryMin: 30,
    distance: Math.floor(between(roll, 300, 4_500)),
  };
}

/** What happens to an order, in order: [{at, index, kind, …}]. */
function life(seed, index, receivedAt) {
  const roll = dice(seed, index, 2);
  const changes = [];
  let at = receivedAt;
  const then = (kind, low, high, more = {}) => {
    at += between(roll, low, high);
    changes.push({ at: Math.round(at), index, kind, ...more });
  };
  then('create', 0, 0);
  // Where it is cancelled, if it is: before any of these, and never after the pickup.
  const cancelBefore = roll() < 0.12 ? pick(roll, ['waiting', 'assign', 'pickup']) : null;
  const end = (kind, more) => {
    then(kind, 0.5 * MINUTE, 3 * MINUTE, more);
    // Long enough on the list for a client that was away for a while.
    if (kind !== 'remove') then('archive', 26 * MINUTE, 45 * MINUTE);
    return changes;
  };
  const cancel = () => end('cancel', { reason: pick(roll, REASONS), by: pick(roll, ['customer', 'shop', 'center']) });
  if (cancelBefore === 'waiting') return cancel();
  then('waiting', 0, 2 * MINUTE);
  if (roll() < 0.04) return end('remove');
  if (roll() < 0.1) then('edit', 0, MINUTE, { request: '요청 변경', silent: true });
  if (cancelBefore === 'assign') return cancel();
  then('assign', 0, 4 * MINUTE, { rider: rider(roll) });
  if (roll() < 0.25) {
    // The list and the events go on showing the rider who gave it back.
    then('unassign', 0, 2 * MINUTE);
    then('assign', 0.2 * MINUTE, 3 * MINUTE, { rider: rider(roll) });
  } else if (roll() < 0.15) {
    then('assign', 0, 2 * MINUTE, { rider: rider(roll) });
  }
  if (roll() < 0.7) then('confirm', 0, MINUTE);
  if (roll() < 0.06) then('edit', 0, MINUTE, { request: '경비실에 맡겨주세요', silent: true, sameTime: true });
  if (cancelBefore === 'pickup') return cancel();
  // Often within the second of the change before it: such a server's times can't tell which came first.
  then('pickup', 0, roll() < 0.2 ? 0.4 * SECOND : 9 * MINUTE);
  then('complete', 2 * MINUTE, 16 * MINUTE);
  then('archive', 20 * MINUTE, 45 * MINUTE);
  return changes;
}

/** Everything that happens up to the end of the hour, by time. */
export function schedule(seed, lengthMs = HOUR) {
  const roll = dice(seed, 0);
  const changes = [];
  let at = -BEFORE;
  for (let index = 1; at < lengthMs; index += 1) {
    changes.push(...life(seed, index, Math.round(at)));
    at += (-Math.log(1 - roll()) * MINUTE) / ORDERS_PER_MINUTE;
  }
  return changes.filter((change) => change.at <= lengthMs).sort((a, b) => a.at - b.at || a.index - b.index);
}

/** The list of such a server: every order that it shows, by number of the order. */
export class Board {
  constructor(seed, startMs) {
    this.seed = seed;
    this.startMs = startMs;
    /** Order by its number. */
    this.orders = new Map();
    /** Every cancellation there ever was: [{no, at, before}] (before: earlier than the hour). */
    this.cancellations = [];
  }

  /** Applies a change; the order as it is then. */
  apply(change) {
    const at = this.startMs + change.at;
    const known = order(this.seed, change.index);
    if (change.kind === 'create') {
      this.orders.set(known.no, { ...known, status: 'received', rider: null, cancel: null, receivedAt: at, waitingAt: null, assignedAt: null, pickedUpAt: null, deliveredAt: null, cancelledAt: null, modifiedAt: at });
      return this.orders.get(known.no);
    }
    const was = this.orders.get(known.no);
    const now = { ...was, modifiedAt: change.sameTime ? was.modifiedAt : at };
    switch (change.kind) {
      case 'waiting': Object.assign(now, { status: 'waiting', waitingAt: at }); break;
      case 'assign': Object.assign(now, { status: 'assigned', assignedAt: at, rider: change.rider }); break;
      case 'unassign': Object.assign(now, { status: 'waiting' }); break;
      case 'confirm': Object.assign(now, { rider: { ...was.rider, confirmed: true } }); break;
      case 'edit': Object.assign(now, { request: change.request }); break;
      case 'pickup': Object.assign(now, { status: 'pickedUp', pickedUpAt: at }); break;
      case 'complete': Object.assign(now, { status: 'delivered', deliveredAt: at }); break;
      case 'cancel':
        Object.assign(now, { status: 'cancelled', cancelledAt: at, cancel: { reason: change.reason, by: change.by } });
        this.cancellations.push({ no: known.no, at, before: change.at < 0 });
        break;
      case 'archive':
      case 'remove':
        this.orders.delete(known.no);
        return now;
      default: throw new Error(`a change of the kind ${change.kind}`);
    }
    this.orders.set(known.no, now);
    return now;
  }
}
