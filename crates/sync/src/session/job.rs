//! What a request for data is for, and how often one comes.

use gwanje_model::DeliveryId;
use gwanje_wire::socket::Cursor;

/// Polling comes this often, ± 20 %.
pub(super) const POLL_MS: u64 = 3_000;
/// Answers that can't be used are asked for again after 3 s, doubling up to this.
pub(super) const BAD_ANSWER_MAX_MS: u64 = 60_000;

/// What a request in flight is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// Changes after that cursor.
    Changes(Cursor),
    /// All rows.
    Snapshot,
    /// Repair: all buckets.
    Digest,
    /// Repair: the revisions in these buckets.
    Revs(Vec<u8>),
    /// Repair: these rows.
    Rows(Vec<DeliveryId>),
    /// Repair: these buckets in full.
    Content(Vec<u8>),
    /// A second look at rows that could not be read.
    Unread(Vec<DeliveryId>),
}
