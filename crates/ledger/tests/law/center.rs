//! A center in memory, and what the law answers to each step.

use crate::steps::{Here, Step, account, batch, key, people, rider, riders, signature};
use gwanje_ledger::memory::MemoryCenter;
use gwanje_ledger::{
    AlarmRef, BatchDecided, Decided, Decision, Erasure, LoadedCenter, Moment, Need, Standing, Undecided,
    WordRefused, Write,
};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, UtcMillis};
use gwanje_wire::Problem;
use gwanje_wire::rest::{AlarmKind, CloseReply, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use std::sync::Arc;

pub const WALL: UtcMillis = UtcMillis(1_800_000_000_000);
pub const DAY: UtcMillis = UtcMillis(1_772_413_200_000);
/// Tombstones that are kept: few, so that the floor rises.
pub const KEPT: u64 = 2;

/// What was answered to a step.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Many(Vec<Decided>),
    Batch(Result<BatchDecided, Box<Problem>>),
    Close(CloseReply),
    Look(usize),
    Word(Option<WordRefused>),
    Archive(usize),
    Forgotten(usize),
    /// Rows that boards are told anew.
    Erased(usize),
    Nothing,
}

/// The clocks, the store in memory, and what is asked of both stores.
pub struct Center {
    pub id: CenterId,
    pub memory: MemoryCenter,
    pub now: Moment,
    /// The id before those that are given to its deliveries.
    pub base: u64,
    epochs: u32,
    last: u64,
    /// Revisions whose changes were forgotten.
    pub forgotten: Vec<u64>,
}

impl Center {
    pub fn new(id: CenterId, base: u64) -> Self {
        let standing = Standing::new(epoch(0));
        let memory = MemoryCenter::new(id.clone(), standing, riders(&id), Arc::new(people()));
        Self {
            id,
            memory,
            now: Moment { wall: WALL, day: DAY },
            base,
            epochs: 0,
            last: base,
            forgotten: Vec::new(),
        }
    }

    /// What asks are drawn over.
    pub fn here(&self) -> Here<'_> {
        Here { center: &self.id, memory: &self.memory, base: self.base, at: self.now.day }
    }

    /// The id that was given last.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The epoch that begins next.
    pub fn next_epoch(&self) -> Epoch {
        epoch(self.epochs + 1)
    }

    /// Decides over what is needed, and over all that there is: it is the same.
    fn decide<T: PartialEq + std::fmt::Debug>(
        &mut self,
        need: &Need,
        mut decide: impl FnMut(&mut LoadedCenter) -> Result<Vec<Decision<T>>, Undecided>,
    ) -> Vec<T> {
        let ids = (self.last() + 1..).map(DeliveryId).take(need.orders);
        let (mut loaded, mut all) = (self.memory.load(need, ids.clone()), self.memory.load_all(ids));
        let decisions = decide(&mut loaded).unwrap();
        assert_eq!(decisions, decide(&mut all).unwrap(), "a need names all that is looked at");
        assert_eq!(loaded.standing, all.standing);
        let (outcomes, writes): (Vec<T>, Vec<_>) =
            decisions.into_iter().map(|decision| (decision.outcome, decision.writes)).unzip();
        self.apply(loaded.standing.unwrap(), writes.concat());
        outcomes
    }

    fn apply(&mut self, standing: Standing, writes: Vec<Write>) {
        for write in &writes {
            if let Write::Row(write) = write {
                self.last = self.last.max(write.row.id.0);
                assert_eq!(serde_json::from_str::<Delivery>(&write.body).unwrap(), *write.row);
            }
        }
        self.memory.apply(standing, writes, self.now).unwrap();
        assert_eq!(
            self.memory.standing().rows,
            self.memory.recounted(),
            "the digest is kept as the rows are"
        );
    }

    /// The alarm that a word is about: one that was raised, or one that never is.
    pub fn alarm(&self, nth: usize) -> AlarmRef {
        let alarms = self.memory.alarms_after(0);
        let waiting = self.memory.rows().values().map(|row| AlarmRef {
            id: row.id,
            kind: AlarmKind::Unaccepted,
            raised_at: row.received_at.plus_min(1),
        });
        let known = alarms.iter().map(|entry| AlarmRef {
            id: entry.id,
            kind: entry.kind,
            raised_at: entry.raised_at,
        });
        let unknown = AlarmRef { id: DeliveryId(self.base + 99), kind: AlarmKind::Late, raised_at: DAY };
        known.chain(waiting).nth(nth).unwrap_or(unknown)
    }

    pub fn play(&mut self, step: &Step) -> Answer {
        let now = self.now;
        match step {
            Step::Many(asked) => {
                let commands: Vec<_> = asked.iter().map(|asked| asked.command(&self.here())).collect();
                let mut need = Need::default();
                commands.iter().for_each(|command| need.add_command(command));
                Answer::Many(self.decide(&need, |loaded| {
                    commands
                        .iter()
                        .map(|command| gwanje_ledger::decide(loaded, command.clone(), now))
                        .collect()
                }))
            }
            Step::Batch(acts, keyed) => {
                let command = batch(acts, *keyed, &self.here());
                let mut outcomes = self.decide(&Need::of_batch(&command), |loaded| {
                    Ok(vec![gwanje_ledger::decide_batch(loaded, command.clone(), now)?])
                });
                Answer::Batch(outcomes.remove(0))
            }
            Step::Close { by, key: nth } => {
                let (account, key) = (account(*by).into(), key(*nth));
                let mut outcomes = self.decide(&Need::of_close(account, key.clone()), |loaded| {
                    Ok(vec![gwanje_ledger::close(loaded, &crate::steps::account(*by).into(), &key)])
                });
                Answer::Close(outcomes.remove(0))
            }
            Step::Pass(ms, min) => {
                self.now = Moment { wall: now.wall.plus_ms(*ms), day: now.day.plus_min(*min) };
                Answer::Nothing
            }
            Step::Look => {
                let mut standing = self.memory.standing().clone();
                let (due, unheard) = self.memory.due(now, 200);
                let count = due.len() + unheard.len();
                let writes = gwanje_ledger::look_at_clock(&mut standing, due, unheard);
                self.apply(standing, writes);
                Answer::Look(count)
            }
            Step::Word { alarm, by, seat, stage } => {
                let (alarm, by) = (self.alarm(*alarm), signature(*by, *seat));
                let found = self.memory.load_alarm(alarm, &by);
                let mut standing = self.memory.standing().clone();
                let word = word(alarm, *stage);
                match gwanje_ledger::receive(&mut standing, &found, &word, &by, now) {
                    Ok(writes) => {
                        self.apply(standing, writes);
                        Answer::Word(None)
                    }
                    Err(refused) => Answer::Word(Some(refused)),
                }
            }
            Step::Archive => {
                let mut standing = self.memory.standing().clone();
                let ended = self.memory.ended_before(now.day);
                let count = ended.len();
                let writes = gwanje_ledger::archive(&mut standing, ended);
                self.apply(standing, writes);
                let mut standing = self.memory.standing().clone();
                let too_many = self.memory.newest_too_many(KEPT);
                let mut writes = gwanje_ledger::forget_tombstones(&mut standing, too_many);
                writes.extend(self.memory.old_alarms(now, 500).into_iter().map(Write::AlarmGone));
                self.apply(standing, writes);
                Answer::Archive(count)
            }
            Step::Keep(kept) => {
                let mut standing = self.memory.standing().clone();
                let too_many = self.memory.newest_too_many(*kept);
                let writes = gwanje_ledger::forget_tombstones(&mut standing, too_many);
                self.apply(standing, writes);
                Answer::Nothing
            }
            Step::Epoch => {
                let mut standing = self.memory.standing().clone();
                standing.begin_epoch(self.next_epoch());
                self.epochs += 1;
                self.apply(standing, Vec::new());
                Answer::Nothing
            }
            Step::Forget(min) => {
                let old = self.memory.old_past(now.day.plus_min(-min), usize::MAX);
                for id in &old {
                    self.forgotten.extend(self.memory.history(*id).iter().map(|event| event.rev.0));
                    self.memory.forget_past(*id);
                }
                Answer::Forgotten(old.len())
            }
            Step::Erase(id) => {
                let erasure = self.erasure(*id);
                let mut standing = self.memory.standing().clone();
                let rows = self.memory.rows_to_erase(&erasure);
                let writes = gwanje_ledger::erase(&mut standing, rows, &"system".into(), now.day).unwrap();
                let told = writes.len();
                self.apply(standing, writes);
                self.memory.erase_past(&erasure);
                Answer::Erased(told)
            }
            Step::List(n) => {
                self.memory.put_rider(rider(&self.id, *n, "새 라이더"));
                Answer::Nothing
            }
        }
    }
}

impl Center {
    /// Of the customer of the nth of its deliveries.
    pub fn erasure(&self, nth: u64) -> Erasure {
        Erasure::of_delivery(DeliveryId(self.base + nth))
    }
}

/// Epochs of the tests' own sort after those that stores give.
pub fn epoch(nth: u32) -> Epoch {
    format!("Z{nth:04}").as_str().into()
}

/// A word on that alarm.
pub fn word(AlarmRef { id, kind, raised_at }: AlarmRef, stage: ReceiptStage) -> AlarmReceipt {
    AlarmReceipt { id, kind, raised_at, stage }
}
