//! One center's session: cursor, gaps, proof, repair, snapshots and polling.
//!
//! Each input changes what is known; then, in one place (`settle`), follows what is to be asked for and which of the six
//! states holds ([`state`] has the table). So no input needs to know what every other part is at.
//!
//! | file | one idea |
//! | --- | --- |
//! | `rows` | the rows in memory and their digest |
//! | `order` | the cursor and the order of frames |
//! | `following` | the socket: joining, frames, heads, gaps |
//! | `proof` | how old a proof is |
//! | `rest` | one request at a time, which is due, failures, polling |
//! | `snapshot` · `repair` | the two ways back to a true board |
//! | `check` | comparing everything on demand |
//! | `count` | what requests and events cost |
//! | `alarms` | cancellations, what `/alarms` says |
//! | `kept` | commands that the cache keeps until they are settled |
//! | `overdue` · `unproven` | alarms whose condition ends by itself |
//! | `overlay` | answers to this seat's commands |
//! | `publish` | how changes reach cache and board |
//! | `state` | the six states |
//! | `foreign` | a center on a server that knows no revisions |

mod alarms;
mod check;
mod count;
mod fetch;
mod following;
mod foreign;
mod kept;
mod order;
mod overdue;
mod overlay;
mod proof;
mod publish;
mod repair;
mod rest;
mod rows;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod unproven;

pub(crate) use count::Spent;
pub(crate) use foreign::{Asked, ForeignSession};

pub use fetch::{Fetch, FetchFailure, FetchId, Fetched, SessionAction, SessionConfig};

use crate::io::{
    AlarmKey, CommandId, LinkReason, Mono, Now, Proof, Restored, RowChange, State, StoredCommand,
};
use crate::stats::{RowSource, Stats};
use alarms::Alarms;
use check::{Check, Compared};
use gwanje_model::{CenterId, DeliveryId, Epoch, UtcMillis};
use gwanje_wire::rest::{AlarmEntry, ReceiptStage};
use gwanje_wire::socket::{Cursor, SubscribeAck};
use gwanje_wire::{ErrorCode, Frame, Head, WireRow};
use kept::Kept;
use order::Order;
use overlay::Overlays;
use proof::{Dating, Proven};
use publish::Unread;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use repair::{Repair, Step};
use rest::Rest;
use rows::Rows;
use state::{Facts, SocketFact, is_change};
use std::collections::VecDeque;
use unproven::Unproven;

/// With a cached board the first request waits this long for the socket, whose `subscribe` brings the same.
const SOCKET_GRACE_MS: u64 = 1_000;

/// How far the socket has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Socket {
    /// No namespace is joined.
    Absent,
    /// Joined; `subscribe` was sent with that cursor and is sent again at that moment. `moving`: frames still come by the
    /// former socket, which goes on until this one has subscribed.
    Joined { asked: Option<Cursor>, again: Mono, moving: bool },
    /// The rooms are joined: frames and heads come.
    Subscribed,
}

/// The center was refused.
#[derive(Debug)]
struct Refusal {
    code: ErrorCode,
    /// When to ask again, where it may have been a stray error.
    again: Option<Mono>,
}

/// One center's session.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    rng: ChaCha8Rng,
    out: VecDeque<SessionAction>,
    state: State,
    stats: Stats,

    restored: bool,
    authorised: bool,
    answered: bool,
    refused: Option<Refusal>,
    socket: Socket,
    socket_reason: LinkReason,
    rest: Rest,

    rows: Rows,
    order: Order,
    overlays: Overlays,
    alarms: Alarms,
    kept: Kept,
    unread: Unread,
    /// Memory held less, or other, than the incremental digest says: board and cache may hold more.
    rows_lost: bool,

    /// When to fetch what is known to be missing.
    gap: Option<Mono>,
    /// Something unreadable came then: what it held is unknown.
    suspect: Option<Mono>,
    /// When to fetch a snapshot.
    snapshot: Option<Mono>,
    /// The older epoch that answers carry, and since when.
    old_epoch: Option<(Epoch, Mono)>,
    /// Since when answers say that the cursor is ahead of the hub.
    ahead: Option<Mono>,
    adopt_older: bool,
    repair: Repair,
    check: Option<Check>,
    compared_at: Compared,
    /// Events whose way to the disk is timed: the batch that holds them, and when the hub told them.
    uncommitted: VecDeque<(u64, Mono)>,

    dating: Dating,
    proven: Proven,
    unproven: Unproven,
    last_proof: Option<Proof>,
    /// The last proof is newer than the one in the cache, which was written then.
    proof_unstored: bool,
    proof_stored: Mono,
    day_clock: Option<Mono>,
    batch: u64,
}

/// The interface that [`crate::Client`] drives. Each call may leave actions in the queue.
impl Session {
    /// A session that waits for [`Session::restored`].
    #[must_use]
    pub fn new(config: SessionConfig, now: Now) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            alarms: Alarms::new(config.seat.clone()),
            config,
            out: VecDeque::new(),
            state: State::Connecting { since: now.wall },
            stats: Stats::default(),
            restored: false,
            authorised: false,
            answered: false,
            refused: None,
            socket: Socket::Absent,
            socket_reason: "no socket yet".into(),
            rest: Rest::new(now),
            rows: Rows::default(),
            order: Order::default(),
            overlays: Overlays::default(),
            kept: Kept::default(),
            unread: Unread::default(),
            rows_lost: false,
            gap: None,
            suspect: None,
            snapshot: None,
            old_epoch: None,
            ahead: None,
            adopt_older: false,
            repair: Repair::default(),
            check: None,
            compared_at: Compared::default(),
            uncommitted: VecDeque::new(),
            dating: Dating::default(),
            proven: Proven::default(),
            unproven: Unproven::default(),
            last_proof: None,
            proof_unstored: false,
            proof_stored: now.mono,
            day_clock: None,
            batch: 0,
        }
    }

    /// What the cache held; from now on the session runs.
    pub fn restored(&mut self, restored: Restored, now: Now) {
        if self.restored {
            return;
        }
        self.restored = true;
        self.reconcile_later(now);
        let Restored {
            rows,
            cursor,
            alarms,
            alarm_seq,
            horizon,
            proven_at: _,
            alarms_skipped,
            commands,
            names: _,
        } = restored;
        self.alarms.restore(alarms, alarm_seq, alarms_skipped, horizon, &mut self.out);
        self.kept.restore(commands);
        self.take_restored(rows, cursor);
        if self.is_joined() {
            self.subscribe(now);
        }
        self.settle(now);
    }

    /// Sign-in is done: requests may be made. Also ends a refusal.
    pub fn authorised(&mut self, now: Now) {
        self.refused = None;
        if !self.authorised {
            self.authorised = true;
            // Failures so far were of the sign-in.
            self.rest.failures = 0;
            self.rest.poll_due = now.mono.plus_ms(SOCKET_GRACE_MS);
            self.alarms.due = Some(now.mono);
        }
        self.settle(now);
    }

    /// The server could not be reached for a sign-in, a refresh or a ticket: counts like an unanswered request of this
    /// session.
    pub fn unreachable(&mut self, reason: LinkReason, now: Now) {
        self.rest.fail(reason);
        self.settle(now);
    }

    /// The namespace is joined: the session subscribes.
    pub fn socket_joined(&mut self, now: Now) {
        self.refused = None;
        self.answered = true;
        self.dating = Dating::default();
        self.stats.connects += 1;
        let moving = self.socket == Socket::Subscribed;
        self.socket = Socket::Joined { asked: None, again: Mono(u64::MAX), moving };
        self.poll_later(now);
        self.alarms.due = Some(now.mono);
        if self.restored {
            self.subscribe(now);
        }
        self.settle(now);
    }

    /// The answer to `subscribe`.
    pub fn subscribed(&mut self, ack: SubscribeAck, now: Now) {
        self.take_ack(ack, now);
        self.settle(now);
    }

    /// The socket is gone (refused, closed, silent), or could not be opened; with the reason for people.
    pub fn socket_lost(&mut self, reason: LinkReason, now: Now) {
        let had = self.is_joined();
        if had || matches!(self.state, State::Connecting { .. }) && self.rest.failures == 0 {
            // The first poll decides whether REST answers; what failed while the socket was there does not count.
            self.rest.poll_due = now.mono;
        }
        if had {
            self.rest.failures = 0;
        }
        self.socket = Socket::Absent;
        self.socket_reason = reason;
        self.dating = Dating::default();
        self.settle(now);
    }

    /// A `deliveries` event.
    pub fn frame(&mut self, frame: Frame, now: Now) {
        if self.restored {
            self.take_frame(frame, RowSource::Frame, now);
        }
        self.settle(now);
    }

    /// A `head` event.
    pub fn head(&mut self, head: Head, now: Now) {
        if self.restored {
            self.take_head(&head, now);
        }
        self.settle(now);
    }

    /// An `alarm` event.
    pub fn alarm(&mut self, entry: AlarmEntry, now: Now) {
        let alive = self.rows.get(entry.id).is_some_and(alarms::is_alive);
        self.alarms.event(entry, alive, now.mono, &mut self.out);
        self.settle(now);
    }

    /// An `alarm` event could not be read: counted, and `/alarms` says what it was about.
    pub fn alarm_unreadable(&mut self, now: Now) {
        self.stats.malformed += 1;
        self.alarms.due.get_or_insert(now.mono);
        self.settle(now);
    }

    /// Any packet came on the socket (the proof may be late although the socket lives).
    pub fn packet(&mut self, now: Now) {
        self.settle(now);
    }

    /// What may have been a frame or a head of this center could not be read: counted, and treated as a gap.
    pub fn malformed(&mut self, now: Now) {
        self.take_malformed(now);
        self.settle(now);
    }

    /// A request came back.
    pub fn answer(&mut self, id: FetchId, result: Result<Fetched, FetchFailure>, now: Now) {
        self.take_answer(id, result, now);
        self.settle(now);
    }

    /// The cache committed up to that batch.
    pub fn committed(&mut self, seq: u64, now: Now) {
        self.alarms.committed(seq, &mut self.out);
        self.kept.committed(seq, &mut self.out);
        self.time_committed(seq, now);
        self.settle(now);
    }

    /// The cache was set aside: everything must be persisted afresh.
    pub fn cache_lost(&mut self, now: Now) {
        if self.restored {
            self.alarms.store_all();
            self.kept.store_all();
            self.persist_all(now);
            // Nothing of the former file is left to be read.
            self.check_audited(1, self.rows.sum().count);
        }
        self.settle(now);
    }

    /// What the audit found.
    pub fn audited(&mut self, damaged: Vec<DeliveryId>, digest_fits: bool, now: Now) {
        self.take_audit(damaged, digest_fits, now);
        self.settle(now);
    }

    /// Somebody wants everything compared: all buckets by content, and the cache from disk. [`SessionAction::Checked`]
    /// tells how far it has come, the last one that it is over.
    pub fn check(&mut self, now: Now) {
        self.begin_check(now);
        self.settle(now);
    }

    /// Sign-in, account or center refused.
    pub fn refused(&mut self, code: ErrorCode, now: Now) {
        self.refuse(code, now);
        self.settle(now);
    }

    /// A command of this seat was answered with this row (rule 9: an overlay).
    pub fn overlay(&mut self, epoch: Epoch, row: WireRow, now: Now) {
        let held = self.rows.get(row.id()).map(WireRow::rev);
        let reached = self.order.cursor().is_some_and(|c| self.order.is_whole() && c.rev >= row.rev());
        let current = self.order.cursor().is_some_and(|cursor| cursor.epoch == epoch);
        if current && !reached && held < Some(row.rev()) && self.overlays.put(epoch, row.clone()) {
            let cursor = self.order.cursor().cloned();
            self.out.push_back(SessionAction::Changed(vec![RowChange::Upsert(row)], cursor));
        }
        self.settle(now);
    }

    /// A person took note, or the window shows it.
    pub fn receipt(&mut self, key: AlarmKey, stage: ReceiptStage, now: Now) {
        self.alarms.receipt(key, stage, &mut self.out);
        self.settle(now);
    }

    /// The hub has a receipt of this seat, or wants none for that alarm.
    pub fn receipt_taken(&mut self, key: AlarmKey, stage: ReceiptStage, now: Now) {
        self.alarms.receipt_taken(key, stage);
        self.settle(now);
    }

    /// A command of this seat is about to be sent: it is kept first, and [`SessionAction::CommandKept`] says so.
    pub fn keep_command(&mut self, command: StoredCommand, now: Now) {
        self.kept.begin(command);
        self.settle(now);
    }

    /// A command of this seat is settled and told.
    pub fn forget_command(&mut self, command: CommandId, now: Now) {
        self.kept.settle(command);
        self.settle(now);
    }

    /// A deadline has come.
    pub fn tick(&mut self, now: Now) {
        self.settle(now);
    }

    /// When to call [`Session::tick`] next.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let ask = self.ask_at();
        let subscribe = match &self.socket {
            Socket::Joined { again, .. } if self.restored => Some(*again),
            Socket::Joined { .. } | Socket::Absent | Socket::Subscribed => None,
        };
        let stale = match self.state {
            State::Live { .. } => self.proven.stale_at(),
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Polling { .. }
            | State::Offline { .. }
            | State::Refused { .. } => None,
        };
        [ask, subscribe, stale, self.unproven_at(), self.check_at()].into_iter().flatten().min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<SessionAction> {
        self.out.pop_front()
    }

    /// The state at present.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// The cursor at present.
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.order.cursor()
    }

    /// The row as shown (overlay in it), for `If-Match` and details: with its epoch.
    #[must_use]
    pub fn row(&self, id: DeliveryId) -> Option<(&Epoch, &WireRow)> {
        self.overlays.get(id).or_else(|| Some((&self.order.cursor()?.epoch, self.rows.get(id)?)))
    }

    /// The rows of the board itself (no overlay in it), by id.
    pub fn rows(&self) -> impl Iterator<Item = &WireRow> {
        self.rows.iter()
    }

    /// The last proof of this run.
    #[must_use]
    pub fn last_proof(&self) -> Option<&Proof> {
        self.last_proof.as_ref()
    }

    /// Which center.
    #[must_use]
    pub fn center(&self) -> &CenterId {
        &self.config.center
    }

    /// A fault: a row is lost from memory.
    #[cfg(any(test, feature = "faults"))]
    pub fn lose_row(&mut self, id: DeliveryId) -> bool {
        self.rows.lose(id)
    }

    /// A fault: a byte of a row in memory flips.
    #[cfg(any(test, feature = "faults"))]
    pub fn flip_row(&mut self, id: DeliveryId) -> bool {
        self.rows.flip(id)
    }
}

impl Session {
    /// After every input: what is missing, what to ask for, what to write, and the state.
    fn settle(&mut self, now: Now) {
        if let Socket::Joined { again, .. } = self.socket
            && self.restored
            && again <= now.mono
        {
            self.subscribe(now);
        }
        if !self.holds_frames() {
            let open = self.order.is_behind() || self.suspect.is_some();
            match self.gap {
                None if open => self.gap = Some(self.soon(now)),
                Some(_) if !open => self.gap = None,
                Some(_) | None => {}
            }
        }
        self.ask(now);
        self.watch_proof(now);
        self.alarms.overdue.tell(&mut self.out);
        if self.restored {
            self.persist_rest(now);
        }
        let state = self.facts(now).state(&self.state, now.wall);
        if is_change(&self.state, &state) {
            self.out.push_back(SessionAction::State(state.clone()));
        }
        self.state = state;
        if self.repair.step == Step::Idle {
            self.tell_repair();
        }
        self.settle_check(now);
    }

    fn facts(&self, now: Now) -> Facts {
        let socket = match self.socket {
            Socket::Absent => SocketFact::Absent(self.socket_reason.clone()),
            Socket::Joined { moving: false, .. } => SocketFact::Joined(None),
            Socket::Joined { moving: true, .. } => SocketFact::Joined(self.proven_now(now)),
            Socket::Subscribed => SocketFact::Joined(self.proven_now(now)),
        };
        Facts {
            refused: self.refused.as_ref().map(|refusal| refusal.code),
            socket,
            rest_failing: self.rest.failing(),
            answered: self.answered,
        }
    }

    /// The instant of the proof, while it proves the present.
    fn proven_now(&self, now: Now) -> Option<UtcMillis> {
        let whole = self.order.is_whole() && self.gap.is_none() && self.snapshot.is_none();
        self.proven.fresh(now).filter(|_| whole)
    }

    fn is_live(&self, now: Now) -> bool {
        self.socket == Socket::Subscribed && self.proven_now(now).is_some()
    }

    fn is_joined(&self) -> bool {
        match self.socket {
            Socket::Absent => false,
            Socket::Joined { .. } | Socket::Subscribed => true,
        }
    }

    fn refuse(&mut self, code: ErrorCode, _now: Now) {
        self.refused = Some(Refusal { code, again: None });
        self.rest.drop_all(&mut self.out);
    }

    /// Whether requests are refused for now; ends a refusal that is to be tried again.
    fn is_refused(&mut self, now: Now) -> bool {
        match &mut self.refused {
            None => false,
            Some(refusal) => match refusal.again {
                Some(again) if again <= now.mono => {
                    // Stays refused on screen until an answer says otherwise.
                    refusal.again = Some(now.mono.plus_ms(rest::REFUSED_AGAIN_MS));
                    false
                }
                Some(_) | None => true,
            },
        }
    }

    /// A random number of milliseconds.
    fn draw(&mut self, from: u64, to: u64) -> u64 {
        self.rng.random_range(from..=to)
    }
}
