//! A center in memory, which loads no more than it is asked for: for simulations, and for tests of whoever has a store.

mod erase;
mod outcomes;
mod read;
mod store;
mod write;

pub use store::{MemoryCommit, MemoryStore, MemoryTransaction};
pub use write::Misfit;

use crate::alarms::Clocked;
use crate::ask::Signature;
use crate::loaded::{LoadedCenter, LoadedChange, LoadedRow};
use crate::need::{Need, RowNeed};
use crate::receipts::{AlarmSubject, LoadedAlarm};
use crate::standing::Standing;
use crate::write::AlarmRef;
use gwanje_model::{
    AssignedRider, CenterId, Delivery, DeliveryId, Rev, Rider, RiderId, SeatId, Text, UtcMillis,
};
use gwanje_wire::Person;
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, RECEIPTS_OF_ACCOUNT};
use outcomes::MemoryOutcomes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One center and all that is kept of it. A clone is a backup, or a replica that stands still.
#[derive(Debug, Clone)]
pub struct MemoryCenter {
    center: CenterId,
    standing: Standing,
    rows: BTreeMap<DeliveryId, Arc<Delivery>>,
    /// Of live rows: their lengths as JSON.
    bytes: BTreeMap<DeliveryId, usize>,
    /// Rows as they were when they left the board.
    left: BTreeMap<DeliveryId, Arc<Delivery>>,
    tombstones: BTreeMap<Rev, DeliveryId>,
    history: BTreeMap<DeliveryId, Vec<Past>>,
    riders: BTreeMap<RiderId, Rider>,
    people: Arc<BTreeMap<Text, Text>>,
    due: BTreeMap<(DeliveryId, &'static str), AlarmRef>,
    alarms: BTreeMap<AlarmRef, AlarmEntry>,
    outcomes: MemoryOutcomes,
}

/// An event, which names whoever did it by account alone, with what only undo looks at.
#[derive(Debug, Clone)]
struct Past {
    event: HistoryEvent,
    wall: UtcMillis,
    row: Option<Arc<Delivery>>,
}

impl MemoryCenter {
    /// Nothing has happened; `people` are accounts with the names of those who have them.
    #[must_use]
    pub fn new(
        center: CenterId,
        standing: Standing,
        riders: Vec<Rider>,
        people: Arc<BTreeMap<Text, Text>>,
    ) -> Self {
        Self {
            center,
            standing,
            rows: BTreeMap::new(),
            bytes: BTreeMap::new(),
            left: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            history: BTreeMap::new(),
            riders: riders.into_iter().map(|rider| (rider.id.clone(), rider)).collect(),
            people,
            due: BTreeMap::new(),
            alarms: BTreeMap::new(),
            outcomes: MemoryOutcomes::default(),
        }
    }

    /// Lists a rider, or changes one.
    pub fn put_rider(&mut self, rider: Rider) {
        self.riders.insert(rider.id.clone(), rider);
    }

    /// What is needed, and nothing else but `ids`: an id for each order.
    #[must_use]
    pub fn load(&self, need: &Need, ids: impl IntoIterator<Item = DeliveryId>) -> LoadedCenter {
        let mut loaded = LoadedCenter::new(self.center.clone(), Some(self.standing.clone()));
        loaded.ids.extend(ids);
        loaded.outcomes.extend(need.keys.iter().filter_map(|key| self.outcomes.found(key)));
        for account in &need.people {
            loaded.people.extend(self.people.get(account).map(|name| (account.clone(), name.clone())));
        }
        let mut riders: Vec<RiderId> = need.riders.iter().cloned().collect();
        for (id, asked) in &need.rows {
            let Some(row) = self.rows.get(id) else { continue };
            let row = self.row(row, asked);
            let rows = [Some(&row.row), row.before.as_ref()].into_iter().flatten();
            let carrying = rows.filter(|_| asked.undo).filter_map(|row| row.rider.as_ref());
            riders.extend(carrying.map(|rider| rider.id.clone()));
            loaded.rows.insert(*id, row);
        }
        for rider in riders {
            loaded.riders.extend(self.riders.get(&rider).map(|listed| (rider, unconfirmed(listed))));
        }
        loaded
    }

    /// All that there is, and `ids`. A decision over this is the decision over what was needed.
    #[must_use]
    pub fn load_all(&self, ids: impl IntoIterator<Item = DeliveryId>) -> LoadedCenter {
        let mut loaded = LoadedCenter::new(self.center.clone(), Some(self.standing.clone()));
        loaded.ids.extend(ids);
        loaded.outcomes.extend(self.outcomes.all());
        loaded.riders.extend(self.riders.iter().map(|(id, rider)| (id.clone(), unconfirmed(rider))));
        loaded.people.extend(self.people.iter().map(|(account, name)| (account.clone(), name.clone())));
        let asked = RowNeed { undo: true, ..RowNeed::default() };
        loaded.rows.extend(self.rows.iter().map(|(id, row)| (*id, self.row(row, &asked))));
        loaded
    }

    fn row(&self, row: &Arc<Delivery>, asked: &RowNeed) -> LoadedRow {
        let past = self.history.get(&row.id).map_or(&[][..], |past| past);
        let latest = past.last().filter(|_| asked.latest_of(&self.standing.epoch, row.rev));
        let latest = latest.map(|Past { event, wall, .. }| LoadedChange {
            by: self.person(&event.by.account),
            action: event.action.clone(),
            at: event.at,
            wall: *wall,
        });
        let before = past.iter().rev().skip(1).find_map(|past| past.row.clone()).filter(|_| asked.undo);
        let written = self.alarms_of(row.id).filter(|entry| entry.kind != AlarmKind::Cancelled);
        let clocked = Clocked {
            waiting: self.due_of(row.id).collect(),
            written: written.map(|entry| (alarm_of(entry), entry.settled_at.is_some())).collect(),
        };
        LoadedRow { row: Arc::clone(row), latest, before, clocked }
    }

    fn alarms_of(&self, id: DeliveryId) -> impl Iterator<Item = &AlarmEntry> {
        let first = AlarmRef { id, kind: AlarmKind::Cancelled, raised_at: UtcMillis(i64::MIN) };
        self.alarms.range(first..).take_while(move |(alarm, _)| alarm.id == id).map(|(_, entry)| entry)
    }

    fn due_of(&self, id: DeliveryId) -> impl Iterator<Item = AlarmRef> {
        self.due.range((id, "")..).take_while(move |((of, _), _)| *of == id).map(|(_, alarm)| *alarm)
    }

    /// What is looked at when that seat gives word on that alarm.
    #[must_use]
    pub fn load_alarm(&self, alarm: AlarmRef, by: &Signature) -> LoadedAlarm {
        let entry = self.alarms.get(&alarm);
        let receipts = entry.map_or(&[][..], |entry| &entry.receipts);
        let mine = receipts.iter().filter(|receipt| receipt.account == by.account);
        let given = mine.clone().find(|receipt| receipt.seat == by.seat).map(|receipt| receipt.stage);
        let kept = if given.is_some() { (0, 0) } else { (mine.clone().count(), receipts.len()) };
        let oldest = mine.min_by_key(|receipt| (receipt.at, receipt.seat.clone()));
        let oldest = oldest.filter(|_| kept.0 >= RECEIPTS_OF_ACCOUNT);
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
            oldest: oldest.map(|receipt| SeatId::clone(&receipt.seat)),
        }
    }

    /// Whoever has that account.
    fn person(&self, account: &Text) -> Person {
        Person { account: account.clone(), name: self.people.get(account).unwrap_or(account).clone() }
    }
}

fn alarm_of(entry: &AlarmEntry) -> AlarmRef {
    AlarmRef { id: entry.id, kind: entry.kind, raised_at: entry.raised_at }
}

/// As the rider is named on a delivery.
fn unconfirmed(rider: &Rider) -> AssignedRider {
    AssignedRider {
        id: rider.id.clone(),
        name: rider.name.clone(),
        home: rider.home.clone(),
        confirmed: false,
    }
}
