//! Which row takes the place of which: events and bulk events by their time, the list by what it was asked for.

use super::super::proof::Instant;
use super::super::publish::Delta;
use super::super::state::Comparison;
use super::ForeignSession;
use super::listing::Asked;
use crate::io::{LinkReason, Mono, Now};
use crate::stats::RowSource;
use gwanje_dialect::{
    EventRule, ForeignId, ForeignRow, Incomplete, RowError, RowFlaw, RowIdentity, StatusRead,
};
use gwanje_model::{Delivery, DeliveryId, Rev, Status, UtcMillis};
use gwanje_wire::WireRow;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A list or bulk event may be made this long before it comes, milliseconds: what an event touched since is news to it.
const RECENT_MS: u64 = 10_000;

/// A list may be this much older than what an event said, milliseconds of the desk: longer it is not waited for.
const NEWER_MS: u64 = 30_000;
/// An unfinished delivery of another day than the list's stays this long without being listed, milliseconds.
const KEPT_MS: u64 = 24 * 3_600_000;

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
    /// When an event changed it last, in this run.
    heard: Option<Mono>,
    /// For which date the last list that named it was asked for; none: in no list of this run.
    date: Option<usize>,
    /// Since when it has stayed only because it is of another day.
    kept: Option<Mono>,
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
        Self { modified_at, stamp: 0, touched, heard: None, date: None, kept: None, missing: false }
    }

    /// What goes on from what was known; all else is as of a row that was never seen.
    fn new(known: Option<Self>) -> Self {
        let date = known.and_then(|known| known.date);
        Self {
            modified_at: UtcMillis::default(),
            stamp: 0,
            touched: None,
            heard: None,
            date,
            kept: None,
            missing: false,
        }
    }

    /// Whether an event knows the row better than a list that was asked for then and says this of its time.
    fn is_newer(&self, listed: Option<UtcMillis>, asked: Mono) -> bool {
        let is_young = self.heard.is_some_and(|heard| asked.since(heard) < NEWER_MS);
        is_young && listed.is_some_and(|listed| listed < self.modified_at)
    }

    fn is_recent(&self, at: Mono) -> bool {
        self.touched.is_some_and(|touched| at.since(touched) < RECENT_MS)
    }
}

/// A comparison of all rows with a list. There is no other way to a proof than one of these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    at: Instant,
    unread: u64,
}

impl Compared {
    /// When the list had been asked for.
    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// What it proves while it is fresh.
    pub(super) fn proven(&self) -> Comparison {
        Comparison { at: self.at.wall, unread: self.unread }
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

/// A list as read.
#[derive(Default)]
struct List {
    /// By number; of two with one id, the newer.
    rows: BTreeMap<DeliveryId, Listed>,
    /// Rows that say whose and of when they are, also of those that belong to no board.
    usable: u64,
    /// Rows without an id.
    nameless: u64,
    /// What is wrong with the first that can't be used.
    flaw: Option<RowFlaw>,
}

/// A list's row, as far as it could be read.
enum Listed {
    Row(Box<ForeignRow>),
    /// Without a time: nothing is known but whose it is.
    Nothing,
}

impl ForeignSession {
    pub(super) fn take_rows(
        &mut self,
        rows: &[Value],
        id: Option<&Value>,
        rule: &EventRule,
        source: Source,
        now: Now,
    ) {
        let mut delta = Delta::default();
        let dialect = Arc::clone(&self.dialect);
        for value in rows {
            match dialect.rows.read_event(value, id, rule) {
                Ok(row) => {
                    self.see_fields(&row, value);
                    self.take_row(&row, source, now, &mut delta);
                }
                // An id alone says that something has changed, and not what.
                Err(RowError::NoTime(_)) if !value.is_object() && !value.is_array() => {
                    self.doubt("an event names a delivery and says nothing of it", now);
                }
                Err(error @ (RowError::NoId | RowError::NoTime(_))) => {
                    self.stats.malformed += 1;
                    if let Some(flaw) = dialect.rows.flaw(value) {
                        self.reading.see(flaw);
                    }
                    self.doubt(&format!("an event brought {error}"), now);
                }
            }
        }
        self.stats.rows_from.take(RowSource::Frame, delta.len());
        self.publish(delta);
    }

    fn take_row(&mut self, row: &ForeignRow, source: Source, now: Now, delta: &mut Delta) {
        let found = self.names.find(&row.id);
        if row.elsewhere || !self.dialect.is_of_days(row, now.wall) {
            // It belongs to another board now, or always did.
            if let Some(id) = found.filter(|id| self.marks.contains_key(id)) {
                self.stats.frames += 1;
                self.remove(id, now, delta);
            }
            return;
        }
        if let Some(id) = found.filter(|id| self.is_new_delivery(*id, row)) {
            self.removed.forget(id);
        }
        let at = row.modified_at.unwrap_or_default();
        let mark = found.and_then(|id| self.marks.get(&id)).copied();
        let is_older = mark.is_some_and(|mark| at < mark.modified_at);
        let may_be_older = source == Source::Bulk && mark.is_some_and(|mark| !mark.is_recent(now.mono));
        let has_left = found.filter(|id| self.removed.holds(*id, now.mono));
        if has_left.is_some() || (is_older && !may_be_older) {
            self.stats.duplicates += 1;
            if let Some(id) = has_left {
                self.see_cancelled(id, row);
            } else if source == Source::Event {
                self.listing.second_look(now.mono);
            }
            return;
        }
        let id = match found {
            _ if row.status == StatusRead::Gone => {
                self.stats.frames += 1;
                return self.leave(&row.id, now, delta);
            }
            Some(id) => id,
            None if row.partial => {
                return self.doubt("an event brought a part of a delivery that is not known", now);
            }
            None => self.names.number(&row.id),
        };
        self.stats.frames += 1;
        match (self.put(id, row, delta), source, mark) {
            (Put::Unplaced, _, _) => {
                self.doubt("an event brought a part of a delivery that is not known", now)
            }
            // A list that came unasked and says nothing new is no reason to doubt the one that was asked for.
            (Put::Same, Source::Bulk, Some(mark)) => {
                self.marks.insert(id, Mark { modified_at: at, ..mark });
            }
            (Put::Same | Put::Changed, _, _) => {
                self.stamp += 1;
                let touched = Some(now.mono);
                let mut mark = Mark { modified_at: at, stamp: self.stamp, touched, ..Mark::new(mark) };
                mark.heard = touched;
                self.marks.insert(id, mark);
            }
        }
    }

    pub(super) fn take_gone(&mut self, row: &Value, id: Option<&Value>, rule: &EventRule, now: Now) {
        let Ok(row) = self.dialect.rows.read_event(row, id, rule) else {
            self.stats.malformed += 1;
            return self.doubt("an event says that a delivery left, and not which", now);
        };
        let known = self.names.find(&row.id).and_then(|id| self.marks.get(&id));
        let is_older = known.zip(row.modified_at).is_some_and(|(mark, at)| at < mark.modified_at);
        if is_older {
            self.stats.duplicates += 1;
            return self.listing.second_look(now.mono);
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
                self.removed.add(id, None, None, now.mono);
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

    /// Whether the row is of another delivery than the one that left under its id.
    fn is_new_delivery(&self, id: DeliveryId, row: &ForeignRow) -> bool {
        let is_under_way = matches!(row.status, StatusRead::Known(status) if !status.is_final());
        is_under_way && !row.partial && self.removed.is_of_another(id, row.modified_at)
    }

    /// Compares all rows with the list, and makes them equal to it. The error says why it can't be compared.
    pub(super) fn compare(
        &mut self,
        rows: &[Value],
        etag: Option<String>,
        asked: &Asked,
        now: Now,
    ) -> Result<(), LinkReason> {
        let List { rows: listed, usable, nameless, flaw } = self.read_list(rows, asked);
        if let Some(flaw) = flaw.filter(|_| usable == 0) {
            let RowFlaw { what, place, example } = flaw;
            let rows = rows.len();
            let why =
                format!("of {rows} rows of the list none can be used: {what} at {place}, such as {example}");
            return Err(why.into());
        }
        let date = self.date_of(asked);
        let mut delta = Delta::default();
        let (mut differences, mut skipped, mut newer) = (0, 0, 0);
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
            if let Listed::Row(row) = row
                && self.is_new_delivery(*id, row)
            {
                self.removed.forget(*id);
            }
            if self.removed.holds(*id, now.mono) && !self.removed.listed(*id, asked.at.mono) {
                skipped += 1;
                differences += 1;
                continue;
            }
            if let (Listed::Row(row), Some(mark)) = (row, mark)
                && mark.is_newer(row.modified_at, asked.at.mono)
                && !self.tells_end(*id, row)
            {
                newer += 1;
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
            let heard = mark.and_then(|mark| mark.heard);
            let mark = Mark { modified_at: at, stamp, touched, heard, date, kept: None, missing: false };
            self.marks.insert(*id, mark);
            newest = newest.max(at);
        }
        self.removed.only_listed(|id| listed.contains_key(&id));
        // When a row leaves between two pages, the second page's first row slips to the first page, which was read
        // already.
        let has_pages =
            self.dialect.snapshot.pages.as_ref().is_some_and(|pages| rows.len() as u64 >= pages.rows);
        let mut leaving = Vec::new();
        let of_day = self.of_another_day(&listed, date, asked);
        for (id, mark) in self.marks.iter_mut().filter(|(id, _)| !listed.contains_key(id)) {
            if mark.stamp > asked.stamp {
                skipped += 1;
                continue;
            }
            let was_missing = std::mem::replace(&mut mark.missing, true);
            if of_day.contains(id) {
                // The list is of another day, and says nothing of it.
                let since = *mark.kept.get_or_insert(now.mono);
                if now.mono.since(since) < KEPT_MS {
                    continue;
                }
            }
            if mark.is_recent(asked.at.mono) || ((has_pages || nameless > 0) && !was_missing) {
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
        if self.compared.is_some() && differences > newer {
            self.stats.mismatches += 1;
            self.stats.mismatches_by.digest += 1;
            self.stats.repairs += delta.len() as u64;
            self.stats.repair.rows_replaced += delta.len() as u64;
        }
        self.publish(delta);
        self.newer = newer;
        if newer == 0 {
            let unread = nameless + self.rows.unreadable();
            self.compared = Some(Compared { at: asked.instant(), unread });
        }
        if skipped == 0 {
            self.listing.keep_etag(etag, self.cursor.rev, asked);
        } else {
            self.listing.forget_etag();
        }
        self.listing.came(differences > 0, now.mono, &mut self.rng);
        if differences == 0 {
            self.prove(asked, now);
        }
        Ok(())
    }

    /// Whether a row of the list tells an end that was not known.
    fn tells_end(&self, id: DeliveryId, row: &ForeignRow) -> bool {
        let is_end = matches!(row.status, StatusRead::Known(status) if status.is_final());
        let known = self.rows.get(id).and_then(WireRow::delivery);
        is_end && known.is_none_or(|known| !known.status.is_final())
    }

    /// The number of the date that the list was asked for; none: its address says none.
    fn date_of(&mut self, asked: &Asked) -> Option<usize> {
        if !self.dialect.list_has_date() {
            return None;
        }
        let date = asked.date();
        if self.dates.last().is_none_or(|last| last != date) {
            self.dates.push(date.to_owned());
        }
        self.dates.len().checked_sub(1)
    }

    /// Unfinished deliveries that the list lacks because it is of another day than they are.
    fn of_another_day(
        &self,
        listed: &BTreeMap<DeliveryId, Listed>,
        date: Option<usize>,
        asked: &Asked,
    ) -> BTreeSet<DeliveryId> {
        let Some(date) = date else { return BTreeSet::new() };
        let is_other = |id: &DeliveryId, mark: &Mark| match (mark.kept, mark.date) {
            (Some(_), _) => true,
            (None, Some(of)) => of != date,
            // In no list of this run: the day of its last change.
            (None, None) => {
                let at = self.rows.get(*id).and_then(WireRow::delivery).map(|row| row.modified_at);
                at.is_some_and(|at| self.dialect.list_date(at).as_str() < asked.date())
            }
        };
        let is_under_way = |id: &DeliveryId| {
            self.rows.get(*id).and_then(WireRow::delivery).is_some_and(|row| !row.status.is_final())
        };
        let lacking = self.marks.iter().filter(|(id, _)| !listed.contains_key(id));
        lacking.filter(|(id, mark)| is_under_way(id) && is_other(id, mark)).map(|(id, _)| *id).collect()
    }

    fn see_fields(&mut self, row: &ForeignRow, value: &Value) {
        self.stats.malformed += u64::from(row.unreadable_fields);
        for field in &row.unreadable {
            self.reading.see(self.dialect.rows.field_flaw(value, field));
        }
        if !matches!(row.status, StatusRead::Known(_) | StatusRead::Gone)
            && !row.partial
            && let Some(flaw) = self.dialect.rows.flaw(value)
        {
            self.reading.see(flaw);
        }
    }

    /// The list is what it was when the rows were equal to it. Since then only events after the question changed any
    /// row.
    pub(super) fn compared_equal(&mut self, asked: &Asked, now: Now) {
        let unread = self.compared.map_or_else(|| self.rows.unreadable(), |compared| compared.unread);
        self.compared = Some(Compared { at: asked.instant(), unread });
        self.newer = 0;
        self.listing.came(false, now.mono, &mut self.rng);
        self.prove(asked, now);
    }

    fn read_list(&mut self, rows: &[Value], asked: &Asked) -> List {
        let dialect = Arc::clone(&self.dialect);
        let mut list = List::default();
        for value in rows {
            let read = dialect.rows.read(value);
            if read.is_err() {
                let flaw = dialect.rows.flaw(value);
                if let Some(flaw) = flaw.clone() {
                    self.reading.see(flaw);
                }
                list.flaw = list.flaw.or(flaw);
            } else {
                list.usable += 1;
            }
            let (id, row) = match read {
                Ok(row) if row.status == StatusRead::Gone || row.elsewhere => continue,
                Ok(row) if !dialect.is_of_days(&row, asked.at.wall) => continue,
                Ok(row) => {
                    self.see_fields(&row, value);
                    (self.names.number(&row.id), Listed::Row(Box::new(row)))
                }
                Err(RowError::NoTime(id)) => (self.names.number(&id), Listed::Nothing),
                Err(RowError::NoId) => {
                    list.nameless += 1;
                    self.stats.malformed += 1;
                    continue;
                }
            };
            match (list.rows.get(&id), &row) {
                (Some(Listed::Row(held)), Listed::Row(other)) if held.modified_at >= other.modified_at => {}
                (Some(Listed::Row(_)), Listed::Nothing) => {}
                (Some(_) | None, _) => {
                    list.rows.insert(id, row);
                }
            }
        }
        list
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
        let named = self.marks.remove(&id).map(|mark| mark.modified_at);
        self.alarms.overdue.gone(id);
        self.names.left(id, Some(now.wall));
        self.removed.add(id, row, named, now.mono);
        delta.touch(id, rev);
    }

    fn next_rev(&mut self) -> Rev {
        self.cursor.rev = self.cursor.rev.next();
        self.cursor.rev
    }
}
