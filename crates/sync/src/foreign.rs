//! The whole client side of one foreign server: socket, list, one session (rule 15). Driven as [`crate::Client`] is.
//!
//! ```text
//! link   open, greet, join, keep alive, reconnect; three kinds of talk: Socket.IO, STOMP, plain JSON texts
//! list   the list's requests: days and pages, ETag, failures
//! servers   which of several is followed; socket and list are of that one
//! session::foreign   rows by modification time, deletions by absence, proof by the list
//! ```
//! There is nothing to sign in to: [`Input::SignIn`] and [`Input::Resume`] both begin. Commands are refused at once.
//! Secrets of request headers never come here: the shell adds them ([`Foreign::socket_options`], [`Dialect::auth`]).

mod heard;
mod link;
mod list;
mod plain;
mod servers;
mod socket_io;
mod stomp;
mod talk;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod tests;

use crate::io::{Action, CommandId, CommandOutcome, Input, Mono, Now, State};
use crate::session::{ForeignSession, SessionAction, UnreadKind};
use crate::stats::Stats;
use gwanje_dialect::{Dialect, Secret, Socket};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::{ErrorCode, Problem, WireRow, stomp::SUBPROTOCOL};
use link::{Link, LinkAction};
use list::{ListOutcome, Lists};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use servers::{Servers, Trouble, Visit};
use std::collections::VecDeque;
use std::sync::Arc;

/// STOMP: how often to send ping frames, and after how long without anything the line is dead, milliseconds.
const STOMP_PING_MS: (u64, u64) = (5_000, 13_000);

/// What a foreign client needs to know.
#[derive(Debug, Clone)]
pub struct ForeignConfig {
    /// The dialect, its secrets resolved.
    pub dialect: Arc<Dialect>,
    /// Base URLs instead of the dialect's; empty: the dialect's.
    pub servers: Vec<String>,
    /// This installation.
    pub seat: SeatId,
    /// For jitter.
    pub seed: u64,
}

/// How the shell opens the socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketOptions {
    /// Binary messages that hold text are taken for text, and long ones are read: a foreign server's.
    pub lenient: bool,
    /// Asked for in the handshake.
    pub subprotocol: Option<&'static str>,
    /// Sent in the handshake.
    pub headers: Vec<(String, Secret)>,
    /// How often to send ping frames, and after how long without anything at all to close it as silent, milliseconds.
    pub ping_ms: Option<(u64, u64)>,
}

/// The whole client side of one foreign server.
#[derive(Debug)]
pub struct Foreign {
    dialect: Arc<Dialect>,
    center: CenterId,
    rng: ChaCha8Rng,
    servers: Servers,
    link: Link,
    lists: Lists,
    /// Some from the sign-in to the sign-out.
    session: Option<Box<ForeignSession>>,
    seat: SeatId,
    seed: u64,
    out: VecDeque<Action>,
}

impl Foreign {
    /// A client that waits for its beginning.
    #[must_use]
    pub fn new(config: ForeignConfig) -> Self {
        let ForeignConfig { dialect, servers, seat, seed } = config;
        let given = if servers.is_empty() { &dialect.server.urls } else { &servers };
        let servers = Servers::new(given);
        Self {
            center: dialect.center.id.clone(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            link: Link::new(Arc::clone(&dialect), servers.visit()),
            servers,
            lists: Lists::new(Arc::clone(&dialect)),
            session: None,
            dialect,
            seat,
            seed,
            out: VecDeque::new(),
        }
    }

    /// Takes an input. Actions wait in the queue afterwards.
    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::SignIn { .. } | Input::Resume { .. } => self.begin(now),
            Input::SignOut => self.end(),
            Input::Restored(center, restored) => {
                let is_new = center == self.center;
                if let Some(session) = self.session.as_mut().filter(|_| is_new) {
                    session.restored(*restored, now);
                    self.link.start(now.mono);
                }
            }
            Input::Socket(socket, event) => self.link.socket(socket, event, now.mono, &mut self.rng),
            Input::Http(request, result) => {
                let Some((visit, cost, outcome)) = self.lists.answered(request, result, now) else { return };
                self.each(|session| session.spent(cost));
                if let Some(outcome) = outcome {
                    self.list_outcome(visit, outcome, now);
                }
            }
            Input::Committed(center, seq) => self.with(&center, |session| session.committed(seq, now)),
            Input::Unwritten(center, seq) => self.with(&center, |session| session.unwritten(seq, now)),
            Input::CacheLost(center) => self.with(&center, |session| session.cache_lost(now)),
            Input::Audited { center, damaged, digest_fits } => {
                self.with(&center, |session| session.audited(&damaged, digest_fits, now));
            }
            Input::Check(center) => self.with(&center, |session| session.begin_check(now)),
            Input::Command(request) => self.refuse(request.command),
            Input::Receipt(center, key, stage) => {
                self.with(&center, |session| session.receipt(key, stage, now));
            }
            Input::Tick => {}
        }
        self.pump(now);
        self.due(now);
        self.pump(now);
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// When to put [`Input::Tick`] in, at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let session = self.session.as_ref().and_then(|session| session.deadline());
        [session, self.link.deadline()].into_iter().flatten().min()
    }

    /// The state of the one center; none before the sign-in.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.session.as_ref().map(|session| session.state())
    }

    /// The rows of the board, by id.
    pub fn rows(&self) -> impl Iterator<Item = &WireRow> {
        self.session.iter().flat_map(|session| session.rows())
    }

    /// The base URL in use.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.servers.current()
    }

    /// The dialect.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// What could not be read, by kind.
    #[must_use]
    pub fn unread(&self) -> Vec<UnreadKind> {
        self.session.as_ref().map(|session| session.unread()).unwrap_or_default()
    }

    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut sum = self.session.as_ref().map(|session| session.stats()).unwrap_or_default();
        sum.socket_bytes = self.link.bytes;
        sum.socket_bytes_out = self.link.bytes_out;
        sum.connects = self.link.connects;
        sum
    }

    /// How the shell opens the socket.
    #[must_use]
    pub fn socket_options(&self) -> SocketOptions {
        let headers = self.dialect.auth.headers.clone();
        let (subprotocol, ping_ms) = match &self.dialect.socket {
            None | Some(Socket::SocketIo(_)) => (None, None),
            // Where no heart-beats are agreed, pings of the WebSocket see a dead line.
            Some(Socket::Stomp(_)) => (Some(SUBPROTOCOL), Some(STOMP_PING_MS)),
            Some(Socket::WebSocket(socket)) => {
                (None, socket.ping.text.is_none().then_some((socket.ping.every_ms, socket.silence_ms)))
            }
        };
        SocketOptions { lenient: true, subprotocol, headers, ping_ms }
    }

    fn begin(&mut self, now: Now) {
        if self.session.is_some() {
            return;
        }
        let session =
            ForeignSession::new(Arc::clone(&self.dialect), self.seat.clone(), self.seed.rotate_left(32), now);
        self.session = Some(Box::new(session));
        self.out.push_back(Action::Restore(self.center.clone()));
    }

    /// Cached data goes too, as at a hub.
    fn end(&mut self) {
        self.link.stop();
        self.lists.stop();
        if self.session.take().is_some() {
            self.out.push_back(Action::Wipe(self.center.clone()));
        }
        self.out.push_back(Action::SignedOut(None));
    }

    fn refuse(&mut self, command: CommandId) {
        let why = format!("{} takes no commands; act on this delivery in its own system", self.dialect.name);
        let outcome = CommandOutcome::Refused(Problem::new(ErrorCode::Forbidden, why));
        self.out.push_back(Action::CommandSettled(command, outcome));
    }

    fn with(&mut self, center: &CenterId, call: impl FnOnce(&mut ForeignSession)) {
        if let Some(session) = self.session.as_mut().filter(|_| *center == self.center) {
            call(session);
        }
    }

    /// Does what is due; one round, so that nothing spins within one input.
    fn due(&mut self, now: Now) {
        self.link.due(now.mono, &mut self.rng);
        let Some(session) = &mut self.session else { return };
        session.tick(now);
        if let Some(asked) = session.take_question(now) {
            self.lists.begin(asked, self.servers.visit(), self.servers.current(), now);
        }
    }

    /// Carries what the parts want from one to the other, until all are quiet.
    fn pump(&mut self, now: Now) {
        loop {
            let mut quiet = true;
            while let Some(action) = self.link.poll_action() {
                quiet = false;
                self.link_action(action, now);
            }
            while let Some(action) = self.session.as_mut().and_then(|session| session.poll_action()) {
                quiet = false;
                self.session_action(action);
            }
            while let Some(action) = self.lists.poll_action() {
                self.out.push_back(action);
            }
            if quiet {
                return;
            }
        }
    }

    fn link_action(&mut self, action: LinkAction, now: Now) {
        match action {
            LinkAction::Open(socket, path) => {
                let url = format!("{}{path}", socket_base(self.servers.current()));
                self.out.push_back(Action::OpenSocket(socket, url));
            }
            LinkAction::Send(socket, text) => self.out.push_back(Action::SendText(socket, text)),
            LinkAction::Close(socket) => self.out.push_back(Action::CloseSocket(socket)),
            LinkAction::NeverUp(visit, why) => {
                if self.servers.socket_failed(visit, now.mono) {
                    self.moved(&why, now);
                }
            }
            LinkAction::Joined => self.each(|session| session.socket_joined(now)),
            LinkAction::Lost(reason) => {
                let reason = match self.dialect.socket {
                    Some(_) => format!("{reason} ({})", socket_base(self.servers.current())).into(),
                    None => reason,
                };
                self.each(|session| session.socket_lost(reason, now));
            }
            LinkAction::Heard => self.each(|session| session.heard(now)),
            LinkAction::Message(name, body, mended) => {
                self.each(|session| session.message(name.as_deref(), &body, &mended, now));
            }
            LinkAction::Malformed => self.each(|session| session.malformed(now)),
        }
    }

    fn each(&mut self, call: impl FnOnce(&mut ForeignSession)) {
        if let Some(session) = &mut self.session {
            call(session);
        }
    }

    fn list_outcome(&mut self, visit: Visit, outcome: ListOutcome, now: Now) {
        let is_joined = self.link.is_joined();
        let is_whole = is_joined || self.dialect.socket.is_none();
        let failed = match outcome {
            ListOutcome::Listed(asked, rows, etag, mended) => {
                self.servers.list_came(visit, is_whole);
                return self.each(|session| session.listed(&rows, etag, &asked, &mended, now));
            }
            ListOutcome::Unchanged(asked) => {
                self.servers.list_came(visit, is_whole);
                return self.each(|session| session.unchanged(&asked, now));
            }
            ListOutcome::Refused(code) => {
                self.each(|session| session.list_refused(code, now));
                let trouble = Trouble { nobody: false, not_before: now.mono };
                self.servers.list_failed(visit, trouble, is_joined, now.mono).then(|| "it is refused".into())
            }
            ListOutcome::Failed { reason, retry_after_s, unreachable } => {
                let why = Arc::clone(&reason);
                self.each(|session| session.list_failed(reason, retry_after_s, now));
                let not_before = self.session.as_ref().map_or(now.mono, |session| session.not_before());
                let trouble = Trouble { nobody: unreachable, not_before };
                self.servers.list_failed(visit, trouble, is_joined, now.mono).then_some(why)
            }
        };
        if let Some(why) = failed {
            self.moved(&format!("another server is tried, since the list did not come: {why}"), now);
        }
    }

    /// Another server is in use: nothing of the one before is waited for or believed.
    fn moved(&mut self, why: &str, now: Now) {
        self.link.leave(self.servers.visit(), why, now.mono, &mut self.rng);
        self.lists.stop();
        let not_before = self.servers.not_before();
        self.each(|session| session.moved(not_before, now));
    }

    fn session_action(&mut self, action: SessionAction) {
        let center = self.center.clone();
        self.out.push_back(match action {
            SessionAction::Persist(batch) => Action::Persist(batch),
            SessionAction::Audit => Action::Audit(center),
            SessionAction::KeepHorizon(at) => Action::KeepHorizon(center, at),
            SessionAction::Changed(changes, cursor) => Action::Changed(center, changes, cursor),
            SessionAction::State(state) => Action::State(center, state),
            SessionAction::Proved(proof) => Action::Proved(center, proof),
            SessionAction::DayClock { day_at, wall } => Action::DayClock { center, day_at, wall },
            SessionAction::Alarm(notice) => Action::Alarm(center, notice),
            SessionAction::Repaired(report) => Action::Repaired(center, report),
            SessionAction::Checked(report) => Action::Checked(center, report),
            SessionAction::AlarmSettled(key) => Action::AlarmSettled(center, key),
            SessionAction::Acknowledged(ids) => Action::Acknowledged(center, ids),
            // Nobody there keeps receipts, and nothing is asked for but the list.
            SessionAction::SendReceipt(..)
            | SessionAction::AlarmTold(_)
            | SessionAction::Fetch(..)
            | SessionAction::DropFetch(_)
            | SessionAction::Subscribe(_)
            | SessionAction::AskHead
            | SessionAction::HistoryChanged { .. }
            | SessionAction::CommandKept(_) => return,
        });
    }
}

/// `ws://…` of `http://…`.
fn socket_base(base: &str) -> String {
    match base.split_once("://") {
        Some(("https", rest)) => format!("wss://{rest}"),
        Some((_, rest)) => format!("ws://{rest}"),
        None => base.to_owned(),
    }
}
