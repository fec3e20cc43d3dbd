//! How true the boards are, and what it costs to keep them so: for the diagnostics dialog, and for `gwanje-watch`.
//!
//! Instants are UTC milliseconds of the desk's wall clock.

use super::CenterFreshness;
use gwanje_sync::{CheckReport, RepairReport, Stats, UnreadKind};
use serde::Serialize;
use ts_rs::TS;

/// Everything there is to know of an engine.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostics {
    /// When this was read.
    #[ts(type = "number")]
    pub at: i64,
    /// Since when the engine runs.
    #[ts(type = "number")]
    pub since: i64,
    /// The program's version.
    pub version: String,
    /// This installation.
    pub seat: String,
    /// The server that answers requests at present; null: not signed in.
    pub endpoint: Option<String>,
    /// Counts over all centers, and what they share.
    pub total: Stats,
    /// What waits within the engine.
    pub queues: Queues,
    /// Each center that is followed.
    pub centers: Vec<CenterDiagnostics>,
}

/// What waits within the engine, at present.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Queues {
    /// Jobs that wait for the cache thread.
    pub cache_jobs: u64,
    /// Rows in them.
    pub cache_rows: u64,
    /// Whether the machine refuses writes at present (disk full, file locked).
    pub cache_refused: bool,
    /// Requests under way.
    pub requests: u64,
    /// Sockets open.
    pub sockets: u64,
    /// Views open.
    pub views: u64,
    /// Patches that pages have not acknowledged.
    pub patches: u64,
    /// Listeners.
    pub listeners: u64,
    /// Listeners that have fallen behind.
    pub lagging: u64,
}

/// Everything there is to know of a center.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CenterDiagnostics {
    /// How fresh it is.
    pub freshness: CenterFreshness,
    /// Rows on the board.
    pub rows: u64,
    /// Its counts.
    pub stats: Stats,
    /// The last audit of its cache; null: none in this run.
    pub audit: Option<AuditView>,
    /// Which buckets were compared by content.
    pub compared: ComparedView,
    /// The last repair that replaced something; null: none in this run.
    pub last_repair: Option<RepairView>,
    /// The last comparison of everything; null: none in this run.
    pub check: Option<CheckReport>,
    /// What of a foreign server's words could not be read.
    pub unread: Vec<UnreadKind>,
}

/// What an audit of the cache found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose content did not fit their checksum.
    pub damaged: u64,
    /// Whether count and digest equalled those written with the cursor.
    pub digest_fits: bool,
}

/// A repair, with its moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RepairView {
    /// When it was over.
    #[ts(type = "number")]
    pub at: i64,
    /// What the repair took.
    #[serde(flatten)]
    pub report: RepairReport,
}

/// Which of the 256 buckets were compared by content in this run.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ComparedView {
    /// How many buckets.
    pub buckets: u64,
    /// When the bucket compared longest ago was compared; null: none yet.
    #[ts(type = "number | null")]
    pub oldest_at: Option<i64>,
    /// When the bucket compared last was compared; null: none yet.
    #[ts(type = "number | null")]
    pub newest_at: Option<i64>,
    /// When each bucket was compared, by its number; 0: not yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(type = "number[]")]
    pub at: Vec<i64>,
}
