//! What is read of a center: where it stands, rows, frames, histories, alarms, and what is due.

use super::{MemoryCenter, Past, alarm_of};
use crate::alarms::unheard_until;
use crate::recent::{Entry, cut_frame};
use crate::retention::Retention;
use crate::standing::Standing;
use crate::write::{AlarmRef, Moment, OutcomeKey, Recorded};
use gwanje_model::{Delivery, DeliveryId, Rev, Rider, RiderId, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::AlarmEntry;
use gwanje_wire::{Frame, Gone, Person};
use std::collections::BTreeMap;
use std::sync::Arc;

impl MemoryCenter {
    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Live rows.
    #[must_use]
    pub fn rows(&self) -> &BTreeMap<DeliveryId, Arc<Delivery>> {
        &self.rows
    }

    /// Rows as they were when they left the board.
    #[must_use]
    pub fn left(&self) -> &BTreeMap<DeliveryId, Arc<Delivery>> {
        &self.left
    }

    /// A live row, or as it was when it left the board.
    #[must_use]
    pub fn delivery(&self, id: DeliveryId) -> Option<&Arc<Delivery>> {
        self.rows.get(&id).or_else(|| self.left.get(&id))
    }

    /// The board at an instant of operations, by id: the latest event of each delivery until then.
    #[must_use]
    pub fn board_at(&self, time: UtcMillis) -> Vec<Arc<Delivery>> {
        let latest = |past: &Vec<Past>| past.iter().rev().find(|past| past.event.at <= time)?.row.clone();
        self.history.values().filter_map(latest).collect()
    }

    /// Which delivery left the board at each revision, as far as that is kept.
    #[must_use]
    pub fn tombstones(&self) -> &BTreeMap<Rev, DeliveryId> {
        &self.tombstones
    }

    /// Riders listed to it.
    #[must_use]
    pub fn riders(&self) -> &BTreeMap<RiderId, Rider> {
        &self.riders
    }

    /// Count and digest of the live rows, counted anew.
    #[must_use]
    pub fn recounted(&self) -> RowDigest {
        RowDigest::of(self.rows.values().map(|row| (row.id, row.rev)))
    }

    /// Live rows in the order of their revisions.
    #[must_use]
    pub fn rows_by_rev(&self) -> Vec<Arc<Delivery>> {
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.sort_by_key(|row| row.rev);
        rows
    }

    /// What changed after `from`, as a frame holds it; `from` must be resumable.
    #[must_use]
    pub fn frame(&self, from: Rev, limit: usize, at: UtcMillis) -> Frame {
        let rows = self.rows.values().filter(|row| row.rev > from).map(|row| {
            let bytes = self.bytes.get(&row.id).copied().unwrap_or_default();
            Entry::Row(Arc::clone(row), bytes)
        });
        let gone =
            self.tombstones.range(from.next()..).map(|(rev, id)| Entry::Gone(Gone { id: *id, rev: *rev }));
        let mut present: Vec<Entry> = rows.chain(gone).collect();
        present.sort_by_key(Entry::rev);
        cut_frame(&self.standing, from, limit, at, present.into_iter())
    }

    /// A delivery's events, oldest first.
    #[must_use]
    pub fn history(&self, id: DeliveryId) -> Vec<HistoryEvent> {
        let past = self.history.get(&id).map_or(&[][..], |past| past);
        let named =
            |event: &HistoryEvent| HistoryEvent { by: self.person(&event.by.account), ..event.clone() };
        past.iter().map(|past| named(&past.event)).collect()
    }

    /// Each delivery that ever was, with its events.
    pub fn histories(&self) -> impl Iterator<Item = (DeliveryId, Vec<HistoryEvent>)> {
        self.history.keys().map(|id| (*id, self.history(*id)))
    }

    /// Alarms, with people by their accounts alone.
    #[must_use]
    pub fn alarms(&self) -> &BTreeMap<AlarmRef, AlarmEntry> {
        &self.alarms
    }

    /// Alarms after that number, by number; people are called as their accounts call them now.
    #[must_use]
    pub fn alarms_after(&self, seq: u64) -> Vec<AlarmEntry> {
        let mut alarms: Vec<_> = self.alarms.values().filter(|entry| entry.seq > seq).cloned().collect();
        alarms.sort_by_key(|entry| entry.seq);
        let named = |who: &mut Person| *who = self.person(&who.account);
        for entry in &mut alarms {
            entry.by.iter_mut().for_each(named);
            entry.acknowledged.iter_mut().for_each(|acknowledged| named(&mut acknowledged.who));
        }
        alarms
    }

    /// What is recorded under a key, by path.
    pub fn outcomes(&self, account: &Text, key: &str) -> impl Iterator<Item = (&OutcomeKey, &Recorded)> {
        self.outcomes.of_key(account, key)
    }

    /// What is due by now, each with its live row, and what nobody has taken note of for too long; of each at most
    /// `at_once`, the oldest first.
    #[must_use]
    pub fn due(&self, now: Moment, at_once: usize) -> (Vec<(AlarmRef, Option<Delivery>)>, Vec<AlarmRef>) {
        let mut due: Vec<_> = self.due.values().filter(|alarm| alarm.raised_at <= now.day).copied().collect();
        due.sort_by_key(|alarm| (alarm.raised_at, alarm.id, alarm.kind.as_str()));
        let row = |id| self.rows.get(&id).map(|row| Delivery::clone(row));
        let until = unheard_until(now.wall);
        let is_unheard = |entry: &&AlarmEntry| {
            entry.acknowledged.is_none()
                && entry.settled_at.is_none()
                && entry.escalated_at.is_none()
                && entry.at.is_some_and(|at| at <= until)
        };
        let mut unheard: Vec<_> = self.alarms.values().filter(is_unheard).collect();
        unheard.sort_by_key(|entry| (entry.at, entry.id, entry.kind.as_str(), entry.raised_at));
        (
            due.into_iter().take(at_once).map(|alarm| (alarm, row(alarm.id))).collect(),
            unheard.into_iter().take(at_once).map(alarm_of).collect(),
        )
    }

    /// What ended before then, the first first.
    #[must_use]
    pub fn ended_before(&self, day: UtcMillis) -> Vec<Delivery> {
        let ended = self.rows.values().filter(|row| row.ended_at().is_some_and(|at| at < day));
        let mut ended: Vec<Delivery> = ended.map(|row| Delivery::clone(row)).collect();
        ended.sort_by_key(|row| (row.ended_at(), row.id));
        ended
    }

    /// The newest tombstone beyond the `kept` newest.
    #[must_use]
    pub fn newest_too_many(&self, kept: u64) -> Option<Rev> {
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        self.tombstones.keys().rev().nth(kept).copied()
    }

    /// Deliveries that left the board before then (operations time) and that no alarm names any more, at most so many.
    #[must_use]
    pub fn old_past(&self, before: UtcMillis, at_most: usize) -> Vec<DeliveryId> {
        let has_left = |id: &DeliveryId| {
            let left = self.history.get(id).and_then(|past| past.last());
            left.is_none_or(|left| left.event.at < before)
        };
        let mut old: Vec<_> = self.left.values().filter(|row| row.received_at < before).collect();
        old.sort_by_key(|row| (row.received_at, row.id));
        let ids = old.into_iter().map(|row| row.id);
        ids.filter(|id| has_left(id) && self.alarms_of(*id).next().is_none()).take(at_most).collect()
    }

    /// Alarms that were raised long ago about what left the board, at most so many, first those that changed the longest ago.
    #[must_use]
    pub fn old_alarms(&self, now: Moment, at_most: usize) -> Vec<AlarmRef> {
        let from = Retention::at(now).alarms_from;
        let mut entries: Vec<_> = self.alarms.values().collect();
        entries.sort_by_key(|entry| entry.seq);
        let old = |entry: &&&AlarmEntry| entry.raised_at < from && !self.rows.contains_key(&entry.id);
        entries.iter().filter(|entry| old(entry)).take(at_most).map(|entry| alarm_of(entry)).collect()
    }
}
