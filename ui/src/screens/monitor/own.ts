// What is said of this seat's own link, in lines: the part of the diagnosis that a person looks at first.

import { checkText, type Line } from "../../parts/diagnosis/sections";
import type { CenterFreshness } from "../../platform/contract";
import type { CenterDiagnostics } from "../../platform/generated/CenterDiagnostics";
import type { Diagnostics } from "../../platform/generated/Diagnostics";
import type { LatencySummary } from "../../platform/generated/LatencySummary";
import type { Stats } from "../../platform/generated/Stats";
import { age, bytes, count } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { language } from "../../texts/language.svelte";
import { freshnessName } from "../../texts/names";

const n = (value: number): string => count(value, language.current);

/** Of one center, or of all that are followed (null). `freshness`: as it was told last; `timeOf`: an instant as the clock in the header showed it. */
export function ownLines(
  all: Diagnostics,
  freshness: Readonly<Record<string, CenterFreshness>>,
  center: string | null,
  wall: number,
  foreign: boolean,
  timeOf: (wall: number) => string,
): Line[] {
  const shown = all.centers
    // What the header says is never older than what is said here.
    .map((of) => ({ ...of, freshness: freshness[of.freshness.center] ?? of.freshness }))
    .filter((of) => center === null || of.freshness.center === center);
  const [only] = shown;
  const stats = only !== undefined && shown.length === 1 ? only.stats : all.total;
  return [
    ...state(shown, timeOf),
    { label: m.mon_transport(), value: transport(all, shown), mark: all.queues.sockets === 0 },
    { label: m.diag_endpoint(), value: all.endpoint ?? m.diag_none() },
    proof(shown, wall, timeOf),
    { label: m.mon_reconnects(), value: m.diag_times({ count: n(Math.max(0, all.total.connects - 1)) }) },
    { label: m.diag_polls(), value: m.diag_times({ count: n(stats.polls) }) },
    { label: m.mon_event_latency(), value: latency(stats.latency.eventApplied) },
    { label: m.mon_round_trip(), value: latency(all.total.latency.rest) },
    { label: m.mon_received(), value: traffic(all.total) },
    {
      label: m.mon_gaps(),
      value: m.mon_gaps_value({ gaps: n(stats.gaps), rows: n(stats.repair.rowsReplaced) }),
    },
    ...(foreign || only === undefined || shown.length > 1
      ? []
      : [{ label: m.mon_revision(), value: n(only.freshness.rev) }]),
    {
      label: m.diag_queue_cache(),
      value: all.queues.cacheRefused
        ? m.diag_queue_refused({ rows: n(all.queues.cacheRows) })
        : all.queues.cacheRows === 0
          ? m.mon_cache_written()
          : m.diag_queue_jobs({ jobs: n(all.queues.cacheJobs), rows: n(all.queues.cacheRows) }),
      mark: all.queues.cacheRefused,
    },
    ...checks(shown),
  ];
}

function state(shown: readonly CenterDiagnostics[], timeOf: (wall: number) => string): Line[] {
  const states = [...new Set(shown.map(({ freshness }) => freshness.state))];
  const since = Math.max(...shown.map(({ freshness }) => freshness.since));
  const names = states.map(freshnessName).join(" · ");
  const lines: Line[] = [
    {
      label: m.diag_state(),
      value: states.length === 0 ? m.link_none() : m.mon_since({ state: names, time: timeOf(since) }),
      mark: states.some((of) => of !== "live"),
    },
  ];
  const reasons = [...new Set(shown.flatMap(({ freshness }) => freshness.reason ?? []))];
  if (reasons.length > 0) lines.push({ label: m.diag_reason(), value: reasons.join(" · "), mark: true });
  return lines;
}

function transport({ queues }: Diagnostics, shown: readonly CenterDiagnostics[]): string {
  if (queues.sockets > 0) return m.mon_by_socket();
  return shown.some(({ freshness }) => freshness.state === "polling") ? m.mon_by_polls() : m.diag_none();
}

/** Everything is as complete as the center that was proven longest ago. */
function proof(shown: readonly CenterDiagnostics[], wall: number, timeOf: (wall: number) => string): Line {
  const proofs = shown.map(({ freshness }) => freshness.provenAt);
  const oldest = proofs.length === 0 || proofs.includes(null) ? null : Math.min(...proofs.map(Number));
  const label = m.diag_complete();
  if (oldest === null) return { label, value: m.not_proven(), mark: true };
  return { label, value: m.diag_at_ago({ time: timeOf(oldest), age: age(wall - oldest) }) };
}

function latency({ count: times, p50Ms, p99Ms }: LatencySummary): string {
  return times === 0 ? m.diag_none() : m.mon_percentiles({ p50: n(p50Ms), p99: n(p99Ms) });
}

function traffic(total: Stats): string {
  return m.diag_in_out({
    in: bytes(total.socketBytes + total.restBytes),
    out: bytes(total.socketBytesOut + total.restBytesOut),
  });
}

function checks(shown: readonly CenterDiagnostics[]): Line[] {
  // Of several, the one that was begun last.
  const last = shown.flatMap(({ check }) => check ?? []).sort((a, b) => b.beganAt - a.beganAt)[0];
  if (last === undefined) return [];
  const found = last.foundInMemory + last.foundOnDisk > 0 || last.phase === "stopped";
  return [{ label: m.mon_compared(), value: checkText(last), mark: found }];
}
