//! An emitter as the contract paces it, over the model: the first frame of a quiet spell at once, then one per 20 ms at
//! most; a head every 2 s, of a revision that was flushed; each alarm once.

use gwanje_model::{CenterId, Rev};
use gwanje_simulation::hub::{Instants, ModelHub};
use gwanje_wire::rest::AlarmEntry;
use gwanje_wire::{Frame, Head};
use serde_json::{Value, json};

/// Milliseconds between two frames of one center, from the wire contract.
const FRAME_MS: i64 = 20;
/// Milliseconds between two heads, from the wire contract.
const HEAD_MS: i64 = 2_000;

/// The emitter of one center.
pub struct ModelEmitter {
    center: CenterId,
    /// Connections that follow deliveries.
    pub followers: Vec<u64>,
    emitted: Rev,
    alarms_told: u64,
    next_frame_at: i64,
    next_head_at: i64,
}

/// What is sent to every follower.
#[derive(Debug, PartialEq)]
pub enum Sending {
    Frame(Box<Frame>),
    Head(Box<Head>),
    Alarm(Box<AlarmEntry>),
    /// Nobody may be fed from where they are: all are put out.
    Out,
}

impl Sending {
    /// As an event: its name and data.
    pub fn event(&self) -> Value {
        match self {
            Self::Frame(frame) => json!(["deliveries", frame]),
            Self::Head(head) => json!(["head", head]),
            Self::Alarm(alarm) => json!(["alarm", alarm]),
            Self::Out => Value::Null,
        }
    }
}

impl ModelEmitter {
    pub fn new(center: CenterId) -> Self {
        let (emitted, alarms_told) = (Rev::ZERO, 0);
        Self { center, followers: Vec::new(), emitted, alarms_told, next_frame_at: 0, next_head_at: 0 }
    }

    /// A connection follows from now on.
    pub fn follow(&mut self, connection: u64, hub: &ModelHub, at: Instants) {
        if self.followers.is_empty() {
            let board = hub.board(&self.center).unwrap();
            (self.emitted, self.alarms_told) = (board.rev, board.alarm_seq);
            self.next_head_at = at.wall.0 + HEAD_MS;
        }
        if !self.followers.contains(&connection) {
            self.followers.push(connection);
        }
    }

    pub fn leave(&mut self, connection: u64) {
        self.followers.retain(|known| *known != connection);
    }

    /// What is due now.
    pub fn act(&mut self, hub: &mut ModelHub, at: Instants) -> Vec<Sending> {
        let mut sent = Vec::new();
        if !self.followers.is_empty() && at.wall.0 >= self.next_frame_at {
            let head_is_due = at.wall.0 >= self.next_head_at;
            self.flush(hub, at, &mut sent);
            if head_is_due && !self.followers.is_empty() {
                let head = hub.head(&self.center, at).unwrap();
                if head.rev == self.emitted {
                    self.next_head_at = at.wall.0 + HEAD_MS;
                    sent.push(Sending::Head(Box::new(head)));
                } else {
                    self.next_frame_at = at.wall.0 + FRAME_MS;
                }
            }
        }
        if !self.followers.is_empty() {
            for alarm in hub.alarms_since(&self.center, self.alarms_told, at) {
                self.alarms_told = alarm.seq;
                sent.push(Sending::Alarm(Box::new(alarm)));
            }
        }
        sent
    }

    fn flush(&mut self, hub: &mut ModelHub, at: Instants, sent: &mut Vec<Sending>) {
        let rev = hub.board(&self.center).unwrap().rev;
        if self.emitted >= rev {
            return;
        }
        let Some(frame) = hub.flush(&self.center, self.emitted, at) else {
            self.followers.clear();
            self.emitted = rev;
            sent.push(Sending::Out);
            return;
        };
        self.emitted = frame.to;
        self.next_frame_at = at.wall.0 + FRAME_MS;
        sent.push(Sending::Frame(Box::new(frame)));
    }
}
