// A dispatch server over a plain WebSocket of JSON rows: whole numbers for ids, statuses and times (UTC milliseconds),
// whole rows only, a bare array as its list, a token in the query of both. See server.mjs for its options; --token.

import { WebSocketServer } from 'ws';
import { Server, options } from './server.mjs';

const STATUS = { received: 0, waiting: 1, assigned: 2, pickedUp: 3, delivered: 4, cancelled: 9 };

function row(order) {
  const rider = order.status === 'waiting' ? null : order.rider;
  return {
    id: 1_000_000 + order.index,
    no: order.number,
    order: order.no,
    state: STATUS[order.status],
    shop: [order.shop.id, order.shop.name, order.shop.phone, order.shop.address, order.shop.pos.lat, order.shop.pos.lon],
    to: [order.dropoff.address, order.dropoff.detail, order.dropoff.phone, order.dropoff.pos.lat, order.dropoff.pos.lon],
    rider: rider && [rider.id, rider.name, rider.home, rider.confirmed],
    items: order.items,
    won: order.price,
    memo: order.request,
    meters: order.distance,
    at: {
      received: order.receivedAt, waiting: order.waitingAt, assigned: order.assignedAt, picked: order.pickedUpAt,
      delivered: order.deliveredAt, cancelled: order.cancelledAt, modified: order.modifiedAt,
    },
    why: order.cancel && `${order.cancel.by}:${order.cancel.reason}`,
  };
}

const values = options({ token: { type: 'string', default: 'gwanje' } });
const followers = new Set();
let on = true;

function tell(message) {
  const text = JSON.stringify(message);
  for (const socket of followers) socket.send(text);
}

const authorized = (url) => url.searchParams.get('token') === values.token;
const server = new Server({
  listPath: '/api/rows',
  allowed: authorized,
  row,
  list: (rows) => rows,
  failure: () => [503, { error: 'try again' }],
  changed(change, order) {
    if (change.kind === 'archive') tell({ op: 'gone', id: row(order).id });
    else tell({ op: 'row', row: row(order) });
  },
  bulk: (orders) => tell({ op: 'rows', rows: orders.map(row) }),
  sockets(now) {
    on = now;
    if (!now) for (const socket of sockets.clients) socket.terminate();
  },
}, values);

const sockets = new WebSocketServer({ noServer: true });
server.http.on('upgrade', (request, stream, head) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  if (!on || url.pathname !== '/feed' || !authorized(url)) {
    stream.end(`HTTP/1.1 ${on ? '401 Unauthorized' : '503 Service Unavailable'}\r\nConnection: close\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, stream, head, (socket) => {
    socket.on('close', () => followers.delete(socket));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      let said = {};
      try {
        said = JSON.parse(data);
      } catch {
        socket.close(1003, 'not JSON');
      }
      if (said.op === 'ping') socket.send('{"op":"pong"}');
      // Whoever does not subscribe hears nothing.
      if (said.op === 'subscribe' && said.topic === 'deliveries') {
        followers.add(socket);
        socket.send('{"op":"subscribed","topic":"deliveries"}');
      }
    });
  });
});
await server.listen();
