//! A desk: its app while it runs, its disk, what is kept outside the cache, and what its person was told.

use crate::disk::{Disk, Job, JobAnswer, Kept};
use crate::fault::Fault;
use crate::network::Line;
use crate::tag::Tag;
use crate::window::Window;
use gwanje_model::{CenterId, DeliveryId, Epoch, SeatId, UtcMillis};
use gwanje_persist::Outbox;
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
    /// How many times its app was started.
    pub(crate) life: u32,
    pub(crate) disk: Disk,
    pub(crate) token: Option<String>,
    pub(crate) centers: Vec<CenterId>,
    pub(crate) horizons: BTreeMap<CenterId, UtcMillis>,
    /// How far its wall clock is off, milliseconds.
    pub(crate) clock_ms: i64,
    /// Until when it does nothing: asleep, or stuck.
    pub(crate) frozen_until: u64,
    /// The fault that froze it, until this fault has come to pass.
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
    /// When requests went out lately, by the center they asked about.
    pub(crate) asked: BTreeMap<Option<CenterId>, VecDeque<u64>>,
    pub(crate) states: BTreeMap<CenterId, State>,
    pub(crate) cursors: BTreeMap<CenterId, Cursor>,
    /// Its count of malformed packets at the last look.
    pub(crate) malformed: u64,
    pub(crate) sessions: BTreeMap<CenterId, Watched>,
    /// Unsettled commands of this life.
    pub(crate) pending: BTreeSet<CommandId>,
    /// Alarms in view.
    pub(crate) open_alarms: BTreeSet<(CenterId, AlarmKey)>,
    /// The last proof of a center.
    pub(crate) proven: BTreeMap<CenterId, Proven>,
    /// The latest moment about which the hub has given its word, by center.
    pub(crate) spoken: BTreeMap<CenterId, u64>,
    pub(crate) outbox: Outbox<Kept>,
    /// The thread that owns the cache file.
    pub(crate) thread: Thread,
    pub(crate) thread_due: bool,
    /// Horizons of its centers, as the app knows them. A file holds what the app knew when the file was written.
    pub(crate) horizons: BTreeMap<CenterId, UtcMillis>,
    pub(crate) look_due: bool,
    pub(crate) day_ms: u64,
    pub(crate) changes: u32,
}

/// The thread that owns an app's cache file: one job at a time.
#[derive(Debug, Default)]
pub(crate) enum Thread {
    #[default]
    Free,
    /// Whether the machine has already made it wait.
    Works {
        job: Job,
        has_waited: bool,
    },
    Answers(Vec<JobAnswer>),
}

impl App {
    /// Whether rows wait to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        let (_, waiting, _) = self.outbox.depth();
        waiting > 0
            || matches!(&self.thread, Thread::Works { job: Job::Write(melted), .. } if melted.rows() > 0)
    }
}

/// What has answered an app since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Untried,
    Nothing,
    Something,
}

/// What is known of a session from outside, to judge its counts.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// The counts at the last look.
    pub(crate) stats: Stats,
    /// The epoch of its cursor at that time.
    pub(crate) epoch: Option<Epoch>,
    /// The newest epoch that the session was told of.
    pub(crate) newest: Option<Epoch>,
    /// A snapshot is due: the session began without a cursor, or was told that its cursor can't go on.
    pub(crate) due: bool,
}

/// What was last proven of a center.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// Its place in the center's history.
    pub(crate) place: usize,
    /// The moment at which the center is said to have stood there.
    pub(crate) said_ms: u64,
}

/// What happened at a desk, over all lives of its app.
#[derive(Debug, Default)]
pub(crate) struct SeatHistory {
    /// How often each alarm was raised.
    pub(crate) raised: BTreeMap<(CenterId, AlarmKey), u32>,
    pub(crate) relisted: BTreeSet<(CenterId, AlarmKey)>,
    /// Told as this seat's own doing.
    pub(crate) quiet: BTreeSet<(CenterId, AlarmKey)>,
    /// Alarms acknowledged here: in which life, and whether the disk has the acknowledgement.
    pub(crate) acknowledged: BTreeMap<(CenterId, AlarmKey), (u32, bool)>,
    /// Alarms acknowledged here, which the hub knew to be acknowledged when the app was started.
    pub(crate) heard: BTreeSet<(CenterId, AlarmKey)>,
    /// Alarms raised although they could not be written: they may be raised again after a restart.
    pub(crate) unwritten: BTreeSet<(CenterId, AlarmKey)>,
    /// Alarms raised in a center that was wiped before the hub knew of them: they may be raised again.
    pub(crate) forgotten: BTreeSet<(CenterId, AlarmKey)>,
    /// Centers whose data was ever wiped.
    pub(crate) wiped: BTreeSet<CenterId>,
    /// Centers whose alarms were read from a lagging replica after the cache was lost. Nobody at the desk can know what
    /// was acknowledged before.
    pub(crate) misled: BTreeSet<CenterId>,
    /// Rows that were lost or flipped on purpose, and are not right again: repairs have a cause.
    pub(crate) decayed: BTreeMap<CenterId, BTreeSet<DeliveryId>>,
    /// Since when every word says that a center's cursor is ahead.
    pub(crate) ahead_since: BTreeMap<CenterId, u64>,
    /// Centers that rightly adopted an older board, and don't have the hub's board back yet.
    pub(crate) went_back: BTreeSet<CenterId>,
    /// A look is due soon, at whether these excuses still hold.
    pub(crate) heals: bool,
    /// How many packets and answers of a center were spoilt on purpose, and how many the app found malformed.
    pub(crate) spoilt: u64,
    pub(crate) malformed: u64,
    /// The disk was lost then: commands clicked before may be forgotten.
    pub(crate) disk_lost_ms: Option<u64>,
}

impl SeatHistory {
    /// The disk is gone: forgets what only the disk knew.
    pub(crate) fn forget_disk(&mut self, now_ms: u64) {
        self.disk_lost_ms = Some(now_ms);
        self.acknowledged.values_mut().for_each(|(_, written)| *written = false);
    }
}
