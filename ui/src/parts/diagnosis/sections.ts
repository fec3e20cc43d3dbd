// What the diagnostics say of a center, as lines of label and value: shown by the dialog, copied as text for support.

import type { CenterFreshness } from "../../platform/contract";
import type { Calls } from "../../platform/generated/Calls";
import type { CenterDiagnostics } from "../../platform/generated/CenterDiagnostics";
import type { CheckReport } from "../../platform/generated/CheckReport";
import type { Diagnostics } from "../../platform/generated/Diagnostics";
import type { LatencySummary } from "../../platform/generated/LatencySummary";
import { age, bytes, count, type ZoneClock } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { language } from "../../texts/language.svelte";
import { freshnessName } from "../../texts/names";
import { dayAt } from "../clock";

/** `mark`: somebody should look at it. */
export type Line = { label: string; value: string; mark?: boolean };
export type Section = { title: string; lines: readonly Line[] };

const n = (value: number): string => count(value, language.current);

/** Everything of one center. The revisions at a `foreign` server are this seat's own: they say nothing to anybody. */
export function sections(
  all: Diagnostics,
  center: CenterDiagnostics,
  clock: ZoneClock,
  foreign: boolean,
): readonly Section[] {
  return [
    { title: m.diag_connection(), lines: connection(all, center, clock, foreign) },
    { title: m.diag_truth(), lines: truth(all, center, clock) },
    { title: m.diag_disk(), lines: disk(all, center, clock) },
    { title: m.diag_sources(), lines: sources(center) },
    { title: m.diag_latency(), lines: latencies(center) },
    { title: m.diag_bytes(), lines: traffic(all, center) },
    { title: m.diag_queues(), lines: queues(all) },
  ];
}

/** Instants by the clock of operations, as everywhere on the screen; ages by the desk's. */
function ago(all: Diagnostics, at: number, freshness: CenterFreshness, clock: ZoneClock): string {
  return m.diag_at_ago({ time: clock.second(dayAt(freshness, at)), age: age(all.at - at) });
}

function connection(
  all: Diagnostics,
  { freshness, stats }: CenterDiagnostics,
  clock: ZoneClock,
  foreign: boolean,
): Line[] {
  const lines: Line[] = [
    { label: m.diag_state(), value: freshnessName(freshness.state), mark: freshness.state !== "live" },
    { label: m.diag_since(), value: ago(all, freshness.since, freshness, clock) },
    {
      label: m.diag_complete(),
      value: freshness.provenAt === null ? m.not_proven() : ago(all, freshness.provenAt, freshness, clock),
      mark: freshness.provenAt === null,
    },
    { label: m.diag_endpoint(), value: all.endpoint ?? m.diag_none() },
    { label: m.diag_joined(), value: m.diag_times({ count: n(stats.connects) }) },
    { label: m.diag_polls(), value: m.diag_times({ count: n(stats.polls) }) },
    {
      label: m.diag_board_rows(),
      value: n(all.centers.find((of) => of.freshness.center === freshness.center)?.rows ?? 0),
    },
  ];
  if (!foreign) {
    lines.push({
      label: m.diag_revision(),
      value: `${n(freshness.rev)} · ${freshness.epoch ?? m.diag_none()}`,
    });
  }
  if (freshness.reason !== null)
    lines.splice(2, 0, { label: m.diag_reason(), value: freshness.reason, mark: true });
  return lines;
}

function truth(all: Diagnostics, center: CenterDiagnostics, clock: ZoneClock): Line[] {
  const { stats, lastRepair } = center;
  const by = stats.mismatchesBy;
  return [
    {
      label: m.diag_proofs(),
      value: m.diag_proofs_by({ socket: n(stats.proofsBy.socket), rest: n(stats.proofsBy.rest) }),
    },
    { label: m.diag_gaps(), value: m.diag_times({ count: n(stats.gaps) }) },
    {
      label: m.diag_mismatches(),
      value: m.diag_mismatches_by({
        head: n(by.head),
        digest: n(by.digest),
        content: n(by.content),
        disk: n(by.disk),
      }),
      mark: by.head + by.digest + by.content + by.disk > 0,
    },
    {
      label: m.diag_repaired(),
      value: m.diag_repaired_rows({
        rows: n(stats.repair.rowsReplaced),
        written: n(stats.repair.rowsRewritten),
        bytes: bytes(stats.repair.bytes),
      }),
      mark: stats.repairs > 0,
    },
    {
      label: m.diag_last_repair(),
      value:
        lastRepair === null
          ? m.diag_none()
          : `${ago(all, lastRepair.at, center.freshness, clock)} · ${CAUSE[lastRepair.cause]()} · ${m.diag_rows({ count: n(lastRepair.rowsReplaced) })} · ${bytes(lastRepair.bytes)}`,
    },
    {
      label: m.diag_snapshots(),
      value: m.diag_times_bytes({
        count: n(stats.snapshots),
        bytes: bytes(stats.restBy.snapshots.bytesIn),
      }),
    },
    {
      label: m.diag_unreadable(),
      value: m.diag_unreadable_counts({
        packets: n(stats.malformed),
        rows: n(stats.unreadable),
        events: n(stats.unknownEvents),
      }),
      mark: stats.malformed + stats.unreadable > 0,
    },
    ...center.unread.map((kind) => ({
      label: m.diag_unreadable(),
      value: `${n(kind.count)} · ${kind.what} · ${kind.place} ${kind.example}`,
      mark: true,
    })),
    { label: m.diag_unsettled(), value: n(stats.unsettled), mark: stats.unsettled > 0 },
  ];
}

const CAUSE = {
  head: m.diag_cause_head,
  routine: m.diag_cause_routine,
  check: m.diag_cause_check,
  disk: m.diag_cause_disk,
};

function disk(all: Diagnostics, { audit, compared, freshness }: CenterDiagnostics, clock: ZoneClock): Line[] {
  const sound = audit !== null && audit.damaged === 0 && audit.digestFits;
  return [
    {
      label: m.diag_audit(),
      value: audit === null ? m.diag_not_yet() : ago(all, audit.at, freshness, clock),
    },
    {
      label: m.diag_audit_found(),
      value:
        audit === null
          ? m.diag_none()
          : sound
            ? m.diag_audit_sound({ rows: n(audit.rows) })
            : m.diag_audit_damaged({ rows: n(audit.rows), damaged: n(audit.damaged) }),
      mark: audit !== null && !sound,
    },
    {
      label: m.diag_compared(),
      value: m.diag_of_buckets({ count: n(compared.buckets) }),
    },
    {
      label: m.diag_compared_oldest(),
      value: compared.oldestAt === null ? m.diag_none() : ago(all, compared.oldestAt, freshness, clock),
    },
  ];
}

function sources({ stats: { rowsFrom: from, frames, duplicates, heads } }: CenterDiagnostics): Line[] {
  return [
    { label: m.diag_from_frame(), value: n(from.frame) },
    { label: m.diag_from_missed(), value: n(from.missed) },
    { label: m.diag_from_changes(), value: n(from.changes) },
    { label: m.diag_from_poll(), value: n(from.poll) },
    { label: m.diag_from_snapshot(), value: n(from.snapshot) },
    { label: m.diag_from_repair(), value: n(from.repair) },
    { label: m.diag_from_cache(), value: n(from.cache) },
    {
      label: m.diag_frames(),
      value: m.diag_frames_counts({ frames: n(frames), duplicates: n(duplicates), heads: n(heads) }),
    },
  ];
}

function latencies({ stats: { latency } }: CenterDiagnostics): Line[] {
  const line = (label: string, { count: times, p50Ms, p95Ms, p99Ms, maxMs }: LatencySummary): Line => ({
    label,
    value:
      times === 0
        ? m.diag_none()
        : m.diag_percentiles({ p50: n(p50Ms), p95: n(p95Ms), p99: n(p99Ms), max: n(maxMs), count: n(times) }),
  });
  return [
    line(m.diag_event_applied(), latency.eventApplied),
    line(m.diag_event_committed(), latency.eventCommitted),
    line(m.diag_rest(), latency.rest),
    line(m.diag_command(), latency.command),
  ];
}

function traffic(all: Diagnostics, { stats }: CenterDiagnostics): Line[] {
  const { restBy: by } = stats;
  const shared = all.total.restBy;
  const line = (label: string, calls: Calls): Line => ({
    label,
    value: m.diag_calls({
      in: bytes(calls.bytesIn),
      out: bytes(calls.bytesOut),
      count: n(calls.calls),
      failed: n(calls.failed),
    }),
    mark: calls.failed > 0,
  });
  return [
    { label: m.diag_socket(), value: bytes(stats.socketBytes) },
    {
      label: m.diag_socket_all(),
      value: m.diag_in_out({ in: bytes(all.total.socketBytes), out: bytes(all.total.socketBytesOut) }),
    },
    line(m.diag_rest_changes(), by.changes),
    line(m.diag_rest_snapshots(), by.snapshots),
    line(m.diag_rest_comparing(), by.comparing),
    line(m.diag_rest_repairing(), by.repairing),
    line(m.diag_rest_alarms(), by.alarms),
    line(m.diag_rest_receipts(), by.receipts),
    line(m.diag_rest_commands(), by.commands),
    line(m.diag_rest_sign_in(), shared.signIn),
    line(m.diag_rest_tickets(), shared.tickets),
    line(m.diag_rest_centers(), shared.centers),
    line(m.diag_rest_probes(), shared.probes),
  ];
}

function queues({ queues: of }: Diagnostics): Line[] {
  return [
    {
      label: m.diag_queue_cache(),
      value: of.cacheRefused
        ? m.diag_queue_refused({ rows: n(of.cacheRows) })
        : m.diag_queue_jobs({ jobs: n(of.cacheJobs), rows: n(of.cacheRows) }),
      mark: of.cacheRefused,
    },
    { label: m.diag_queue_requests(), value: n(of.requests) },
    {
      label: m.diag_queue_views(),
      value: m.diag_queue_patches({ views: n(of.views), patches: n(of.patches) }),
    },
    {
      label: m.diag_queue_listeners(),
      value: m.diag_queue_lagging({ listeners: n(of.listeners), lagging: n(of.lagging) }),
      mark: of.lagging > 0,
    },
  ];
}

/** What a comparison of everything says, in one sentence. */
export function checkText(report: CheckReport): string {
  const values = {
    buckets: n(report.buckets),
    rows: n(report.rows),
    memory: n(report.foundInMemory),
    disk: n(report.foundOnDisk),
    repaired: n(report.repaired),
    bytes: bytes(report.bytes),
  };
  switch (report.phase) {
    case "running":
      return m.diag_check_running(values);
    case "stopped":
      return m.diag_check_stopped(values);
    case "done":
      if (report.foundInMemory + report.foundOnDisk > 0) return m.diag_check_found(values);
      return report.audited ? m.diag_check_equal(values) : m.diag_check_no_audit(values);
  }
}

/** All centers as text, for support. Times are those of each center. It holds no customer's data. */
export function asText(
  all: Diagnostics,
  nameOf: (center: string) => string,
  clockOf: (center: string) => ZoneClock,
  foreign: boolean,
): string {
  const head = [
    `${m.product()} ${all.version} · ${new Date(all.at).toISOString()}`,
    m.diag_text_head({ seat: all.seat, since: new Date(all.since).toISOString() }),
  ];
  const centers = all.centers.map((center) => {
    const id = center.freshness.center;
    const parts = sections(all, center, clockOf(id), foreign).map(({ title, lines }) =>
      [`[${title}]`, ...lines.map(({ label, value }) => `${label}: ${value}`)].join("\n"),
    );
    const check = center.check === null ? [] : [`[${m.diag_check()}]\n${checkText(center.check)}`];
    return [`== ${nameOf(id)} (${id}) ==`, ...parts, ...check].join("\n\n");
  });
  return [...head, "", ...centers].join("\n");
}
