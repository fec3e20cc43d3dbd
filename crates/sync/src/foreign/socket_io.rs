//! Socket.IO: one namespace, joined with the dialect's `auth`; then the dialect's events are emitted.

use super::heard::Heard;
use gwanje_dialect::SocketIo;
use gwanje_wire::sio::{self, Conversation, Received};
use gwanje_wire::socket::{PING_INTERVAL_MS, PING_TIMEOUT_MS};

/// Milliseconds of silence that are waited for, at the least and at the most, whatever the server's OPEN says.
const SILENCE_MS: (u64, u64) = (1_000, 120_000);

#[derive(Debug)]
pub(super) struct SocketIoTalk {
    rule: SocketIo,
    talk: Conversation<()>,
}

impl SocketIoTalk {
    pub(super) fn new(rule: SocketIo) -> Self {
        Self { rule, talk: Conversation::default() }
    }

    pub(super) fn text(&mut self, text: &str) -> Vec<Heard> {
        let received = match self.talk.receive(text) {
            Ok(received) => received,
            Err(_) => return vec![Heard::Malformed],
        };
        match received {
            Received::Opened(_) => {
                let joining = self.talk.join(&self.rule.namespace, self.rule.auth.expose());
                vec![joining.map_or_else(|error| Heard::Ended(error.to_string()), Heard::Send)]
            }
            Received::Reply(reply) => vec![Heard::Send(reply)],
            Received::Joined(_) => self.joined(),
            Received::Refused(..) => vec![Heard::Ended("the server refused the namespace".to_owned())],
            Received::Left(_) => vec![Heard::Ended("the server closed the namespace".to_owned())],
            Received::Event { name, data, ack, namespace } => {
                let body = match serde_json::from_str(data.get()) {
                    Ok(body) => Heard::Message(Some(name.into_owned()), body),
                    Err(_) => Heard::Malformed,
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

    fn joined(&self) -> Vec<Heard> {
        let SocketIo { namespace, emit, .. } = &self.rule;
        let emitted = emit.iter().map(|emit| sio::event(namespace, None, &emit.event, emit.data.expose()));
        emitted
            .map(|text| text.map_or_else(|error| Heard::Ended(error.to_string()), Heard::Send))
            .chain([Heard::Joined])
            .collect()
    }

    pub(super) fn silence_ms(&self) -> Option<u64> {
        let (interval, timeout) = self
            .talk
            .handshake()
            .map_or((PING_INTERVAL_MS, PING_TIMEOUT_MS), |open| (open.ping_interval, open.ping_timeout));
        Some(interval.saturating_add(timeout).clamp(SILENCE_MS.0, SILENCE_MS.1))
    }
}
