// Diagnostics of an ordinary evening, for component tests and the development page.

import type { CenterFreshness } from "../platform/contract";
import type { Calls } from "../platform/generated/Calls";
import type { Diagnostics } from "../platform/generated/Diagnostics";
import type { LatencySummary } from "../platform/generated/LatencySummary";
import type { Stats } from "../platform/generated/Stats";

const calls = (times: number, bytesIn: number, failed = 0): Calls => ({
  calls: times,
  failed,
  bytesOut: times * 96,
  bytesIn,
});

const latency = (count: number, p50Ms: number): LatencySummary => ({
  count,
  p50Ms,
  p95Ms: p50Ms * 3,
  p99Ms: p50Ms * 7,
  maxMs: p50Ms * 10,
});

const stats: Stats = {
  frames: 18_204,
  duplicates: 12,
  heads: 5_410,
  gaps: 3,
  proofs: 5_402,
  mismatches: 1,
  repairs: 1,
  snapshots: 1,
  malformed: 0,
  unknownEvents: 0,
  unreadable: 0,
  socketBytes: 21_480_112,
  restBytes: 3_310_204,
  socketBytesOut: 90_112,
  restBytesOut: 20_480,
  connects: 2,
  polls: 4,
  checks: 0,
  audits: 90,
  overlays: 0,
  unsettled: 0,
  proofsBy: { socket: 5_398, rest: 4 },
  mismatchesBy: { head: 1, digest: 0, content: 0, disk: 0 },
  repair: {
    begun: 1,
    bucketsByRevision: 1,
    bucketsByContent: 256,
    rowsFetched: 1,
    rowsReplaced: 1,
    rowsRewritten: 0,
    bytes: 11_502,
  },
  rowsFrom: { frame: 23_871, missed: 40, changes: 9, poll: 12, snapshot: 3_120, repair: 1, cache: 0 },
  socketBy: { frames: 20_900_000, heads: 540_000, riders: 0, alarms: 40_000, other: 112 },
  restBy: {
    signIn: calls(4, 2_400),
    probes: calls(0, 0),
    tickets: calls(2, 180),
    centers: calls(36, 14_400),
    changes: calls(7, 18_200, 1),
    snapshots: calls(1, 2_910_220),
    comparing: calls(180, 381_504),
    repairing: calls(2, 1_204),
    alarms: calls(2, 8_120),
    receipts: calls(31, 0),
    commands: calls(210, 240_112),
  },
  latency: {
    eventApplied: latency(18_204, 3),
    eventCommitted: latency(18_204, 30),
    rest: latency(470, 10),
    command: latency(210, 15),
  },
};

export function diagnosticsOf(centers: readonly CenterFreshness[], rows: number): Diagnostics {
  const at = Date.now();
  return {
    at,
    since: at - 3 * 3_600_000,
    version: "0.1.0",
    seat: "01KASEAT",
    endpoint: "http://127.0.0.1:7400",
    total: stats,
    queues: {
      cacheJobs: 1,
      cacheRows: 4,
      cacheRefused: false,
      requests: 0,
      sockets: 1,
      views: 1,
      patches: 1,
      listeners: 1,
      lagging: 0,
    },
    centers: centers.map((freshness) => ({
      freshness,
      rows,
      stats,
      audit: { at: at - 40_000, rows, damaged: 0, digestFits: true },
      compared: { buckets: 256, oldestAt: at - 7_000_000, newestAt: at - 40_000, at: [] },
      lastRepair: {
        at: at - 5_000_000,
        cause: "head",
        buckets: 1,
        rowsFetched: 1,
        rowsReplaced: 1,
        bytes: 11_502,
      },
      check: null,
      unread: [],
    })),
  };
}
