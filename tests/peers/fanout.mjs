// A Socket.IO server that tells every follower of a center one frame a change, at the pace that it is asked for.
// node fanout.mjs --namespace /center/gangnam --frame FILE
// POST /pace/40/5000: forty frames a second for the next five seconds. It ends with whoever started it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';

/** Between two looks at what is due: events are as even as a timer allows, at any pace. */
const LOOK_MS = 4;

const { values } = parseArgs({ options: { namespace: { type: 'string' }, frame: { type: 'string' } } });
const frame = JSON.parse(readFileSync(values.frame, 'utf8'));
let rev = frame.to;
let pace = { perSecond: 0, forMs: 0, since: 0, told: 0 };

const http = createServer((request, response) => {
  const asked = request.url.match(/^\/pace\/(\d+)\/(\d+)$/);
  if (asked) pace = { perSecond: Number(asked[1]), forMs: Number(asked[2]), since: performance.now(), told: 0 };
  response.writeHead(asked ? 200 : 404).end();
});
// Pings as often as the hub's; nothing is compressed, as there.
const io = new Server(http, { perMessageDeflate: false, pingInterval: 4_000, pingTimeout: 3_000, transports: ['websocket'] });
const space = io.of(values.namespace);
space.on('connection', (socket) => {
  socket.on('subscribe', (_wish, answer) => {
    socket.join('deliveries');
    answer({ ok: true });
  });
});

setInterval(() => {
  const due = (Math.min(performance.now() - pace.since, pace.forMs) / 1_000) * pace.perSecond;
  for (; pace.told + 1 <= due; pace.told += 1) {
    const row = { ...frame.rows[0], rev: rev + 1 };
    space.to('deliveries').emit('deliveries', { ...frame, from: rev, to: rev + 1, asOf: rev + 1, at: Date.now(), rows: [row] });
    rev += 1;
  }
}, LOOK_MS);

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit();
}, 1_000);

http.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
