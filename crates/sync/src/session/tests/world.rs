//! A world around one session: a model hub, a network that delays and breaks, a cache, and checks after every step.

use super::super::Session;
use super::super::fetch::{Fetch, FetchFailure, FetchId, Fetched, SessionAction, SessionConfig};
use super::super::notified::key_of;
use super::super::proof::PROOF_FRESH_MS;
use super::hub::{Hub, day};
use crate::findings::{CheckReport, RepairReport};
use crate::io::{
    AlarmKey, CommandId, Mono, Now, OwnCancellation, Restored, RowChange, SkippedAlarms, State, StoredAlarm,
    StoredCommand,
};
use crate::testing::agenda::Agenda;
use gwanje_model::{DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use gwanje_wire::rest::{AlarmEntry, AlarmKind, ReceiptStage};
use gwanje_wire::socket::{Cursor, SubscribeAck};
use gwanje_wire::{ErrorCode, Frame, Head, Problem, ResyncReason, WireRow};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// The network's usual delay one way, at most.
const DELAY_MS: u64 = 40;

/// How often, in a thousand, something goes wrong.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Faults {
    pub(super) drop: u32,
    pub(super) duplicate: u32,
    pub(super) reorder: u32,
    pub(super) garble: u32,
    /// In a thousand per 100 ms.
    pub(super) cut: u32,
    pub(super) rest: u32,
    pub(super) lose_row: u32,
    pub(super) flip_row: u32,
    pub(super) new_epoch: u32,
    pub(super) raise_floor: u32,
    pub(super) crash: u32,
    pub(super) cache_lost: u32,
}

enum Event {
    Join,
    Joined(u64),
    Subscribed(u64, Option<Cursor>),
    Ack(u64, Box<SubscribeAck>),
    Frame(u64, Box<Frame>),
    Head(u64, Box<Head>),
    Alarm(u64, Box<AlarmEntry>),
    Garbled(u64),
    Request(FetchId, Fetch),
    Answer(FetchId, Box<Result<Fetched, FetchFailure>>),
    Committed(u64, u64),
    Receipt(AlarmKey, ReceiptStage),
    Emit,
    Beat,
    Chance,
}

#[derive(Default)]
pub(super) struct Cache {
    pub(super) rows: BTreeMap<DeliveryId, WireRow>,
    pub(super) cursor: Option<Cursor>,
    pub(super) alarms: BTreeMap<AlarmKey, StoredAlarm>,
    pub(super) alarm_seq: Option<u64>,
    pub(super) alarms_skipped: Option<SkippedAlarms>,
    pub(super) commands: BTreeMap<CommandId, StoredCommand>,
    pub(super) own: BTreeMap<DeliveryId, OwnCancellation>,
    pub(super) horizon: Option<UtcMillis>,
}

pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) session: Session,
    pub(super) cache: Cache,
    pub(super) shown: BTreeMap<DeliveryId, WireRow>,
    pub(super) raised: BTreeMap<AlarmKey, u32>,
    pub(super) relisted: BTreeMap<AlarmKey, u32>,
    /// Listed as lost by the hub.
    pub(super) lost: BTreeSet<AlarmKey>,
    /// The histories that the hub went on from, and whether what was decided in the new one is known to be in it.
    pub(super) histories: Vec<(Epoch, bool)>,
    pub(super) settled: Vec<AlarmKey>,
    /// Told as this seat's own doing.
    pub(super) quiet: Vec<AlarmKey>,
    /// What the hub was heard to say of alarms.
    pub(super) told: Vec<AlarmEntry>,
    /// Cancellations that were restored as acknowledged.
    pub(super) acknowledged: Vec<DeliveryId>,
    /// What an audit of the cache finds; none: it never answers.
    pub(super) audit: Option<(Vec<DeliveryId>, bool)>,
    /// Heads that reached the session.
    pub(super) heads: u32,
    pub(super) reports: Vec<(u64, CheckReport)>,
    pub(super) repairs: Vec<RepairReport>,
    /// Since the start of the app.
    pub(super) receipts_sent: u32,
    pub(super) faults: Faults,
    pub(super) states: Vec<(u64, State)>,
    pub(super) fetches: Vec<(u64, Fetch)>,
    pub(super) time: u64,
    pub(super) sockets_up: bool,
    pub(super) rest_up: bool,
    pub(super) page: usize,
    /// Answers take this much longer.
    pub(super) rest_delay: u64,
    pub(super) busy: bool,
    /// The hub itself went back: M does not hold then.
    pub(super) went_back: bool,
    /// Spoils the next answers before the session sees them.
    pub(super) spoil: Option<fn(&mut Fetched)>,
    /// The next `changes` comes from a server that refuses the cursor so.
    pub(super) refuse_changes: Option<ResyncReason>,
    seed: u64,
    rng: ChaCha8Rng,
    agenda: Agenda<Event>,
    /// The present socket; events of others are late and must not reach the session.
    socket: u64,
    subscribed: bool,
    sent: Rev,
    in_order: u64,
    life: u64,
    last: (Option<Cursor>, BTreeMap<DeliveryId, Rev>),
    changed: bool,
    /// Rows were lost from memory: batches speak of what is left.
    pub(super) lost_rows: bool,
    pub(super) rests: u64,
    epochs: u32,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let now = Now { mono: Mono(0), wall: day(0) };
        let mut world = Self {
            hub: Hub::new(),
            session: Session::new(config(seed), now),
            cache: Cache::default(),
            shown: BTreeMap::new(),
            raised: BTreeMap::new(),
            relisted: BTreeMap::new(),
            lost: BTreeSet::new(),
            histories: Vec::new(),
            settled: Vec::new(),
            quiet: Vec::new(),
            told: Vec::new(),
            acknowledged: Vec::new(),
            audit: Some((Vec::new(), true)),
            heads: 0,
            reports: Vec::new(),
            repairs: Vec::new(),
            receipts_sent: 0,
            faults: Faults::default(),
            states: Vec::new(),
            fetches: Vec::new(),
            time: 0,
            sockets_up: true,
            rest_up: true,
            page: 1_000,
            rest_delay: 0,
            busy: false,
            went_back: false,
            spoil: None,
            refuse_changes: None,
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            agenda: Agenda::default(),
            socket: 0,
            subscribed: false,
            sent: Rev(0),
            in_order: 0,
            life: 0,
            last: (None, BTreeMap::new()),
            changed: false,
            lost_rows: false,
            rests: 0,
            epochs: 0,
        };
        world.at(2_000, Event::Beat);
        world.at(100, Event::Chance);
        world
    }

    pub(super) fn now(&self) -> Now {
        Now { mono: Mono(self.time), wall: day(self.time) }
    }

    /// Starts the session on whatever the cache holds.
    pub(super) fn start(&mut self) {
        let now = self.now();
        let restored = Restored {
            rows: self.cache.rows.values().cloned().collect(),
            cursor: self.cache.cursor.clone(),
            alarms: self.cache.alarms.values().cloned().collect(),
            alarm_seq: self.cache.alarm_seq,
            horizon: self.cache.horizon,
            alarms_skipped: self.cache.alarms_skipped.clone(),
            commands: self.cache.commands.values().cloned().collect(),
            own: self.cache.own.values().copied().collect(),
            ..Restored::default()
        };
        self.session.restored(restored, now);
        self.session.authorised(now);
        self.at(50, Event::Join);
        self.act();
    }

    fn at(&mut self, delay: u64, event: Event) {
        self.agenda.put(self.time + delay, event);
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1_000) < per_mille
    }

    fn delay(&mut self) -> u64 {
        self.rng.random_range(1..=DELAY_MS)
    }

    /// Sends by socket: in order, unless a fault says otherwise.
    fn push(&mut self, make: impl Fn(u64) -> Event) {
        if !self.subscribed || self.chance(self.faults.drop) {
            return;
        }
        let mut arrives = (self.time + self.delay()).max(self.in_order + 1);
        self.in_order = arrives;
        if self.chance(self.faults.reorder) {
            arrives += self.rng.random_range(1..8_000);
        }
        let socket = self.socket;
        let event = if self.chance(self.faults.garble) { Event::Garbled(socket) } else { make(socket) };
        self.at(arrives - self.time, event);
        if self.chance(self.faults.duplicate) {
            let again = self.rng.random_range(0..3_000);
            self.at(arrives - self.time + again, make(socket));
        }
    }

    pub(super) fn cut(&mut self) {
        self.socket += 1;
        self.subscribed = false;
        let now = self.now();
        self.session.socket_lost("cut".into(), now);
        let again = self.rng.random_range(100..3_000);
        self.at(again, Event::Join);
        self.act();
    }

    pub(super) fn run(&mut self, ms: u64) {
        let until = self.time + ms;
        loop {
            let next = self.agenda.next_at().unwrap_or(u64::MAX);
            let deadline = self.session.deadline().map_or(u64::MAX, |at| at.0.max(self.time));
            let time = next.min(deadline);
            if time > until {
                break;
            }
            self.time = time;
            self.hub.time = time;
            if next <= deadline {
                let event = self.agenda.take_next().unwrap();
                self.happen(event);
            } else {
                let now = self.now();
                self.session.tick(now);
                let after = self.session.deadline();
                assert!(
                    after.is_none_or(|at| at.0 > time),
                    "{}: a deadline stays behind: {after:?}",
                    self.seed
                );
            }
            self.act();
            self.check();
        }
        self.time = until;
        self.hub.time = until;
    }

    fn happen(&mut self, event: Event) {
        let now = self.now();
        let current = |socket: u64, world: &Self| socket == world.socket;
        match event {
            Event::Join if !self.sockets_up => {
                self.session.socket_lost("refused".into(), now);
                self.at(1_000, Event::Join);
            }
            Event::Join => {
                self.socket += 1;
                let (socket, delay) = (self.socket, self.delay());
                self.at(delay, Event::Joined(socket));
            }
            Event::Joined(socket) if current(socket, self) => self.session.socket_joined(now),
            Event::Subscribed(socket, cursor) if current(socket, self) => {
                let ack = self.hub.subscribe(cursor.as_ref());
                self.subscribed = true;
                self.sent = self.hub.rev;
                self.in_order = self.in_order.max(self.time + self.delay());
                let arrives = self.in_order - self.time;
                self.at(arrives, Event::Ack(socket, Box::new(ack)));
            }
            Event::Ack(socket, ack) if current(socket, self) => self.session.subscribed(*ack, now),
            Event::Frame(socket, frame) if current(socket, self) => self.session.frame(*frame, now),
            Event::Head(socket, head) if current(socket, self) => {
                self.heads += 1;
                self.session.head(*head, now);
            }
            Event::Alarm(socket, entry) if current(socket, self) => self.session.alarm(*entry, now),
            Event::Garbled(socket) if current(socket, self) => self.session.malformed(now),
            Event::Joined(_)
            | Event::Subscribed(..)
            | Event::Ack(..)
            | Event::Frame(..)
            | Event::Head(..)
            | Event::Alarm(..)
            | Event::Garbled(_) => {}
            Event::Request(id, fetch) => {
                let answer = if !self.rest_up || self.chance(self.faults.rest) {
                    Err(FetchFailure::Unreachable("refused".into()))
                } else if let (Fetch::Changes { .. }, Some(reason)) = (&fetch, self.refuse_changes) {
                    self.refuse_changes = None;
                    let problem =
                        Problem { reason: Some(reason), ..Problem::new(ErrorCode::Resync, "resync") };
                    Err(FetchFailure::Problem { problem, retry_after_s: None })
                } else {
                    self.hub.answer(&fetch, self.page)
                };
                let delay = self.delay() + self.rest_delay;
                self.at(delay, Event::Answer(id, Box::new(answer)));
            }
            Event::Answer(id, mut answer) => {
                if let (Some(spoil), Ok(fetched)) = (self.spoil, answer.as_mut()) {
                    spoil(fetched);
                }
                self.session.answer(id, *answer, now);
            }
            Event::Committed(life, seq) if life == self.life => self.session.committed(seq, now),
            Event::Committed(..) => {}
            Event::Receipt(key, stage) => {
                if self.rest_up && !self.chance(self.faults.drop) {
                    self.hub.receipt(key, "seat".into(), stage);
                    self.session.receipt_taken(key, stage, now);
                    let entry = self.hub.alarms.iter().find(|alarm| key_of(alarm) == key);
                    if let Some(entry) = entry.cloned() {
                        self.push(|socket| Event::Alarm(socket, Box::new(entry.clone())));
                    }
                }
            }
            Event::Emit => self.emit(),
            Event::Beat => {
                self.at(2_000, Event::Beat);
                self.emit();
                let head = self.hub.head();
                self.push(|socket| Event::Head(socket, Box::new(head.clone())));
            }
            Event::Chance => {
                self.at(100, Event::Chance);
                self.break_something();
                if self.busy {
                    self.work();
                }
            }
        }
    }

    fn emit(&mut self) {
        if self.sent > self.hub.rev {
            self.sent = self.hub.rev;
        }
        if self.hub.rev > self.sent {
            let frame = self.hub.frame(self.sent, self.hub.rev);
            self.sent = self.hub.rev;
            self.push(|socket| Event::Frame(socket, Box::new(frame.clone())));
        }
    }

    /// People and riders at work.
    pub(super) fn work(&mut self) {
        self.at(20, Event::Emit);
        for _ in 0..self.rng.random_range(0..4) {
            let ids: Vec<DeliveryId> = self.hub.rows.keys().copied().collect();
            let any = (!ids.is_empty()).then(|| ids[self.rng.random_range(0..ids.len())]);
            match (self.rng.random_range(0..20), any) {
                (0..8, Some(id)) => self.hub.touch(id),
                (8..10, Some(id)) => self.hub.archive(id),
                (10, Some(id)) => {
                    self.hub.cancel(id);
                    if let Some(entry) = self.hub.alarms.last().cloned() {
                        self.push(|socket| Event::Alarm(socket, Box::new(entry.clone())));
                    }
                }
                (_, _) if ids.len() < 80 => {
                    self.hub.create();
                }
                (_, _) => {}
            }
        }
    }

    fn break_something(&mut self) {
        let faults = self.faults;
        let now = self.now();
        let ids: Vec<DeliveryId> = self.session.rows().map(WireRow::id).collect();
        if self.chance(faults.cut) && self.subscribed {
            self.cut();
        }
        if self.chance(faults.lose_row) && !ids.is_empty() {
            self.lost_rows = true;
            self.session.lose_row(ids[self.rng.random_range(0..ids.len())]);
        }
        if self.chance(faults.flip_row) && !ids.is_empty() {
            self.session.flip_row(ids[self.rng.random_range(0..ids.len())]);
        }
        if self.chance(faults.raise_floor) {
            self.hub.raise_floor();
        }
        if self.chance(faults.cache_lost) {
            let horizon = self.cache.horizon;
            self.cache = Cache { horizon, ..Cache::default() };
            self.session.cache_lost(now);
        }
        if self.chance(faults.new_epoch) {
            self.epochs += 1;
            self.hub.new_epoch(&format!("01B{:04}", self.epochs));
            self.sent = self.hub.rev;
            self.cut();
        }
        if self.chance(faults.crash) {
            self.crash();
        }
    }

    /// The app is killed and starts again on its cache.
    pub(super) fn crash(&mut self) {
        self.life += 1;
        self.socket += 1;
        self.subscribed = false;
        self.session = Session::new(config(self.seed + self.life), self.now());
        self.shown.clear();
        self.receipts_sent = 0;
        self.last = (None, BTreeMap::new());
        self.agenda.retain(|event| !matches!(event, Event::Answer(..) | Event::Request(..) | Event::Join));
        self.start();
    }

    pub(super) fn act(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                SessionAction::Fetch(id, fetch) => {
                    self.rests += 1;
                    self.fetches.push((self.time, fetch.clone()));
                    let delay = self.delay();
                    self.at(delay, Event::Request(id, fetch));
                }
                // The answer comes all the same: it must be ignored.
                SessionAction::DropFetch(_) => {}
                SessionAction::Subscribe(cursor) => {
                    let (socket, delay) = (self.socket, self.delay());
                    self.at(delay, Event::Subscribed(socket, cursor));
                }
                SessionAction::AskHead => {
                    let (socket, delay) = (self.socket, self.delay());
                    self.at(delay, Event::Subscribed(socket, None));
                }
                SessionAction::Persist(batch) => self.persist(*batch),
                SessionAction::Audit => {
                    let now = self.now();
                    if let Some((damaged, digest_fits)) = self.audit.clone() {
                        self.session.audited(damaged, digest_fits, now);
                    }
                }
                SessionAction::KeepHorizon(at) => self.cache.horizon = Some(at),
                SessionAction::Changed(changes, _) => self.show(changes),
                SessionAction::State(state) => self.states.push((self.time, state)),
                SessionAction::Proved(proof) => {
                    self.check_proof(&proof.epoch, proof.rev, proof.rows, proof.at)
                }
                SessionAction::DayClock { .. } => {}
                SessionAction::Alarm(notice) => {
                    if notice.lost {
                        self.lost.insert(notice.key);
                    } else {
                        self.lost.remove(&notice.key);
                    }
                    assert!(
                        self.cache.alarms.contains_key(&notice.key) || notice.relisted,
                        "told before commit"
                    );
                    if notice.yours {
                        self.quiet.push(notice.key);
                        continue;
                    }
                    let counts = if notice.relisted { &mut self.relisted } else { &mut self.raised };
                    *counts.entry(notice.key).or_default() += 1;
                }
                SessionAction::AlarmSettled(key) => self.settled.push(key),
                SessionAction::AlarmTold(entry) => self.told.push(*entry),
                SessionAction::Acknowledged(ids) => self.acknowledged.extend(ids),
                SessionAction::HistoryChanged { epoch, settled_in } => {
                    self.histories.push((epoch, settled_in.is_some()));
                }
                SessionAction::CommandKept(_) => {}
                SessionAction::Checked(report) => self.reports.push((self.time, *report)),
                SessionAction::Repaired(report) => self.repairs.push(*report),
                SessionAction::SendReceipt(key, stage) => {
                    self.receipts_sent += 1;
                    let delay = self.delay();
                    self.at(delay, Event::Receipt(key, stage));
                }
            }
        }
    }

    fn persist(&mut self, batch: crate::io::Batch) {
        if batch.replace {
            self.cache.rows.clear();
        }
        self.cache.rows.extend(batch.upserts.into_iter().map(|row| (row.id(), row)));
        for id in batch.removes {
            self.cache.rows.remove(&id);
        }
        self.cache.cursor = batch.cursor.or(self.cache.cursor.take());
        for command in batch.commands {
            self.cache.commands.insert(command.command.clone(), command);
        }
        for command in batch.settled {
            self.cache.commands.remove(&command);
        }
        for own in batch.own {
            if own.done || own.alarm.is_some() {
                self.cache.own.insert(own.id, own);
            } else {
                self.cache.own.remove(&own.id);
            }
        }
        self.cache.alarms.extend(batch.alarms.into_iter().map(|alarm| (alarm.key, alarm)));
        self.cache.alarm_seq = batch.alarm_seq.or(self.cache.alarm_seq);
        self.cache.alarms_skipped = batch.alarms_skipped.or(self.cache.alarms_skipped.take());
        if !self.lost_rows {
            let sum = RowDigest::of(self.cache.rows.values().map(|row| (row.id(), row.rev())));
            assert_eq!(sum, batch.rows, "{}: A: the batch's digest is of the rows in the cache", self.seed);
        }
        let (life, delay) = (self.life, self.delay());
        self.at(delay, Event::Committed(life, batch.seq));
    }

    fn show(&mut self, changes: Vec<RowChange>) {
        self.changed = true;
        for change in changes {
            match change {
                RowChange::Upsert(row) => {
                    self.shown.insert(row.id(), row);
                }
                RowChange::Remove(id, _) => {
                    self.shown.remove(&id);
                }
                RowChange::Clear => self.shown.clear(),
                RowChange::Mark(..) => {}
            }
        }
    }

    /// L: what was proven was so at that instant, up to the smallest delay seen.
    fn check_proof(&self, epoch: &Epoch, rev: Rev, rows: RowDigest, at: UtcMillis) {
        let seed = self.seed;
        let (sum, since) = self.hub.history[&(epoch.clone(), rev)];
        assert_eq!(sum, rows, "{seed}: L: proven rows are the hub's at that revision");
        let next = self.hub.history.get(&(epoch.clone(), rev.next())).map_or(u64::MAX, |(_, time)| *time);
        let at = at.since(day(0));
        // A proof by REST is dated by when it was asked for: that may be a little before the revision came.
        let early = since.saturating_sub(2 * DELAY_MS) as i64;
        assert!(at >= early && at <= self.time as i64, "{seed}: L: dated {at}, revision since {since}");
        let until = next.saturating_add(2 * DELAY_MS);
        assert!((at as u64) <= until, "{seed}: L: dated {at}, but the hub had moved on at {next}");
    }

    /// M, L after every step.
    fn check(&mut self) {
        let seed = self.seed;
        if std::mem::take(&mut self.changed) {
            self.check_monotone();
        }
        if let State::Live { .. } = self.session.state() {
            let proof = self.session.last_proof().unwrap();
            let age = day(self.time).since(proof.at);
            assert!(age <= PROOF_FRESH_MS as i64, "{seed}: L: live on a proof {age} ms old");
        }
    }

    fn check_monotone(&mut self) {
        let seed = self.seed;
        let cursor = self.session.cursor().cloned();
        let revs: BTreeMap<DeliveryId, Rev> = self.session.rows().map(|row| (row.id(), row.rev())).collect();
        if let (Some(old), Some(new), false) = (&self.last.0, &cursor, self.went_back) {
            assert!(new.epoch >= old.epoch, "{seed}: M: the epoch went back");
            if new.epoch == old.epoch {
                assert!(new.rev >= old.rev, "{seed}: M: the cursor went back");
                for (id, rev) in &revs {
                    assert!(self.last.1.get(id).is_none_or(|old| old <= rev), "{seed}: M: {id} went back");
                }
            }
        }
        self.last = (cursor, revs);
    }

    /// C and K, once faults and work have ended.
    pub(super) fn check_converged(&self) {
        let seed = self.seed;
        let hub: BTreeMap<DeliveryId, WireRow> =
            self.hub.rows.iter().map(|(id, row)| (*id, row.clone().into())).collect();
        let memory: BTreeMap<_, _> = self.session.rows().map(|row| (row.id(), row.clone())).collect();
        let cursor = Some(Cursor { epoch: self.hub.epoch.clone(), rev: self.hub.rev });
        assert_eq!(self.session.cursor(), cursor.as_ref(), "{seed}: C: cursor");
        assert_eq!(self.session.state().name(), "Live", "{seed}: {:?}", self.states.last());
        assert!(memory == hub, "{seed}: C: memory = hub");
        assert!(self.cache.rows == hub, "{seed}: C: cache = hub");
        assert_eq!(self.cache.cursor, cursor, "{seed}: C: cursor of the cache");
        assert!(self.shown == hub, "{seed}: C: board = hub");
        let horizon = self.cache.horizon.unwrap();
        for alarm in &self.hub.alarms {
            let key = key_of(alarm);
            let (raised, listed) = (self.raised.get(&key), self.relisted.get(&key));
            if alarm.kind == AlarmKind::Cancelled && alarm.raised_at > horizon {
                assert!(raised.is_none_or(|n| *n == 1), "{seed}: K: {key:?} raised {raised:?} times");
                let told = raised.or(listed).is_some() || self.quiet.contains(&key);
                assert!(told, "{seed}: K: {key:?} never told");
            }
            if alarm.kind == AlarmKind::Cancelled && self.life == 0 && self.faults_ever_crash() {
                let told = raised.is_some() || self.quiet.contains(&key);
                assert!(told || alarm.raised_at <= horizon, "{seed}: K: {key:?} not raised");
            }
        }
        for (key, times) in &self.raised {
            let exists = self.hub.alarms.iter().any(|alarm| key_of(alarm) == *key);
            if key.kind == AlarmKind::Cancelled {
                assert!(exists, "{seed}: K: {key:?} raised, but nobody cancelled it");
            } else {
                assert_eq!(*times, 1, "{seed}: {key:?} raised again");
            }
        }
    }

    fn faults_ever_crash(&self) -> bool {
        self.faults.crash == 0
    }
}

fn config(seed: u64) -> SessionConfig {
    SessionConfig { center: "gangnam".into(), seat: "seat".into(), seed }
}
