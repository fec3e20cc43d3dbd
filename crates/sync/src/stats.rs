//! Counts, bytes and latencies since the start, for diagnostics: plain integers that are copied, summed and written as
//! they are.
//!
//! Bytes are those that this program reads and writes: texts of the socket, and bodies and addresses of requests, without
//! TLS, headers and compression. Latencies are milliseconds.

mod latency;

pub use latency::{LATENCY_BOUNDS_MS, Latency, LatencySummary};

use serde::Serialize;
use ts_rs::TS;

/// What can be added up over centers.
pub(crate) trait Tally {
    /// Adds what another has counted.
    fn add(&mut self, other: &Self);
}

impl Tally for u64 {
    fn add(&mut self, other: &Self) {
        *self = self.saturating_add(*other);
    }
}

/// A struct of counts, with its sum: a field that is added is summed, too.
macro_rules! tallies {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, TS)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl Tally for $name {
                fn add(&mut self, other: &Self) {
                    $(self.$field.add(&other.$field);)*
                }
            }
        )*
    };
}

tallies! {
    /// Counts of one center, or of all centers and what they share.
    pub struct Stats {
        /// Frames applied.
        pub frames: u64,
        /// Frames ignored as duplicates.
        pub duplicates: u64,
        /// Heads read on the socket.
        pub heads: u64,
        /// Gaps seen.
        pub gaps: u64,
        /// Proofs.
        pub proofs: u64,
        /// Unequal digests.
        pub mismatches: u64,
        /// Rows replaced, removed or written again by repair.
        pub repairs: u64,
        /// Snapshots applied.
        pub snapshots: u64,
        /// Malformed or oversized packets and answers.
        pub malformed: u64,
        /// Events that this version does not know.
        pub unknown_events: u64,
        /// Rows that can't be read, at present.
        pub unreadable: u64,
        /// Bytes in by socket. Of one center: its events.
        pub socket_bytes: u64,
        /// Bytes in by REST. Of one center: answers to its requests.
        pub rest_bytes: u64,
        /// Bytes out by socket (of all centers together).
        pub socket_bytes_out: u64,
        /// Bytes out by REST.
        pub rest_bytes_out: u64,
        /// Sockets opened. Of one center: how often it was joined.
        pub connects: u64,
        /// Polls by REST.
        pub polls: u64,
        /// Comparisons of everything that came to their end.
        pub checks: u64,
        /// Audits of the cache.
        pub audits: u64,
        /// Answers to commands that are shown until the board has caught up, at present.
        pub overlays: u64,
        /// Commands whose outcome is not known, at present.
        pub unsettled: u64,
        /// Proofs, by how they came.
        pub proofs_by: ProofsBy,
        /// What was unequal, by how it was found.
        pub mismatches_by: MismatchesBy,
        /// What repairs took.
        pub repair: RepairStats,
        /// Rows taken in, by where they came from.
        pub rows_from: RowsFrom,
        /// Bytes in by socket, by what they were.
        pub socket_by: SocketBy,
        /// Requests, by what they were for.
        pub rest_by: RestBy,
        /// How long things take.
        pub latency: Latencies,
    }

    /// Proofs, by how they came.
    pub struct ProofsBy {
        /// By a head on the socket.
        pub socket: u64,
        /// By an answer of REST.
        pub rest: u64,
    }

    /// What was unequal, by how it was found. `head` and `digest` together are `mismatches`.
    pub struct MismatchesBy {
        /// Count or digest at a head of the same revision.
        pub head: u64,
        /// Buckets of a digest that was asked for as a matter of routine, or on demand.
        pub digest: u64,
        /// Rows of equal revision and other content.
        pub content: u64,
        /// Rows that the audit found damaged on the disk, and audits whose digest did not fit.
        pub disk: u64,
    }

    /// What repairs took.
    pub struct RepairStats {
        /// Repairs begun.
        pub begun: u64,
        /// Buckets compared by revision, row by row.
        pub buckets_by_revision: u64,
        /// Buckets compared by content.
        pub buckets_by_content: u64,
        /// Rows fetched because they differed in revision.
        pub rows_fetched: u64,
        /// Rows replaced or removed in memory.
        pub rows_replaced: u64,
        /// Rows written over what the disk had.
        pub rows_rewritten: u64,
        /// Bytes of answers that a repair needed (digest, revisions, rows), comparisons without a finding left out.
        pub bytes: u64,
    }

    /// Rows that changed or left, by where that came from.
    pub struct RowsFrom {
        /// Frames on the socket.
        pub frame: u64,
        /// What `subscribe` said was missed.
        pub missed: u64,
        /// Pages that fill a gap.
        pub changes: u64,
        /// Polls.
        pub poll: u64,
        /// Snapshots.
        pub snapshot: u64,
        /// Repairs and comparisons.
        pub repair: u64,
        /// The cache, at the start.
        pub cache: u64,
    }

    /// Bytes in by socket, by what they were.
    pub struct SocketBy {
        /// Frames.
        pub frames: u64,
        /// Heads.
        pub heads: u64,
        /// Riders' positions.
        pub riders: u64,
        /// Alarms.
        pub alarms: u64,
        /// Everything else: the protocol's own packets, answers, other events.
        pub other: u64,
    }

    /// Requests, by what they were for.
    pub struct RestBy {
        /// Signing in and out, renewing.
        pub sign_in: Calls,
        /// Tickets for sockets.
        pub tickets: Calls,
        /// The list of centers.
        pub centers: Calls,
        /// Whether an endpoint that failed is well again.
        pub probes: Calls,
        /// What changed after a revision: gaps and polls.
        pub changes: Calls,
        /// Snapshots.
        pub snapshots: Calls,
        /// Digests, and buckets by content.
        pub comparing: Calls,
        /// Revisions and rows of what differs.
        pub repairing: Calls,
        /// Alarms.
        pub alarms: Calls,
        /// Receipts for alarms.
        pub receipts: Calls,
        /// Commands, and what became of them.
        pub commands: Calls,
    }

    /// Requests of one purpose.
    pub struct Calls {
        /// Requests that came back.
        pub calls: u64,
        /// Those of them without an answer, or with an error.
        pub failed: u64,
        /// Bytes out.
        pub bytes_out: u64,
        /// Bytes in.
        pub bytes_in: u64,
    }

    /// How long things take.
    pub struct Latencies {
        /// From a frame's `at` (by the clocks' offset, so that the smallest delay of the last minutes counts as none) to its
        /// being on the board.
        #[ts(as = "LatencySummary")]
        pub event_applied: Latency,
        /// From the same to its being on the disk.
        #[ts(as = "LatencySummary")]
        pub event_committed: Latency,
        /// Requests, from being sent to the whole answer.
        #[ts(as = "LatencySummary")]
        pub rest: Latency,
        /// Commands, likewise.
        #[ts(as = "LatencySummary")]
        pub command: Latency,
    }
}

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowSource {
    Frame,
    Missed,
    Changes,
    Poll,
    Snapshot,
    Repair,
    Cache,
}

impl RowsFrom {
    pub(crate) fn take(&mut self, source: RowSource, rows: usize) {
        let count = match source {
            RowSource::Frame => &mut self.frame,
            RowSource::Missed => &mut self.missed,
            RowSource::Changes => &mut self.changes,
            RowSource::Poll => &mut self.poll,
            RowSource::Snapshot => &mut self.snapshot,
            RowSource::Repair => &mut self.repair,
            RowSource::Cache => &mut self.cache,
        };
        *count += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}

/// What a request took.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    /// From being sent to the whole answer; none: it was never sent.
    pub(crate) ms: Option<u64>,
    pub(crate) failed: bool,
}

impl Calls {
    pub(crate) fn take(&mut self, cost: Cost) {
        self.calls += 1;
        self.failed += u64::from(cost.failed);
        self.bytes_out += cost.bytes_out;
        self.bytes_in += cost.bytes_in;
    }
}

impl Stats {
    /// A request of this center's came back.
    pub(crate) fn take_cost(&mut self, cost: Cost) {
        self.rest_bytes += cost.bytes_in;
        self.rest_bytes_out += cost.bytes_out;
        if let Some(ms) = cost.ms {
            self.latency.rest.take(ms);
        }
    }
}
