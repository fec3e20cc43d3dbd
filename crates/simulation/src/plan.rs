//! What will happen in a world: a list of steps, drawn before the run. So a plan can be shrunk, printed and kept.

use crate::fault::Fault;
use serde::{Deserialize, Serialize};

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Seeds everything that the plan does not say: delays, jitter.
    pub seed: u64,
    /// The desks.
    pub desks: Vec<Post>,
    /// How many centers there are: `a`, `b`, …
    pub centers: usize,
    /// How many nodes serve them.
    pub nodes: usize,
    /// Orders on each board before anybody looks.
    pub orders: u32,
    /// What happens.
    pub steps: Vec<Step>,
}

/// Who sits at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Post {
    /// Sees center `a`.
    Dispatcher,
    /// Sees all centers of the plan.
    Supervisor,
    /// Takes orders in, for all centers.
    CallCenter,
}

/// One step: after a pause, something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Milliseconds after the step before.
    pub after_ms: u64,
    /// What happens.
    pub what: Happening,
}

/// What happens. A number that picks (a seat, a center, a row) is taken modulo the number of choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Happening {
    /// Somebody elsewhere changes something.
    Work {
        /// Where.
        center: usize,
        /// What is done.
        work: Work,
        /// To which delivery.
        pick: u64,
    },
    /// The person at a seat acts on a delivery, as they see it.
    Click {
        /// Who.
        seat: usize,
        /// In which center.
        center: usize,
        /// What is done.
        work: Work,
        /// To which delivery.
        pick: u64,
    },
    /// The person at a seat acknowledges an alarm.
    Acknowledge {
        /// Who.
        seat: usize,
        /// Which of the alarms in view.
        pick: u64,
    },
    /// The person at a seat looks at something else.
    Look {
        /// Who.
        seat: usize,
        /// The first place in sight.
        first: u64,
        /// Which order and filter.
        pick: u64,
        /// Whether places are held.
        hold: bool,
    },
    /// Something breaks.
    Break(Break),
}

/// What is done to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Work {
    /// A new order.
    Create,
    /// The next step of its life.
    Advance,
    /// A cancellation.
    Cancel,
    /// A remark.
    Note,
    /// What has ended leaves the board.
    Archive,
    /// What the same person did lately is taken back.
    Undo,
    /// A remark on several deliveries at once.
    Batch,
}

/// What breaks, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "fields are what their names say: who, how many, how long")]
pub enum Break {
    /// The next frames to a seat are lost.
    DropEvents { seat: usize, count: u32 },
    /// The frame of a change is lost on its way to a seat, and nothing happens in its center for some seconds.
    DropLast { seat: usize, center: usize },
    /// The next packets to a seat come twice.
    Duplicate { seat: usize, count: u32 },
    /// The next frames, heads and alarms to a seat come late.
    Reorder { seat: usize, count: u32, late_ms: u64 },
    /// A seat loses its cache file and fetches a snapshot, during which rows change.
    ChangeDuringSnapshot { seat: usize, center: usize, count: u32 },
    /// A seat loses its cache file and fetches snapshots; the first ones end half-way.
    SnapshotCut { seat: usize, count: u32, broken: bool },
    /// While a seat is cut off, a delivery is cancelled or ends, and leaves the board.
    DeletedWhileAway { seat: usize, center: usize, cancel: bool, for_ms: u64 },
    /// A new history begins.
    NewEpoch { center: usize, kick: bool },
    /// The hub goes on from a backup of some changes ago.
    HeadBack { center: usize, changes: u32 },
    /// The hub goes on without the last changes, in a new epoch.
    HistoryLost { center: usize, changes: u32 },
    /// While a seat is cut off, the floor rises over its cursor.
    UnderFloor { seat: usize, center: usize, for_ms: u64 },
    /// A replica that stands still answers some of a seat's reads.
    StaleReplica { seat: usize, center: usize, floor: bool, for_ms: u64 },
    /// A seat's connection is dead in these directions.
    HalfOpen { seat: usize, way: Way, for_ms: u64 },
    /// A seat takes nothing in.
    StopsReading { seat: usize, for_ms: u64 },
    /// A seat's line is slow and its buffer at the hub small, while there is much to tell.
    FullBuffer { seat: usize, center: usize, for_ms: u64 },
    /// A node learns of commits only by its heads.
    NoFanOut { node: usize, for_ms: u64 },
    /// A node is killed after it has told some of its followers.
    HubKilled { node: usize, center: usize, for_ms: u64 },
    /// A node is of a newer version.
    TwoVersions { node: usize, for_ms: u64 },
    /// Sockets are refused; every `flap_ms` they are accepted or cut.
    SocketsFlap { for_ms: u64, flap_ms: u64 },
    /// A seat's app starts with nothing in reach.
    ColdStart { seat: usize, for_ms: u64 },
    /// All sockets are cut, and REST answers with this status.
    ReconnectStorm { status: u16, for_ms: u64 },
    /// A seat's app is killed with a batch that is not yet written.
    AppKilled { seat: usize, center: usize, down_ms: u64 },
    /// A seat's disk or cache file is spoilt.
    Disk { seat: usize, how: Spoilt, for_ms: u64 },
    /// All desks sleep.
    Asleep { for_ms: u64 },
    /// One desk sleeps.
    Nap { seat: usize, for_ms: u64 },
    /// A desk's clock is set.
    ClockJump { seat: usize, by_ms: i64 },
    /// A seat's token is no longer valid.
    TokenExpired { seat: usize },
    /// A seat's account loses a center for a while.
    CenterRevoked { seat: usize, center: usize, for_ms: u64 },
    /// All sign-ins of a seat's account end.
    SignInRevoked { seat: usize },
    /// A command of a seat is carried out, and its answer is lost.
    AnswerLost { seat: usize, center: usize, work: Work, pick: u64 },
    /// Somebody edits a delivery while a seat's command on it is on its way.
    RemoteEdit { seat: usize, center: usize, work: Work, pick: u64, lead_ms: u64 },
    /// The next packets to a seat are spoilt.
    Garbled { seat: usize, how: Garble, count: u32 },
    /// A seat's page is loaded anew.
    PageReloaded { seat: usize },
    /// A seat's page acknowledges nothing.
    PageLags { seat: usize, for_ms: u64 },
    /// A seat takes its socket for dead, but the socket lives.
    TwoSockets { seat: usize, for_ms: u64 },
    /// A row is lost from a seat's memory.
    RowLost { seat: usize, pick: u64 },
    /// A byte flips in a seat's cached row.
    ByteFlipped { seat: usize, pick: u64 },
    /// Many changes, five milliseconds apart.
    Flood { center: usize, count: u32 },
    /// The store is away for a while.
    StoreRestarted { for_ms: u64 },
    /// A node's next frames come in swapped order.
    SwappedOrder { node: usize, center: usize },
    /// A seat is cut off, comes back, and reads changes by small pages; rows change between the pages.
    ChangePages { seat: usize, center: usize, page: u32 },
    /// The answer to the commit of a seat's command is lost; whether the commit was made.
    CommitUnknown { seat: usize, center: usize, work: Work, pick: u64, made: bool },
    /// A seat's command waits between lock and commit, and others come to the same center.
    Interleaved { seat: usize, center: usize, work: Work, pick: u64, for_ms: u64 },
    /// The next signals to a node are lost.
    SignalsLost { node: usize, center: usize, count: u32 },
    /// The next signals to a node come twice.
    SignalsDoubled { node: usize, center: usize, count: u32 },
    /// The next two signals to a node change places.
    SignalsSwapped { node: usize, center: usize },
    /// A node hears of commits late.
    NodeLags { node: usize, center: usize, late_ms: u64, for_ms: u64 },
    /// A node is cut off from the signals, but not from the store.
    SignalsCut { node: usize, center: usize, for_ms: u64 },
    /// A node is cut off from the store, but not from the signals.
    StoreCut { node: usize, center: usize, for_ms: u64 },
}

/// In which directions a connection is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// From the seat to the hub, until it heals.
    Up,
    /// From the hub to the seat, until it heals.
    Down,
    /// Both, until it heals.
    Both,
    /// Something between both ends has forgotten the socket; new sockets work.
    Forgotten,
}

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Spoilt {
    /// It takes no writes (busy, full).
    Busy,
    /// The file turns out to be damaged while in use.
    Corrupt,
    /// The file is damaged while the app is not running.
    CorruptAtRest,
}

/// How a packet is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Garble {
    /// Ends half-way.
    Truncated,
    /// A frame that contradicts itself.
    Nonsense,
    /// Too large to read.
    Oversized,
    /// An event that nobody knows, beside the packet.
    Unknown,
}

impl Break {
    /// The fault that it is meant to inject.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::DropEvents { .. } => Fault::DropEvent,
            Self::DropLast { .. } => Fault::DropLast,
            Self::Duplicate { .. } => Fault::Duplicate,
            Self::Reorder { .. } => Fault::Reorder,
            Self::ChangeDuringSnapshot { .. } => Fault::ChangeDuringSnapshot,
            Self::SnapshotCut { .. } => Fault::SnapshotCut,
            Self::DeletedWhileAway { .. } => Fault::DeletedWhileAway,
            Self::NewEpoch { .. } => Fault::NewEpoch,
            Self::HeadBack { .. } => Fault::HeadBack,
            Self::HistoryLost { .. } => Fault::HistoryLost,
            Self::UnderFloor { .. } => Fault::UnderFloor,
            Self::StaleReplica { .. } => Fault::StaleReplica,
            Self::HalfOpen { .. } => Fault::HalfOpen,
            Self::StopsReading { .. } => Fault::StopsReading,
            Self::FullBuffer { .. } => Fault::FullBuffer,
            Self::NoFanOut { .. } => Fault::NoFanOut,
            Self::HubKilled { .. } => Fault::HubKilled,
            Self::TwoVersions { .. } => Fault::TwoVersions,
            Self::SocketsFlap { .. } => Fault::SocketsFlap,
            Self::ColdStart { .. } => Fault::ColdStart,
            Self::ReconnectStorm { .. } => Fault::ReconnectStorm,
            Self::AppKilled { .. } => Fault::AppKilled,
            Self::Disk { .. } => Fault::Disk,
            Self::Asleep { .. } | Self::Nap { .. } | Self::ClockJump { .. } => Fault::Clock,
            Self::TokenExpired { .. } | Self::CenterRevoked { .. } | Self::SignInRevoked { .. } => {
                Fault::Credentials
            }
            Self::AnswerLost { .. } => Fault::AnswerLost,
            Self::RemoteEdit { .. } => Fault::RemoteEdit,
            Self::Garbled { .. } => Fault::Garbled,
            Self::PageReloaded { .. } | Self::PageLags { .. } => Fault::Page,
            Self::TwoSockets { .. } => Fault::TwoSockets,
            Self::RowLost { .. } | Self::ByteFlipped { .. } => Fault::Decay,
            Self::Flood { .. } => Fault::Flood,
            Self::StoreRestarted { .. } => Fault::StoreRestarted,
            Self::SwappedOrder { .. } => Fault::SwappedOrder,
            Self::ChangePages { .. } => Fault::ChangePages,
            Self::CommitUnknown { .. } => Fault::CommitUnknown,
            Self::Interleaved { .. } => Fault::Interleaved,
            Self::SignalsLost { .. } => Fault::SignalsLost,
            Self::SignalsDoubled { .. } => Fault::SignalsDoubled,
            Self::SignalsSwapped { .. } => Fault::SignalsSwapped,
            Self::NodeLags { .. } => Fault::NodeLags,
            Self::SignalsCut { .. } => Fault::SignalsCut,
            Self::StoreCut { .. } => Fault::StoreCut,
        }
    }
}

impl Plan {
    /// Whether each node hears of each commit at once, so that what it has in memory is the present.
    #[must_use]
    pub fn hears_at_once(&self) -> bool {
        let faults = self.faults();
        !faults.contains(&Fault::NoFanOut) && !Fault::OF_NODES.iter().any(|fault| faults.contains(fault))
    }

    /// The kinds of faults in the plan.
    #[must_use]
    pub fn faults(&self) -> std::collections::BTreeSet<Fault> {
        let broken = self.steps.iter().filter_map(|step| match &step.what {
            Happening::Break(broken) => Some(broken.fault()),
            Happening::Work { .. }
            | Happening::Click { .. }
            | Happening::Acknowledge { .. }
            | Happening::Look { .. } => None,
        });
        broken.collect()
    }
}
