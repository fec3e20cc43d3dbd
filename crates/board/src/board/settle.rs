//! How a change reaches counts, turns, lists and held views: takes what a row was out everywhere, and puts in what it
//! is now.

use super::Board;
use crate::counters::Step;
use crate::list::List;
use crate::query::Query;
use crate::record::Record;
use crate::spec::ViewId;
use crate::standing::Standing;
use crate::terms::Terms;
use crate::turns::Turns;
use crate::view::View;
use gwanje_model::UtcMillis;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Sorts anew instead of moving row by row when that is cheaper: for more changes than this …
const REBUILD_OVER: usize = 1_000;
/// … that are also more than one in this many rows of the board.
const REBUILD_SHARE: usize = 8;

impl Board {
    /// Settles many changes at once: keeps lists in order row by row, or builds them anew when that is cheaper.
    pub(super) fn settle_all(&mut self, changes: Vec<(u64, Option<Record>)>) {
        let in_order = !self.are_many(changes.len());
        if !in_order {
            self.rows.reserve(changes.len());
        }
        for (id, record) in changes {
            self.settle(id, record, in_order);
        }
        if !in_order {
            self.lists.values_mut().for_each(|list| list.fill(&self.rows, &self.terms));
        }
    }

    /// Puts a row in or takes it out, everywhere. Without `in_order` the caller builds the lists anew afterwards.
    pub(super) fn settle(&mut self, id: u64, record: Option<Record>, in_order: bool) {
        let old = match &record {
            Some(record) => self.rows.put(id, record.clone()),
            None => self.rows.take(id),
        };
        let turns = |record: &Option<Record>| record.as_ref().map(|record| self.terms.turns(record));
        let (before, after) = (turns(&old), turns(&record));
        if before != after {
            let instants = |turns: Option<Turns>| turns.into_iter().flat_map(Turns::instants);
            let is_of = |turns, at| instants(turns).any(|own| own == at);
            for at in instants(before).filter(|&at| !is_of(after, at)) {
                self.turns.remove(&(at, id));
            }
            for at in instants(after).filter(|&at| !is_of(before, at)) {
                self.turns.insert((at, id));
            }
        }
        for (record, turns, step) in [(&old, before, Step::Out), (&record, after, Step::In)] {
            if let (Some(record), Some(turns)) = (record, turns) {
                let counts = self.centers.counts_mut(record.center());
                counts.count(record, turns, self.terms.day_at, step);
            }
        }
        for (&number, list) in &mut self.lists {
            if !in_order && !holds(&self.views, number) {
                continue;
            }
            let before = old.as_ref().and_then(|record| list.standing(id, record, &self.terms));
            let after = record.as_ref().and_then(|record| list.standing(id, record, &self.terms));
            if in_order {
                list.recount(id, before.as_ref().and(old.as_ref()), after.as_ref().and(record.as_ref()));
            }
            put(number, list, &mut self.views, id, (before, after), in_order);
        }
        self.views.values_mut().for_each(|view| view.touch(id));
        if record.is_none() {
            self.terms.acknowledged.remove(&id);
            if let Some(old) = old.filter(|_| self.views.values().any(|view| view.keeps_gone(id))) {
                self.rows.keep_gone(id, old);
            }
        }
    }

    /// Changes a term that decides beside the rows. Moves those of the given rows that the change moves, in the lists
    /// that follow this term.
    pub(super) fn reconsider(
        &mut self,
        ids: &[u64],
        follows: impl Fn(&Query) -> bool,
        change: impl FnOnce(&mut Terms),
    ) {
        let in_order = !self.are_many(ids.len());
        let mut before = Vec::new();
        for (&number, list) in self.lists.iter_mut().filter(|(_, list)| follows(&list.query)) {
            if in_order || holds(&self.views, number) {
                let standing = |&id| list.standing(id, self.rows.get(id)?, &self.terms);
                before.extend(ids.iter().map(standing));
            }
        }
        self.count_turned(ids, Step::Out);
        change(&mut self.terms);
        self.count_turned(ids, Step::In);
        let mut before = before.into_iter();
        for (&number, list) in self.lists.iter_mut().filter(|(_, list)| follows(&list.query)) {
            if in_order || holds(&self.views, number) {
                for (&id, before) in ids.iter().zip(&mut before) {
                    let record = self.rows.get(id);
                    let after = record.and_then(|record| list.standing(id, record, &self.terms));
                    if in_order {
                        list.recount(id, before.as_ref().and(record), after.as_ref().and(record));
                    }
                    put(number, list, &mut self.views, id, (before, after), in_order);
                }
            }
            if !in_order {
                list.fill(&self.rows, &self.terms);
            }
        }
    }

    /// Rows that time alone changes on the way from one instant to the other, whichever is earlier.
    pub(super) fn turning(&self, from: UtcMillis, to: UtcMillis) -> Vec<u64> {
        let (from, to) = (from.min(to), from.max(to));
        let between = (Bound::Excluded((from, u64::MAX)), Bound::Included((to, u64::MAX)));
        let mut ids: Vec<u64> = self.turns.range(between).map(|&(_, id)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Keeps the turns of these rows, or drops them.
    pub(super) fn keep_turns(&mut self, ids: &[u64], keep: bool) {
        for &id in ids {
            let Some(record) = self.rows.get(id) else { continue };
            for at in self.terms.turns(record).instants() {
                if keep {
                    self.turns.insert((at, id))
                } else {
                    self.turns.remove(&(at, id))
                };
            }
        }
    }

    fn count_turned(&mut self, ids: &[u64], step: Step) {
        for &id in ids {
            let Some(record) = self.rows.get(id) else { continue };
            let turns = self.terms.turns(record);
            self.centers.counts_mut(record.center()).count_turned(turns, self.terms.day_at, step);
        }
    }

    fn are_many(&self, changes: usize) -> bool {
        changes > REBUILD_OVER.max(self.rows.len() / REBUILD_SHARE)
    }
}

/// Whether any view holds the places of a list.
fn holds(views: &BTreeMap<ViewId, View>, list: u64) -> bool {
    views.values().any(|view| view.list == list && view.held().is_some())
}

/// Moves a row in a list and tells the views that hold the list. Without `in_order` the caller builds the list anew
/// afterwards.
fn put(
    number: u64,
    list: &mut List,
    views: &mut BTreeMap<ViewId, View>,
    id: u64,
    (before, after): (Option<Standing>, Option<Standing>),
    in_order: bool,
) {
    if before == after {
        return;
    }
    let [was, is] = [&before, &after].map(|standing| standing.as_ref().map(|standing| &standing.spot));
    for view in views.values_mut().filter(|view| view.list == number) {
        view.note(id, was, is);
    }
    if in_order {
        list.change(id, before, after);
    }
}
