//! A store of one center in memory, which loads no more than it is asked for.

use gwanje_ledger::{
    AlarmRef, AlarmSubject, Clocked, KeyNeed, LoadedAlarm, LoadedCenter, LoadedChange, LoadedRow, Moment,
    Need, OutcomeKey, Recorded, Retention, RowNeed, Signature, Standing, Write,
};
use gwanje_model::{AssignedRider, CenterId, Delivery, DeliveryId, Rev, RiderId, RowDigest, Text, UtcMillis};
use gwanje_wire::Person;
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{Acknowledgement, AlarmEntry, AlarmKind, RECEIPTS_OF_ACCOUNT, Receipt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An event with what only undo looks at.
#[derive(Debug, Clone)]
struct Past {
    event: HistoryEvent,
    wall: UtcMillis,
    row: Option<Arc<Delivery>>,
}

#[derive(Debug, Clone)]
pub struct Memory {
    center: CenterId,
    pub standing: Standing,
    pub rows: BTreeMap<DeliveryId, Arc<Delivery>>,
    left: BTreeMap<DeliveryId, Arc<Delivery>>,
    tombstones: Vec<Rev>,
    history: BTreeMap<DeliveryId, Vec<Past>>,
    riders: BTreeMap<RiderId, AssignedRider>,
    people: BTreeMap<Text, Text>,
    due: BTreeMap<(DeliveryId, &'static str), AlarmRef>,
    alarms: BTreeMap<(DeliveryId, &'static str, UtcMillis), AlarmEntry>,
    outcomes: BTreeMap<OutcomeKey, Recorded>,
    last_delivery: u64,
}

fn place(alarm: AlarmRef) -> (DeliveryId, &'static str, UtcMillis) {
    (alarm.id, alarm.kind.as_str(), alarm.raised_at)
}

fn alarm_of(entry: &AlarmEntry) -> AlarmRef {
    AlarmRef { id: entry.id, kind: entry.kind, raised_at: entry.raised_at }
}

impl Memory {
    /// Nothing has happened; `people` are accounts with the names of those who have them.
    pub fn new(
        center: CenterId,
        standing: Standing,
        riders: Vec<AssignedRider>,
        people: BTreeMap<Text, Text>,
    ) -> Self {
        Self {
            center,
            standing,
            rows: BTreeMap::new(),
            left: BTreeMap::new(),
            tombstones: Vec::new(),
            history: BTreeMap::new(),
            riders: riders.into_iter().map(|rider| (rider.id.clone(), rider)).collect(),
            people,
            due: BTreeMap::new(),
            alarms: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            last_delivery: 0,
        }
    }

    /// What is needed, and nothing else.
    pub fn load(&self, need: &Need) -> LoadedCenter {
        let mut loaded = LoadedCenter::new(self.center.clone(), Some(self.standing.clone()));
        loaded.ids = (self.last_delivery + 1..).map(DeliveryId).take(need.orders).collect();
        loaded.outcomes.extend(need.keys.iter().filter_map(|key| self.outcome(key)));
        let known = self.people.iter().filter(|(account, _)| need.people.contains(*account));
        loaded.people.extend(known.map(|(account, name)| (account.clone(), name.clone())));
        let mut riders: Vec<RiderId> = need.riders.iter().cloned().collect();
        for (id, asked) in &need.rows {
            let Some(row) = self.rows.get(id) else { continue };
            let row = self.row(row, asked);
            let rows = [Some(&row.row), row.before.as_ref()].into_iter().flatten();
            riders.extend(
                rows.filter(|_| asked.undo).filter_map(|row| row.rider.as_ref()).map(|r| r.id.clone()),
            );
            loaded.rows.insert(*id, row);
        }
        for rider in riders {
            loaded.riders.extend(self.riders.get(&rider).map(|listed| (rider, listed.clone())));
        }
        loaded
    }

    /// All that there is.
    pub fn load_all(&self, need: &Need) -> LoadedCenter {
        let mut loaded = LoadedCenter::new(self.center.clone(), Some(self.standing.clone()));
        loaded.ids = (self.last_delivery + 1..).map(DeliveryId).take(need.orders).collect();
        loaded.outcomes.extend(self.outcomes.clone());
        loaded.riders.extend(self.riders.clone());
        loaded.people.extend(self.people.clone());
        let asked = RowNeed { undo: true, ..RowNeed::default() };
        loaded.rows.extend(self.rows.iter().map(|(id, row)| (*id, self.row(row, &asked))));
        loaded
    }

    fn row(&self, row: &Arc<Delivery>, asked: &RowNeed) -> LoadedRow {
        let past = &self.history[&row.id];
        let latest = past.last().filter(|_| asked.latest_of(&self.standing.epoch, row.rev));
        let latest = latest.map(|Past { event, wall, .. }| LoadedChange {
            by: event.by.clone(),
            action: event.action.clone(),
            at: event.at,
            wall: *wall,
        });
        let before = past.iter().rev().skip(1).find_map(|past| past.row.clone()).filter(|_| asked.undo);
        let of_row = |alarm: &&AlarmEntry| alarm.id == row.id && alarm.kind != AlarmKind::Cancelled;
        let written = self.alarms.values().filter(of_row);
        let clocked = Clocked {
            waiting: self.due.values().filter(|alarm| alarm.id == row.id).copied().collect(),
            written: written.map(|entry| (alarm_of(entry), entry.settled_at.is_some())).collect(),
        };
        LoadedRow { row: Arc::clone(row), latest, before, clocked }
    }

    fn outcome(&self, asked: &KeyNeed) -> Option<(OutcomeKey, Recorded)> {
        let of_key = |key: &OutcomeKey| key.account == asked.account && key.key == asked.key;
        let of_path =
            |path: &String| asked.path.as_ref().is_none_or(|asked| path == asked || path.is_empty());
        let mut found = self.outcomes.iter().filter(|(key, _)| of_key(key) && of_path(&key.path));
        found.next().map(|(key, recorded)| (key.clone(), recorded.clone()))
    }

    /// What is looked at when that seat gives word on that alarm.
    pub fn load_alarm(&self, alarm: AlarmRef, by: &Signature) -> LoadedAlarm {
        let entry = self.alarms.get(&place(alarm));
        let receipts = entry.map_or(&[][..], |entry| &entry.receipts);
        let mine = receipts.iter().filter(|receipt| receipt.account == by.account);
        let given = mine.clone().find(|receipt| receipt.seat == by.seat).map(|receipt| receipt.stage);
        let kept = if given.is_some() { (0, 0) } else { (mine.clone().count(), receipts.len()) };
        let oldest = mine.min_by_key(|receipt| (receipt.at, receipt.seat.clone()));
        let subject = match (self.rows.get(&alarm.id), self.left.get(&alarm.id)) {
            (Some(row), _) => AlarmSubject::Live(Box::new(Delivery::clone(row))),
            (None, Some(_)) => AlarmSubject::Left,
            (None, None) => AlarmSubject::Unknown,
        };
        LoadedAlarm {
            acknowledged: entry.map(|entry| entry.acknowledged.is_some()),
            subject,
            given,
            kept,
            oldest: oldest.filter(|_| kept.0 >= RECEIPTS_OF_ACCOUNT).map(|receipt| receipt.seat.clone()),
        }
    }

    /// What is due by now, and what nobody has taken note of for too long.
    pub fn due(&self, now: Moment) -> (Vec<(AlarmRef, Option<Delivery>)>, Vec<AlarmRef>) {
        let mut due: Vec<_> = self.due.values().filter(|alarm| alarm.raised_at <= now.day).copied().collect();
        due.sort_by_key(|alarm| (alarm.raised_at, alarm.id, alarm.kind.as_str()));
        let row = |id| self.rows.get(&id).map(|row| Delivery::clone(row));
        let until = gwanje_ledger::unheard_until(now.wall);
        let is_unheard = |entry: &&AlarmEntry| {
            entry.acknowledged.is_none()
                && entry.settled_at.is_none()
                && entry.escalated_at.is_none()
                && entry.at.is_some_and(|at| at <= until)
        };
        let mut unheard: Vec<_> = self.alarms.values().filter(is_unheard).collect();
        unheard.sort_by_key(|entry| (entry.at, entry.id, entry.kind.as_str(), entry.raised_at));
        (
            due.into_iter().map(|alarm| (alarm, row(alarm.id))).collect(),
            unheard.into_iter().map(alarm_of).collect(),
        )
    }

    /// What ended before then, the first first.
    pub fn ended_before(&self, day: UtcMillis) -> Vec<Delivery> {
        let ended = self.rows.values().filter(|row| row.ended_at().is_some_and(|at| at < day));
        let mut ended: Vec<Delivery> = ended.map(|row| Delivery::clone(row)).collect();
        ended.sort_by_key(|row| (row.ended_at(), row.id));
        ended
    }

    /// The newest tombstone beyond those that are kept.
    pub fn newest_too_many(&self, kept: usize) -> Option<Rev> {
        self.tombstones.iter().rev().nth(kept).copied()
    }

    /// Alarms that were raised long ago about what left the board.
    pub fn old_alarms(&self, now: Moment) -> Vec<AlarmRef> {
        let from = Retention::at(now).alarms_from;
        let old = |entry: &&AlarmEntry| entry.raised_at < from && !self.rows.contains_key(&entry.id);
        self.alarms.values().filter(old).map(alarm_of).collect()
    }

    /// Writes what was decided.
    pub fn apply(&mut self, standing: Option<Standing>, writes: Vec<Write>, now: Moment) {
        self.standing = standing.unwrap();
        for write in writes {
            self.write(write, now);
        }
        let rows = self.rows.values().map(|row| (row.id, row.rev));
        assert_eq!(self.standing.rows, RowDigest::of(rows), "the digest is kept as the rows are");
    }

    fn alarm(&mut self, alarm: AlarmRef) -> &mut AlarmEntry {
        self.alarms.get_mut(&place(alarm)).expect("only what is written is changed")
    }

    fn write(&mut self, write: Write, now: Moment) {
        match write {
            Write::Row(write) => {
                assert_eq!(self.rows.get(&write.row.id).map(|row| row.rev), write.before);
                assert_eq!(serde_json::from_str::<Delivery>(&write.body).unwrap(), *write.row);
                self.last_delivery = self.last_delivery.max(write.row.id.0);
                let event = HistoryEvent {
                    rev: write.row.rev,
                    at: write.row.modified_at,
                    by: self.person(&write.by),
                    action: write.action.into(),
                    from: write.from.map(|status| status.as_str().into()),
                    to: Some(write.row.status.as_str().into()),
                    detail: write.detail.clone(),
                };
                let past = Past { event, wall: now.wall, row: Some(Arc::clone(&write.row)) };
                self.history.entry(write.row.id).or_default().push(past);
                self.rows.insert(write.row.id, Arc::clone(&write.row));
            }
            Write::Due(alarm) => {
                let before = self.due.insert((alarm.id, alarm.kind.as_str()), alarm);
                assert_eq!(before, None, "one of a kind waits");
            }
            Write::NotDue(alarm) => _ = self.due.remove(&(alarm.id, alarm.kind.as_str())),
            Write::Alarm(write) => {
                self.due.remove(&(write.alarm.id, write.alarm.kind.as_str()));
                let entry = AlarmEntry {
                    seq: write.seq,
                    id: write.alarm.id,
                    kind: write.alarm.kind,
                    raised_at: write.alarm.raised_at,
                    at: Some(now.wall),
                    delivery: Some(write.delivery.clone()),
                    was: write.was,
                    by: write.by.as_ref().map(|by| self.person(by)),
                    receipts: Vec::new(),
                    more: 0,
                    acknowledged: None,
                    escalated_at: None,
                    settled_at: None,
                };
                let before = self.alarms.insert(place(write.alarm), entry);
                assert_eq!(before, None, "an alarm is raised once");
            }
            Write::Settled { alarm, seq } => {
                let entry = self.alarm(alarm);
                (entry.seq, entry.settled_at) = (seq, Some(now.wall));
            }
            Write::Escalated { alarm, seq } => {
                let entry = self.alarm(alarm);
                (entry.seq, entry.escalated_at) = (seq, Some(now.wall));
            }
            Write::Receipt { alarm, by: Signature { account, seat }, stage } => {
                let entry = self.alarm(alarm);
                entry.receipts.retain(|known| known.account != account || known.seat != seat);
                entry.receipts.push(Receipt { account, seat, stage, at: now.wall });
                entry.receipts.sort_by_key(|known| (known.account.clone(), known.seat.clone()));
            }
            Write::ReceiptGone { alarm, by } => {
                let is_other = |known: &Receipt| known.account != by.account || known.seat != by.seat;
                self.alarm(alarm).receipts.retain(is_other);
            }
            Write::Acknowledged { alarm, by } => {
                let who = self.person(&by);
                self.alarm(alarm).acknowledged = Some(Acknowledgement { who, at: now.wall });
            }
            Write::Worded { alarm, seq, is_kept } => {
                let entry = self.alarm(alarm);
                entry.seq = seq;
                entry.more += u64::from(!is_kept);
            }
            Write::Left(write) => {
                let row = self.rows.remove(&write.row.id).expect("only what is there leaves");
                let event = HistoryEvent {
                    rev: write.rev,
                    at: now.day,
                    by: Person { account: "system".into(), name: "system".into() },
                    action: "archive".into(),
                    from: Some(row.status.as_str().into()),
                    to: None,
                    detail: Text::default(),
                };
                let past = Past { event, wall: UtcMillis(0), row: None };
                self.history.entry(row.id).or_default().push(past);
                self.left.insert(row.id, row);
                self.tombstones.push(write.rev);
            }
            Write::Floor(rev) => self.tombstones.retain(|kept| *kept > rev),
            Write::AlarmGone(alarm) => _ = self.alarms.remove(&place(alarm)),
            Write::Outcome(write) => {
                let before = self.outcomes.insert(write.key.clone(), write.recorded.clone());
                assert_eq!(before, None, "what was decided under a key stays");
            }
        }
    }

    /// Whoever has that account.
    fn person(&self, account: &Text) -> Person {
        Person { account: account.clone(), name: self.people.get(account).unwrap_or(account).clone() }
    }

    /// All alarms, by number.
    pub fn alarms(&self) -> Vec<AlarmEntry> {
        let mut alarms: Vec<_> = self.alarms.values().cloned().collect();
        alarms.sort_by_key(|entry| entry.seq);
        alarms
    }

    /// Each delivery that ever was, with its events.
    pub fn histories(&self) -> impl Iterator<Item = (DeliveryId, Vec<HistoryEvent>)> {
        self.history.iter().map(|(id, past)| (*id, past.iter().map(|past| past.event.clone()).collect()))
    }
}
