//! STOMP 1.2: connects, subscribes to the dialect's destinations, keeps the heart-beats.

use super::heard::{Heard, is_keep_alive, messages};
use crate::io::Mono;
use gwanje_dialect::{JsonPath, Secret, Stomp};
use gwanje_wire::stomp::{Command, Decoder, Frame, HEART_BEAT, HeartBeat, Incoming, Side};

/// The receipt that tells that the last subscription, and so every one, is made.
const SUBSCRIBED: &str = "subscribed";
/// Many brokers answer no receipt. Without one the subscriptions count as made after this long, milliseconds, or at the
/// first message.
const RECEIPT_MS: u64 = 2_000;
/// A bulk message of half a million rows, bytes: no broker sends a longer one.
const BODY_MAX: usize = 128 << 20;
/// Heart-beats may be this much late, milliseconds: the specification asks for a margin.
const LATE_MS: u64 = 2_000;
/// A heart-beat is sent this share of its interval early, so that it comes in time.
const EARLY: u64 = 4;

#[derive(Debug)]
pub(super) struct StompTalk {
    rule: Stomp,
    event_name: Option<JsonPath>,
    decoder: Decoder,
    /// Heart-beats as agreed, milliseconds: to send, to expect.
    send_ms: Option<u64>,
    expect_ms: Option<u64>,
    beat_at: Option<Mono>,
    connected: bool,
    joined: bool,
    /// When the subscriptions count as made.
    joins_at: Option<Mono>,
}

impl StompTalk {
    pub(super) fn new(rule: Stomp, event_name: Option<JsonPath>) -> Self {
        let decoder = Decoder::new(Side::Server).with_body_max(BODY_MAX);
        Self {
            rule,
            event_name,
            decoder,
            send_ms: None,
            expect_ms: None,
            beat_at: None,
            connected: false,
            joined: false,
            joins_at: None,
        }
    }

    pub(super) fn opened(&mut self, _now: Mono) -> Vec<Heard> {
        let mut frame = Frame::connect(&self.rule.host, self.offer());
        for (name, value) in [("login", &self.rule.login), ("passcode", &self.rule.passcode)] {
            if let Some(value) = value.as_ref().map(Secret::expose) {
                frame = frame.with(name, value);
            }
        }
        vec![written(&frame)]
    }

    pub(super) fn text(&mut self, text: &str, now: Mono) -> Vec<Heard> {
        let (mut input, mut heard) = (text.as_bytes(), Vec::new());
        loop {
            match self.decoder.read(&mut input) {
                Ok(Some(Incoming::Frame(frame))) => self.frame(&frame, now, &mut heard),
                Ok(Some(Incoming::HeartBeat)) => {}
                Ok(None) => return heard,
                Err(error) => {
                    heard.push(Heard::Malformed);
                    heard.push(Heard::Ended(error.to_string()));
                    return heard;
                }
            }
        }
    }

    fn frame(&mut self, frame: &Frame, now: Mono, heard: &mut Vec<Heard>) {
        match frame.command {
            Command::Connected => {
                let theirs = frame.heart_beat().unwrap_or(HeartBeat::NONE);
                let ms = |every: Option<std::time::Duration>| {
                    every.map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX))
                };
                self.send_ms = ms(self.offer().send_every(theirs));
                self.expect_ms = ms(self.offer().expect_every(theirs));
                self.beat_later(now);
                heard.extend(self.subscribe());
                self.connected = true;
                self.joins_at = Some(now.plus_ms(RECEIPT_MS));
            }
            Command::Receipt if frame.header("receipt-id") == Some(SUBSCRIBED) => self.join(heard),
            Command::Message => {
                self.join(heard);
                match frame.text() {
                    Ok(text) if is_keep_alive(text, &[]) => {}
                    Ok(text) => heard.extend(messages(text, self.event_name.as_ref())),
                    Err(_) => heard.push(Heard::Malformed),
                }
            }
            Command::Error => {
                let why = frame.header("message").unwrap_or("no reason given");
                let why: String = why.chars().filter(|c| !c.is_control()).take(120).collect();
                heard.push(Heard::Ended(format!("the broker refused: {why}")));
            }
            // Other receipts, and what only a client says: a server never says it, and the decoder lets none of it
            // through.
            Command::Receipt
            | Command::Connect
            | Command::Stomp
            | Command::Send
            | Command::Subscribe
            | Command::Unsubscribe
            | Command::Ack
            | Command::Nack
            | Command::Begin
            | Command::Commit
            | Command::Abort
            | Command::Disconnect => {}
        }
    }

    fn join(&mut self, heard: &mut Vec<Heard>) {
        self.joins_at = None;
        if !std::mem::replace(&mut self.joined, true) {
            heard.push(Heard::Joined);
        }
    }

    /// What the join waits for.
    pub(super) fn step(&self) -> String {
        let of = if self.connected { "receipt of the subscription" } else { "CONNECTED" };
        format!("the broker's {of}")
    }

    fn subscribe(&self) -> impl Iterator<Item = Heard> {
        let last = self.rule.destinations.len().saturating_sub(1);
        self.rule.destinations.iter().enumerate().map(move |(n, destination)| {
            let frame = Frame::subscribe(&n.to_string(), destination);
            written(&if n == last { frame.with("receipt", SUBSCRIBED) } else { frame })
        })
    }

    fn offer(&self) -> HeartBeat {
        let ms = u32::try_from(self.rule.heart_beat_ms).unwrap_or(u32::MAX);
        HeartBeat { sends_every_ms: ms, wants_every_ms: ms }
    }

    fn beat_later(&mut self, now: Mono) {
        self.beat_at = self.send_ms.map(|every| now.plus_ms((every - every / EARLY).max(1)));
    }

    pub(super) fn due(&mut self, now: Mono) -> Vec<Heard> {
        let mut heard = Vec::new();
        if self.joins_at.is_some_and(|at| at <= now) {
            self.join(&mut heard);
        }
        if self.beat_at.is_some_and(|at| at <= now) {
            self.beat_later(now);
            heard.push(Heard::Send(HEART_BEAT.to_owned()));
        }
        heard
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        [self.beat_at, self.joins_at].into_iter().flatten().min()
    }

    pub(super) fn silence_ms(&self) -> Option<u64> {
        self.expect_ms.map(|every| every.saturating_mul(2).saturating_add(LATE_MS))
    }
}

fn written(frame: &Frame) -> Heard {
    frame.to_text().map_or_else(|error| Heard::Ended(error.to_string()), Heard::Send)
}
