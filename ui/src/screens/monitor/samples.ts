// What was seen over time, for charts: numbers at instants of the desk's clock, with a hole wherever nobody looked or nothing
// answered.

import type { Diagnostics } from "../../platform/generated/Diagnostics";
import type { MonitorNode } from "../../platform/generated/MonitorNode";

/** What was seen at an instant; null: no answer, or nobody looked. */
export type Sample<T> = { readonly at: number; readonly value: T | null };

/** So long what was seen is kept, milliseconds: the longest time that a chart shows. */
export const KEPT_MS = 60 * 60_000;
/** Between two looks that lie further apart than this nobody looked. */
const HOLE_MS = 10_000;

/** The samples with one more, without those that are too old. */
export function sampled<T>(samples: readonly Sample<T>[], at: number, value: T | null): readonly Sample<T>[] {
  const last = samples.at(-1);
  // A clock that was set back: what lies ahead of it would be drawn over.
  const before = last !== undefined && last.at >= at ? samples.filter((sample) => sample.at < at) : samples;
  const first = before.findIndex((sample) => at - sample.at <= KEPT_MS);
  const kept = first < 0 ? [] : before.slice(first);
  const hole: Sample<T>[] = last !== undefined && at - last.at > HOLE_MS ? [{ at: at - 1, value: null }] : [];
  return [...kept, ...hole, { at, value }];
}

/** What is drawn of a hub. */
export type NodeSample = { cpu: number; memory: number; sockets: number; frames: number; commands: number };

/** By the hub's name; of two with one name, the one that started last. */
export type HubSample = Readonly<Record<string, NodeSample>>;

export function hubSample(nodes: readonly MonitorNode[]): HubSample {
  return Object.fromEntries(
    nodes.map((node) => [
      node.id,
      {
        cpu: node.cpuPercent,
        memory: node.rssBytes,
        sockets: node.openSockets,
        frames: node.framesPerS,
        commands: node.commandsPerS,
      },
    ]),
  );
}

/** What is drawn of the seat's own link. */
export type OwnSample = {
  /** Seconds since the oldest proof; null: a center is not proven. */
  proofAge: number | null;
  /** Bytes in so far, and those a second since the look before; null: the first look. */
  bytes: number;
  bytesPerS: number | null;
};

export function ownSample(all: Diagnostics, before: Sample<OwnSample> | undefined): OwnSample {
  const proofs = all.centers.map(({ freshness }) => freshness.provenAt);
  const oldest = proofs.length === 0 || proofs.includes(null) ? null : Math.min(...proofs.map(Number));
  const bytes = all.total.socketBytes + all.total.restBytes;
  const seconds = before?.value == null ? 0 : (all.at - before.at) / 1_000;
  const isNext = before?.value != null && seconds > 0 && bytes >= before.value.bytes;
  return {
    proofAge: oldest === null ? null : Math.max(0, all.at - oldest) / 1_000,
    bytes,
    bytesPerS: isNext && before?.value != null ? (bytes - before.value.bytes) / seconds : null,
  };
}
