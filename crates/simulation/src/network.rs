//! The line between a seat and the hub: what may be wrong with it, and one connection over it.

use crate::hub::{Joined, ModelHub};
use crate::plan::Garble;
use gwanje_model::{CenterId, Rev};
use gwanje_sync::SocketId;
use std::collections::BTreeMap;

/// Packets on their way to one client that a hub's buffer holds.
pub(crate) const BUFFER_PACKETS: usize = 128;
/// The same for a seat whose buffer is small (a fault).
pub(crate) const SMALL_BUFFER_PACKETS: usize = 3;

/// What is wrong with a seat's line. All that is counted is armed: it happens to the next that fits.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Nothing gets out; what was sent arrives when it heals.
    pub(crate) cut_up_until: u64,
    /// Nothing gets in; likewise.
    pub(crate) cut_down_until: u64,
    /// Neither has held anything back yet.
    pub(crate) cut_idle: bool,
    /// The desk has no network, and knows it.
    pub(crate) offline_until: u64,
    /// So many milliseconds longer until then.
    pub(crate) slow: (u64, u64),
    pub(crate) small_buffer_until: u64,
    pub(crate) drop_events: u32,
    /// The next frame, wherever it is of, is lost as the last before a silence.
    pub(crate) drop_last: Option<CenterId>,
    pub(crate) duplicate: u32,
    /// So many, so late.
    pub(crate) late: (u32, u64),
    pub(crate) garble: Option<(Garble, u32)>,
    /// The next command is carried out and not answered.
    pub(crate) lose_answer: bool,
    /// So many snapshots end half-way; true: and the connection tells so.
    pub(crate) cut_snapshot: (u32, bool),
    /// While the next snapshot is on its way so many rows change.
    pub(crate) change_during: u32,
    /// `changes` come by pages of so many, between which rows change so many times.
    pub(crate) pages: Option<(u32, u32)>,
    /// A page ended there, and rows have changed since.
    pub(crate) page_overtaken: Option<(CenterId, u64)>,
    /// A head of long ago that arrives between two of them.
    pub(crate) straggler: Option<String>,
    pub(crate) stale: Option<Stale>,
    /// Sockets that the client gives up live on until then.
    pub(crate) old_sockets_until: u64,
    /// A cut, a drop or the like touched the line then.
    pub(crate) disturbed_ms: u64,
}

/// A replica that stands still.
#[derive(Debug)]
pub(crate) struct Stale {
    pub(crate) until: u64,
    pub(crate) center: CenterId,
    pub(crate) hub: Box<ModelHub>,
}

impl Line {
    /// All is well again.
    pub(crate) fn mend(&mut self) {
        *self = Self { disturbed_ms: self.disturbed_ms, ..Self::default() };
    }
}

/// A connection, as both ends see it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) seat: usize,
    pub(crate) life: u32,
    pub(crate) socket: SocketId,
    pub(crate) node: usize,
    /// The hub holds it open.
    pub(crate) hub_open: bool,
    /// The client holds it open.
    pub(crate) client_open: bool,
    /// What lies between has forgotten it: nothing passes any more, and nobody says so.
    pub(crate) forgotten: bool,
    pub(crate) centers: BTreeMap<CenterId, Follower>,
    /// Packets on their way to the client.
    pub(crate) in_flight: usize,
    /// Its buffer at the hub was full when something was last to be sent.
    pub(crate) full: bool,
    /// Texts that were sent to the client in their order, and how many of them it has taken in.
    pub(crate) sent: u64,
    pub(crate) taken: u64,
    pub(crate) last_down_ms: u64,
    pub(crate) last_up_ms: u64,
    pub(crate) ponged: bool,
}

/// A center that a connection has joined.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) who: Joined,
    pub(crate) subscribed: bool,
    /// The revision up to which it was told of deliveries.
    pub(crate) told: Rev,
    pub(crate) behind_since: Option<u64>,
    /// A frame to it was lost, and nothing that shows it was sent since.
    pub(crate) lost: bool,
}
