//! The socket to a foreign server, and its coming back.
//!
//! | phase | leaves when |
//! | --- | --- |
//! | `Off` | begun, and the dialect has a socket → `Connected` |
//! | `Connected` | closed, silent, not joined in time, ended by the server, its server left → `Waiting` |
//! | `Waiting` | its time is over → `Connected` |
//!
//! Events of any socket but the present one are ignored: each attempt has a number of its own.

use super::heard::Heard;
use super::servers::Visit;
use super::talk::Talk;
use crate::client::Backoff;
use crate::io::{LinkReason, Mono, SocketEvent, SocketId};
use gwanje_dialect::Dialect;
use gwanje_reading::Mended;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// Milliseconds between attempts, from rule 6.
const RECONNECT_MS: (u64, u64) = (500, 30_000);
/// Milliseconds a connection must have been joined for the next pause to be short again, from rule 6.
const SETTLED_MS: u64 = 60_000;
/// Milliseconds without a join after which the list is polled while the attempt goes on.
const PATIENCE_MS: u64 = 1_000;
/// Milliseconds from the attempt until the join must have come.
const JOIN_MS: u64 = 10_000;

/// What the link wants done, and what it has to tell.
#[derive(Debug)]
pub(super) enum LinkAction {
    /// To that path and query of the present server.
    Open(SocketId, String),
    Send(SocketId, String),
    Close(SocketId),
    /// The socket never came up there, and why.
    NeverUp(Visit, LinkReason),
    Joined,
    Lost(LinkReason),
    /// Anything came.
    Heard,
    Message(Option<String>, Value, Mended),
    Malformed,
}

#[derive(Debug)]
enum Phase {
    Off,
    Connected(Box<Connection>),
    Waiting { until: Mono },
}

#[derive(Debug)]
struct Connection {
    socket: SocketId,
    since: Mono,
    talk: Talk,
    opened: bool,
    heard: Mono,
    joined: Option<Mono>,
}

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Link {
    dialect: Arc<Dialect>,
    /// The server that sockets are opened to.
    visit: Visit,
    phase: Phase,
    next_socket: u64,
    pause: Backoff,
    /// Attempts in a row that came to nothing.
    tries: u32,
    /// Why there is no socket, once that is told.
    down: Option<LinkReason>,
    pub(super) connects: u64,
    pub(super) bytes: u64,
    pub(super) bytes_out: u64,
    out: VecDeque<LinkAction>,
}

impl Link {
    pub(super) fn new(dialect: Arc<Dialect>, visit: Visit) -> Self {
        Self {
            dialect,
            visit,
            phase: Phase::Off,
            next_socket: 0,
            pause: Backoff::new(RECONNECT_MS.0, RECONNECT_MS.1),
            tries: 0,
            down: None,
            connects: 0,
            bytes: 0,
            bytes_out: 0,
            out: VecDeque::new(),
        }
    }

    pub(super) fn start(&mut self, now: Mono) {
        match self.phase {
            Phase::Off => self.begin(now),
            Phase::Connected(_) | Phase::Waiting { .. } => {}
        }
    }

    pub(super) fn stop(&mut self) {
        self.drop_connection();
        self.phase = Phase::Off;
        self.down = None;
    }

    /// Another server is in use: the socket to the one before ends, the next one comes after a pause.
    pub(super) fn leave(&mut self, visit: Visit, why: &str, now: Mono, rng: &mut ChaCha8Rng) {
        self.visit = visit;
        match &self.phase {
            Phase::Connected(_) => self.end(why, now, rng),
            Phase::Off | Phase::Waiting { .. } => {}
        }
    }

    pub(super) fn is_joined(&self) -> bool {
        match &self.phase {
            Phase::Connected(connection) => connection.joined.is_some(),
            Phase::Off | Phase::Waiting { .. } => false,
        }
    }

    /// Something happened on a socket.
    pub(super) fn socket(&mut self, id: SocketId, event: SocketEvent, now: Mono, rng: &mut ChaCha8Rng) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        if connection.socket != id {
            return; // An older socket's last words.
        }
        let heard = match event {
            SocketEvent::Opened => {
                self.connects += 1;
                connection.heard = now;
                connection.opened = true;
                connection.talk.opened(now)
            }
            SocketEvent::Text(text) => {
                self.bytes += text.len() as u64;
                connection.heard = now;
                self.out.push_back(LinkAction::Heard);
                connection.talk.text(&text, now)
            }
            SocketEvent::Unreadable => {
                connection.heard = now;
                vec![Heard::Malformed]
            }
            SocketEvent::Closed(why) | SocketEvent::TurnedAway { reason: why, .. } => vec![Heard::Ended(why)],
        };
        for heard in heard {
            self.hear(heard, now, rng);
        }
    }

    fn hear(&mut self, heard: Heard, now: Mono, rng: &mut ChaCha8Rng) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        match heard {
            Heard::Send(text) => {
                self.bytes_out += text.len() as u64;
                self.out.push_back(LinkAction::Send(connection.socket, text));
            }
            Heard::Joined => {
                if connection.joined.replace(now).is_none() {
                    self.down = None;
                    self.tries = 0;
                    self.out.push_back(LinkAction::Joined);
                }
            }
            Heard::Message(name, body, mended) => {
                self.out.push_back(LinkAction::Message(name, body, mended));
            }
            Heard::Malformed => self.out.push_back(LinkAction::Malformed),
            Heard::Ended(why) => self.fail(&why, now, rng),
        }
    }

    pub(super) fn due(&mut self, now: Mono, rng: &mut ChaCha8Rng) {
        match &mut self.phase {
            Phase::Off => {}
            Phase::Waiting { until } => {
                if *until <= now {
                    self.begin(now);
                }
            }
            Phase::Connected(connection) => {
                let said = connection.talk.due(now);
                for heard in said {
                    self.hear(heard, now, rng);
                }
                let Phase::Connected(connection) = &mut self.phase else { return };
                if connection.joined.is_none() && now.since(connection.since) >= JOIN_MS {
                    let why = format!("waited {} s in vain for {}", JOIN_MS / 1_000, connection.step());
                    self.fail(&why, now, rng);
                } else if connection.silent_at().is_some_and(|at| at <= now) {
                    self.fail("the socket is silent", now, rng);
                } else if connection.joined.is_none() && now.since(connection.since) >= PATIENCE_MS {
                    let why = format!("waiting for {}", connection.step());
                    if self.tries == 0 {
                        self.tell_down(&why);
                    }
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Off => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Connected(connection) => {
                let unjoined = connection.joined.is_none();
                let patience = unjoined && self.down.is_none() && self.tries == 0;
                [
                    connection.talk.deadline(),
                    connection.silent_at(),
                    unjoined.then(|| connection.since.plus_ms(JOIN_MS)),
                    patience.then(|| connection.since.plus_ms(PATIENCE_MS)),
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    pub(super) fn poll_action(&mut self) -> Option<LinkAction> {
        self.out.pop_front()
    }

    fn begin(&mut self, now: Mono) {
        let Some(talk) = Talk::new(&self.dialect) else {
            return self.tell_down("this server is followed by its list alone");
        };
        let socket = SocketId(self.next_socket);
        self.next_socket += 1;
        self.phase = Phase::Connected(Box::new(Connection {
            socket,
            since: now,
            talk,
            opened: false,
            heard: now,
            joined: None,
        }));
        self.out.push_back(LinkAction::Open(socket, Talk::path(&self.dialect)));
    }

    /// The attempt or the connection has failed. One that never came up is tried elsewhere next, one that worked is tried
    /// again first.
    fn fail(&mut self, why: &str, now: Mono, rng: &mut ChaCha8Rng) {
        if !self.is_joined() {
            self.out.push_back(LinkAction::NeverUp(self.visit, why.into()));
        }
        self.end(why, now, rng);
    }

    /// The attempt or the connection is over; the next one comes after a pause.
    fn end(&mut self, why: &str, now: Mono, rng: &mut ChaCha8Rng) {
        if let Phase::Connected(connection) = &self.phase
            && connection.joined.is_some_and(|joined| now.since(joined) >= SETTLED_MS)
        {
            self.pause.reset();
        }
        self.drop_connection();
        self.phase = Phase::Waiting { until: now.plus_ms(self.pause.next_ms(rng)) };
        self.tries = self.tries.saturating_add(1);
        match self.tries {
            0 | 1 => self.tell_down(why),
            tries => self.tell_down(&format!("{why}, {tries} times in a row")),
        }
    }

    fn drop_connection(&mut self) {
        match &self.phase {
            Phase::Connected(connection) => self.out.push_back(LinkAction::Close(connection.socket)),
            Phase::Off | Phase::Waiting { .. } => {}
        }
    }

    fn tell_down(&mut self, why: &str) {
        let reason: LinkReason = why.into();
        if self.down.as_ref() != Some(&reason) {
            self.out.push_back(LinkAction::Lost(LinkReason::clone(&reason)));
        }
        self.down = Some(reason);
    }
}

impl Connection {
    /// What the join waits for.
    fn step(&self) -> String {
        if self.opened { self.talk.step() } else { "the WebSocket to open".to_owned() }
    }

    fn silent_at(&self) -> Option<Mono> {
        self.talk.silence_ms().map(|ms| self.heard.plus_ms(ms))
    }
}
