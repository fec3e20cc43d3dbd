//! The faults that a board must survive, in one place: numbers and names as the design lists them.

use serde::{Deserialize, Serialize};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A frame is lost, and others follow.
    DropEvent,
    /// The last frame is lost, then silence.
    DropLast,
    /// A packet comes twice.
    Duplicate,
    /// A packet comes very late, after its successors.
    Reorder,
    /// Rows change while a snapshot is on its way.
    ChangeDuringSnapshot,
    /// A snapshot's body ends half-way.
    SnapshotCut,
    /// A delivery leaves the board while a seat is away, and its tombstone goes under the floor.
    DeletedWhileAway,
    /// A new epoch begins while packets of the old one are still on their way.
    NewEpoch,
    /// The hub is restored from a backup and goes on in the same epoch: cursors are ahead of it.
    HeadBack,
    /// A seat comes back with a cursor under the floor.
    UnderFloor,
    /// A lagging replica answers reads.
    StaleReplica,
    /// A connection is dead in one or both directions, and nobody says so.
    HalfOpen,
    /// A client reads nothing for a while.
    StopsReading,
    /// The hub's send buffer for a client is full.
    FullBuffer,
    /// A node learns of commits only by its heads (the fan-out is away).
    NoFanOut,
    /// A node is killed while it broadcasts.
    HubKilled,
    /// Two versions serve at once: unknown fields, events and statuses.
    TwoVersions,
    /// Sockets are refused, now and then accepted, while REST answers.
    SocketsFlap,
    /// The app starts while nothing answers.
    ColdStart,
    /// All come back at once and meet 503 or 429.
    ReconnectStorm,
    /// The app is killed between apply and commit.
    AppKilled,
    /// The disk is busy, full, or the cache file corrupt.
    Disk,
    /// A desk sleeps for hours, or its clock jumps.
    Clock,
    /// A token expires, a center or a sign-in is revoked.
    Credentials,
    /// A command is carried out and its answer is lost.
    AnswerLost,
    /// Somebody else edits the delivery of a pending command.
    RemoteEdit,
    /// A packet is malformed, oversized or unknown.
    Garbled,
    /// The page is reloaded, or lags.
    Page,
    /// An older socket still speaks after a failover.
    TwoSockets,
    /// A byte flips on disk, or a row is lost from memory.
    Decay,
    /// A flood of changes.
    Flood,
    /// The store is away, the node is not.
    StoreRestarted,
    /// Two nodes publish in swapped order.
    SwappedOrder,
    /// Rows change again between two pages of `changes`.
    ChangePages,
    /// The hub goes on from a state of some changes ago, in a new epoch.
    HistoryLost,
    /// The answer to a commit is lost: the node does not know whether it was made.
    CommitUnknown,
    /// Others come to a center between a node's lock and its commit.
    Interleaved,
    /// Signals of commits do not reach a node.
    SignalsLost,
    /// Signals reach a node twice.
    SignalsDoubled,
    /// Signals reach a node in swapped order.
    SignalsSwapped,
    /// A node hears of commits late.
    NodeLags,
    /// A node is cut off from the signals alone: it neither hears nor is heard.
    SignalsCut,
    /// A node is cut off from the store alone.
    StoreCut,
}

impl Fault {
    /// How many kinds there are.
    pub const COUNT: usize = 43;

    /// Those of several nodes on one store, which are drawn apart from the others.
    pub const OF_NODES: [Self; 8] = [
        Self::CommitUnknown,
        Self::Interleaved,
        Self::SignalsLost,
        Self::SignalsDoubled,
        Self::SignalsSwapped,
        Self::NodeLags,
        Self::SignalsCut,
        Self::StoreCut,
    ];

    /// Every kind, in the order of its number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::DropEvent,
        Self::DropLast,
        Self::Duplicate,
        Self::Reorder,
        Self::ChangeDuringSnapshot,
        Self::SnapshotCut,
        Self::DeletedWhileAway,
        Self::NewEpoch,
        Self::HeadBack,
        Self::UnderFloor,
        Self::StaleReplica,
        Self::HalfOpen,
        Self::StopsReading,
        Self::FullBuffer,
        Self::NoFanOut,
        Self::HubKilled,
        Self::TwoVersions,
        Self::SocketsFlap,
        Self::ColdStart,
        Self::ReconnectStorm,
        Self::AppKilled,
        Self::Disk,
        Self::Clock,
        Self::Credentials,
        Self::AnswerLost,
        Self::RemoteEdit,
        Self::Garbled,
        Self::Page,
        Self::TwoSockets,
        Self::Decay,
        Self::Flood,
        Self::StoreRestarted,
        Self::SwappedOrder,
        Self::ChangePages,
        Self::HistoryLost,
        Self::CommitUnknown,
        Self::Interleaved,
        Self::SignalsLost,
        Self::SignalsDoubled,
        Self::SignalsSwapped,
        Self::NodeLags,
        Self::SignalsCut,
        Self::StoreCut,
    ];

    /// Its number in the list of faults, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// What it is, for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DropEvent => "an event dropped mid-stream",
            Self::DropLast => "the last event dropped, then silence",
            Self::Duplicate => "an event twice",
            Self::Reorder => "an event very late, out of order",
            Self::ChangeDuringSnapshot => "changes during a snapshot",
            Self::SnapshotCut => "a snapshot cut half-way",
            Self::DeletedWhileAway => "deleted while away, tombstone under the floor",
            Self::NewEpoch => "a new epoch, the old one's stragglers",
            Self::HeadBack => "the head goes back in the same epoch",
            Self::UnderFloor => "resumed under the floor",
            Self::StaleReplica => "answers of a stale replica",
            Self::HalfOpen => "a half-open or one-way connection",
            Self::StopsReading => "a client stops reading",
            Self::FullBuffer => "the hub's send buffer is full",
            Self::NoFanOut => "a node without fan-out",
            Self::HubKilled => "a hub killed mid-broadcast",
            Self::TwoVersions => "two versions at once",
            Self::SocketsFlap => "sockets down or flapping, REST up",
            Self::ColdStart => "a cold start, nothing answers",
            Self::ReconnectStorm => "a mass reconnect with 503 or 429",
            Self::AppKilled => "the app killed between apply and commit",
            Self::Disk => "disk busy, full or corrupt",
            Self::Clock => "hours asleep, a clock that jumps",
            Self::Credentials => "a token expired, a center revoked",
            Self::AnswerLost => "an answer lost after the commit",
            Self::RemoteEdit => "a remote edit against a pending command",
            Self::Garbled => "malformed, oversized, unknown packets",
            Self::Page => "the page reloaded or lagging",
            Self::TwoSockets => "two sockets alive after a failover",
            Self::Decay => "a flipped byte on disk, a row lost from memory",
            Self::Flood => "a flood of changes",
            Self::StoreRestarted => "the store restarted",
            Self::SwappedOrder => "two nodes publish in swapped order",
            Self::ChangePages => "changes between pages of changes",
            Self::HistoryLost => "a new epoch without the last commits",
            Self::CommitUnknown => "a commit whose answer is lost",
            Self::Interleaved => "others between a node's lock and its commit",
            Self::SignalsLost => "signals between nodes lost",
            Self::SignalsDoubled => "signals between nodes doubled",
            Self::SignalsSwapped => "signals between nodes in swapped order",
            Self::NodeLags => "a node that lags",
            Self::SignalsCut => "a node cut off from the signals alone",
            Self::StoreCut => "a node cut off from the store alone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_number_and_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for (at, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault.number(), at + 1);
            assert!(names.insert(fault.name()), "{}", fault.name());
        }
    }
}
