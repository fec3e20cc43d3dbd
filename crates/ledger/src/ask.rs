//! What is asked of a center: one command, or a batch; by whom, when, on which condition.

use gwanje_model::{Cancel, CenterId, DeliveryId, Epoch, Rev, RiderId, Role, SeatId, Text, UtcMillis};
use gwanje_wire::{NewOrder, Problem};

/// What is to be done, by whom, when.
#[derive(Debug, Clone)]
pub struct Command {
    /// In which center.
    pub center: CenterId,
    /// What.
    pub intent: Intent,
    /// The account that asks; written into history and notes.
    pub by: Text,
    /// Operations time: what the row's instants will say.
    pub at: UtcMillis,
    /// Recorded under this key, when there is one.
    pub idempotency: Option<Idempotency>,
    /// Only while the row is at this revision.
    pub if_match: Option<IfMatch>,
    /// Only on deliveries that this rider carries (others are not found).
    pub only_rider: Option<RiderId>,
}

impl Command {
    /// A plain command: no key, no condition.
    #[must_use]
    pub fn new(center: CenterId, intent: Intent, by: impl Into<Text>, at: UtcMillis) -> Self {
        Self { center, intent, by: by.into(), at, idempotency: None, if_match: None, only_rider: None }
    }
}

/// What a command wants.
#[derive(Debug, Clone)]
pub enum Intent {
    /// Take a new order in.
    Create(Box<NewOrder>),
    /// Change a delivery.
    Act(DeliveryId, Ask),
    /// Refused before it came here; recorded under the key like any other outcome.
    Refuse(Box<Problem>),
}

/// A change as it is asked for: a rider is named by id and looked up when it is decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// See [`gwanje_model::lifecycle::Action::Accept`].
    Accept,
    /// See [`gwanje_model::lifecycle::Action::Assign`]: a rider listed to the center.
    Assign(RiderId),
    /// See [`gwanje_model::lifecycle::Action::Unassign`].
    Unassign,
    /// See [`gwanje_model::lifecycle::Action::Confirm`].
    Confirm,
    /// See [`gwanje_model::lifecycle::Action::Pickup`].
    Pickup,
    /// See [`gwanje_model::lifecycle::Action::Deliver`].
    Deliver,
    /// See [`gwanje_model::lifecycle::Action::Cancel`].
    Cancel(Cancel),
    /// See [`gwanje_model::lifecycle::Action::Note`].
    Note {
        /// What it says.
        text: Text,
        /// The role of whoever writes it; none: an API key.
        role: Option<Role>,
    },
    /// See [`gwanje_model::lifecycle::Action::Undo`].
    Undo(Undo),
}

/// A change to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// The revision that it made.
    pub rev: Rev,
    /// The role that must allow what is taken back; none: whoever asks may do everything.
    pub role: Option<Role>,
}

/// `If-Match`: the revisions that the client saw; the row must be at one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch {
    /// Of which history, and which.
    pub seen: Vec<(Epoch, Rev)>,
}

/// At which revision the row must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// One of those that entity tags name.
    Tagged(IfMatch),
    /// This one of the present history.
    At(Rev),
}

impl Seen {
    /// Whether a row at `rev` of `epoch`, the present history, is what was seen.
    #[must_use]
    pub fn is_met(&self, epoch: &Epoch, rev: Rev) -> bool {
        match self {
            Self::At(seen) => *seen == rev,
            Self::Tagged(IfMatch { seen }) => seen.iter().any(|(of, seen)| of == epoch && *seen == rev),
        }
    }
}

/// The key under which an outcome is kept, scoped to account and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The path of the request.
    pub path: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_hash: [u8; 32],
}

/// What is to be done to several deliveries, by whom, when.
#[derive(Debug, Clone)]
pub struct BatchCommand {
    /// In which center.
    pub center: CenterId,
    /// To each in order; or why to none: recorded under the key like any other outcome.
    pub acts: Result<Vec<BatchAct>, Box<Problem>>,
    /// The account that asks.
    pub by: Text,
    /// Operations time.
    pub at: UtcMillis,
    /// Recorded under this key, when there is one.
    pub idempotency: Option<Idempotency>,
    /// Only on deliveries that this rider carries (others are not found).
    pub only_rider: Option<RiderId>,
}

/// What is to be done to one delivery of a batch.
#[derive(Debug, Clone)]
pub struct BatchAct {
    /// Which.
    pub id: DeliveryId,
    /// What; or why not.
    pub ask: Result<Ask, Box<Problem>>,
    /// Only while the row is at a revision that was seen.
    pub seen: Option<Seen>,
}

/// Who gives word on an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whose sign-in it is.
    pub account: Text,
    /// Which seat of that account, as it names itself.
    pub seat: SeatId,
}
