//! One center's session: cursor, gaps, proof, repair, snapshots and polling.

use crate::io::{AlarmKey, Batch, LinkReason, Now, Proof, Restored, RowChange, State, Stats};
use crate::io::{AlarmNotice, Mono};
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, UtcMillis};
use gwanje_wire::rest::{
    AlarmEntry, AlarmsReply, ChangesReply, DigestReply, ReceiptStage, RevsReply, RowsReply, Snapshot,
};
use gwanje_wire::socket::{Cursor, SubscribeAck};
use gwanje_wire::{ErrorCode, Frame, Head, Problem, WireRow};

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
    Alarms(AlarmsReply),
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
#[derive(Debug, Clone)]
pub enum SessionAction {
    /// Ask by REST; answered with [`Session::answer`].
    Fetch(FetchId, Fetch),
    /// The answer to that request is not wanted any more.
    DropFetch(FetchId),
    /// Emit `subscribe` with this cursor on the joined namespace; answered with [`Session::subscribed`].
    Subscribe(Option<Cursor>),
    /// Write to the cache.
    Persist(Box<Batch>),
    /// Audit the cache; answered with [`Session::audited`].
    Audit,
    /// Keep the horizon.
    KeepHorizon(UtcMillis),
    /// The rows in memory changed.
    Changed(Vec<RowChange>, Option<Cursor>),
    /// The state changed.
    State(State),
    /// Both sides are equal.
    Proved(Proof),
    /// The clock of operations.
    DayClock(UtcMillis, UtcMillis),
    /// Tell the person.
    Alarm(Box<AlarmNotice>),
    /// Acknowledged, here or elsewhere.
    AlarmSettled(AlarmKey),
    /// Send a receipt to the hub.
    SendReceipt(AlarmKey, ReceiptStage),
}

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Which center.
    pub center: CenterId,
    /// The seat, to know its own receipts.
    pub seat: gwanje_model::SeatId,
    /// For jitter.
    pub seed: u64,
}

/// One center's session.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
}

/// The interface that [`crate::Client`] drives. Each call may leave actions in the queue.
impl Session {
    /// A session that waits for [`Session::restored`].
    #[must_use]
    pub fn new(config: SessionConfig, _now: Now) -> Self {
        Self { config }
    }
    /// What the cache held; from now on the session runs.
    pub fn restored(&mut self, _restored: Restored, _now: Now) {}
    /// Sign-in is done: requests may be made.
    pub fn authorised(&mut self, _now: Now) {}
    /// The namespace is joined: the session subscribes.
    pub fn socket_joined(&mut self, _now: Now) {}
    /// The answer to `subscribe`.
    pub fn subscribed(&mut self, _ack: SubscribeAck, _now: Now) {}
    /// The socket is gone (refused, closed, silent); with the reason for people.
    pub fn socket_lost(&mut self, _reason: LinkReason, _now: Now) {}
    /// A `deliveries` event.
    pub fn frame(&mut self, _frame: Frame, _now: Now) {}
    /// A `head` event.
    pub fn head(&mut self, _head: Head, _now: Now) {}
    /// An `alarm` event.
    pub fn alarm(&mut self, _entry: AlarmEntry, _now: Now) {}
    /// Any packet came on the socket (the proof may be late although the socket lives).
    pub fn packet(&mut self, _now: Now) {}
    /// An event of this center could not be read: counted, and treated as a gap.
    pub fn malformed(&mut self, _now: Now) {}
    /// A request came back.
    pub fn answer(&mut self, _id: FetchId, _result: Result<Fetched, FetchFailure>, _now: Now) {}
    /// The cache committed up to that batch.
    pub fn committed(&mut self, _seq: u64, _now: Now) {}
    /// The cache was set aside: everything must be persisted afresh.
    pub fn cache_lost(&mut self, _now: Now) {}
    /// What the audit found.
    pub fn audited(&mut self, _damaged: Vec<DeliveryId>, _digest_fits: bool, _now: Now) {}
    /// Sign-in, account or center refused.
    pub fn refused(&mut self, _code: ErrorCode, _now: Now) {}
    /// A command of this seat was answered with this row (rule 9: an overlay).
    pub fn overlay(&mut self, _epoch: Epoch, _row: WireRow, _now: Now) {}
    /// A person took note, or the window shows it.
    pub fn receipt(&mut self, _key: AlarmKey, _stage: ReceiptStage, _now: Now) {}
    /// A deadline has come.
    pub fn tick(&mut self, _now: Now) {}
    /// When to call [`Session::tick`] next.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        None
    }
    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<SessionAction> {
        None
    }
    /// The state at present.
    #[must_use]
    pub fn state(&self) -> State {
        State::Connecting { since: UtcMillis(0) }
    }
    /// The cursor at present.
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        None
    }
    /// The row as shown (overlay in it), for `If-Match` and details: with its epoch.
    #[must_use]
    pub fn row(&self, _id: DeliveryId) -> Option<(&Epoch, &WireRow)> {
        None
    }
    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
    /// Which center.
    #[must_use]
    pub fn center(&self) -> &CenterId {
        &self.config.center
    }
}
