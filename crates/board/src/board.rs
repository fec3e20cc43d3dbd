//! The rows of the board and its open views.

mod settle;

use crate::centers::Centers;
use crate::groups::At;
use crate::list::List;
use crate::mark::RowMark;
use crate::patch::{Patch, Place};
use crate::query::{ListSpec, Query};
use crate::record::Record;
use crate::rows::Rows;
use crate::spec::{ViewId, ViewSpec};
use crate::terms::Terms;
use crate::view::{Scene, View, place};
use gwanje_model::{CenterId, Delivery, DeliveryId, DueAt, Rev, Text, UtcMillis};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thiserror::Error;

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
    terms: Terms,
    /// Rows by the instants at which time alone changes something about them. So passing time costs only what it
    /// changes.
    turns: BTreeSet<(UtcMillis, u64)>,
    /// One list for all views that ask for the same, each under a number of its own.
    lists: BTreeMap<u64, List>,
    views: BTreeMap<ViewId, View>,
    /// The latest number given to a list or a view.
    latest: u64,
}

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

    /// Whether a row has an unsettled command.
    pub fn is_marked(&self, id: DeliveryId) -> bool {
        self.rows.is_marked(id.0)
    }

    /// Sets the revision up to which a center's rows have been put in.
    pub fn set_as_of(&mut self, center: &CenterId, rev: Rev) {
        self.centers.set_as_of(center, rev);
    }

    /// Sets what a center is called. Groups of centers, and rows sorted by center, stand in order of this name.
    pub fn set_center_name(&mut self, center: &CenterId, name: &str) {
        let number = self.centers.number(center);
        let ids = self.rows_of(center);
        let set = |terms: &mut Terms| terms.set_name(number, Text::from(name));
        self.reconsider(&ids, Query::follows_center_names, set);
    }

    /// Sets the minutes left below which a center's deliveries are at risk; without it [`gwanje_model::AT_RISK_MIN`].
    pub fn set_at_risk_min(&mut self, center: &CenterId, min: u32) {
        let number = self.centers.number(center);
        let ids = self.rows_of(center);
        self.keep_turns(&ids, false);
        self.reconsider(&ids, Query::has_heads, |terms| terms.set_at_risk_min(number, min));
        self.keep_turns(&ids, true);
        self.views.values_mut().for_each(View::touch_all);
    }

    /// Says that a person acknowledged a delivery's cancellation, or takes it back. The board knows this before the row
    /// comes, and forgets it when the row leaves.
    pub fn set_acknowledged(&mut self, id: DeliveryId, is_acknowledged: bool) {
        self.reconsider(&[id.0], Query::follows_acknowledgements, |terms| {
            if is_acknowledged {
                terms.acknowledged.insert(id.0);
            } else {
                terms.acknowledged.remove(&id.0);
            }
        });
    }

    /// Moves operations time on: rows may become late, at risk, or no news any more. Follows time that goes back, too,
    /// as in a drill begun anew.
    pub fn advance(&mut self, day_at: UtcMillis) {
        let ids = self.turning(self.terms.day_at, day_at);
        self.reconsider(&ids, Query::follows_time, |terms| terms.day_at = day_at);
    }

    /// The row as the board has it.
    pub fn get(&self, id: DeliveryId) -> Option<&Arc<Delivery>> {
        self.rows.get(id.0)?.row()
    }

    /// Opens a view; its first patch is a reset.
    pub fn open(&mut self, spec: ViewSpec) -> ViewId {
        self.latest += 1;
        let id = ViewId(self.latest);
        let (number, list) = self.list_for(&spec);
        let view = View::new(id, &spec, number, list);
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
        if before != number {
            self.release(view, before);
        }
        self.forget_gone();
        Ok(())
    }

    /// Lets rows of the pinned group come in at the head of a held view when they have no place in it: new rows, and
    /// rows of collapsed groups. Rows that have a place keep it. Does nothing while the view is not held.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn admit_act(&mut self, view: ViewId) -> Result<(), ViewError> {
        let open = self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?;
        if let Some(list) = self.lists.get_mut(&open.list) {
            open.admit_act(list);
        }
        Ok(())
    }

    /// Holds the places of every view that shows something, as if its page had asked for it. The page learns it from the
    /// next patch, and its next change decides anew; one that lost count begins anew without.
    pub fn hold_places(&mut self) {
        for view in self.views.values_mut() {
            if let Some(list) = self.lists.get_mut(&view.list) {
                view.hold(list);
            }
        }
    }

    /// Ends those holds that no page has asked for since.
    pub fn release_places(&mut self) {
        self.views.values_mut().for_each(View::release_unasked);
        self.forget_gone();
    }

    /// Whether a delivery becomes late or unconfirmed on the way to that instant, so that its row moves with an alarm. Never
    /// when it is the first instant that the board learns: what is late then was so before.
    pub fn alarms_by(&self, day_at: UtcMillis) -> bool {
        if self.terms.day_at == UtcMillis::default() {
            return false;
        }
        let passed = |at: Option<UtcMillis>| at.is_some_and(|at| at > self.terms.day_at && at <= day_at);
        self.turning(self.terms.day_at, day_at).into_iter().any(|id| {
            let due = self.rows.get(id).and_then(Record::row).map(|row| DueAt::of(row.as_ref()));
            due.is_some_and(|due| passed(due.late) || passed(due.unconfirmed))
        })
    }

    /// The next patch, if anything changed and fewer than two are unacknowledged.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn poll_patch(&mut self, view: ViewId) -> Result<Option<Patch>, ViewError> {
        let open = self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?;
        let list = self.lists.get_mut(&open.list).ok_or(ViewError::NotOpen(view))?;
        Ok(open.poll(Scene { rows: &self.rows, list, centers: &self.centers, terms: &self.terms }))
    }

    /// The page has shown everything up to `seq`.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn ack(&mut self, view: ViewId, seq: u64) -> Result<(), ViewError> {
        self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?.acknowledge(seq);
        Ok(())
    }

    /// The page lost count: makes the next patch hold everything.
    ///
    /// # Errors
    /// When the view is not open.
    pub fn reset(&mut self, view: ViewId) -> Result<(), ViewError> {
        self.views.get_mut(&view).ok_or(ViewError::NotOpen(view))?.reset();
        self.forget_gone();
        Ok(())
    }

    /// Closes a view.
    pub fn close(&mut self, view: ViewId) {
        if let Some(open) = self.views.remove(&view) {
            self.release(view, open.list);
            self.forget_gone();
        }
    }

    /// The place of a row in a view; `None`: it does not match, or its group is collapsed ([`Self::head_place`] tells
    /// the place of the group's head).
    pub fn place_of(&self, view: ViewId, id: DeliveryId) -> Option<u64> {
        let view = self.views.get(&view)?;
        let list = self.lists.get(&view.list)?;
        view.place_of(id.0, list, self.rows.get(id.0), &self.terms).map(|place| place as u64)
    }

    /// The key of the group in which a row stands, collapsed or not; `None`: the row does not match, or the view's list has
    /// no groups.
    pub fn group_of(&self, view: ViewId, id: DeliveryId) -> Option<String> {
        let list = self.lists.get(&self.views.get(&view)?.list)?;
        list.group_of(id.0, self.rows.get(id.0)?, &self.terms)
    }

    /// The place of the head of a group, by its key.
    pub fn head_place(&self, view: ViewId, group: &str) -> Option<u64> {
        let view = self.views.get(&view)?;
        view.head_place(group, self.lists.get(&view.list)?).map(|place| place as u64)
    }

    /// What stands at a place of a view.
    pub fn at(&self, view: ViewId, at: u64) -> Option<Place> {
        self.find(view, at).map(|at| place(&at))
    }

    /// The id of the row at a place of a view; `None`: a head stands there, or nothing does.
    pub fn id_at(&self, view: ViewId, at: u64) -> Option<DeliveryId> {
        match self.find(view, at)? {
            At::Row(id) => Some(DeliveryId(id)),
            At::Head(_) => None,
        }
    }

    /// How many lists are kept in order: fewer than views when some views share one.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.lists.len()
    }

    fn find(&self, view: ViewId, at: u64) -> Option<At> {
        let view = self.views.get(&view)?;
        view.at(usize::try_from(at).ok()?, self.lists.get(&view.list)?)
    }

    /// The list of a spec, made now if no view shows it yet.
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
            list.fill(&self.rows, &self.terms);
            list
        });
        (number, list)
    }

    /// A view no longer shows this list: drops the list when no view is left.
    fn release(&mut self, view: ViewId, list: u64) {
        if self.lists.get_mut(&list).is_some_and(|list| list.hide(view)) {
            self.lists.remove(&list);
        }
    }

    /// Forgets rows that left the board once no held view has them any more.
    fn forget_gone(&mut self) {
        self.rows.forget_gone(|id| self.views.values().any(|view| view.keeps_gone(id)));
    }

    fn removals(&self, gone: impl Fn(u64, &Record) -> bool) -> Vec<(u64, Option<Record>)> {
        self.rows.iter().filter(|(id, record)| gone(*id, record)).map(|(id, _)| (id, None)).collect()
    }

    fn rows_of(&self, center: &CenterId) -> Vec<u64> {
        self.rows.iter().filter(|(_, record)| record.center() == center).map(|(id, _)| id).collect()
    }
}
