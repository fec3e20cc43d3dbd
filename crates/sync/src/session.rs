//! One center's session: cursor, gaps, proof, repair, snapshots and polling.
//!
//! Each input changes what is known. Then one place (`settle`) decides what to ask for and which of the six states
//! holds ([`state`] has the table). So no input needs to know what every other part is at.
//!
//! | file | one idea |
//! | --- | --- |
//! | `inputs` | what happens to a session, one function each |
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
//! | `own` | cancellations that this seat asked for |
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
mod inputs;
mod job;
mod kept;
mod notified;
mod order;
mod overdue;
mod overlay;
mod own;
mod proof;
mod publish;
mod repair;
mod rest;
mod rows;
mod snapshot;
mod state;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod tests;
mod unproven;

pub(crate) use count::Spent;
pub use foreign::UnreadKind;
pub(crate) use foreign::{Asked, ForeignSession};

pub use fetch::{Fetch, FetchFailure, FetchId, Fetched, SessionAction, SessionConfig};

use crate::io::{LinkReason, Mono, Now, Proof, State};
use crate::stats::Stats;
use alarms::Alarms;
use check::{Check, Compared};
use gwanje_model::{CenterId, DeliveryId, Epoch, UtcMillis};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{ErrorCode, WireRow};
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
use state::{Comparison, Facts, SocketFact, is_change};
use std::collections::VecDeque;
use std::sync::Arc;
use unproven::Unproven;

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
    /// Memory held fewer rows, or others, than the incremental digest says: board and cache may hold more.
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

/// What [`crate::Client`] asks of it; `inputs` has what it is told.
impl Session {
    /// A session that waits for [`Session::restored`].
    #[must_use]
    pub fn new(config: SessionConfig, now: Now) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            alarms: Alarms::new(config.seat.clone()),
            config,
            out: VecDeque::new(),
            state: State::Connecting { since: now.wall, reason: "nothing has answered yet".into() },
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
            Socket::Joined { moving: false, .. } => SocketFact::Joined(Err("subscribing".into())),
            Socket::Joined { moving: true, .. } | Socket::Subscribed => {
                let unread = self.rows.unreadable();
                let proven = self.proven_now(now).map(|at| Comparison { at, unread });
                SocketFact::Joined(proven.ok_or_else(|| self.why_unproven()))
            }
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

    fn why_unproven(&self) -> Arc<str> {
        if self.snapshot.is_some() {
            "reading everything".into()
        } else if self.gap.is_some() || !self.order.is_whole() {
            "reading what was missed".into()
        } else {
            "waiting for a head that proves the board".into()
        }
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
