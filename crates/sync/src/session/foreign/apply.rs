//! Which row takes the place of which: events and bulk events by their time, the list by what it was asked for.

use super::super::publish::Delta;
use super::ForeignSession;
use super::listing::Asked;
use crate::io::{Mono, Now};
use crate::stats::RowSource;
use gwanje_dialect::{
    EventRule, ForeignId, ForeignRow, Incomplete, Means, RowError, RowIdentity, StatusRead,
};
use gwanje_model::{Delivery, DeliveryId, Rev, Status, UtcMillis};
use gwanje_wire::WireRow;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A list or bulk event may be made this long before it comes, milliseconds: what an event touched since is news to it.
const RECENT_MS: u64 = 10_000;

/// A list that lacks more rows than this, and more than half of the board, is asked for again before any of them leaves.
const EXODUS_MIN: usize = 10;

/// What is known of a row beside the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Its modification time.
    modified_at: UtcMillis,
    /// The stamp of the last event that touched this row; stamps count up with every event that touched any row.
    stamp: u64,
    /// When that was, in this run.
    touched: Option<Mono>,
    /// The last list that could tell lacked it.
    missing: bool,
}

impl Mark {
    /// Nobody knows any more when an event touched it in an earlier run. A row that says it changed just now counts as
    /// touched then.
    pub(super) fn of_cached(row: &WireRow, now: Now) -> Self {
        let modified_at = row.delivery().map_or(UtcMillis::default(), |delivery| delivery.modified_at);
        let age = now.wall.since(modified_at);
        let ago = u64::try_from(age.max(0)).ok().filter(|_| age.unsigned_abs() < RECENT_MS);
        let touched = ago.map(|ago| Mono(now.mono.0.saturating_sub(ago)));
        Self { modified_at, stamp: 0, touched, missing: false }
    }

    fn is_recent(&self, at: Mono) -> bool {
        self.touched.is_some_and(|touched| at.since(touched) < RECENT_MS)
    }
}

/// Where a row of a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Event,
    Bulk,
}

/// What came of putting a row in its place.
#[derive(Debug, PartialEq, Eq)]
enum Put {
    Changed,
    Same,
    /// A part of a row that is not known.
    Unplaced,
}

/// A list's row, as far as it could be read.
enum Listed {
    Row(Box<ForeignRow>),
    /// Without a time: nothing is known but whose it is.
    Nothing,
}

impl ForeignSession {
    pub(super) fn take_event(&mut self, row: &Value, rule: &EventRule, now: Now) {
        match rule.means {
            Means::Gone => self.take_gone(row, rule, now),
            Means::Row | Means::Rows | Means::Nothing => {
                self.take_rows(std::slice::from_ref(row), rule, Source::Event, now);
            }
        }
    }

    pub(super) fn take_rows(&mut self, rows: &[Value], rule: &EventRule, source: Source, now: Now) {
        let mut delta = Delta::default();
        for row in rows {
            match self.dialect.rows.read_event(row, rule) {
                Ok(row) => self.take_row(&row, source, now, &mut delta),
                Err(RowError::NoId | RowError::NoTime(_)) => {
                    self.stats.malformed += 1;
                    self.doubt(now);
                }
            }
        }
        self.stats.rows_from.take(RowSource::Frame, delta.len());
        self.publish(delta);
    }

    fn take_row(&mut self, row: &ForeignRow, source: Source, now: Now, delta: &mut Delta) {
        self.stats.malformed += u64::from(row.unreadable_fields);
        let found = self.names.find(&row.id);
        let at = row.modified_at.unwrap_or_default();
        let mark = found.and_then(|id| self.marks.get(&id)).copied();
        let is_older = mark.is_some_and(|mark| at < mark.modified_at);
        let may_be_older = source == Source::Bulk && mark.is_some_and(|mark| !mark.is_recent(now.mono));
        let has_left = found.filter(|id| self.removed.holds(*id, now.mono));
        if has_left.is_some() || (is_older && !may_be_older) {
            self.stats.duplicates += 1;
            if let Some(id) = has_left {
                self.see_cancelled(id, row);
            }
            return;
        }
        let id = match found {
            _ if row.status == StatusRead::Gone => {
                self.stats.frames += 1;
                return self.leave(&row.id, now, delta);
            }
            Some(id) => id,
            None if row.partial => return self.doubt(now),
            None => self.names.number(&row.id),
        };
        self.stats.frames += 1;
        match (self.put(id, row, delta), source, mark) {
            (Put::Unplaced, _, _) => self.doubt(now),
            // A list that came unasked and says nothing new is no reason to doubt the one that was asked for.
            (Put::Same, Source::Bulk, Some(mark)) => {
                self.marks.insert(id, Mark { modified_at: at, ..mark });
            }
            (Put::Same | Put::Changed, _, _) => {
                self.stamp += 1;
                let touched = Some(now.mono);
                self.marks.insert(id, Mark { modified_at: at, stamp: self.stamp, touched, missing: false });
            }
        }
    }

    fn take_gone(&mut self, row: &Value, rule: &EventRule, now: Now) {
        let Ok(row) = self.dialect.rows.read_event(row, rule) else {
            self.stats.malformed += 1;
            return self.doubt(now);
        };
        let known = self.names.find(&row.id).and_then(|id| self.marks.get(&id));
        let is_older = known.zip(row.modified_at).is_some_and(|(mark, at)| at < mark.modified_at);
        if is_older {
            self.stats.duplicates += 1;
            return;
        }
        self.stats.frames += 1;
        let mut delta = Delta::default();
        self.leave(&row.id, now, &mut delta);
        self.publish(delta);
    }

    /// A delivery left. It may be one that is not on the board: its row may still be on its way, or in a list under
    /// way.
    fn leave(&mut self, id: &ForeignId, now: Now, delta: &mut Delta) {
        match self.names.find(id).filter(|id| self.marks.contains_key(id)) {
            Some(id) => self.remove(id, now, delta),
            None => {
                let id = self.names.left_unseen(id, now.wall);
                self.removed.add(id, None, now.mono);
            }
        }
    }

    /// A list that lacks a cancelled delivery may be quicker than the event that tells so. The delivery stays away, and
    /// its cancellation is told.
    fn see_cancelled(&mut self, id: DeliveryId, row: &ForeignRow) {
        let Some(last) = self.removed.last(id) else { return };
        let Some(known) = last.delivery().filter(|known| row.modified_at >= Some(known.modified_at)) else {
            return;
        };
        let place = RowIdentity { id, center: &self.dialect.center.id, rev: known.rev };
        let Ok(mut delivery) = row.complete(&self.dialect.rows, place, Some(known)) else { return };
        if delivery.status == Status::Cancelled {
            delivery.cancelled_at = self.cancelled_at(&delivery, Some(known));
            self.alarms.see(Some(last), &delivery.into());
        }
    }

    /// Compares all rows with the list, and makes them equal to it.
    pub(super) fn compare(&mut self, rows: &[Value], etag: Option<String>, asked: &Asked, now: Now) {
        let (listed, nameless) = self.read_list(rows);
        let mut delta = Delta::default();
        let (mut differences, mut skipped) = (nameless, nameless);
        let mut newest = UtcMillis::default();
        for (id, row) in &listed {
            let mark = self.marks.get(id).copied();
            if mark.is_some_and(|mark| mark.stamp > asked.stamp) {
                // An event came since. If the list is older, it says nothing of this row; if newer, the next list will.
                let is_behind = match row {
                    Listed::Row(row) => row.modified_at > mark.map(|mark| mark.modified_at),
                    Listed::Nothing => false,
                };
                skipped += 1;
                differences += u64::from(is_behind);
                continue;
            }
            if self.removed.holds(*id, now.mono) && !self.removed.listed(*id, asked.at.mono) {
                skipped += 1;
                differences += 1;
                continue;
            }
            let at = match row {
                Listed::Row(row) => row.modified_at.unwrap_or_default(),
                Listed::Nothing => mark.map_or(UtcMillis::default(), |mark| mark.modified_at),
            };
            let put = match row {
                Listed::Row(row) => self.put(*id, row, &mut delta),
                Listed::Nothing => self.put_unreadable(*id, &mut delta),
            };
            differences += u64::from(put != Put::Same);
            let (stamp, mut touched) = mark.map_or((0, None), |mark| (mark.stamp, mark.touched));
            if put == Put::Changed {
                // An older list that comes next must not take it away again.
                touched = Some(asked.at.mono);
            }
            self.marks.insert(*id, Mark { modified_at: at, stamp, touched, missing: false });
            newest = newest.max(at);
        }
        self.removed.only_listed(|id| listed.contains_key(&id));
        // When a row leaves between two pages, the second page's first row slips to the first page, which was read
        // already.
        let has_pages =
            self.dialect.snapshot.pages.as_ref().is_some_and(|pages| rows.len() as u64 >= pages.rows);
        let mut leaving = Vec::new();
        for (id, mark) in self.marks.iter_mut().filter(|(id, _)| !listed.contains_key(id)) {
            if mark.stamp > asked.stamp {
                skipped += 1;
                continue;
            }
            let was_missing = std::mem::replace(&mut mark.missing, true);
            if nameless > 0 || mark.is_recent(asked.at.mono) || (has_pages && !was_missing) {
                // A list without a row may be older than the row.
                skipped += 1;
                differences += 1;
            } else {
                leaving.push(*id);
            }
        }
        differences += leaving.len() as u64;
        let is_exodus = leaving.len() > EXODUS_MIN && leaving.len() * 2 > self.marks.len();
        if is_exodus && !self.exodus {
            // A server that has just started may not have its rows yet.
            self.exodus = true;
            skipped += leaving.len() as u64;
        } else {
            self.exodus = false;
            for id in leaving {
                self.remove(id, now, &mut delta);
            }
        }
        self.stats.snapshots += 1;
        self.stats.rows_from.take(RowSource::Snapshot, delta.len());
        self.begin_horizon(newest, now);
        self.newest = self.newest.max(newest);
        if self.compared.is_some() && differences > 0 {
            self.stats.mismatches += 1;
            self.stats.mismatches_by.digest += 1;
            self.stats.repairs += delta.len() as u64;
            self.stats.repair.rows_replaced += delta.len() as u64;
        }
        self.publish(delta);
        self.compared = Some(asked.instant());
        if skipped == 0 {
            self.listing.keep_etag(etag, self.cursor.rev, asked);
        } else {
            self.listing.forget_etag();
        }
        self.listing.came(differences > 0, now.mono, &mut self.rng);
        if differences == 0 {
            self.prove(asked, now);
        }
    }

    /// The list is what it was when the rows were equal to it. Since then only events after the question changed any
    /// row.
    pub(super) fn compared_equal(&mut self, asked: &Asked, now: Now) {
        self.compared = Some(asked.instant());
        self.listing.came(false, now.mono, &mut self.rng);
        self.prove(asked, now);
    }

    /// The list's rows by number (of two with one id, the newer), and how many have no id.
    fn read_list(&mut self, rows: &[Value]) -> (BTreeMap<DeliveryId, Listed>, u64) {
        let dialect = Arc::clone(&self.dialect);
        let (mut listed, mut nameless) = (BTreeMap::new(), 0);
        for row in rows {
            let (id, row) = match dialect.rows.read(row) {
                Ok(row) if row.status == StatusRead::Gone => continue,
                Ok(row) => (self.names.number(&row.id), Listed::Row(Box::new(row))),
                Err(RowError::NoTime(id)) => (self.names.number(&id), Listed::Nothing),
                Err(RowError::NoId) => {
                    nameless += 1;
                    self.stats.malformed += 1;
                    continue;
                }
            };
            match (listed.get(&id), &row) {
                (Some(Listed::Row(held)), Listed::Row(other)) if held.modified_at >= other.modified_at => {}
                (Some(Listed::Row(_)), Listed::Nothing) => {}
                (Some(_) | None, _) => {
                    listed.insert(id, row);
                }
            }
        }
        (listed, nameless)
    }

    fn put(&mut self, id: DeliveryId, row: &ForeignRow, delta: &mut Delta) -> Put {
        let dialect = Arc::clone(&self.dialect);
        let old = self.rows.get(id);
        let known = old.and_then(WireRow::delivery);
        let rev = known.map_or(Rev::ZERO, |known| known.rev);
        let place = RowIdentity { id, center: &dialect.center.id, rev };
        match row.complete(&dialect.rows, place, known.map(AsRef::as_ref)) {
            Ok(mut delivery) => {
                delivery.cancelled_at = self.cancelled_at(&delivery, known);
                if known.is_some_and(|known| **known == delivery) {
                    return Put::Same;
                }
                delivery.rev = self.next_rev();
                self.newest = self.newest.max(delivery.modified_at);
                self.set(delivery.into(), delta);
                Put::Changed
            }
            Err(Incomplete::Unknown) => Put::Unplaced,
            Err(Incomplete::NoStatus | Incomplete::UnknownStatus) => self.put_unreadable(id, delta),
        }
    }

    /// A row that can't be read is shown as such: nothing vanishes.
    fn put_unreadable(&mut self, id: DeliveryId, delta: &mut Delta) -> Put {
        if self.rows.get(id).is_some_and(|row| row.delivery().is_none()) {
            return Put::Same;
        }
        let rev = self.next_rev();
        self.set(WireRow::Unreadable { id, rev }, delta);
        Put::Changed
    }

    /// When it was cancelled. Once known, that stays, whatever a later copy says: one cancellation is one alarm. A
    /// delivery that was seen alive at a later time than that has been cancelled anew.
    fn cancelled_at(&self, delivery: &Delivery, known: Option<&Arc<Delivery>>) -> Option<UtcMillis> {
        if delivery.status != Status::Cancelled {
            return delivery.cancelled_at;
        }
        if let Some(known) = known.filter(|known| known.status == Status::Cancelled) {
            return known.cancelled_at.or(delivery.cancelled_at);
        }
        let alarmed = self.alarms.cancellation_of(delivery.id);
        alarmed.filter(|at| known.is_none_or(|known| known.modified_at <= *at)).or(delivery.cancelled_at)
    }

    fn set(&mut self, row: WireRow, delta: &mut Delta) {
        self.names.left(row.id(), None);
        self.alarms.see(self.rows.get(row.id()), &row);
        delta.touch(row.id(), row.rev());
        self.rows.set(row);
    }

    fn remove(&mut self, id: DeliveryId, now: Now, delta: &mut Delta) {
        let rev = self.next_rev();
        let row = self.rows.remove(id);
        self.marks.remove(&id);
        self.alarms.overdue.gone(id);
        self.names.left(id, Some(now.wall));
        self.removed.add(id, row, now.mono);
        delta.touch(id, rev);
    }

    fn next_rev(&mut self) -> Rev {
        self.cursor.rev = self.cursor.rev.next();
        self.cursor.rev
    }
}
