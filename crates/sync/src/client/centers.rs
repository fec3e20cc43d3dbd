//! Which centers are followed, their sessions, and when a center's data goes (rule 14).
//!
//! A session is told what concerns it, once: that requests may be made, that its namespace is joined, that there is no
//! socket, that it is refused. `GET /centers` decides which centers there are; it is read after a sign-in, every five
//! minutes, and soon after a center was refused anywhere.

use super::backoff::Backoff;
use super::calls::CallFailure;
use crate::io::{Action, CommandId, CommandOutcome, LinkReason, Mono, Now, Restored, State};
use crate::session::{Session, SessionAction, SessionConfig};
use crate::stats::{Stats, Tally as _};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::CenterInfo;
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds between reads of the list of centers; a tenth more or less, so that seats don't come together.
const LIST_EVERY_MS: u64 = 300_000;
/// Milliseconds between reads of the list, at the least, however often a center is refused.
const LIST_SOON_MS: u64 = 10_000;
/// Milliseconds between tries to read the list.
const LIST_RETRY_MS: (u64, u64) = (1_000, 60_000);

/// What a session knows of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SocketNews {
    Nothing,
    Joined,
    Lost,
}

#[derive(Debug)]
struct Followed {
    session: Session,
    /// The cache has answered: it runs.
    restored: bool,
    /// Requests may be made.
    authorised: bool,
    socket: SocketNews,
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Centers {
    seat: SeatId,
    /// Only these; empty: all.
    only: BTreeSet<CenterId>,
    rng: ChaCha8Rng,
    followed: BTreeMap<CenterId, Followed>,
    /// Wiped because the server does not list them; kept as refused where the settings name them.
    absent: BTreeSet<CenterId>,
    list_at: Option<Mono>,
    list_read: Option<Mono>,
    list_asked: bool,
    question: bool,
    pause: Backoff,
}

impl Centers {
    pub(crate) fn new(seat: SeatId, only: Vec<CenterId>, seed: u64) -> Self {
        Self {
            seat,
            only: only.into_iter().collect(),
            rng: ChaCha8Rng::seed_from_u64(seed ^ u64::MAX),
            followed: BTreeMap::new(),
            absent: BTreeSet::new(),
            list_at: None,
            list_read: None,
            list_asked: false,
            question: false,
            pause: Backoff::new(LIST_RETRY_MS.0, LIST_RETRY_MS.1),
        }
    }

    pub(crate) fn session(&self, center: &CenterId) -> Option<&Session> {
        self.followed.get(center).map(|followed| &followed.session)
    }

    pub(crate) fn session_mut(&mut self, center: &CenterId) -> Option<&mut Session> {
        self.followed.get_mut(center).map(|followed| &mut followed.session)
    }

    /// Follows these, as far as the settings allow, and those that the settings name.
    pub(crate) fn follow(&mut self, centers: &[CenterId], now: Now, out: &mut impl Extend<Action>) {
        let wanted: BTreeSet<CenterId> =
            if self.only.is_empty() { centers.iter().cloned().collect() } else { self.only.clone() };
        for center in wanted {
            if !self.followed.contains_key(&center) {
                let followed = self.fresh(&center, now);
                self.followed.insert(center.clone(), followed);
                out.extend([Action::Restore(center)]);
            }
        }
    }

    /// The cache has answered. False: nobody waits for that.
    pub(crate) fn restored(&mut self, center: &CenterId, restored: Restored, now: Now) -> bool {
        let Some(followed) = self.followed.get_mut(center).filter(|followed| !followed.restored) else {
            return false;
        };
        followed.restored = true;
        followed.session.restored(restored, now);
        true
    }

    /// Tells running sessions that don't know it yet that requests may be made; gives their centers.
    pub(crate) fn authorise(&mut self, down: Option<&LinkReason>, now: Now) -> Vec<CenterId> {
        let mut joining = Vec::new();
        for (center, followed) in &mut self.followed {
            if !followed.restored || followed.authorised || self.absent.contains(center) {
                continue;
            }
            followed.authorised = true;
            followed.session.authorised(now);
            if let Some(reason) = down
                && followed.socket != SocketNews::Lost
            {
                followed.socket = SocketNews::Lost;
                followed.session.socket_lost(LinkReason::clone(reason), now);
            }
            joining.push(center.clone());
        }
        joining
    }

    pub(crate) fn joined(&mut self, center: &CenterId, now: Now) {
        if let Some(followed) = self.followed.get_mut(center)
            && followed.authorised
        {
            followed.socket = SocketNews::Joined;
            followed.session.socket_joined(now);
        }
    }

    pub(crate) fn lost(&mut self, reason: &LinkReason, now: Now) {
        for followed in self.followed.values_mut() {
            if followed.authorised && followed.socket != SocketNews::Lost {
                followed.socket = SocketNews::Lost;
                followed.session.socket_lost(LinkReason::clone(reason), now);
            }
        }
    }

    /// The server could not be reached, for something other than a session's request.
    pub(crate) fn unreachable(&mut self, reason: &LinkReason, but: &BTreeSet<CenterId>, now: Now) {
        for (center, followed) in &mut self.followed {
            if followed.authorised && !but.contains(center) {
                followed.session.unreachable(LinkReason::clone(reason), now);
            }
        }
    }

    pub(crate) fn refused(&mut self, center: &CenterId, code: ErrorCode, now: Now) {
        if let Some(followed) = self.followed.get_mut(center) {
            followed.authorised = false;
            followed.session.refused(code, now);
            if followed.socket == SocketNews::Joined {
                followed.session.socket_lost("the center was refused".into(), now);
            }
            followed.socket = SocketNews::Nothing;
        }
    }

    /// A command has ended; the session of its center knows it.
    pub(crate) fn command_ended(&mut self, command: &CommandId, outcome: &CommandOutcome) {
        for followed in self.followed.values_mut() {
            followed.session.command_ended(command, outcome);
        }
    }

    pub(crate) fn each_joined(&mut self, mut call: impl FnMut(&mut Session)) {
        for followed in self.followed.values_mut().filter(|followed| followed.socket == SocketNews::Joined) {
            call(&mut followed.session);
        }
    }

    /// Whether the board of every center that is not refused is proven, and nothing is being fetched to make it so.
    pub(crate) fn are_live(&self) -> bool {
        self.followed.values().all(|followed| match followed.session.state() {
            State::Live { .. } | State::Refused { .. } => true,
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Polling { .. }
            | State::Offline { .. } => false,
        })
    }

    /// The centers that are followed.
    pub(crate) fn ids(&self) -> Vec<CenterId> {
        self.followed.keys().cloned().collect()
    }

    /// Forgets a center with its session. Where the settings name it, it stays in sight as refused.
    pub(crate) fn forget(&mut self, center: &CenterId, code: ErrorCode, now: Now) {
        self.followed.remove(center);
        if self.only.contains(center) {
            let mut followed = self.fresh(center, now);
            followed.restored = true;
            followed.session.restored(Restored::default(), now);
            followed.session.refused(code, now);
            self.followed.insert(center.clone(), followed);
            self.absent.insert(center.clone());
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.followed.clear();
        self.absent.clear();
        self.list_read = None;
        self.ask_no_more();
    }

    /// The list can't be read without credentials.
    pub(crate) fn ask_no_more(&mut self) {
        self.list_at = None;
        self.list_asked = false;
        self.question = false;
    }

    /// The list is to be read now.
    pub(crate) fn ask_now(&mut self, now: Mono) {
        self.list_at = Some(now);
    }

    /// Something is wrong with a center: the list is to be read soon.
    pub(crate) fn ask_soon(&mut self, now: Mono) {
        let at = self.list_read.map_or(now, |read| read.plus_ms(LIST_SOON_MS).max(now));
        self.list_at = Some(self.list_at.map_or(at, |planned| planned.min(at)));
    }

    /// True once for each time that the list is to be asked for.
    pub(crate) fn take_question(&mut self) -> bool {
        std::mem::take(&mut self.question)
    }

    pub(crate) fn list_failed(&mut self, failure: &CallFailure, now: Mono, rng: &mut ChaCha8Rng) {
        if !std::mem::take(&mut self.list_asked) {
            return; // The credentials went meanwhile.
        }
        let pause = self.pause.next_ms(rng).max(failure.retry_after_ms().unwrap_or(0));
        self.list_at = Some(now.plus_ms(pause));
    }

    /// The list came: gives the followed centers that it lacks.
    pub(crate) fn listed(&mut self, list: &[CenterInfo], now: Mono) -> Vec<CenterId> {
        self.list_asked = false;
        self.list_read = Some(now);
        self.pause.reset();
        let spread = self.rng.random_range(0..=LIST_EVERY_MS / 5);
        self.list_at = Some(now.plus_ms(LIST_EVERY_MS - LIST_EVERY_MS / 10 + spread));
        let present: BTreeSet<&CenterId> = list.iter().map(|info| &info.id).collect();
        self.absent.retain(|center| !present.contains(center));
        self.followed
            .keys()
            .filter(|center| !present.contains(center) && !self.absent.contains(*center))
            .cloned()
            .collect()
    }

    pub(crate) fn due(&mut self, now: Now) {
        if !self.list_asked && self.list_at.is_some_and(|at| at <= now.mono) {
            self.list_at = None;
            self.list_asked = true;
            self.question = true;
        }
        for followed in self.followed.values_mut().filter(|followed| followed.restored) {
            if followed.session.deadline().is_some_and(|at| at <= now.mono) {
                followed.session.tick(now);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let list = if self.list_asked { None } else { self.list_at };
        self.followed
            .values()
            .filter(|followed| followed.restored)
            .filter_map(|followed| followed.session.deadline())
            .chain(list)
            .min()
    }

    /// The next thing that any session wants done.
    pub(crate) fn poll_session(&mut self) -> Option<(CenterId, SessionAction)> {
        self.followed
            .iter_mut()
            .find_map(|(center, followed)| Some((center.clone(), followed.session.poll_action()?)))
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for followed in self.followed.values() {
            sum.add(&followed.session.stats());
        }
        sum
    }

    fn fresh(&mut self, center: &CenterId, now: Now) -> Followed {
        let config =
            SessionConfig { center: center.clone(), seat: self.seat.clone(), seed: self.rng.next_u64() };
        let session = Session::new(config, now);
        Followed { session, restored: false, authorised: false, socket: SocketNews::Nothing }
    }
}
