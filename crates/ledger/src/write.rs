//! What a decision leaves a store to write, in order, in the transaction that loaded what it was decided from.

use crate::ask::Signature;
use gwanje_model::{Delivery, DeliveryId, Epoch, Rev, Status, Text, UtcMillis};
use gwanje_wire::rest::{AlarmDelivery, AlarmKind, ReceiptStage};
use std::sync::Arc;

/// Both clocks at the moment of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The hub's wall clock.
    pub wall: UtcMillis,
    /// The clock of operations.
    pub day: UtcMillis,
}

/// Which alarm: one a delivery, kind and instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmRef {
    /// About which delivery.
    pub id: DeliveryId,
    /// About what.
    pub kind: AlarmKind,
    /// When it is due (operations time); for `cancelled`: its `cancelledAt`.
    pub raised_at: UtcMillis,
}

/// One thing to write. Instants are those of the moment of the decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A row at its new revision, and its history.
    Row(Box<RowWrite>),
    /// What becomes an alarm when its instant has come.
    Due(AlarmRef),
    /// That of this delivery and kind waits no more, whatever its instant.
    NotDue(AlarmRef),
    /// An alarm. It waits no more.
    Alarm(Box<AlarmWrite>),
    /// The alarm's reason is gone.
    Settled {
        /// Which.
        alarm: AlarmRef,
        /// The number of this change of it.
        seq: u64,
    },
    /// Nobody took note of the alarm in time: it is the supervisors' too.
    Escalated {
        /// Which.
        alarm: AlarmRef,
        /// The number of this change of it.
        seq: u64,
    },
    /// How far a seat has come with an alarm.
    Receipt {
        /// Which alarm.
        alarm: AlarmRef,
        /// Whose word it is.
        by: Signature,
        /// How far.
        stage: ReceiptStage,
    },
    /// A seat's word on an alarm is kept no more.
    ReceiptGone {
        /// Which alarm.
        alarm: AlarmRef,
        /// Whose word it was.
        by: Signature,
    },
    /// Who took note of an alarm first.
    Acknowledged {
        /// Which alarm.
        alarm: AlarmRef,
        /// The account.
        by: Text,
    },
    /// A seat gave word on an alarm.
    Worded {
        /// Which alarm.
        alarm: AlarmRef,
        /// The number of this change of it.
        seq: u64,
        /// Whether the word is kept; else it is only counted.
        is_kept: bool,
    },
    /// A row leaves the board: row out, tombstone in, history and search kept.
    Left(Box<LeftWrite>),
    /// Tombstones at and below this revision are forgotten.
    Floor(Rev),
    /// An alarm is forgotten, with every seat's word on it.
    AlarmGone(AlarmRef),
    /// What was decided under a key.
    Outcome(Box<OutcomeWrite>),
}

/// A row that leaves the board.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftWrite {
    /// As it was.
    pub row: Arc<Delivery>,
    /// The revision of its leaving.
    pub rev: Rev,
}

/// A row to be written, and what goes into history beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct RowWrite {
    /// The row at its revision.
    pub row: Arc<Delivery>,
    /// The same as JSON.
    pub body: Arc<str>,
    /// The revision of its copy on the board; none: it is new.
    pub before: Option<Rev>,
    /// The status of that copy.
    pub from: Option<Status>,
    /// The account that made the change.
    pub by: Text,
    /// Its name in the history.
    pub action: &'static str,
    /// What the history says of it, in words.
    pub detail: Text,
}

/// An alarm to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmWrite {
    /// Which.
    pub alarm: AlarmRef,
    /// Its number.
    pub seq: u64,
    /// The delivery that it is about, as it is now.
    pub delivery: AlarmDelivery,
    /// The delivery's status before what raised it.
    pub was: Option<Status>,
    /// The account that raised it; none: the clock.
    pub by: Option<Text>,
}

/// Under what an outcome is kept in a center. Closed keys have the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeKey {
    /// Whose.
    pub account: Text,
    /// The client's key.
    pub key: String,
    /// The path of the request.
    pub path: String,
}

/// What was decided under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// SHA-256 of the request's body; of a closed key empty.
    pub body_hash: Vec<u8>,
    /// The HTTP status.
    pub status: u16,
    /// The history that its revisions count in; none: it was refused, or the key is closed.
    pub epoch: Option<Epoch>,
    /// The answer's body, as JSON.
    pub body: Arc<str>,
}

/// What was decided under a key, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeWrite {
    /// The key.
    pub key: OutcomeKey,
    /// What.
    pub recorded: Recorded,
}
