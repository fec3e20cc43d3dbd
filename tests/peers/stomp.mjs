// A dispatch server that publishes to a topic of a STOMP broker: English names, ISO times with their offset, whole rows
// with the status among the fields, removals announced, a list under "data". The broker is a real one; followers reach it
// through this server, at /ws. See server.mjs for its options; --broker HOST:PORT --login --passcode --vhost.

import { connect } from 'node:net';
import { Client } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import { Server, options } from './server.mjs';

const TOPIC = '/topic/center.gangnam.orders';
const STATUS = { received: 'ACCEPTED', waiting: 'READY', assigned: 'DISPATCHED', pickedUp: 'PICKED_UP', delivered: 'DONE', cancelled: 'CANCELED' };

/** "2026-11-21T18:03:22.123+09:00" */
function time(ms) {
  return ms === null ? null : new Date(ms + 9 * 3_600_000).toISOString().replace('Z', '+09:00');
}

function row(order) {
  return {
    orderId: order.no,
    displayNumber: order.number,
    state: { code: STATUS[order.status], reason: order.cancel?.reason ?? null, by: order.cancel?.by ?? null },
    store: { storeId: order.shop.id, name: order.shop.name, tel: order.shop.phone, address: order.shop.address, geo: [order.shop.pos.lat, order.shop.pos.lon] },
    customer: { address1: order.dropoff.address, address2: order.dropoff.detail, tel: order.dropoff.phone, geo: [order.dropoff.pos.lat, order.dropoff.pos.lon] },
    // Absent, not null, before the first assignment; kept when it is given back.
    ...(order.rider && { courier: { courierId: order.rider.id, name: order.rider.name, branch: order.rider.home, accepted: order.rider.confirmed } }),
    lines: order.items.map(({ name, price, count }) => ({ title: name, unitPrice: price, quantity: count })),
    total: { currency: 'KRW', amount: order.price },
    memo: order.request,
    distanceKm: order.distance / 1_000,
    timestamps: {
      accepted: time(order.receivedAt), ready: time(order.waitingAt), dispatched: time(order.assignedAt), pickedUp: time(order.pickedUpAt),
      done: time(order.deliveredAt), canceled: time(order.cancelledAt), updated: time(order.modifiedAt),
    },
  };
}

const values = options({
  broker: { type: 'string' }, vhost: { type: 'string', default: '/' },
  login: { type: 'string', default: 'guest' }, passcode: { type: 'string', default: 'guest' },
});

const client = new Client({
  webSocketFactory: () => new WebSocket(`ws://${values.broker}/ws`, ['v12.stomp']),
  connectHeaders: { login: values.login, passcode: values.passcode, host: values.vhost },
  reconnectDelay: 300,
});

const server = new Server({
  listPath: '/orders',
  allowed: () => true,
  row,
  list: (rows) => ({ data: { orders: rows, total: rows.length } }),
  failure: () => [500, { error: { code: 'E500', message: 'internal error' } }],
  changed(change, order) {
    publish(change.kind === 'archive' ? { type: 'ORDER_REMOVED', orderId: order.no } : { type: 'ORDER_CHANGED', order: row(order) });
  },
  bulk: (orders) => publish({ type: 'ORDERS', orders: orders.map(row) }),
  sockets(now) {
    on = now;
    if (!now) for (const stream of streams) stream.destroy();
  },
}, values);

let on = true;
const streams = new Set();
server.http.on('upgrade', (request, stream, head) => {
  if (!on || request.url !== '/ws') {
    stream.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
    return;
  }
  const [host, port] = values.broker.split(':');
  const broker = connect(Number(port), host);
  const lines = request.rawHeaders.reduce((text, part, n) => text + (n % 2 ? `${part}\r\n` : `${part}: `), '');
  broker.write(`GET /ws HTTP/1.1\r\n${lines}\r\n`);
  broker.write(head);
  stream.pipe(broker).pipe(stream);
  streams.add(stream);
  for (const [one, other] of [[stream, broker], [broker, stream]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => {
      other.destroy();
      streams.delete(stream);
    });
  }
});

/** What is published while the broker is away is lost. */
function publish(message) {
  if (client.connected) client.publish({ destination: TOPIC, body: JSON.stringify(message), headers: { 'content-type': 'application/json' } });
  else server.counts.lost += 1;
}

client.activate();
await server.listen();
