//! The socket: one connection that carries the namespaces of all centers, and its coming back.
//!
//! | phase | leaves when |
//! | --- | --- |
//! | `Off` | signed in and a center is wanted → `Ticket` |
//! | `Ticket` | a ticket came → `Connected`; none → `Waiting` |
//! | `Connected` | closed, silent (rule 7), a handshake or join unanswered, a namespace refused or left → `Waiting`; drained → `Ticket` |
//! | `Waiting` | its time is over → `Ticket` |
//!
//! Events of any socket but the present one are ignored: each attempt has a number of its own.

mod receive;

use super::backoff::Backoff;
use super::calls::CallFailure;
use super::endpoints::{Endpoints, socket_url};
use super::news::News;
use crate::io::{LinkReason, Mono, SocketEvent, SocketId};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::TicketReply;
use gwanje_wire::sio::Conversation;
use gwanje_wire::socket::{
    Cursor, PING_INTERVAL_MS, PING_TIMEOUT_MS, Room, Subscribe, SubscribeAck, center_namespace,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, VecDeque};

/// Milliseconds between attempts, from rule 6.
const RECONNECT_MS: (u64, u64) = (500, 30_000);
/// Milliseconds a connection must have lasted for the next pause to be short again, from rule 6.
const SETTLED_MS: u64 = 60_000;
/// Milliseconds without a joined namespace after which sessions begin to poll while the attempt goes on, so that a
/// server that does not answer is seen as soon as one that refuses.
const PATIENCE_MS: u64 = 3_000;
/// Milliseconds from the opening of the socket until the handshake must be over.
const HANDSHAKE_MS: u64 = 10_000;
/// Milliseconds within which a join or a `subscribe` must be answered.
const ANSWER_MS: u64 = 5_000;
/// Milliseconds of silence that are waited for, at the least and at the most, whatever the server's OPEN says.
const SILENCE_MS: (u64, u64) = (1_000, 120_000);

/// What the link wants done, and what it has to tell.
#[derive(Debug)]
pub(crate) enum LinkAction {
    /// Ask for a ticket; answered with [`Link::ticket`].
    AskTicket,
    /// The ticket that was asked for is not wanted any more.
    DropTicket,
    /// Tickets are refused again and again: renew the token.
    RenewToken,
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
    Ticket { since: Mono },
    Connected(Box<Connection>),
    Waiting { until: Mono },
}

#[derive(Debug)]
struct Connection {
    socket: SocketId,
    ticket: String,
    /// When the attempt began, with the request for a ticket.
    since: Mono,
    opened: Mono,
    talk: Conversation<()>,
    /// Any packet.
    heard: Mono,
    /// Joins that are not answered yet must be by then.
    join_until: Option<Mono>,
    first_joined: Option<Mono>,
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Link {
    seat: SeatId,
    endpoints: Endpoints,
    phase: Phase,
    on: bool,
    wanted: BTreeSet<CenterId>,
    next_socket: u64,
    pause: Backoff,
    /// Attempts in a row whose ticket was refused.
    tickets_refused: u32,
    drain_at: Option<Mono>,
    /// Why there is no socket, once that is told.
    down: Option<LinkReason>,
    pub(crate) connects: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_out: u64,
    out: VecDeque<LinkAction>,
}

impl Link {
    pub(crate) fn new(seat: SeatId) -> Self {
        Self {
            seat,
            endpoints: Endpoints::new(&[]),
            phase: Phase::Off,
            on: false,
            wanted: BTreeSet::new(),
            next_socket: 0,
            pause: Backoff::new(RECONNECT_MS.0, RECONNECT_MS.1),
            tickets_refused: 0,
            drain_at: None,
            down: None,
            connects: 0,
            bytes: 0,
            bytes_out: 0,
            out: VecDeque::new(),
        }
    }

    /// There are credentials; sockets are served at these base URLs.
    pub(crate) fn start(&mut self, urls: &[String], now: Mono) {
        self.endpoints.replace(urls);
        self.on = true;
        self.begin_if_wanted(now);
    }

    /// There are no credentials any more.
    pub(crate) fn stop(&mut self) {
        self.drop_connection();
        self.phase = Phase::Off;
        self.on = false;
        self.down = None;
        self.tickets_refused = 0;
        self.pause.reset();
    }

    /// A center's namespace is to be joined, now and on each connection to come.
    pub(crate) fn want(&mut self, center: &CenterId, now: Mono) {
        if self.wanted.insert(center.clone()) {
            self.begin_if_wanted(now);
            self.join_wanted(now);
        }
    }

    /// A center is not followed any more.
    pub(crate) fn unwant(&mut self, center: &CenterId) {
        self.wanted.remove(center);
        if let Phase::Connected(connection) = &mut self.phase {
            let namespace = center_namespace(center);
            if connection.talk.knows(&namespace) {
                let text = connection.talk.leave(&namespace);
                self.out.push_back(LinkAction::Send(connection.socket, text));
            }
        }
    }

    /// Why there is no socket, once that is known.
    pub(crate) fn down(&self) -> Option<&LinkReason> {
        self.down.as_ref()
    }

    /// The answer to [`LinkAction::AskTicket`].
    pub(crate) fn ticket(
        &mut self,
        answer: Result<TicketReply, CallFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
    ) {
        let Phase::Ticket { since } = self.phase else { return };
        match answer {
            Ok(TicketReply { ticket, .. }) => {
                let socket = SocketId(self.next_socket);
                self.next_socket += 1;
                let url = socket_url(self.endpoints.current());
                self.phase = Phase::Connected(Box::new(Connection {
                    socket,
                    ticket,
                    since,
                    opened: now,
                    talk: Conversation::default(),
                    heard: now,
                    join_until: None,
                    first_joined: None,
                }));
                self.out.push_back(LinkAction::Open(socket, url));
            }
            Err(failure) => self.fail(&failure.reason(), failure.retry_after_ms(), now, rng),
        }
    }

    /// Something happened on a socket.
    pub(crate) fn socket(&mut self, id: SocketId, event: SocketEvent, now: Mono, rng: &mut ChaCha8Rng) {
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
            SocketEvent::Closed(why) => {
                // One that never came up is tried elsewhere next; one that worked is tried again first.
                if connection.first_joined.is_none() {
                    self.endpoint_failed();
                }
                self.fail(&why, None, now, rng);
            }
        }
    }

    /// Emits `subscribe` on a center's namespace; without a joined one nothing happens (the session subscribes again
    /// when it is joined).
    pub(crate) fn subscribe(&mut self, center: &CenterId, cursor: Option<Cursor>, now: Mono) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        let body = Subscribe { rooms: vec![Room::Deliveries, Room::Riders], cursor };
        let until = now.plus_ms(ANSWER_MS);
        if let Ok(text) = connection.talk.emit(&center_namespace(center), "subscribe", &body, until.0, ()) {
            self.out.push_back(LinkAction::Send(connection.socket, text));
        }
    }

    pub(crate) fn due(&mut self, now: Mono, rng: &mut ChaCha8Rng) {
        match &mut self.phase {
            Phase::Off => {}
            Phase::Waiting { until } => {
                if *until <= now {
                    self.begin(now);
                }
            }
            Phase::Ticket { since } => {
                if now.since(*since) >= PATIENCE_MS {
                    self.tell_down("no answer to the request for a ticket yet");
                }
            }
            Phase::Connected(connection) => {
                let opened = connection.talk.handshake().is_some();
                let silent_at = connection.silent_at();
                let join_late = connection.join_until.is_some_and(|until| until <= now);
                let impatient =
                    connection.first_joined.is_none() && now.since(connection.since) >= PATIENCE_MS;
                if !connection.talk.expire(now.0).is_empty() {
                    self.fail("subscribe was not answered", None, now, rng);
                } else if (opened && silent_at <= now) || (!opened && connection.handshake_until() <= now) {
                    self.endpoint_failed();
                    let why = if opened { "the socket is silent" } else { "no handshake" };
                    self.fail(why, None, now, rng);
                } else if join_late {
                    self.fail("a join was not answered", None, now, rng);
                } else if self.drain_at.is_some_and(|at| at <= now) {
                    self.endpoint_failed();
                    self.drop_connection();
                    self.tell_down("the hub is drained");
                    self.begin(now);
                } else if impatient {
                    self.tell_down("no answer from the socket yet");
                }
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let patience = |since: Mono| self.down.is_none().then(|| since.plus_ms(PATIENCE_MS));
        match &self.phase {
            Phase::Off => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Ticket { since } => patience(*since),
            Phase::Connected(connection) => {
                let opened = connection.talk.handshake().is_some();
                let alive = if opened { connection.silent_at() } else { connection.handshake_until() };
                let joined = connection.first_joined.is_some();
                [
                    Some(alive),
                    connection.talk.deadline_ms().map(Mono),
                    connection.join_until,
                    self.drain_at,
                    if joined { None } else { patience(connection.since) },
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    pub(crate) fn poll_action(&mut self) -> Option<LinkAction> {
        self.out.pop_front()
    }

    fn begin_if_wanted(&mut self, now: Mono) {
        if self.on && !self.wanted.is_empty() && matches!(self.phase, Phase::Off) {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: Mono) {
        self.phase = Phase::Ticket { since: now };
        self.out.push_back(LinkAction::AskTicket);
    }

    fn endpoint_failed(&mut self) {
        let url = self.endpoints.current().to_owned();
        self.endpoints.failed(&url);
    }

    /// The attempt or the connection is over; the next one comes after a pause.
    fn fail(&mut self, why: &str, retry_after_ms: Option<u64>, now: Mono, rng: &mut ChaCha8Rng) {
        if let Phase::Connected(connection) = &self.phase
            && connection.first_joined.is_some_and(|joined| now.since(joined) >= SETTLED_MS)
        {
            self.pause.reset();
        }
        self.drop_connection();
        let mut pause = self.pause.next_ms(rng);
        if let Some(told) = retry_after_ms {
            // Not all at the first moment at which they may.
            pause = told.saturating_add(rng.random_range(0..=pause));
        }
        self.phase = Phase::Waiting { until: now.plus_ms(pause) };
        self.tell_down(why);
    }

    fn drop_connection(&mut self) {
        self.drain_at = None;
        match &self.phase {
            Phase::Connected(connection) => self.out.push_back(LinkAction::Close(connection.socket)),
            Phase::Ticket { .. } => self.out.push_back(LinkAction::DropTicket),
            Phase::Off | Phase::Waiting { .. } => {}
        }
    }

    fn tell_down(&mut self, why: &str) {
        let reason: LinkReason = why.into();
        if self.down.is_none() {
            self.out.push_back(LinkAction::Lost(LinkReason::clone(&reason)));
        }
        self.down = Some(reason);
    }
}

impl Connection {
    fn silent_at(&self) -> Mono {
        let (interval, timeout) = self
            .talk
            .handshake()
            .map_or((PING_INTERVAL_MS, PING_TIMEOUT_MS), |open| (open.ping_interval, open.ping_timeout));
        self.heard.plus_ms(interval.saturating_add(timeout).clamp(SILENCE_MS.0, SILENCE_MS.1))
    }

    fn handshake_until(&self) -> Mono {
        self.opened.plus_ms(HANDSHAKE_MS)
    }
}
