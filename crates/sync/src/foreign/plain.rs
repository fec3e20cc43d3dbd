//! A WebSocket of JSON texts: greets, then hears rows.

use super::heard::{Heard, is_keep_alive, messages};
use crate::io::Mono;
use gwanje_dialect::{JsonPath, WebSocket};

#[derive(Debug)]
pub(super) struct PlainTalk {
    rule: WebSocket,
    event_name: Option<JsonPath>,
    ping_at: Option<Mono>,
}

impl PlainTalk {
    pub(super) fn new(rule: WebSocket, event_name: Option<JsonPath>) -> Self {
        Self { rule, event_name, ping_at: None }
    }

    pub(super) fn opened(&mut self, now: Mono) -> Vec<Heard> {
        self.ping_at = self.rule.ping.text.is_some().then(|| now.plus_ms(self.rule.ping.every_ms));
        let hello = self.rule.hello.iter().map(|hello| Heard::Send(hello.expose().to_string()));
        hello.chain([Heard::Joined]).collect()
    }

    pub(super) fn text(&mut self, text: &str) -> Vec<Heard> {
        if is_keep_alive(text, &self.rule.keep_alives) {
            return self.rule.pong.iter().cloned().map(Heard::Send).collect();
        }
        messages(text, self.event_name.as_ref())
    }

    pub(super) fn due(&mut self, now: Mono) -> Vec<Heard> {
        if self.ping_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.ping_at = Some(now.plus_ms(self.rule.ping.every_ms));
        self.rule.ping.text.iter().cloned().map(Heard::Send).collect()
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.ping_at
    }

    pub(super) fn silence_ms(&self) -> Option<u64> {
        self.rule.ping.text.is_some().then_some(self.rule.silence_ms)
    }
}
