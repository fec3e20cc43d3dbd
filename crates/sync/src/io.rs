//! What goes into the core and what comes out of it.

use crate::findings::{CheckReport, RepairReport};
use crate::priority::AlarmPriority;
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, RowDigest, Status, Text, UtcMillis};
use gwanje_wire::batch::{BatchResult, BatchRow};
use gwanje_wire::rest::{AlarmEntry, AlarmKind, CenterInfo, LoginReply, Outcome, ReceiptStage};
use gwanje_wire::socket::{Cursor, RiderPos};
use gwanje_wire::{CommandBody, ErrorCode, NewOrder, Problem, WireRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use ts_rs::TS;

/// Milliseconds of a clock that never goes back and counts sleep (CLOCK_BOOTTIME); its zero means nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// This moment plus `ms` milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 when it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The moment of an input, by both clocks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and ages.
    pub mono: Mono,
    /// For what people see, and for comparing with a hub's `at`. May jump.
    pub wall: UtcMillis,
}

/// One socket attempt; a new one for each, so that a late event of an old socket is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// One HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One command of this seat: its idempotency key (a ULID).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub String);

/// What happens on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketEvent {
    /// The WebSocket handshake succeeded.
    Opened,
    /// A text message.
    Text(String),
    /// A message beyond the bound, or of a kind that is not text; it was not read.
    Unreadable,
    /// The server refused the handshake, with a reason for the log.
    TurnedAway {
        /// Why.
        reason: String,
        /// Seconds until it wants to be asked again (`Retry-After`), if it said so.
        retry_after_s: Option<u64>,
    },
    /// Closed or failed, with a reason for the log.
    Closed(String),
}

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
}

/// A request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Absolute.
    pub url: String,
    /// Name and value; names lower-case.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, where there is a body.
    pub body: Option<String>,
    /// It has failed when the whole answer has not come after this long.
    pub timeout_ms: u64,
}

/// An answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// Value of `Retry-After` in seconds from now, whichever of its two forms it came in.
    pub retry_after_s: Option<u64>,
    /// Value of `ETag` as it came (`"epoch-rev"`, quotes included): tells which history a row answer is of.
    pub etag: Option<String>,
    /// Value of `Content-Type`.
    pub content_type: Option<String>,
    /// Value of `Location`, of a redirect.
    pub location: Option<String>,
    /// The body, whole (decompressed).
    pub body: Vec<u8>,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFailure {
    /// Nothing listens there.
    Refused(String),
    /// No whole answer in time.
    TimedOut,
    /// Anything else: cut, TLS, DNS, a body beyond the bound.
    Broken(String),
}

/// What the cache held of a center at the start.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Restored {
    /// Its rows.
    pub rows: Vec<WireRow>,
    /// Its cursor; none: nothing can go on from the rows.
    pub cursor: Option<Cursor>,
    /// Alarms that were raised, with how far they have come.
    pub alarms: Vec<StoredAlarm>,
    /// The hub's alarm sequence read so far; none: `/alarms` was never read.
    pub alarm_seq: Option<u64>,
    /// Operations time of the center's first use on this installation (kept outside the cache file).
    pub horizon: Option<UtcMillis>,
    /// The last proof (wall clock), for "complete as of".
    pub proven_at: Option<UtcMillis>,
    /// Alarms that an earlier version could not read.
    pub alarms_skipped: Option<SkippedAlarms>,
    /// Commands whose outcome was not known.
    pub commands: Vec<StoredCommand>,
    /// Cancellations of this seat's own.
    pub own: Vec<OwnCancellation>,
    /// Of a foreign server: what it calls the deliveries of these numbers.
    pub names: Vec<(DeliveryId, ForeignName)>,
}

/// What a foreign server calls a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignName {
    /// Its id there.
    pub name: Text,
    /// When it left the board (the desk's wall clock); none: it is on it.
    pub left_at: Option<UtcMillis>,
}

/// What an alarm of a center is known by: raised once, whatever path it comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AlarmKey {
    /// The delivery; 0 for `unproven`, which is about the center.
    pub id: DeliveryId,
    /// About what.
    pub kind: AlarmKind,
    /// When it was due: `cancelledAt`; for `late` the end of its target, for `unconfirmed` three minutes after `assignedAt`,
    /// for `unaccepted` one after `receivedAt` (operations time), for `unproven` thirty seconds after the last proof (the
    /// desk's clock).
    pub raised_at: UtcMillis,
}

/// An alarm as the cache keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlarm {
    /// Which.
    pub key: AlarmKey,
    /// How far it has come at this seat.
    pub stage: ReceiptStage,
    /// How far the hub knows it to have come; what the hub lacks is sent again at the next join.
    pub at_hub: Option<ReceiptStage>,
    /// The hub has lost what it was about.
    pub lost: bool,
    /// The delivery as it was known then.
    pub delivery: Option<WireRow>,
}

/// A command as the cache keeps it, from before it is sent until it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommand {
    /// Its idempotency key.
    pub command: CommandId,
    /// On which delivery; none: a new order, or a batch.
    pub delivery: Option<DeliveryId>,
    /// Of a batch: on which deliveries.
    pub batch: Vec<DeliveryId>,
    /// Wire name of the action, or [`CREATE`].
    pub action: Text,
    /// When the person clicked (the desk's wall clock).
    pub clicked_at: UtcMillis,
}

impl StoredCommand {
    /// The deliveries that it is about; none: a new order, or a batch that an earlier version kept.
    pub fn deliveries(&self) -> impl Iterator<Item = DeliveryId> + '_ {
        self.delivery.into_iter().chain(self.batch.iter().copied())
    }
}

/// A cancellation of this seat's own, as the cache keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCancellation {
    /// Of which delivery.
    pub id: DeliveryId,
    /// It was carried out, as far as anybody knows. Neither this nor an alarm: it is forgotten.
    pub done: bool,
    /// When the alarm was raised that was told as this seat's own.
    pub alarm: Option<UtcMillis>,
}

/// A command whose effect the hub has lost: it went on from a state before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCommand {
    /// Its idempotency key.
    pub command: CommandId,
    /// In which center.
    pub center: CenterId,
    /// Wire name of the action, or [`CREATE`].
    pub action: Text,
    /// The deliveries that it was about; none: a new order.
    pub deliveries: Vec<DeliveryId>,
    /// What people called its only delivery, where the answer told.
    pub number: Option<Text>,
}

/// What a new order is called where an action is named.
pub const CREATE: &str = "create";

/// Alarms that one version could not read: another version reads them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedAlarms {
    /// They come after this alarm sequence.
    pub after: u64,
    /// Which version skipped them.
    pub reader: Text,
}

/// A change that a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRequest {
    /// Its idempotency key.
    pub command: CommandId,
    /// Which center.
    pub center: CenterId,
    /// What.
    pub what: CommandKind,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandKind {
    /// Takes an order in.
    Create(Box<NewOrder>),
    /// Acts on a delivery, as the person saw it (`If-Match` of the row's revision).
    Act {
        /// Which delivery.
        id: DeliveryId,
        /// The revision that the person saw; none: as this client holds it when the command comes in.
        seen: Option<Rev>,
        /// What to do.
        action: gwanje_model::lifecycle::Action,
        /// What it needs.
        body: CommandBody,
    },
    /// Does the same to several deliveries, each decided by itself.
    Batch {
        /// What to do.
        action: gwanje_model::lifecycle::Action,
        /// What it needs.
        body: CommandBody,
        /// To which, and which revision of each the person saw; none: as this client holds it when the command comes in.
        /// With `undo` the revision that the change made.
        rows: Vec<BatchRow>,
    },
}

impl CommandKind {
    /// Wire name of the action, or [`CREATE`].
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Create(_) => CREATE,
            Self::Act { action, .. } | Self::Batch { action, .. } => action.as_str(),
        }
    }

    /// The deliveries that it is about; none: a new order.
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryId> {
        match self {
            Self::Create(_) => Vec::new(),
            Self::Act { id, .. } => vec![*id],
            Self::Batch { rows, .. } => rows.iter().map(|row| row.id).collect(),
        }
    }
}

/// What goes in.
#[derive(Debug, Clone)]
pub enum Input {
    /// Sign in with a password.
    SignIn {
        /// The account.
        account: String,
        /// Its password.
        password: String,
    },
    /// Go on with a kept refresh token.
    Resume {
        /// The token.
        refresh_token: String,
        /// The centers known from last time, so that boards show before the hub answers.
        centers: Vec<CenterId>,
    },
    /// Forget the credentials; cached data goes too.
    SignOut,
    /// Answer to [`Action::Restore`].
    Restored(CenterId, Box<Restored>),
    /// Something happened on a socket.
    Socket(SocketId, SocketEvent),
    /// A request came back.
    Http(RequestId, Result<HttpResponse, HttpFailure>),
    /// The cache has committed the batch with that number (and with it everything before).
    Committed(CenterId, u64),
    /// The cache can't commit the batch with that number for now (disk full, file locked) and goes on trying. Alarms
    /// are told all the same; at worst they are told again after a restart. Commands wait, as for any slow disk.
    Unwritten(CenterId, u64),
    /// The cache could not commit: it is set aside, and the center's rows must be persisted afresh.
    CacheLost(CenterId),
    /// What the audit of the cache found: ids whose stored content does not fit its checksum, and whether the
    /// recomputed count and digest fit those at the cursor.
    Audited {
        /// Which center.
        center: CenterId,
        /// Rows whose content is not what was written.
        damaged: Vec<DeliveryId>,
        /// Whether count and digest from disk are those of the last transaction.
        digest_fits: bool,
    },
    /// Somebody wants all of a center compared with the hub, and its cache read from disk.
    Check(CenterId),
    /// A person wants something done.
    Command(Box<CommandRequest>),
    /// A person took note of an alarm, or the window shows it.
    Receipt(CenterId, AlarmKey, ReceiptStage),
    /// A deadline has come (also harmless at any other moment).
    Tick,
}

/// Rows to write, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which center.
    pub center: CenterId,
    /// Counts up per center; answered with [`Input::Committed`].
    pub seq: u64,
    /// True: all rows of the center that are not in `upserts` go.
    pub replace: bool,
    /// Rows as they are now.
    pub upserts: Vec<WireRow>,
    /// Rows that left.
    pub removes: Vec<DeliveryId>,
    /// The cursor after it; none: unchanged.
    pub cursor: Option<Cursor>,
    /// Count and digest of all rows after it.
    pub rows: RowDigest,
    /// Alarms that are new or have come further.
    pub alarms: Vec<StoredAlarm>,
    /// The hub's alarm sequence read so far; none: unchanged.
    pub alarm_seq: Option<u64>,
    /// The last proof; none: unchanged.
    pub proven_at: Option<UtcMillis>,
    /// Alarms that could not be read; none: unchanged.
    pub alarms_skipped: Option<SkippedAlarms>,
    /// Commands that begin: none is sent before this batch is committed or the cache has taken too long.
    pub commands: Vec<StoredCommand>,
    /// Commands that are settled.
    pub settled: Vec<CommandId>,
    /// Cancellations of this seat's own that are new or have changed.
    pub own: Vec<OwnCancellation>,
    /// Of a foreign server: names that are new or have changed; none: forgotten.
    pub names: Vec<(DeliveryId, Option<ForeignName>)>,
}

/// How a command without an outcome stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsettled {
    /// On its way.
    Pending,
    /// Unanswered for so long that nobody knows.
    Unknown,
}

/// A change of the board in memory (overlays of this seat's commands already in it).
#[derive(Debug, Clone, PartialEq)]
pub enum RowChange {
    /// The row as it is now.
    Upsert(WireRow),
    /// It left, at that revision.
    Remove(DeliveryId, Rev),
    /// Forget all rows of the center; the rows that follow in the same list are all there are.
    Clear,
    /// A command of this seat on that row is unsettled; none: the last one is settled.
    Mark(DeliveryId, Option<Unsettled>),
}

/// Why there is no socket, or no answer.
pub type LinkReason = Arc<str>;

/// The state of a center's session, with only what is true in it.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing has answered since the start.
    Connecting {
        /// Since when (wall clock).
        since: UtcMillis,
        /// What is waited for.
        reason: LinkReason,
    },
    /// Socket joined, not proven.
    CatchingUp {
        /// Since when.
        since: UtcMillis,
        /// What is waited for.
        reason: LinkReason,
    },
    /// Holds the hub's revision of every row.
    Live {
        /// Since when.
        since: UtcMillis,
        /// The last proof: of the rows that could be named and dated.
        proven_at: UtcMillis,
        /// Rows that could not be read.
        unread: u64,
    },
    /// No socket; REST answers.
    Polling {
        /// Since when.
        since: UtcMillis,
        /// Why there is no socket.
        reason: LinkReason,
    },
    /// No socket, and REST failed twice in a row.
    Offline {
        /// Since when.
        since: UtcMillis,
        /// Why.
        reason: LinkReason,
    },
    /// Sign-in, account or center refused.
    Refused {
        /// Since when.
        since: UtcMillis,
        /// With which code.
        code: ErrorCode,
    },
}

impl State {
    /// The name as people and scripts read it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "Connecting",
            Self::CatchingUp { .. } => "CatchingUp",
            Self::Live { .. } => "Live",
            Self::Polling { .. } => "Polling",
            Self::Offline { .. } => "Offline",
            Self::Refused { .. } => "Refused",
        }
    }
}

/// An instant at which both sides were equal.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The history.
    pub epoch: Epoch,
    /// The revision.
    pub rev: Rev,
    /// Count and digest.
    pub rows: RowDigest,
    /// When (the desk's wall clock).
    pub at: UtcMillis,
    /// The clock of operations at that instant.
    pub day_at: UtcMillis,
}

/// An alarm to tell the person about.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmNotice {
    /// Which.
    pub key: AlarmKey,
    /// It was raised before a restart, or while nobody was here, and is still open.
    pub relisted: bool,
    /// A command of this installation caused it: its person knows.
    pub yours: bool,
    /// The hub has lost what it was about: it goes on from a state before it.
    pub lost: bool,
    /// The delivery as known.
    pub delivery: Option<WireRow>,
    /// The delivery's status before what raised the alarm, where the hub has told.
    pub was: Option<Status>,
}

impl AlarmNotice {
    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> AlarmPriority {
        let row = self.delivery.as_ref().and_then(WireRow::delivery);
        AlarmPriority::of(self.key.kind, row.map(|row| &**row), self.was)
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandOutcome {
    /// As the hub recorded it, with the row.
    Done(Option<WireRow>),
    /// A batch was decided, with a result for each of its deliveries in the order asked.
    Each(Vec<BatchResult>),
    /// The hub refused it, with the reason; nothing was done.
    Refused(Problem),
    /// It never left this seat, and will not; the problem says why.
    NotSent(Problem),
    /// The hub never decided it, and from now on refuses it.
    Void,
    /// It may have been done or not, and this seat can't ask any more; the problem says why.
    Unknowable(Problem),
}

impl CommandOutcome {
    /// The rows that it made, as far as they were told.
    pub fn rows(&self) -> impl Iterator<Item = &WireRow> {
        let (one, each) = match self {
            Self::Done(row) => (row.as_ref(), &[][..]),
            Self::Each(results) => (None, results.as_slice()),
            Self::Refused(_) | Self::NotSent(_) | Self::Void | Self::Unknowable(_) => (None, &[][..]),
        };
        one.into_iter().chain(each.iter().filter_map(|result| result.row.as_ref()))
    }

    /// Whether it changed a delivery that it was about, as far as anybody knows.
    pub(crate) fn may_have_done(&self, id: DeliveryId) -> bool {
        match self {
            Self::Done(_) | Self::Unknowable(_) => true,
            Self::Each(results) => {
                results.iter().find(|result| result.id == id).is_none_or(|result| result.is_done())
            }
            Self::Refused(_) | Self::NotSent(_) | Self::Void => false,
        }
    }

    /// The contract's name; none when it never came to the hub, or can't be known.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Done(_) | Self::Each(_) => Some(Outcome::Done),
            Self::Refused(_) => Some(Outcome::Refused),
            Self::Void => Some(Outcome::Void),
            Self::NotSent(_) | Self::Unknowable(_) => None,
        }
    }
}

/// What comes out.
#[derive(Debug, Clone)]
pub enum Action {
    /// Open a WebSocket to that URL (ws:// or wss://).
    OpenSocket(SocketId, String),
    /// Send a text message.
    SendText(SocketId, String),
    /// Close it, without waiting.
    CloseSocket(SocketId),
    /// Make a request.
    Http(RequestId, HttpRequest),
    /// Forget a request; its answer will be ignored.
    DropHttp(RequestId),
    /// Read a center from the cache; answered with [`Input::Restored`].
    Restore(CenterId),
    /// Write to the cache.
    Persist(Box<Batch>),
    /// Remove a center from the cache.
    Wipe(CenterId),
    /// Recompute checksums and digest of a center's cached rows; answered with [`Input::Audited`].
    Audit(CenterId),
    /// Keep the center's horizon outside the cache file.
    KeepHorizon(CenterId, UtcMillis),
    /// Signed in: keep the refresh token; these are the account and its centers.
    SignedIn(Box<LoginReply>),
    /// Signed out, by the person (`None`) or by the server.
    SignedOut(Option<Problem>),
    /// A sign-in did not come through; the person must try again. `Unavailable` when the server could not be reached.
    SignInFailed(Problem),
    /// Names and zones of the centers.
    Centers(Vec<CenterInfo>),
    /// The board in memory changed. The second part is the cursor after it, once there is one.
    Changed(CenterId, Vec<RowChange>, Option<Cursor>),
    /// The state changed.
    State(CenterId, State),
    /// Both sides are equal.
    Proved(CenterId, Proof),
    /// The clock of operations, as read from a head.
    DayClock {
        /// Which center.
        center: CenterId,
        /// What the clock of operations showed …
        day_at: UtcMillis,
        /// … at this instant of the wall.
        wall: UtcMillis,
    },
    /// Tell the person (after the commit that holds the alarm).
    Alarm(CenterId, Box<AlarmNotice>),
    /// An alarm was acknowledged, here or at another seat, or what it was about has ended.
    AlarmSettled(CenterId, AlarmKey),
    /// What the hub says of an alarm now: who took note, whether it was escalated, whether its reason is gone.
    AlarmTold(CenterId, Box<AlarmEntry>),
    /// Cancellations that are known from the cache to be acknowledged.
    Acknowledged(CenterId, Vec<DeliveryId>),
    /// A command has no outcome yet.
    CommandUnsettled(CommandId, Unsettled),
    /// A command is settled, once.
    CommandSettled(CommandId, CommandOutcome),
    /// What a command had done is in the hub's history no more: it went on without it. Told once, after the command was
    /// settled as done.
    CommandLost(Box<LostCommand>),
    /// A repair replaced something.
    Repaired(CenterId, Box<RepairReport>),
    /// How far a comparison of everything has come.
    Checked(CenterId, Box<CheckReport>),
    /// Latest positions.
    Riders(CenterId, Vec<RiderPos>),
    /// Any other published event: name and data.
    Notice(CenterId, String, String),
}
