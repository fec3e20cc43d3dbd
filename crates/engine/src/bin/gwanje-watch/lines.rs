//! The lines: one JSON object each, flushed one by one.

use gwanje_engine::Stats;
use gwanje_engine::ipc::{AuditView, CenterDiagnostics, ComparedView, Diagnostics, Queues, RepairView};
use gwanje_engine::model::{DeliveryId, Rev};
use gwanje_engine::sync::{AlarmNotice, CheckReport, Proof, RepairReport, State, UnreadKind};
use gwanje_engine::wire::WireRow;
use serde::Serialize;
use std::io::{self, Write};

/// One line of output.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Line<'a> {
    /// A session's state changed. `since`: UTC milliseconds.
    State {
        center: &'a str,
        state: &'a str,
        since: i64,
        reason: Option<&'a str>,
        proven_at: Option<i64>,
        /// Rows that could not be read: of those `provenAt` says nothing.
        unread: u64,
        /// The base URL that is followed.
        endpoint: &'a str,
    },
    /// Both sides were equal. `at`: UTC milliseconds. `source`: `snapshot` where a foreign server's list was equal. Its
    /// revisions are this seat's own and prove nothing.
    Proof {
        center: &'a str,
        epoch: &'a str,
        rev: u64,
        count: u64,
        digest: String,
        at: i64,
        day_at: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<&'static str>,
    },
    /// Tells the person.
    Alarm {
        center: &'a str,
        id: u64,
        kind: &'a str,
        raised_at: i64,
        relisted: bool,
        /// The hub has lost what it was about.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        lost: bool,
        delivery: Option<&'a WireRow>,
    },
    /// An alarm was acknowledged at some seat.
    AlarmSettled { center: &'a str, id: u64, kind: &'a str, raised_at: i64 },
    /// Counts since this start.
    Stats {
        #[serde(flatten)]
        stats: &'a Stats,
        /// Bytes received, by socket and REST together.
        bytes: u64,
        endpoint: Option<&'a str>,
        queues: Queues,
        centers: Vec<CenterStats<'a>>,
    },
    /// A repair replaced something.
    Repair {
        center: &'a str,
        #[serde(flatten)]
        report: &'a RepairReport,
    },
    /// A comparison of everything is over.
    Check {
        center: &'a str,
        #[serde(flatten)]
        report: &'a CheckReport,
    },
    /// A row as it is now.
    Row { center: &'a str, row: &'a WireRow },
    /// A row that left.
    Gone { center: &'a str, id: DeliveryId, rev: Rev },
    /// The server ended the session.
    SignedOut { code: Option<&'a str> },
}

/// One center's part of the counts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CenterStats<'a> {
    center: &'a str,
    /// Rows on the board.
    rows: u64,
    #[serde(flatten)]
    stats: &'a Stats,
    audit: Option<AuditView>,
    compared: Compared,
    last_repair: Option<&'a RepairView>,
    /// What of a foreign server's words could not be read.
    #[serde(skip_serializing_if = "<[UnreadKind]>::is_empty")]
    unread: &'a [UnreadKind],
}

/// How far content was compared, in short.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Compared {
    buckets: u64,
    oldest_at: Option<i64>,
    newest_at: Option<i64>,
}

impl<'a> CenterStats<'a> {
    fn of(center: &'a CenterDiagnostics) -> Self {
        let ComparedView { buckets, oldest_at, newest_at, at: _ } = center.compared;
        Self {
            center: &center.freshness.center,
            rows: center.rows,
            stats: &center.stats,
            audit: center.audit,
            compared: Compared { buckets, oldest_at, newest_at },
            last_repair: center.last_repair.as_ref(),
            unread: &center.unread,
        }
    }
}

impl<'a> Line<'a> {
    /// The line of a state.
    pub fn state(center: &'a str, state: &'a State, endpoint: &'a str) -> Self {
        let name = state.name();
        let unread = match state {
            State::Live { unread, .. } => *unread,
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Polling { .. }
            | State::Offline { .. }
            | State::Refused { .. } => 0,
        };
        let line = |since: i64, reason, proven_at| Line::State {
            center,
            state: name,
            since,
            reason,
            proven_at,
            unread,
            endpoint,
        };
        match state {
            State::Live { since, proven_at, .. } => line(since.0, None, Some(proven_at.0)),
            State::Connecting { since, reason }
            | State::CatchingUp { since, reason }
            | State::Polling { since, reason }
            | State::Offline { since, reason } => line(since.0, Some(reason.as_ref()), None),
            State::Refused { since, code } => line(since.0, Some(code.as_str()), None),
        }
    }

    /// The line of a proof.
    pub fn proof(center: &'a str, proof: &'a Proof, is_foreign: bool) -> Self {
        Line::Proof {
            center,
            epoch: proof.epoch.as_str(),
            rev: proof.rev.0,
            count: proof.rows.count,
            digest: proof.rows.digest.to_string(),
            at: proof.at.0,
            day_at: proof.day_at.0,
            source: is_foreign.then_some("snapshot"),
        }
    }

    /// The line of an alarm.
    pub fn alarm(center: &'a str, notice: &'a AlarmNotice) -> Self {
        Line::Alarm {
            center,
            id: notice.key.id.0,
            kind: notice.key.kind.as_str(),
            raised_at: notice.key.raised_at.0,
            relisted: notice.relisted,
            lost: notice.lost,
            delivery: notice.delivery.as_ref(),
        }
    }

    /// The line of the counts.
    pub fn stats(of: &'a Diagnostics) -> Self {
        Line::Stats {
            stats: &of.total,
            bytes: of.total.socket_bytes + of.total.rest_bytes,
            endpoint: of.endpoint.as_deref(),
            queues: of.queues,
            centers: of.centers.iter().map(CenterStats::of).collect(),
        }
    }
}

/// Writes lines. Whoever reads them sees each at once.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
}

impl<W: Write> Lines<W> {
    /// Onto `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes a line and flushes it.
    ///
    /// # Errors
    /// When the other end is closed.
    pub fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.put(line)?;
        self.out.flush()
    }

    /// Writes a line of many that belong together; [`Lines::flush`] comes after the last.
    ///
    /// # Errors
    /// When the other end is closed.
    pub fn put(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    /// Hands on what was put.
    ///
    /// # Errors
    /// When the other end is closed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
