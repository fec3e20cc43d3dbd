//! A desk: its app while it runs, its disk, what is kept outside the cache, and what its person was told.

use crate::disk::Disk;
use crate::fault::Fault;
use crate::network::Line;
use crate::tag::Tag;
use crate::window::Window;
use gwanje_model::{CenterId, DeliveryId, Epoch, SeatId, UtcMillis};
use gwanje_sync::{
    AlarmKey, Client, CommandId, HttpFailure, HttpResponse, RequestId, SocketEvent, SocketId, State, Stats,
};
use gwanje_wire::socket::Cursor;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What comes to an app from outside.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// On a connection.
    Socket(u64, SocketEvent, Vec<Tag>),
    Http(RequestId, Result<HttpResponse, HttpFailure>, Vec<Tag>),
}

/// A desk.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) name: SeatId,
    pub(crate) account: String,
    pub(crate) app: Option<App>,
    /// Counts the starts of its app.
    pub(crate) life: u32,
    pub(crate) disk: Disk,
    pub(crate) token: Option<String>,
    pub(crate) centers: Vec<CenterId>,
    pub(crate) horizons: BTreeMap<CenterId, UtcMillis>,
    /// How far its wall clock is off, milliseconds.
    pub(crate) clock_ms: i64,
    /// It does nothing until then: asleep, or stuck.
    pub(crate) frozen_until: u64,
    /// The fault that froze it, until that has come to pass.
    pub(crate) frozen_by: Option<Fault>,
    pub(crate) deferred: VecDeque<Arrival>,
    pub(crate) line: Line,
    pub(crate) told: SeatHistory,
}

/// An app that runs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) window: Window,
    /// Connections by the client's number.
    pub(crate) sockets: BTreeMap<SocketId, u64>,
    pub(crate) requests: BTreeSet<RequestId>,
    pub(crate) reach: Reach,
    /// When requests went out lately, by the center that they were about.
    pub(crate) asked: BTreeMap<Option<CenterId>, VecDeque<u64>>,
    pub(crate) states: BTreeMap<CenterId, State>,
    pub(crate) cursors: BTreeMap<CenterId, Cursor>,
    /// What of it counts malformed, when it was last looked at.
    pub(crate) malformed: u64,
    pub(crate) sessions: BTreeMap<CenterId, Watched>,
    /// Unsettled commands of this life.
    pub(crate) pending: BTreeSet<CommandId>,
    /// Alarms in view.
    pub(crate) open_alarms: BTreeSet<(CenterId, AlarmKey)>,
    /// The last proof of a center.
    pub(crate) proven: BTreeMap<CenterId, Proven>,
    /// The latest moment of which a word of the hub's on a center has come.
    pub(crate) spoken: BTreeMap<CenterId, u64>,
    pub(crate) disk_due: bool,
    pub(crate) look_due: bool,
    pub(crate) day_ms: u64,
    pub(crate) changes: u32,
}

/// What an app has got an answer from since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Untried,
    Nothing,
    Something,
}

/// What is known of a session from outside, to judge what it counts.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// When it was last looked at.
    pub(crate) stats: Stats,
    /// That of its cursor then.
    pub(crate) epoch: Option<Epoch>,
    /// The newest that it was told of.
    pub(crate) newest: Option<Epoch>,
    /// It began without a cursor, or was told that it can't go on: a snapshot is due.
    pub(crate) due: bool,
}

/// What was last proven of a center.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// Where in the center's history it is.
    pub(crate) place: usize,
    /// At which moment that is said to have been so.
    pub(crate) said_ms: u64,
}

/// What happened at a desk over all lives of its app.
#[derive(Debug, Default)]
pub(crate) struct SeatHistory {
    /// How often an alarm was raised.
    pub(crate) raised: BTreeMap<(CenterId, AlarmKey), u32>,
    pub(crate) relisted: BTreeSet<(CenterId, AlarmKey)>,
    /// Acknowledged here: in which life, and whether that is on the disk.
    pub(crate) acknowledged: BTreeMap<(CenterId, AlarmKey), (u32, bool)>,
    /// Acknowledged here and known so to the hub when the app was started.
    pub(crate) heard: BTreeSet<(CenterId, AlarmKey)>,
    /// Raised although it could not be written: may be raised again after a restart.
    pub(crate) unwritten: BTreeSet<(CenterId, AlarmKey)>,
    /// Raised in a center that was wiped before the hub knew of it: may be raised again.
    pub(crate) forgotten: BTreeSet<(CenterId, AlarmKey)>,
    /// Centers whose data was ever wiped.
    pub(crate) wiped: BTreeSet<CenterId>,
    /// Centers whose alarms were read from a replica that lags, after the cache was lost: nobody at the desk can know what
    /// was acknowledged before.
    pub(crate) misled: BTreeSet<CenterId>,
    /// Rows were lost or flipped on purpose, and are not right again: repairs have a cause.
    pub(crate) decayed: BTreeMap<CenterId, BTreeSet<DeliveryId>>,
    /// Since when a center's cursor is said to be ahead, by every word.
    pub(crate) ahead_since: BTreeMap<CenterId, u64>,
    /// An older board was adopted by right, and the hub's is not back yet.
    pub(crate) went_back: BTreeSet<CenterId>,
    /// It is looked at soon, whether these excuses still hold.
    pub(crate) heals: bool,
    /// So many packets and answers of a center were spoilt on purpose, so many were found to be.
    pub(crate) spoilt: u64,
    pub(crate) malformed: u64,
    /// Commands clicked before then may be forgotten: the disk was lost.
    pub(crate) disk_lost_ms: Option<u64>,
}

impl SeatHistory {
    /// The disk is gone, and with it what only the disk knew.
    pub(crate) fn forget_disk(&mut self, now_ms: u64) {
        self.disk_lost_ms = Some(now_ms);
        self.acknowledged.values_mut().for_each(|(_, written)| *written = false);
    }
}
