//! What is written and read: the cache's own records, of the domain's types.

use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, RowDigest, Text, UtcMillis};
use std::sync::Arc;

/// A row as it is cached.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedRow {
    /// Which delivery.
    pub id: DeliveryId,
    /// At which revision.
    pub rev: Rev,
    /// Its content; none: it could not be read when it came, and is held by id and revision.
    pub delivery: Option<Arc<Delivery>>,
}

/// Where a center's rows stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheCursor {
    /// In which history.
    pub epoch: Epoch,
    /// Up to where.
    pub rev: Rev,
}

/// An alarm as it is cached.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedAlarm {
    /// Which delivery.
    pub id: DeliveryId,
    /// About what, by wire name.
    pub kind: Text,
    /// The rest of its key.
    pub raised_at: UtcMillis,
    /// How far it has come, by wire name.
    pub stage: Text,
    /// How far the hub is known to know, by wire name; empty: not at all.
    pub at_hub: Text,
    /// The hub has lost what it was about.
    pub lost: bool,
    /// The delivery as it was known then.
    pub row: Option<CachedRow>,
}

/// A command whose outcome was not known when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedCommand {
    /// Its idempotency key.
    pub key: Text,
    /// On which delivery; none: a new order, or a batch.
    pub delivery: Option<DeliveryId>,
    /// Of a batch: on which deliveries.
    pub batch: Vec<DeliveryId>,
    /// Wire name of the action, or `create`.
    pub action: Text,
    /// When the person clicked (wall clock).
    pub clicked_at: UtcMillis,
}

/// A cancellation that this installation asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedOwn {
    /// Of which delivery.
    pub id: DeliveryId,
    /// It was carried out, as far as anybody knows. Neither this nor an alarm: it goes.
    pub done: bool,
    /// When the alarm was raised that was told as its own.
    pub alarm: Option<UtcMillis>,
}

/// Alarms that the version reading them could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSkip {
    /// They come after this alarm sequence.
    pub after: u64,
    /// Which version skipped them.
    pub reader: Text,
}

/// What a foreign server whose ids are texts calls a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedName {
    /// The delivery's number here.
    pub id: DeliveryId,
    /// Its id there.
    pub name: Text,
    /// When it left the board (wall clock); none: it is on it.
    pub left_at: Option<UtcMillis>,
}

/// What changed in one center.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheBatch {
    /// Which center.
    pub center: CenterId,
    /// True: all rows that are not in `upserts` go.
    pub replace: bool,
    /// Rows as they are now.
    pub upserts: Vec<CachedRow>,
    /// Rows that left.
    pub removes: Vec<DeliveryId>,
    /// The cursor after it; none: unchanged.
    pub cursor: Option<CacheCursor>,
    /// Count and digest of all rows after it.
    pub rows: RowDigest,
    /// Alarms that are new or have come further.
    pub alarms: Vec<CachedAlarm>,
    /// The alarm sequence read so far; none: unchanged.
    pub alarm_seq: Option<u64>,
    /// The last proof (wall clock); none: unchanged.
    pub proven_at: Option<UtcMillis>,
    /// Alarms that could not be read; none: unchanged.
    pub alarms_skipped: Option<CachedSkip>,
    /// Commands that begin.
    pub commands: Vec<CachedCommand>,
    /// Keys of commands that are settled.
    pub settled: Vec<Text>,
    /// Cancellations of its own that are new or have changed.
    pub own: Vec<CachedOwn>,
    /// Names that are new or have changed.
    pub names: Vec<CachedName>,
    /// Deliveries whose names are forgotten.
    pub unnamed: Vec<DeliveryId>,
}

impl CacheBatch {
    /// A batch that changes nothing.
    #[must_use]
    pub fn empty(center: CenterId) -> Self {
        Self {
            center,
            replace: false,
            upserts: Vec::new(),
            removes: Vec::new(),
            cursor: None,
            rows: RowDigest::default(),
            alarms: Vec::new(),
            alarm_seq: None,
            proven_at: None,
            alarms_skipped: None,
            commands: Vec::new(),
            settled: Vec::new(),
            own: Vec::new(),
            names: Vec::new(),
            unnamed: Vec::new(),
        }
    }
}
