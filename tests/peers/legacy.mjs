// A legacy dispatch server over Socket.IO, as unkind as the real one was: no revisions, times to the second without a
// zone, ids that are strings, numbers that are strings, an unsorted list, partial rows, failures that answer 200, and
// events that are lost, late or told twice. See server.mjs for its options.

import { Server as SocketIo } from 'socket.io';
import { Server, options } from './server.mjs';

const STATUS = { received: 'RCPT', waiting: 'WAIT', assigned: 'ALLOC', pickedUp: 'PICK', delivered: 'CMPL', cancelled: 'CNCL' };
const CANCEL_BY = { customer: 'CUST', shop: 'STOR', center: 'CNTR' };
const EVENT = {
  create: 'delivery:create', waiting: 'delivery:waiting', unassign: 'delivery:waiting', assign: 'delivery:assign',
  confirm: 'delivery:assign', pickup: 'delivery:pickup', complete: 'delivery:complete', cancel: 'delivery:cancel',
};

/** "2026-11-21 18:03:22" in Seoul, which knows no summer time. */
function time(ms) {
  return ms === null ? null : new Date(ms + 9 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}

const place = ({ lat, lon }) => ({ lat: String(lat), lng: String(lon) });

function riderInfo(rider) {
  return rider && { riderId: rider.id, riderNm: rider.name, cntrCd: rider.home, cnfrmYn: rider.confirmed ? 'Y' : 'N' };
}

function row(order) {
  return {
    ordrNo: order.no,
    dlvryNo: Number(order.number),
    sttsCd: STATUS[order.status],
    storInfo: { storId: order.shop.id, storNm: order.shop.name, telno: order.shop.phone, addr: order.shop.address, loc: place(order.shop.pos) },
    custInfo: { addr: { base: order.dropoff.address, dtl: order.dropoff.detail }, telno: order.dropoff.phone, loc: place(order.dropoff.pos) },
    // Kept when a rider gives a delivery back.
    riderInfo: riderInfo(order.rider),
    ordrInfo: {
      amt: String(order.price), dist: order.distance, reqMemo: order.request,
      menuList: order.items.map(({ name, price, count }) => ({ menuNm: name, unitAmt: price, qty: count })),
    },
    tgtMin: { pick: order.pickupMin, dlvry: order.deliveryMin },
    dt: {
      rcptDt: time(order.receivedAt), waitDt: time(order.waitingAt), alocDt: time(order.assignedAt), pickDt: time(order.pickedUpAt),
      cmplDt: time(order.deliveredAt), cnclDt: time(order.cancelledAt), updtDt: time(order.modifiedAt),
    },
    cnclInfo: order.cancel && { rsn: order.cancel.reason, by: CANCEL_BY[order.cancel.by] },
  };
}

/** What an event says of a delivery: all of it at first, later only what changed. */
function told(change, order) {
  const whole = row(order);
  const { ordrNo, riderInfo: rider, cnclInfo, dt: { updtDt, alocDt, pickDt, cmplDt, cnclDt } } = whole;
  switch (EVENT[change.kind]) {
    case 'delivery:assign': return { ordrNo, riderInfo: rider, dt: { alocDt, updtDt } };
    case 'delivery:pickup': return { ordrNo, dt: { pickDt, updtDt } };
    case 'delivery:complete': return { ordrNo, dt: { cmplDt, updtDt } };
    case 'delivery:cancel': return { ordrNo, cnclInfo, dt: { cnclDt, updtDt } };
    default: return whole;
  }
}

let on = true;
const peer = {
  listPath: '/deliveries',
  allowed: () => true,
  row,
  list: (rows) => ({ resultCode: '0000', resultMsg: '정상', body: { totCnt: rows.length, dlvryList: rows } }),
  failure: () => [200, { resultCode: '9999', resultMsg: '일시적인 오류입니다', body: null }],
  // What leaves the list is not announced.
  changed(change, order) {
    const event = EVENT[change.kind];
    if (event) space.to('dlvrymgmt').emit(event, { cntrCd: 'gangnam', data: told(change, order) });
  },
  bulk: (orders) => space.to('orda').emit('delivery:list', orders.map(row)),
  sockets(now) {
    on = now;
    if (!now) space.disconnectSockets(true);
  },
};

const server = new Server(peer, options());
const io = new SocketIo(server.http, { allowRequest: (_, decide) => decide(null, on) });
const space = io.of('/ridersorda');
space.on('connection', (socket) => {
  // Whoever does not ask for a room hears nothing from it.
  socket.on('join', (room) => {
    if (room === 'dlvrymgmt' || room === 'orda') socket.join(room);
  });
});
await server.listen();
