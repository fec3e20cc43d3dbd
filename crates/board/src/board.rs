//! The rows of the board and its open views.

use crate::centers::Centers;
use crate::counters::Step;
use crate::list::List;
use crate::mark::RowMark;
use crate::patch::Patch;
use crate::query::{ListSpec, Query};
use crate::record::Record;
use crate::rows::Rows;
use crate::spec::ViewSpec;
use crate::view::{Scene, View};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, UtcMillis};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use thiserror::Error;
use ts_rs::TS;

/// Names an open view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct ViewId(pub u64);

/// What is wrong with a call on a view.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ViewError {
    /// No such view (any more).
    #[error("view {} is not open (any more): open it again", .0.0)]
    NotOpen(ViewId),
}

/// Rows of one or more centers, and the views over them.
#[derive(Debug, Default)]
pub struct Board {
    rows: Rows,
    centers: Centers,
    day_at: UtcMillis,
    /// Rows under way by the instant from which they are late, so that time passing costs only what it changes.
    due: BTreeSet<(UtcMillis, u64)>,
    /// One list for all views that ask for the same, by a number of its own.
    lists: BTreeMap<u64, List>,
    views: BTreeMap<ViewId, View>,
    /// The latest number given to a list or a view.
    latest: u64,
}

/// When changes are so many that sorting anew is cheaper than moving row by row: over this many …
const REBUILD_OVER: usize = 1_000;
/// … and over one in this many rows of the board.
const REBUILD_SHARE: usize = 8;

impl Board {
    /// Puts a row in, in place of an older copy.
    pub fn upsert(&mut self, row: Arc<Delivery>) {
        let id = row.id.0;
        let old = self.rows.get(id);
        if !old.is_some_and(|old| old.is_copy_of(&row)) {
            let center = self.centers.number(&row.center);
            let record = Record::read(row, center, old);
            self.settle(id, Some(record), true);
        }
    }

    /// Holds a row that can't be read.
    pub fn upsert_unreadable(&mut self, center: &CenterId, id: DeliveryId, rev: Rev) {
        let about = (center.clone(), rev);
        match self.rows.get(id.0) {
            Some(Record::Unreadable { about: held, .. }) if **held == about => {}
            Some(_) | None => {
                let record =
                    Record::Unreadable { about: Arc::new(about), center: self.centers.number(center) };
                self.settle(id.0, Some(record), true);
            }
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, id: DeliveryId) {
        self.settle(id.0, None, true);
    }

    /// Replaces all rows of a center (a snapshot, or the cached board at the start).
    pub fn replace_center(&mut self, center: &CenterId, rows: Vec<Arc<Delivery>>) {
        let kept: FxHashSet<u64> = rows.iter().map(|row| row.id.0).collect();
        let mut changes = self.removals(|id, record| record.center() == center && !kept.contains(&id));
        for row in rows {
            let id = row.id.0;
            let old = self.rows.get(id);
            if !old.is_some_and(|old| old.is_copy_of(&row)) {
                let center = self.centers.number(&row.center);
                changes.push((id, Some(Record::read(row, center, old))));
            }
        }
        self.settle_all(changes);
    }

    /// Forgets a center.
    pub fn remove_center(&mut self, center: &CenterId) {
        let removals = self.removals(|_, record| record.center() == center);
        self.settle_all(removals);
        self.centers.remove(center);
    }

    /// Marks a row's unsettled command, or clears the mark.
    pub fn set_mark(&mut self, id: DeliveryId, mark: Option<RowMark>) {
        if self.rows.set_mark(id.0, mark) {
            self.views.values_mut().for_each(|view| view.touch(id.0));
        }
    }

    /// The revision up to which a center's rows have been put in.
    pub fn set_as_of(&mut self, center: &CenterId, rev: Rev) {
        self.centers.set_as_of(center, rev);
    }

    /// Moves operations time on: rows may become late. Time that goes back, as in a drill begun anew, is followed.
    pub fn advance(&mut self, day_at: UtcMillis) {
        let before = std::mem::replace(&mut self.day_at, day_at);
        let (from, to, step) =
            if before <= day_at { (before, day_at, Step::In) } else { (day_at, before, Step::Out) };
        let between = (Bound::Excluded((from, u64::MAX)), Bound::Included((to, u64::MAX)));
        for &(_, id) in self.due.range(between) {
            let Some(record) = self.rows.get(id) else { continue };
            self.centers.counts_mut(record.center()).count_late(step);
            for (&number, list) in self.lists.iter_mut().filter(|(_, list)| list.query.follows_time()) {
                let (old, new) = (list.entry(id, record, before), list.entry(id, record, day_at));
                list.recount(id, old.as_ref().map(|_| record), new.as_ref().map(|_| record));
                if old != new {
                    let shown = self.views.values_mut().filter(|view| view.list == number);
                    shown.for_each(|view| view.note(id, old.as_ref(), new.as_ref()));
                    list.change(old.as_ref(), new);
                }
            }
        }
    }

    /// The row as the board has it.
    pub fn get(&self, id: DeliveryId) -> Option<&Arc<Delivery>> {
        self.rows.get(id.0)?.row()
    }

    /// Opens a view; its first patch is a reset.
    pub fn open(&mut self, spec: ViewSpec) -> ViewId {
        let (number, list) = self.list_for(&spec);
        let view = View::new(&spec, number, list);
        self.latest += 1;
        let id = ViewId(self.latest);
        self.views.insert(id, view);
        id
    }

    /// Changes what a view shows.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn change(&mut self, view: ViewId, spec: ViewSpec) -> Result<(), ViewError> {
        let before = self.views.get(&view).ok_or(ViewError::NotOpen(view))?.list;
        let (number, _) = self.list_for(&spec);
        if let (Some(view), Some(list)) = (self.views.get_mut(&view), self.lists.get_mut(&number)) {
            view.change(&spec, number, list);
        }
        self.release(before);
        Ok(())
    }

    /// The next patch, if anything changed and fewer than two are unacknowledged.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn poll_patch(&mut self, view: ViewId) -> Result<Option<Patch>, ViewError> {
        let open = self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?;
        let list = self.lists.get_mut(&open.list).ok_or(ViewError::NotOpen(view))?;
        Ok(open.poll(Scene { rows: &self.rows, list, centers: &self.centers }))
    }

    /// The page has shown everything up to `seq`.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn ack(&mut self, view: ViewId, seq: u64) -> Result<(), ViewError> {
        self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?.acknowledge(seq);
        Ok(())
    }

    /// The page lost count: the next patch holds everything.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn reset(&mut self, view: ViewId) -> Result<(), ViewError> {
        self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?.reset();
        Ok(())
    }

    /// Closes a view.
    pub fn close(&mut self, view: ViewId) {
        if let Some(view) = self.views.remove(&view) {
            self.release(view.list);
        }
    }

    /// The place of a row in a view, if it matches.
    pub fn place_of(&self, view: ViewId, id: DeliveryId) -> Option<u64> {
        let view = self.views.get(&view)?;
        let place = match view.held() {
            Some(held) => held.ids().iter().position(|&held| held == id.0),
            None => self.lists.get(&view.list)?.place_of(id.0, self.rows.get(id.0)?, self.day_at),
        };
        place.map(|place| place as u64)
    }

    /// The id at a place of a view.
    pub fn id_at(&self, view: ViewId, place: u64) -> Option<DeliveryId> {
        let view = self.views.get(&view)?;
        let place = usize::try_from(place).ok()?;
        let id = match view.held() {
            Some(held) => held.ids().get(place).copied(),
            None => self.lists.get(&view.list)?.id_at(place),
        };
        id.map(DeliveryId)
    }

    /// How many lists are kept in order: fewer than views when some show the same one.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.lists.len()
    }

    /// The list of a spec, counted as shown by one more view.
    fn list_for(&mut self, spec: &ViewSpec) -> (u64, &mut List) {
        let spec = ListSpec::from(spec);
        let open = self.lists.iter().find(|(_, list)| *list.query.spec() == spec);
        let number = open.map_or_else(
            || {
                self.latest += 1;
                self.latest
            },
            |(&number, _)| number,
        );
        let list = self.lists.entry(number).or_insert_with(|| {
            let query = Query::new(spec, |center| self.centers.number(center));
            let mut list = List::new(query);
            list.fill(&self.rows, self.day_at);
            list
        });
        list.views += 1;
        (number, list)
    }

    /// One view fewer shows the list.
    fn release(&mut self, number: u64) {
        if let Some(list) = self.lists.get_mut(&number) {
            list.views -= 1;
            if list.views == 0 {
                self.lists.remove(&number);
            }
        }
        if !self.is_held() {
            self.rows.forget_gone();
        }
    }

    fn is_held(&self) -> bool {
        self.views.values().any(|view| view.held().is_some())
    }

    fn removals(&self, gone: impl Fn(u64, &Record) -> bool) -> Vec<(u64, Option<Record>)> {
        self.rows.iter().filter(|(id, record)| gone(*id, record)).map(|(id, _)| (id, None)).collect()
    }

    /// Many changes at once: lists are kept in order row by row, or built anew when that is cheaper.
    fn settle_all(&mut self, changes: Vec<(u64, Option<Record>)>) {
        let rebuild = changes.len() > REBUILD_OVER.max(self.rows.len() / REBUILD_SHARE);
        if rebuild {
            self.rows.reserve(changes.len());
        }
        for (id, record) in changes {
            self.settle(id, record, !rebuild);
        }
        if rebuild {
            self.lists.values_mut().for_each(|list| list.fill(&self.rows, self.day_at));
        }
    }

    /// Puts a row in or takes it out, everywhere. Without `in_order` the caller builds the lists anew afterwards.
    fn settle(&mut self, id: u64, record: Option<Record>, in_order: bool) {
        let old = match &record {
            Some(record) => self.rows.put(id, record.clone()),
            None => self.rows.take(id, self.views.values().any(|view| view.held().is_some())),
        };
        for (record, step) in [(&old, Step::Out), (&record, Step::In)] {
            let Some(record) = record else { continue };
            self.centers.counts_mut(record.center()).count(record, self.day_at, step);
            match (record.late_at(), step) {
                (None, _) => {}
                (Some(at), Step::In) => drop(self.due.insert((at, id))),
                (Some(at), Step::Out) => drop(self.due.remove(&(at, id))),
            }
        }
        for (&number, list) in &mut self.lists {
            let mut holding =
                self.views.values_mut().filter(|view| view.list == number && view.held().is_some());
            let mut first = holding.next();
            if !in_order && first.is_none() {
                continue;
            }
            let before = old.as_ref().and_then(|record| list.entry(id, record, self.day_at));
            let after = record.as_ref().and_then(|record| list.entry(id, record, self.day_at));
            if in_order {
                list.recount(id, before.as_ref().and(old.as_ref()), after.as_ref().and(record.as_ref()));
            }
            if before == after {
                continue;
            }
            while let Some(view) = first {
                view.note(id, before.as_ref(), after.as_ref());
                first = holding.next();
            }
            if in_order {
                list.change(before.as_ref(), after);
            }
        }
        self.views.values_mut().for_each(|view| view.touch(id));
    }
}
