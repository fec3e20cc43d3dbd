// What the servers have in common: a clock that plays the hour, a position on disk that outlives kill -9, a REST list
// with an ETag, faults by seed, and a control endpoint for the tests. A server brings its own rows and its own socket.
//
// Options: --port N (0: any) · --seed N · --speed N (day seconds a second) · --state FILE · --start MS (of the day's
// clock; now) · --minutes N (60) · --paused true · --lost, --late, --twice, --failing SHARE (0 … 1)

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Board, MINUTE, dice, schedule } from './hour.mjs';

const TICK_MS = 50;
/** Of the day's clock, as the real one's. */
const BULK_EVERY_MS = 2 * MINUTE;
/** A late event is this late at most. */
const LATE_MS = 1_500;

export function options(extra = {}) {
  const string = (value) => ({ type: 'string', default: value });
  const { values } = parseArgs({
    options: {
      port: string('0'), seed: string('1'), speed: string('60'), state: string(''), start: string(''), minutes: string('60'),
      paused: string('false'), lost: string('0.05'), late: string('0.05'), twice: string('0.05'), failing: string('0.03'), ...extra,
    },
  });
  return values;
}

/**
 * Plays the hour. `peer` brings:
 *   row(order)              its JSON of an order
 *   list(rows)              the body of its list
 *   failure()               [status, body] of a list that failed
 *   listPath, allowed(url, request)
 *   changed(change, order)  tells its followers of a change · bulk(orders) · sockets(on)
 */
export class Server {
  constructor(peer, values) {
    this.peer = peer;
    this.values = values;
    this.seed = Number(values.seed);
    this.lengthMs = Number(values.minutes) * MINUTE;
    const shares = ['lost', 'late', 'twice', 'failing'].map((name) => [name, Number(values[name])]);
    this.control = { paused: values.paused === 'true', sockets: true, speed: Number(values.speed), ...Object.fromEntries(shares) };
    this.counts = { changes: 0, lost: 0, late: 0, twice: 0, bulk: 0, lists: 0, unchanged: 0, failed: 0 };
    this.changes = schedule(this.seed, this.lengthMs);
    this.resume();
    this.http = createServer((request, response) => this.answer(request, response));
  }

  /** From the file, or from the beginning. */
  resume() {
    let saved = null;
    try {
      saved = JSON.parse(readFileSync(this.values.state, 'utf8'));
    } catch {
      // No file: the hour begins.
    }
    // To the whole second: what such a server's times can say.
    const start = this.values.start === '' ? Math.floor(Date.now() / 1_000) * 1_000 : Number(this.values.start);
    this.startMs = saved?.startMs ?? start;
    this.atMs = saved?.atMs ?? 0;
    this.next = saved?.next ?? this.changes.findIndex((change) => change.at >= 0);
    this.starts = (saved?.starts ?? 0) + 1;
    this.control.paused = saved?.paused ?? this.control.paused;
    this.bulkAt = (Math.floor(this.atMs / BULK_EVERY_MS) + 1) * BULK_EVERY_MS;
    this.board = new Board(this.seed, this.startMs);
    for (const change of this.changes.slice(0, this.next)) this.board.apply(change);
    // Faults go on differently after each start, and the same again with the same seed.
    this.roll = dice(this.seed, 3, this.starts);
  }

  /** Before anything of it is told: after kill -9 the list never goes back behind an event. */
  save() {
    if (this.values.state === '') return;
    const next = `${this.values.state}.next`;
    writeFileSync(next, JSON.stringify({ startMs: this.startMs, atMs: this.atMs, next: this.next, starts: this.starts, paused: this.control.paused }));
    renameSync(next, this.values.state);
  }

  async listen(say = '') {
    await new Promise((resolve) => this.http.listen(Number(this.values.port), '127.0.0.1', resolve));
    this.save();
    this.last = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    process.on('SIGTERM', () => process.exit(0));
    console.log(`listening on http://127.0.0.1:${this.http.address().port}${say}`);
  }

  get ended() {
    return this.atMs >= this.lengthMs;
  }

  tick() {
    const now = performance.now();
    const passed = now - this.last;
    this.last = now;
    if (this.control.paused || this.ended) return;
    this.atMs = Math.min(this.lengthMs, this.atMs + passed * this.control.speed);
    const due = [];
    while (this.next < this.changes.length && this.changes[this.next].at <= this.atMs) {
      due.push(this.changes[this.next]);
      this.next += 1;
    }
    this.save();
    for (const change of due) this.change(change);
    if (this.atMs >= this.bulkAt) {
      this.bulkAt += BULK_EVERY_MS;
      this.counts.bulk += 1;
      const open = [...this.board.orders.values()].filter(({ status }) => status !== 'delivered');
      this.peer.bulk(this.shuffled(open));
    }
  }

  change(change) {
    const order = this.board.apply(change);
    this.counts.changes += 1;
    // What nobody is told of: only the list shows it.
    if (change.silent || change.kind === 'remove') return;
    const lost = this.roll() < this.control.lost;
    const late = this.roll() < this.control.late;
    const twice = this.roll() < this.control.twice;
    const after = this.roll() * LATE_MS;
    if (lost) {
      this.counts.lost += 1;
      return;
    }
    if (!late) this.peer.changed(change, order);
    if (late || twice) {
      this.counts[late ? 'late' : 'twice'] += 1;
      setTimeout(() => this.peer.changed(change, order), after);
    }
  }

  shuffled(list) {
    return list.map((item) => [this.roll(), item]).sort(([a], [b]) => a - b).map(([, item]) => item);
  }

  /** The dates whose list is this board: the night belongs to the evening before. */
  isToday(date) {
    const seoul = (ms) => new Date(ms + 9 * 60 * MINUTE).toISOString().slice(0, 10);
    return date === seoul(this.startMs) || date === seoul(this.startMs + 24 * 60 * MINUTE);
  }

  answer(request, response) {
    const url = new URL(request.url, 'http://127.0.0.1');
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    if (url.pathname === '/control') return this.controlled(request, send);
    if (url.pathname !== this.peer.listPath || request.method !== 'GET') return send(404, { error: 'not found' });
    if (!this.peer.allowed(url, request)) return send(401, { error: 'unauthorized' });
    this.counts.lists += 1;
    if (this.roll() < this.control.failing) {
      this.counts.failed += 1;
      const [status, body] = this.peer.failure();
      return send(status, body);
    }
    // Read first, answered a while later: what happens in between is not in it.
    const orders = this.isToday(url.searchParams.get('date')) ? [...this.board.orders.values()] : [];
    const rows = this.shuffled(orders).map((order) => this.peer.row(order));
    const sorted = rows.map((row) => JSON.stringify(row)).sort().join('\n');
    const etag = `W/"${createHash('sha1').update(sorted).digest('base64url')}"`;
    const unchanged = request.headers['if-none-match'] === etag;
    setTimeout(() => {
      if (unchanged) {
        this.counts.unchanged += 1;
        send(304, undefined, { etag });
      } else {
        send(200, this.peer.list(rows), { etag });
      }
    }, this.roll() * 80);
  }

  /** For the tests only. GET: the truth. POST: {paused, sockets, speed, lost, late, twice, failing}, any of them. */
  controlled(request, send) {
    const truth = () => ({
      at: Math.round(this.startMs + this.atMs),
      ended: this.ended,
      control: this.control,
      counts: this.counts,
      cancellations: this.board.cancellations,
      orders: [...this.board.orders.values()],
    });
    if (request.method === 'GET') return send(200, truth());
    let text = '';
    request.on('data', (piece) => { text += piece; });
    request.on('end', () => {
      const asked = JSON.parse(text);
      const unknown = Object.keys(asked).filter((name) => !(name in this.control));
      if (unknown.length > 0) return send(400, { error: `unknown: ${unknown}` });
      const sockets = this.control.sockets;
      Object.assign(this.control, asked);
      this.save();
      if (this.control.sockets !== sockets) this.peer.sockets(this.control.sockets);
      return send(200, truth());
    });
    return undefined;
  }
}
