//! What comparing found: repairs, and the comparison of everything on demand.

use gwanje_model::UtcMillis;
use serde::Serialize;
use ts_rs::TS;

/// Why a repair began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum RepairCause {
    /// A head's count or digest was unequal.
    Head,
    /// The two-minute routine.
    Routine,
    /// Somebody wanted everything compared.
    Check,
    /// The audit of the cache.
    Disk,
}

/// A repair that replaced something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RepairReport {
    /// Why it began.
    pub cause: RepairCause,
    /// Buckets that were compared, by revision or content.
    pub buckets: u64,
    /// Rows that were fetched.
    pub rows_fetched: u64,
    /// Rows that were replaced or removed in memory, or written over the disk's.
    pub rows_replaced: u64,
    /// Bytes of the answers that it took.
    pub bytes: u64,
}

/// How far a comparison of everything has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum CheckPhase {
    /// Under way; real work goes first.
    Running,
    /// Everything was compared, and what differed is repaired.
    Done,
    /// The connection went, or the answers can't be used: what is told is what was compared until then.
    Stopped,
}

/// A comparison of everything: all 256 buckets by content, and the cache from disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// How far it has come.
    pub phase: CheckPhase,
    /// When it began (the desk's wall clock, UTC milliseconds).
    #[ts(type = "number")]
    pub began_at: UtcMillis,
    /// When this was so (likewise).
    #[ts(type = "number")]
    pub at: UtcMillis,
    /// Buckets compared by content, of 256.
    pub buckets: u64,
    /// Rows compared by content.
    pub rows: u64,
    /// Rows in memory that differed, in revision or in content.
    pub found_in_memory: u64,
    /// Whether the cache was read from disk.
    pub audited: bool,
    /// Rows that were damaged on the disk (1 when only the digest did not fit).
    pub found_on_disk: u64,
    /// Rows replaced in memory or written over the disk's.
    pub repaired: u64,
    /// Bytes of all answers that it took.
    pub bytes: u64,
}
