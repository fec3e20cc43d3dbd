//! One connection, and how far it has come.
//!
//! | stage | OPEN | a join | nothing in time | silence |
//! | --- | --- | --- | --- | --- |
//! | `Opening` | `Joining` | – | the endpoint does not serve | – |
//! | `Joining` | – | `Serving` | given up | the endpoint does not serve |
//! | `Serving` | – | one more | given up, while joins are awaited | the endpoint does not serve |

use super::{ANSWER_MS, Fault, PATIENCE_MS};
use crate::io::{Mono, SocketId};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::CenterId;
use gwanje_wire::sio::Conversation;
use gwanje_wire::socket::{PING_INTERVAL_MS, PING_TIMEOUT_MS};
use std::collections::BTreeSet;

/// The least and the most milliseconds of silence to wait for, whatever the server's OPEN says.
const SILENCE_MS: (u64, u64) = (1_000, 120_000);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake must be over by `until`; the attempt began, with the request for a ticket, at `since`.
    Opening { since: Mono, until: Mono },
    /// Namespaces were asked for, if any is wanted, and must be answered by `until`.
    Joining { since: Mono, until: Option<Mono> },
    /// At least one is joined, since `since`; others that were asked for must be answered by `others_until`.
    Serving { since: Mono, others_until: Option<Mono> },
}

/// What a `subscribe` that waits for its ack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// To follow; without an answer the connection is of no use.
    Rooms,
    /// The head alone, of what is followed already.
    Head,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: SocketId,
    /// The base URL of its endpoint.
    pub(super) base: String,
    pub(super) ticket: String,
    pub(super) stage: Stage,
    pub(super) talk: Conversation<Wants>,
    /// Any packet.
    pub(super) heard: Mono,
    /// Centers whose `subscribe` was acknowledged.
    pub(super) subscribed: BTreeSet<CenterId>,
    /// The hub asked to leave; when.
    pub(super) drain_at: Option<Mono>,
}

impl Connection {
    pub(super) fn new(socket: SocketId, base: String, ticket: String, stage: Stage, now: Mono) -> Self {
        Self {
            socket,
            base,
            ticket,
            stage,
            talk: Conversation::default(),
            heard: now,
            subscribed: BTreeSet::new(),
            drain_at: None,
        }
    }

    /// At least one namespace is joined.
    pub(super) fn serves(&self) -> bool {
        match self.stage {
            Stage::Serving { .. } => true,
            Stage::Opening { .. } | Stage::Joining { .. } => false,
        }
    }

    /// For how long it has served, milliseconds.
    pub(super) fn served_ms(&self, now: Mono) -> u64 {
        match self.stage {
            Stage::Serving { since, .. } => now.since(since),
            Stage::Opening { .. } | Stage::Joining { .. } => 0,
        }
    }

    /// When the attempt began, while it is one.
    pub(super) fn attempt_since(&self) -> Option<Mono> {
        match self.stage {
            Stage::Opening { since, .. } | Stage::Joining { since, .. } => Some(since),
            Stage::Serving { .. } => None,
        }
    }

    /// When its ticket was asked for, as long as no join has been asked for.
    pub(super) fn idles_since(&self) -> Option<Mono> {
        match self.stage {
            Stage::Joining { since, until: None } => Some(since),
            Stage::Opening { .. } | Stage::Joining { until: Some(_), .. } | Stage::Serving { .. } => None,
        }
    }

    /// The transport is ready.
    pub(super) fn opened(&mut self) {
        match self.stage {
            Stage::Opening { since, .. } => self.stage = Stage::Joining { since, until: None },
            // A second OPEN says nothing.
            Stage::Joining { .. } | Stage::Serving { .. } => {}
        }
    }

    /// A namespace was asked for.
    pub(super) fn asked(&mut self, now: Mono) {
        match &mut self.stage {
            Stage::Opening { .. } => {}
            Stage::Joining { until, .. } => {
                until.get_or_insert(now.plus_ms(ANSWER_MS));
            }
            Stage::Serving { others_until, .. } => {
                others_until.get_or_insert(now.plus_ms(ANSWER_MS));
            }
        }
    }

    /// A namespace joined.
    pub(super) fn joined(&mut self, now: Mono) {
        match self.stage {
            Stage::Opening { .. } => self.stage = Stage::Serving { since: now, others_until: None },
            Stage::Joining { until, .. } => {
                self.stage = Stage::Serving { since: now, others_until: until };
            }
            Stage::Serving { .. } => {}
        }
    }

    /// No join is awaited any more.
    pub(super) fn all_answered(&mut self) {
        match &mut self.stage {
            Stage::Opening { .. } => {}
            Stage::Joining { until, .. } => *until = None,
            Stage::Serving { others_until, .. } => *others_until = None,
        }
    }

    /// What did not come in time, if anything, and whose fault that is.
    pub(super) fn overdue(&mut self, now: Mono) -> Option<(&'static str, Fault)> {
        if self.talk.expire(now.0).iter().any(|(_, wants)| *wants == Wants::Rooms) {
            return Some(("subscribe was not answered", Fault::Other));
        }
        match self.stage {
            Stage::Opening { until, .. } => (until <= now).then_some(("no handshake", Fault::Endpoint)),
            Stage::Joining { until, .. } | Stage::Serving { others_until: until, .. } => {
                if self.silent_at() <= now {
                    Some(("the socket is silent", Fault::Endpoint))
                } else {
                    until
                        .is_some_and(|until| until <= now)
                        .then_some(("a join was not answered", Fault::Other))
                }
            }
        }
    }

    /// The attempt takes so long that it is time to say so.
    pub(super) fn impatient(&self, now: Mono) -> bool {
        self.attempt_since().is_some_and(|since| now.since(since) >= PATIENCE_MS)
    }

    /// When something of it is due.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let stage = match self.stage {
            Stage::Opening { until, .. } => Some(until),
            Stage::Joining { until, .. } | Stage::Serving { others_until: until, .. } => {
                until.into_iter().chain([self.silent_at()]).min()
            }
        };
        [stage, self.talk.deadline_ms().map(Mono), self.drain_at].into_iter().flatten().min()
    }

    fn silent_at(&self) -> Mono {
        if is_mutated(Mutation::IgnoreSilence) {
            return Mono(u64::MAX);
        }
        let (interval, timeout) = self
            .talk
            .handshake()
            .map_or((PING_INTERVAL_MS, PING_TIMEOUT_MS), |open| (open.ping_interval, open.ping_timeout));
        self.heard.plus_ms(interval.saturating_add(timeout).clamp(SILENCE_MS.0, SILENCE_MS.1))
    }
}
