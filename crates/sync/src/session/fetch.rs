//! What a session asks its client to do, and the answers it gets.

use crate::findings::{CheckReport, RepairReport};
use crate::io::{AlarmKey, AlarmNotice, Batch, CommandId, LinkReason, Proof, RowChange, State};
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, SeatId, UtcMillis};
use gwanje_wire::rest::{
    AlarmEntry, AlarmsRead, ChangesReply, DigestReply, ReceiptStage, RevsReply, RowsReply, Snapshot,
};
use gwanje_wire::{Problem, socket::Cursor};

/// A request of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// What to fetch by REST, of this session's center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// `/changes?epoch=&after=&limit=`
    Changes {
        /// The cursor.
        cursor: Cursor,
        /// Entries at most.
        limit: u32,
    },
    /// `/deliveries`
    Snapshot,
    /// `/digest?after=`
    Digest {
        /// The cursor.
        after: Rev,
    },
    /// `/deliveries?buckets=&fields=rev&after=`
    Revs {
        /// Bucket numbers.
        buckets: Vec<u8>,
        /// The cursor.
        after: Rev,
    },
    /// `/deliveries?buckets=&after=`
    Buckets {
        /// Bucket numbers.
        buckets: Vec<u8>,
        /// The cursor.
        after: Rev,
    },
    /// `/deliveries?ids=&after=`
    Rows {
        /// Delivery ids.
        ids: Vec<DeliveryId>,
        /// The cursor.
        after: Rev,
    },
    /// `/alarms?after=`
    Alarms {
        /// The alarm sequence.
        after: u64,
    },
}

/// An answer, parsed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched {
    /// To [`Fetch::Changes`].
    Changes(ChangesReply),
    /// To [`Fetch::Snapshot`].
    Snapshot(Snapshot),
    /// To [`Fetch::Digest`].
    Digest(DigestReply),
    /// To [`Fetch::Revs`].
    Revs(RevsReply),
    /// To [`Fetch::Buckets`] and [`Fetch::Rows`].
    Rows(RowsReply),
    /// To [`Fetch::Alarms`].
    Alarms(AlarmsRead),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchFailure {
    /// The server said no.
    Problem {
        /// What it said.
        problem: Problem,
        /// When to come again.
        retry_after_s: Option<u64>,
    },
    /// Nobody answered; with a reason for people.
    Unreachable(LinkReason),
    /// The answer can't be read.
    Malformed,
}

/// What a session wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionAction {
    /// Ask by REST; answered with [`Session::answer`](super::Session::answer).
    Fetch(FetchId, Fetch),
    /// The answer to that request is not wanted any more.
    DropFetch(FetchId),
    /// Emit `subscribe` with this cursor on the joined namespace; answered with
    /// [`Session::subscribed`](super::Session::subscribed).
    Subscribe(Option<Cursor>),
    /// Emit `subscribe` without a cursor on the namespace that is subscribed; answered with
    /// [`Session::subscribed`](super::Session::subscribed), or not at all.
    AskHead,
    /// Write to the cache.
    Persist(Box<Batch>),
    /// Audit the cache; answered with [`Session::audited`](super::Session::audited).
    Audit,
    /// Keep the horizon.
    KeepHorizon(UtcMillis),
    /// The rows in memory changed.
    Changed(Vec<RowChange>, Option<Cursor>),
    /// The state changed.
    State(State),
    /// Both sides are equal.
    Proved(Proof),
    /// What the clock of operations showed at an instant of the wall.
    DayClock {
        /// Of operations.
        day_at: UtcMillis,
        /// Of the desk.
        wall: UtcMillis,
    },
    /// Tell the person.
    Alarm(Box<AlarmNotice>),
    /// Acknowledged, here or elsewhere.
    AlarmSettled(AlarmKey),
    /// What the hub says of an alarm.
    AlarmTold(Box<AlarmEntry>),
    /// Cancellations that the cache has as acknowledged.
    Acknowledged(Vec<DeliveryId>),
    /// Send a receipt to the hub.
    SendReceipt(AlarmKey, ReceiptStage),
    /// The hub goes on from another history.
    HistoryChanged {
        /// The one that it has now.
        epoch: Epoch,
        /// What was decided in this one is part of it; none: anything may be lost.
        settled_in: Option<Epoch>,
    },
    /// The cache holds that command: it may be sent.
    CommandKept(CommandId),
    /// A repair replaced something.
    Repaired(Box<RepairReport>),
    /// How far a comparison of everything has come.
    Checked(Box<CheckReport>),
}

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Which center.
    pub center: CenterId,
    /// The seat, to know its own receipts.
    pub seat: SeatId,
    /// For jitter.
    pub seed: u64,
}
