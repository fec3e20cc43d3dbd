//! The socket: one connection that carries the namespaces of all centers, its coming back, and its moving elsewhere.
//!
//! | phase | a ticket | no ticket | the socket fails, is silent, turned away, not joined in time | its time is over | drained, or a better endpoint's moment |
//! | --- | --- | --- | --- | --- | --- |
//! | `Off` | – | – | – | – | – |
//! | `Ticket` | `Connected` | `Waiting` | – | told to be down | – |
//! | `Connected` | – | – | `Waiting` | – | `Ticket`, while the old one goes on |
//! | `Waiting` | – | – | – | `Ticket` | – |
//!
//! `Off` is left when there are credentials and a center is wanted, and entered when the credentials go.
//! A connection is itself at one of three stages, see [`connection`]. While a new one is made in the place of one that
//! still serves (see [`moving`]), nothing is told to be lost: what fails then is only the attempt.
//! Events of any other socket are ignored: each attempt has a number of its own. A test walks every cell.

mod connection;
mod moving;
mod receive;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod table;

use super::backoff::Backoff;
use super::calls::{CallFailure, bounded_ms};
use super::endpoints::{Endpoints, is_socket_base, socket_url};
use super::news::News;
use crate::io::{LinkReason, Mono, SocketEvent, SocketId};
use connection::{Connection, Stage, Wants};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::TicketReply;
use gwanje_wire::socket::{Cursor, Stream, Subscribe, SubscribeAck, center_namespace};
use moving::Old;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, VecDeque};

/// Milliseconds between attempts, from rule 6.
const RECONNECT_MS: (u64, u64) = (500, 30_000);
/// Milliseconds a connection must have lasted for the next pause to be short again, from rule 6.
const SETTLED_MS: u64 = 60_000;
/// Milliseconds within which the next endpoint is tried when one has failed and another is good: seats that lost the
/// same one don't all come to the next at once, and all of them are there within 4 s.
const FAILOVER_MS: u64 = 500;
/// Milliseconds without a joined namespace after which sessions begin to poll while the attempt goes on, so that a
/// server that does not answer is seen as soon as one that refuses.
const PATIENCE_MS: u64 = 3_000;
/// Milliseconds from the opening of the socket until the handshake must be over.
const HANDSHAKE_MS: u64 = 10_000;
/// The same where another endpoint is good: to be there within 4 s.
const HANDSHAKE_ELSEWHERE_MS: u64 = 2_500;
/// Milliseconds within which a join or a `subscribe` must be answered.
const ANSWER_MS: u64 = 5_000;

/// Milliseconds for which a ticket holds that no join has spent, from the wire contract.
const TICKET_MS: u64 = 30_000;

/// What the link wants done, and what it has to tell.
#[derive(Debug)]
pub(crate) enum LinkAction {
    /// Ask for a ticket; answered with [`Link::ticket`].
    AskTicket,
    /// The ticket that was asked for is not wanted any more.
    DropTicket,
    /// Tickets are refused again and again: renew the token.
    RenewToken,
    /// Ask whether sockets are served at that base URL; answered with [`Link::probed`].
    Probe(String),
    Open(SocketId, String),
    Send(SocketId, String),
    Close(SocketId),
    /// A center's namespace is joined.
    Joined(CenterId),
    /// A center's namespace was refused for good.
    Refused(CenterId, ErrorCode),
    /// There is no socket, and why.
    Lost(LinkReason),
    /// The answer to `subscribe`.
    Subscribed(CenterId, Box<SubscribeAck>),
    /// Any packet came, of so many bytes; what it said follows.
    Packet(u64),
    /// An event of a center.
    News(CenterId, News),
    /// A packet could not be read; nobody knows whose it was.
    Malformed,
}

#[derive(Debug)]
enum Phase {
    Off,
    /// A ticket was asked for then, for an attempt at that endpoint, or at the one in use.
    Ticket {
        since: Mono,
        to: Option<String>,
    },
    Connected(Box<Connection>),
    Waiting {
        until: Mono,
    },
}

/// Whose fault it is when an attempt or a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The endpoint does not serve: another one is tried.
    Endpoint,
    /// Anything else: the same endpoint is tried again.
    Other,
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Link {
    seat: SeatId,
    endpoints: Endpoints,
    phase: Phase,
    /// The connection that serves until the one that is made in its place does.
    old: Option<Old>,
    /// There are credentials.
    on: bool,
    wanted: BTreeSet<CenterId>,
    next_socket: u64,
    pause: Backoff,
    /// Attempts in a row whose ticket was refused.
    tickets_refused: u32,
    /// Why there is no socket, once that is told.
    down: Option<LinkReason>,
    pub(crate) connects: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_out: u64,
    /// Endpoints or further words in a sign-in or a drain that are none of the contract's, and were not used.
    pub(crate) foreign: u64,
    out: VecDeque<LinkAction>,
}

impl Link {
    pub(crate) fn new(seat: SeatId) -> Self {
        Self {
            seat,
            endpoints: Endpoints::new(&[]),
            phase: Phase::Off,
            old: None,
            on: false,
            wanted: BTreeSet::new(),
            next_socket: 0,
            pause: Backoff::new(RECONNECT_MS.0, RECONNECT_MS.1),
            tickets_refused: 0,
            down: None,
            connects: 0,
            bytes: 0,
            bytes_out: 0,
            foreign: 0,
            out: VecDeque::new(),
        }
    }

    /// There are credentials; sockets are served at `urls`, or where that names nothing usable, at `servers`.
    pub(crate) fn start(&mut self, urls: &[String], servers: &[String], now: Mono) {
        let usable: Vec<String> = urls.iter().filter(|url| is_socket_base(url)).cloned().collect();
        self.foreign += u64::try_from(urls.len() - usable.len()).unwrap_or(0);
        self.endpoints.replace(if usable.is_empty() { servers } else { &usable }, now);
        self.on = true;
        self.begin_if_wanted(now);
    }

    /// There are no credentials any more.
    pub(crate) fn stop(&mut self) {
        self.drop_attempt();
        self.drop_old();
        self.phase = Phase::Off;
        self.on = false;
        self.down = None;
        self.tickets_refused = 0;
        self.pause.reset();
        self.endpoints.forget_probe();
    }

    /// A center's namespace is to be joined, now and on each connection to come.
    pub(crate) fn want(&mut self, center: &CenterId, now: Mono) {
        if self.wanted.insert(center.clone()) {
            self.begin_if_wanted(now);
            self.renew_unspent(now);
            self.join_wanted(now);
        }
    }

    /// A center is not followed any more.
    pub(crate) fn unwant(&mut self, center: &CenterId) {
        self.wanted.remove(center);
        let namespace = center_namespace(center);
        let new = match &mut self.phase {
            Phase::Connected(connection) => Some(&mut **connection),
            Phase::Off | Phase::Ticket { .. } | Phase::Waiting { .. } => None,
        };
        let old = self.old.as_mut().map(|old| &mut *old.connection);
        for connection in new.into_iter().chain(old) {
            if connection.talk.knows(&namespace) {
                let text = connection.talk.leave(&namespace);
                self.out.push_back(LinkAction::Send(connection.socket, text));
            }
        }
        self.settle_joins();
    }

    /// Why there is no socket, once that is known.
    pub(crate) fn down(&self) -> Option<&LinkReason> {
        self.down.as_ref()
    }

    /// The base URL of the socket that serves.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        let new = match &self.phase {
            Phase::Connected(connection) if connection.serves() => Some(connection.base.as_str()),
            Phase::Connected(_) | Phase::Off | Phase::Ticket { .. } | Phase::Waiting { .. } => None,
        };
        new.or(self.old.as_ref().map(|old| old.connection.base.as_str()))
    }

    /// Nothing listens at that base URL, as requests have found: no need to try sockets there.
    pub(crate) fn refused_at(&mut self, base: &str, now: Mono) {
        match &self.phase {
            Phase::Ticket { to: None, .. } | Phase::Waiting { .. } => {
                self.endpoints.failed(base, now);
            }
            Phase::Off | Phase::Ticket { to: Some(_), .. } | Phase::Connected(_) => {}
        }
    }

    /// The answer to [`LinkAction::AskTicket`].
    pub(crate) fn ticket(
        &mut self,
        answer: Result<TicketReply, CallFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
    ) {
        let Phase::Ticket { since, to } = &self.phase else { return };
        match answer {
            Ok(TicketReply { ticket, .. }) => {
                let base = to.clone().unwrap_or_else(|| self.endpoints.current().to_owned());
                let patience =
                    if self.endpoints.has_another() { HANDSHAKE_ELSEWHERE_MS } else { HANDSHAKE_MS };
                let stage = Stage::Opening { since: *since, until: now.plus_ms(patience) };
                let socket = SocketId(self.next_socket);
                self.next_socket += 1;
                self.out.push_back(LinkAction::Open(socket, socket_url(&base)));
                self.phase = Phase::Connected(Box::new(Connection::new(socket, base, ticket, stage, now)));
            }
            Err(failure) => {
                self.fail(&failure.reason(), Fault::Other, failure.retry_after_ms(), now, rng);
            }
        }
    }

    /// Something happened on a socket.
    pub(crate) fn socket(&mut self, id: SocketId, event: SocketEvent, now: Mono, rng: &mut ChaCha8Rng) {
        if self.old.as_ref().is_some_and(|old| old.connection.socket == id) {
            return self.old_socket(event, now);
        }
        let Phase::Connected(connection) = &mut self.phase else { return };
        if connection.socket != id {
            return; // An older socket's last words.
        }
        match event {
            SocketEvent::Opened => {
                connection.heard = now;
                self.connects += 1;
            }
            SocketEvent::Text(text) => {
                connection.heard = now;
                self.bytes += text.len() as u64;
                self.text(&text, now, rng);
            }
            SocketEvent::Unreadable => {
                connection.heard = now;
                self.out.push_back(LinkAction::Packet(0));
                self.out.push_back(LinkAction::Malformed);
            }
            SocketEvent::TurnedAway { reason, retry_after_s } => {
                let told = retry_after_s.map(bounded_ms);
                self.fail(&reason, Fault::Endpoint, told, now, rng);
            }
            SocketEvent::Closed(why) => {
                // One that never came up is tried elsewhere next; one that worked is tried again first.
                let fault = if connection.serves() { Fault::Other } else { Fault::Endpoint };
                self.fail(&why, fault, None, now, rng);
            }
        }
    }

    /// Emits `subscribe` on a center's namespace; without a joined one nothing happens (the session subscribes again
    /// when it is joined).
    pub(crate) fn subscribe(&mut self, center: &CenterId, cursor: Option<Cursor>, now: Mono) {
        let namespace = center_namespace(center);
        let new = match &mut self.phase {
            Phase::Connected(connection) => Some(&mut **connection),
            Phase::Off | Phase::Ticket { .. } | Phase::Waiting { .. } => None,
        };
        let old = self.old.as_mut().map(|old| &mut *old.connection);
        let joined = new.into_iter().chain(old).find(|connection| connection.talk.is_joined(&namespace));
        let Some(connection) = joined else { return };
        if let Some(text) = subscribe_text(connection, &namespace, cursor, Wants::Rooms, now) {
            self.out.push_back(LinkAction::Send(connection.socket, text));
        }
    }

    /// Asks for the head of a center that is followed; not while moving, when two connections would answer.
    pub(crate) fn ask_head(&mut self, center: &CenterId, now: Mono) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        if self.old.is_some() || !connection.subscribed.contains(center) {
            return;
        }
        if let Some(text) = subscribe_text(connection, &center_namespace(center), None, Wants::Head, now) {
            self.out.push_back(LinkAction::Send(connection.socket, text));
        }
    }

    /// Does what is due; `calm`: all boards are proven, so that moving disturbs nothing.
    pub(crate) fn due(&mut self, calm: bool, now: Mono, rng: &mut ChaCha8Rng) {
        self.old_due(now);
        match &mut self.phase {
            Phase::Off => {}
            Phase::Waiting { until } => {
                if *until <= now {
                    self.begin(None, now);
                }
            }
            Phase::Ticket { since, .. } => {
                if now.since(*since) >= PATIENCE_MS {
                    self.tell_down("no answer to the request for a ticket yet");
                }
            }
            Phase::Connected(connection) => {
                if let Some((why, fault)) = connection.overdue(now) {
                    self.fail(why, fault, None, now, rng);
                } else if connection.impatient(now) {
                    self.tell_down("no answer from the socket yet");
                } else {
                    self.move_due(calm, now);
                }
            }
        }
        if self.on {
            // What was not calm enough for a move now is put off.
            self.endpoints.returning(false, now);
            if let Some(url) = self.endpoints.probe(now) {
                self.out.push_back(LinkAction::Probe(url));
            }
        }
    }

    /// The answer to [`LinkAction::Probe`].
    pub(crate) fn probed(&mut self, url: &str, answers: bool, now: Mono, rng: &mut ChaCha8Rng) {
        self.endpoints.probed(url, answers, now, rng);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let served = self.down.is_some() || self.old.is_some();
        let patience = |since: Mono| (!served).then(|| since.plus_ms(PATIENCE_MS));
        let phase = match &self.phase {
            Phase::Off => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Ticket { since, .. } => patience(*since),
            Phase::Connected(connection) => {
                let impatient = connection.attempt_since().and_then(patience);
                impatient.into_iter().chain(connection.deadline()).min()
            }
        };
        let old = self.old.as_ref().and_then(|old| old.connection.deadline());
        let endpoints = self.endpoints.deadline().filter(|_| self.on);
        [phase, old, endpoints].into_iter().flatten().min()
    }

    pub(crate) fn poll_action(&mut self) -> Option<LinkAction> {
        self.out.pop_front()
    }

    fn begin_if_wanted(&mut self, now: Mono) {
        if self.on && !self.wanted.is_empty() && matches!(self.phase, Phase::Off) {
            self.begin(None, now);
        }
    }

    /// A connection that idled until its ticket was void can't be joined any more. To be refused first would cost a pause,
    /// which may be long.
    fn renew_unspent(&mut self, now: Mono) {
        let Phase::Connected(connection) = &self.phase else { return };
        if connection.idles_since().is_some_and(|since| now.since(since) >= TICKET_MS) {
            self.drop_attempt();
            self.begin(None, now);
        }
    }

    fn begin(&mut self, to: Option<String>, now: Mono) {
        self.phase = Phase::Ticket { since: now, to };
        self.out.push_back(LinkAction::AskTicket);
    }

    /// The attempt or the connection is over; the next one comes after a pause, or what still serves goes on.
    fn fail(&mut self, why: &str, fault: Fault, told_ms: Option<u64>, now: Mono, rng: &mut ChaCha8Rng) {
        let mut elsewhere = false;
        if let Phase::Connected(connection) = &self.phase {
            if connection.served_ms(now) >= SETTLED_MS {
                self.pause.reset();
            }
            elsewhere = fault == Fault::Endpoint && self.endpoints.failed(&connection.base, now);
            if connection.serves() {
                self.drop_old();
            }
        }
        if self.stay(now) {
            return;
        }
        self.drop_attempt();
        let pause = if elsewhere {
            rng.random_range(0..=FAILOVER_MS)
        } else {
            let pause = self.pause.next_ms(rng);
            // Not all at the first moment at which they may.
            told_ms.map_or(pause, |told| told.saturating_add(rng.random_range(0..=pause)))
        };
        self.phase = Phase::Waiting { until: now.plus_ms(pause) };
        self.tell_down(why);
    }

    fn drop_attempt(&mut self) {
        match &self.phase {
            Phase::Connected(connection) => self.out.push_back(LinkAction::Close(connection.socket)),
            Phase::Ticket { .. } => self.out.push_back(LinkAction::DropTicket),
            Phase::Off | Phase::Waiting { .. } => {}
        }
    }

    /// Nothing is told while an old connection still serves.
    fn tell_down(&mut self, why: &str) {
        if self.old.is_some() {
            return;
        }
        let reason: LinkReason = why.into();
        if self.down.is_none() {
            self.out.push_back(LinkAction::Lost(LinkReason::clone(&reason)));
        }
        self.down = Some(reason);
    }
}

/// The text of a `subscribe` whose ack is waited for; none: it can't be sent on this connection.
fn subscribe_text(
    connection: &mut Connection,
    namespace: &str,
    cursor: Option<Cursor>,
    wants: Wants,
    now: Mono,
) -> Option<String> {
    let body = Subscribe { streams: vec![Stream::Deliveries, Stream::Riders], cursor };
    connection.talk.emit(namespace, "subscribe", &body, now.plus_ms(ANSWER_MS).0, wants).ok()
}
