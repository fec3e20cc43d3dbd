//! The line between a seat and the hub: what may be wrong with the line, and one connection over it.

use crate::hub::{Joined, ModelHub};
use crate::plan::Garble;
use gwanje_model::{CenterId, Rev};
use gwanje_sync::SocketId;
use std::collections::BTreeMap;

/// The most packets on their way to one client in a hub's buffer.
pub(crate) const BUFFER_PACKETS: usize = 128;
/// The same for a seat with a small buffer (a fault).
pub(crate) const SMALL_BUFFER_PACKETS: usize = 3;

/// What is wrong with a seat's line. Everything counted is armed: it happens to the next packet or request that fits.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Nothing gets out until then; what was sent arrives when the line heals.
    pub(crate) cut_up_until: u64,
    /// Nothing gets in until then; likewise.
    pub(crate) cut_down_until: u64,
    /// The cut in neither direction has held anything back yet.
    pub(crate) cut_idle: bool,
    /// The desk has no network, and knows it.
    pub(crate) offline_until: u64,
    /// Until when the line is slow, and by how many milliseconds.
    pub(crate) slow: (u64, u64),
    pub(crate) small_buffer_until: u64,
    pub(crate) drop_events: u32,
    /// The next frame of this center is lost, as the last frame before a silence.
    pub(crate) drop_last: Option<CenterId>,
    pub(crate) duplicate: u32,
    /// How many packets come late, and by how many milliseconds.
    pub(crate) late: (u32, u64),
    pub(crate) garble: Option<(Garble, u32)>,
    /// The next command is carried out, and its answer is lost.
    pub(crate) lose_answer: bool,
    /// How many snapshots end half-way; true: the connection also tells so.
    pub(crate) cut_snapshot: (u32, bool),
    /// How many rows change while the next snapshot is on its way.
    pub(crate) change_during: u32,
    /// How many entries a page of `changes` has, and how often rows change between pages.
    pub(crate) pages: Option<(u32, u32)>,
    /// Where a page ended; rows have changed since.
    pub(crate) page_overtaken: Option<(CenterId, u64)>,
    /// An old head that arrives between two pages.
    pub(crate) straggler: Option<String>,
    pub(crate) stale: Option<Stale>,
    /// Until then, sockets that the client gives up live on.
    pub(crate) old_sockets_until: u64,
    /// When a cut, a drop or the like last touched the line.
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
    /// Something in between has forgotten it: nothing passes any more, and nobody says so.
    pub(crate) forgotten: bool,
    pub(crate) centers: BTreeMap<CenterId, Follower>,
    /// Packets on their way to the client.
    pub(crate) in_flight: usize,
    /// Its buffer at the hub was full at the last attempt to send.
    pub(crate) full: bool,
    /// How many texts were sent to the client in order, and how many of them it has taken in.
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
    /// The revision up to which the follower was told of deliveries.
    pub(crate) told: Rev,
    pub(crate) behind_since: Option<u64>,
    /// A frame to the follower was lost, and nothing that reveals the loss was sent since.
    pub(crate) lost: bool,
}
