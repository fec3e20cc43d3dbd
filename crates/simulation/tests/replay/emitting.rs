//! An emitter over the model, as the contract describes it. It sends the first frame of a quiet spell at once, then at
//! most one per 20 ms; a head every 2 s, of a flushed revision, and at once of a new epoch; each alarm once. A follower without room for a frame is
//! behind. It gets nothing until there is room, then one wider frame from where it stands; or it is put out.

use gwanje_model::{CenterId, Epoch, Rev};
use gwanje_simulation::hub::{Instants, ModelHub};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds between two frames of one center, from the wire contract.
const FRAME_MS: i64 = 20;
/// Milliseconds between two heads, from the wire contract.
const HEAD_MS: i64 = 2_000;
/// Milliseconds between two tellings of alarms.
const ALARMS_MS: i64 = 100;
/// Milliseconds between two looks at those behind.
const BEHIND_MS: i64 = 100;
/// Puts out a follower that has been behind for this long, milliseconds.
const BEHIND_MAX_MS: i64 = 5_000;

/// A connection that follows deliveries.
struct Follower {
    emitted: Rev,
    behind_since: Option<i64>,
}

/// The emitter of one center.
pub struct ModelEmitter {
    center: CenterId,
    followers: BTreeMap<u64, Follower>,
    /// The history that is told of; none: nobody follows.
    epoch: Option<Epoch>,
    emitted: Rev,
    alarms_told: u64,
    next_frame_at: i64,
    next_head_at: i64,
    next_alarms_at: i64,
    next_look_at: i64,
}

/// What came of a moment.
#[derive(Default)]
pub struct Emitted {
    /// What each connection was sent: names and data of events.
    pub events: BTreeMap<u64, Vec<Value>>,
    /// Connections that were put out.
    pub out: BTreeSet<u64>,
    /// Kinds of what was sent.
    pub kinds: BTreeSet<&'static str>,
}

impl Emitted {
    fn event(&mut self, connection: u64, name: &'static str, data: &impl Serialize) {
        self.kinds.insert(name);
        self.events.entry(connection).or_default().push(json!([name, data]));
    }
}

impl ModelEmitter {
    pub fn new(center: CenterId) -> Self {
        Self {
            center,
            followers: BTreeMap::new(),
            epoch: None,
            emitted: Rev::ZERO,
            alarms_told: 0,
            next_frame_at: 0,
            next_head_at: 0,
            next_alarms_at: 0,
            next_look_at: 0,
        }
    }

    /// A connection follows from now on.
    pub fn follow(&mut self, connection: u64, hub: &ModelHub, at: Instants) {
        if self.followers.is_empty() {
            let board = hub.board(&self.center).unwrap();
            (self.emitted, self.alarms_told) = (board.standing().rev, board.standing().alarm_seq);
            self.epoch = Some(board.standing().epoch.clone());
            self.next_head_at = at.wall.0 + HEAD_MS;
        }
        let emitted = self.emitted;
        self.followers.entry(connection).or_insert(Follower { emitted, behind_since: None });
    }

    pub fn leave(&mut self, connection: u64) {
        self.followers.remove(&connection);
    }

    /// Does what is due now; connections in `full` have no room.
    pub fn act(&mut self, hub: &mut ModelHub, full: &BTreeSet<u64>, at: Instants) -> Emitted {
        let mut emitted = Emitted::default();
        self.follow_epoch(hub, at);
        if !self.followers.is_empty() && at.wall.0 >= self.next_frame_at {
            let head_is_due = at.wall.0 >= self.next_head_at;
            self.flush(hub, full, at, &mut emitted);
            if head_is_due && !self.followers.is_empty() {
                self.head(hub, full, at, &mut emitted);
            }
        }
        if !self.followers.is_empty() && at.wall.0 >= self.next_alarms_at {
            for alarm in hub.alarms_since(&self.center, self.alarms_told, at) {
                self.next_alarms_at = at.wall.0 + ALARMS_MS;
                self.alarms_told = alarm.seq;
                self.tell(full, |_| true, "alarm", &alarm, &mut emitted);
            }
        }
        let any_behind = self.followers.values().any(|follower| follower.behind_since.is_some());
        if any_behind && at.wall.0 >= self.next_look_at {
            self.next_look_at = at.wall.0 + BEHIND_MS;
            self.look(hub, full, at, &mut emitted);
        }
        emitted
    }

    /// Goes on in a history that has begun: no cursor goes on from it, and its head is told at once.
    fn follow_epoch(&mut self, hub: &ModelHub, at: Instants) {
        let board = hub.board(&self.center).unwrap();
        let standing = board.standing();
        if self.followers.is_empty() || self.epoch.as_ref() == Some(&standing.epoch) {
            return;
        }
        self.epoch = Some(standing.epoch.clone());
        (self.emitted, self.alarms_told) = (standing.rev, standing.alarm_seq);
        self.followers.values_mut().for_each(|follower| follower.emitted = standing.rev);
        self.next_head_at = at.wall.0;
    }

    fn flush(&mut self, hub: &mut ModelHub, full: &BTreeSet<u64>, at: Instants, emitted: &mut Emitted) {
        let rev = hub.board(&self.center).unwrap().standing().rev;
        if self.emitted >= rev {
            return;
        }
        let Some(frame) = hub.flush(&self.center, self.emitted, at) else {
            emitted.out.extend(std::mem::take(&mut self.followers).into_keys());
            self.emitted = rev;
            return;
        };
        for (connection, follower) in &mut self.followers {
            if follower.behind_since.is_some() {
                continue;
            }
            assert_eq!(follower.emitted, frame.from, "whoever is not behind was emitted all");
            if full.contains(connection) {
                follower.behind_since = Some(at.wall.0);
            } else {
                follower.emitted = frame.to;
                emitted.event(*connection, "deliveries", &frame);
            }
        }
        self.emitted = frame.to;
        self.next_frame_at = at.wall.0 + FRAME_MS;
    }

    fn head(&mut self, hub: &mut ModelHub, full: &BTreeSet<u64>, at: Instants, emitted: &mut Emitted) {
        let head = hub.head(&self.center, at).unwrap();
        if head.rev != self.emitted {
            self.next_frame_at = at.wall.0 + FRAME_MS;
            return;
        }
        self.next_head_at = at.wall.0 + HEAD_MS;
        self.tell(full, |follower| follower.emitted == head.rev, "head", &head, emitted);
    }

    /// Tells each connection with room. What does not fit is not sent again: the next head shows it.
    fn tell(
        &self,
        full: &BTreeSet<u64>,
        to: impl Fn(&Follower) -> bool,
        name: &'static str,
        data: &impl Serialize,
        emitted: &mut Emitted,
    ) {
        for (connection, follower) in &self.followers {
            if follower.behind_since.is_none() && !full.contains(connection) && to(follower) {
                emitted.event(*connection, name, data);
            }
        }
    }

    fn look(&mut self, hub: &mut ModelHub, full: &BTreeSet<u64>, at: Instants, emitted: &mut Emitted) {
        let late = |follower: &Follower| {
            follower.behind_since.is_some_and(|since| at.wall.0 - since >= BEHIND_MAX_MS)
        };
        emitted.out.extend(self.followers.extract_if(.., |_, follower| late(follower)).map(|(id, _)| id));
        let behind: Vec<u64> = self
            .followers
            .iter()
            .filter(|(id, follower)| follower.behind_since.is_some() && !full.contains(id))
            .map(|(id, _)| *id)
            .collect();
        for connection in behind {
            let follower = self.followers.get_mut(&connection).unwrap();
            let Some(frame) = hub.flush(&self.center, follower.emitted, at) else {
                // Puts out whoever stands there, with room or without.
                let from = follower.emitted;
                let there = |follower: &Follower| follower.behind_since.is_some() && follower.emitted == from;
                emitted.out.extend(self.followers.extract_if(.., |_, f| there(f)).map(|(id, _)| id));
                return self.look(hub, full, at, emitted);
            };
            if frame.to > follower.emitted {
                emitted.kinds.insert("wider");
                emitted.event(connection, "deliveries", &frame);
            }
            follower.emitted = frame.to;
            if frame.to >= self.emitted {
                follower.behind_since = None;
            }
        }
    }
}
