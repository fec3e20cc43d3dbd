//! Socket.IO: one namespace, joined with the dialect's `auth`; then the dialect's events are emitted.
//!
//! Servers of Socket.IO 2 (Engine.IO 3) differ in three things: they join `/` by themselves, a join carries no data, and it
//! is the client that pings.

use super::heard::Heard;
use crate::io::Mono;
use gwanje_dialect::{Dialect, SocketIo};
use gwanje_wire::sio::{self, Conversation, Received, Transport};
use gwanje_wire::socket::{PING_INTERVAL_MS, PING_TIMEOUT_MS};
use std::sync::Arc;

/// The least and the most milliseconds of silence to wait for, whatever the server's OPEN says: it promises.
const SILENCE_MS: (u64, u64) = (1_000, 3_600_000);
/// The least milliseconds between pings of ours.
const PING_MS_MIN: u64 = 500;
/// What a server of Socket.IO 2 says once it is open. Later ones never say it without data.
const JOINED_2: &str = "40";

#[derive(Debug)]
pub(super) struct SocketIoTalk {
    dialect: Arc<Dialect>,
    rule: SocketIo,
    talk: Conversation<()>,
    /// Engine.IO 3: when to ping.
    ping_at: Option<Mono>,
}

impl SocketIoTalk {
    pub(super) fn new(rule: SocketIo, dialect: Arc<Dialect>) -> Self {
        Self { dialect, rule, talk: Conversation::default(), ping_at: None }
    }

    pub(super) fn text(&mut self, text: &str, now: Mono) -> Vec<Heard> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        let is_old = self.rule.engine == 3;
        if !is_old && text == JOINED_2 {
            let why = "the server speaks Socket.IO 2 (Engine.IO 3); write `engine = 3` into [socket] of the dialect";
            return vec![Heard::Ended(why.to_owned())];
        }
        let (fixed, mended);
        let received = match self.talk.receive(text) {
            Ok(received) => Some((received, text)),
            Err(_) => None,
        };
        let (received, text) = match received {
            Some(received) => {
                mended = gwanje_reading::Mended::default();
                received
            }
            None => {
                // A value in it may be none.
                (fixed, mended) = gwanje_reading::mended(text);
                match self.talk.receive(&fixed) {
                    Ok(received) if !mended.is_empty() => (received, fixed.as_str()),
                    Ok(_) | Err(_) => return vec![Heard::Malformed],
                }
            }
        };
        match received {
            Received::Opened(open) => {
                if is_old {
                    self.ping_at = Some(now.plus_ms(open.ping_interval.max(PING_MS_MIN)));
                }
                self.join().map_or_else(
                    |error| vec![Heard::Ended(error.to_string())],
                    |text| text.into_iter().map(Heard::Send).collect(),
                )
            }
            Received::Reply(reply) => vec![Heard::Send(reply)],
            Received::Joined(_) => self.joined(),
            Received::Refused(..) => {
                vec![Heard::Ended(format!("the server refused the namespace {}", self.rule.namespace))]
            }
            Received::Left(_) => {
                vec![Heard::Ended(format!("the server closed the namespace {}", self.rule.namespace))]
            }
            Received::Event { name, data, ack, namespace } => {
                let nth = self.dialect.event(Some(&name)).map_or(1, |rule| rule.argument);
                let data = if nth == 1 { Some(data) } else { sio::argument(text, nth) };
                let body = data.and_then(|data| gwanje_reading::values(data.get(), false).ok());
                let body = match body {
                    Some((body, mut more)) => {
                        more.merge(mended);
                        Heard::Message(Some(name.into_owned()), body, more)
                    }
                    None => Heard::Malformed,
                };
                let thanks = ack.map(|id| {
                    let data = serde_json::value::RawValue::NULL;
                    Heard::Send(sio::Packet::Ack { namespace, id, data }.to_text())
                });
                thanks.into_iter().chain([body]).collect()
            }
            Received::Closed => vec![Heard::Ended("the server closed the connection".to_owned())],
            Received::Acked(..) | Received::Nothing => Vec::new(),
        }
    }

    /// Asks to join; none: it is joined unasked.
    fn join(&mut self) -> Result<Option<String>, sio::SioError> {
        let namespace = &self.rule.namespace;
        let text = self.talk.join(namespace, self.rule.auth.expose())?;
        if self.rule.engine != 3 {
            return Ok(Some(text));
        }
        let is_named = namespace != sio::DEFAULT_NAMESPACE;
        Ok(is_named.then(|| sio::Packet::Connect { namespace, data: None }.to_text()))
    }

    fn joined(&self) -> Vec<Heard> {
        let SocketIo { namespace, emit, .. } = &self.rule;
        let emitted = emit.iter().map(|emit| sio::event(namespace, None, &emit.event, emit.data.expose()));
        emitted
            .map(|text| text.map_or_else(|error| Heard::Ended(error.to_string()), Heard::Send))
            .chain([Heard::Joined])
            .collect()
    }

    /// What the join waits for.
    pub(super) fn step(&self) -> String {
        match self.talk.handshake() {
            Some(_) => format!("the namespace {} to be joined", self.rule.namespace),
            None => "the server's greeting (OPEN of Engine.IO)".to_owned(),
        }
    }

    pub(super) fn due(&mut self, now: Mono) -> Vec<Heard> {
        if self.ping_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let interval = self.talk.handshake().map_or(PING_INTERVAL_MS, |open| open.ping_interval);
        self.ping_at = Some(now.plus_ms(interval.max(PING_MS_MIN)));
        vec![Heard::Send(Transport::Ping("").to_text())]
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.ping_at
    }

    pub(super) fn silence_ms(&self) -> Option<u64> {
        let (interval, timeout) = self
            .talk
            .handshake()
            .map_or((PING_INTERVAL_MS, PING_TIMEOUT_MS), |open| (open.ping_interval, open.ping_timeout));
        Some(interval.saturating_add(timeout).clamp(SILENCE_MS.0, SILENCE_MS.1))
    }
}
