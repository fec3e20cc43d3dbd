//! A held order: places stand still while someone reads, and the changes that wait are counted.

use crate::groups::At;
use crate::list::List;
use crate::outline::Collapsed;
use crate::patch::HeldCounts;
use crate::spec::ViewId;
use crate::standing::{GroupId, Spot};
use rustc_hash::FxHashMap;

/// The places of a list as they were when it was held.
#[derive(Debug)]
pub(crate) struct Held {
    places: Vec<At>,
    /// What the heads among them were called: a group may have lost all its rows.
    names: FxHashMap<GroupId, String>,
    collapsed: Collapsed,
    /// Rows that stand differently now. Rows that came and went again are left out. So there are never more than the
    /// list's rows now and the rows it had when it was held.
    changed: FxHashMap<u64, Change>,
    counts: HeldCounts,
}

/// A row that stands differently than when the list was held.
#[derive(Debug)]
struct Change {
    /// Where it stood; `None`: it was not in the list.
    then: Option<Spot>,
    now: Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Out,
    In,
    /// In the pinned group.
    Act,
}

impl Now {
    fn of(spot: Option<&Spot>) -> Self {
        match spot {
            None => Self::Out,
            Some(spot) if spot.group == GroupId::Act => Self::Act,
            Some(_) => Self::In,
        }
    }
}

impl Held {
    /// Holds a list as the view shows it.
    pub(crate) fn new(list: &mut List, view: ViewId, collapsed: Collapsed) -> Self {
        let places = list.places(view, 0, usize::MAX);
        let heads = places.iter().filter_map(|at| match at {
            At::Head(group) => Some((group.clone(), list.head(view, group)?.value)),
            At::Row(_) => None,
        });
        let names = heads.collect();
        Self { places, names, collapsed, changed: FxHashMap::default(), counts: HeldCounts::default() }
    }

    /// Everything at its place.
    pub(crate) fn places(&self) -> &[At] {
        &self.places
    }

    /// What the head of a group was called.
    pub(crate) fn name(&self, group: &GroupId) -> Option<&String> {
        self.names.get(group)
    }

    /// Counts what waits. A row that came back to its old place has not moved.
    pub(crate) fn counts(&self) -> HeldCounts {
        self.counts
    }

    /// Whether the row was in the list and would not be in it now.
    pub(crate) fn has_left(&self, id: u64) -> bool {
        self.changed.get(&id).is_some_and(|change| change.then.is_some() && change.now == Now::Out)
    }

    /// Notes that a row stands differently in the list.
    pub(crate) fn note(&mut self, id: u64, before: Option<&Spot>, after: Option<&Spot>) {
        let then = match self.changed.remove(&id) {
            Some(change) => change.then,
            None => before.cloned(),
        };
        self.count(then.as_ref(), before, false);
        self.count(then.as_ref(), after, true);
        if then.as_ref() != after {
            self.changed.insert(id, Change { then, now: Now::of(after) });
        }
    }

    /// Gives a place at the head to rows of the pinned group that have none: rows that were not in the list, and rows
    /// of collapsed groups. A row that has a place keeps it.
    pub(crate) fn admit(&mut self, act_rows: &[u64]) {
        let waits = |id: &&u64| {
            self.changed.get(id).is_some_and(|Change { then, now }| {
                let was_act = Now::of(then.as_ref()) == Now::Act;
                let has_place =
                    then.as_ref().is_some_and(|then| !self.collapsed.contains(then.group.key().as_ref()));
                *now == Now::Act && !was_act && !has_place
            })
        };
        let admitted: Vec<u64> = act_rows.iter().filter(waits).copied().collect();
        if admitted.is_empty() {
            return;
        }
        for id in &admitted {
            if let Some(Change { then, now: _ }) = self.changed.remove(id) {
                self.counts.act -= 1;
                self.counts.moved -= 1;
                self.counts.new -= u64::from(then.is_none());
            }
        }
        let key = GroupId::Act.key();
        if self.places.first() != Some(&At::Head(GroupId::Act)) {
            self.places.insert(0, At::Head(GroupId::Act));
            self.names.insert(GroupId::Act, key.clone().into_owned());
        }
        if !self.collapsed.contains(key.as_ref()) {
            self.places.splice(1..1, admitted.into_iter().map(At::Row));
        }
    }

    fn count(&mut self, then: Option<&Spot>, now: Option<&Spot>, is_in: bool) {
        let HeldCounts { new, act, gone, moved } = &mut self.counts;
        let count = |total: &mut u64, counts: bool| match (counts, is_in) {
            (true, true) => *total += 1,
            (true, false) => *total -= 1,
            (false, _) => {}
        };
        count(new, then.is_none() && now.is_some());
        count(act, Now::of(now) == Now::Act && Now::of(then) != Now::Act);
        count(gone, then.is_some() && now.is_none());
        count(moved, then != now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyWriter;
    use std::sync::Arc;

    fn spot(key: u8) -> Spot {
        let mut writer = KeyWriter::default();
        writer.begin();
        writer.byte(key, false);
        Spot { group: GroupId::Rest, key: writer.key() }
    }

    fn held() -> Held {
        Held {
            places: Vec::new(),
            names: FxHashMap::default(),
            collapsed: Arc::default(),
            changed: FxHashMap::default(),
            counts: HeldCounts::default(),
        }
    }

    #[test]
    fn rows_that_come_and_go_under_a_hold_leave_nothing_behind() {
        let mut held = held();
        for id in 0..10_000 {
            held.note(id, None, Some(&spot(1)));
            held.note(id, Some(&spot(1)), Some(&spot(2)));
            assert_eq!(held.counts(), HeldCounts { new: 1, moved: 1, ..HeldCounts::default() });
            held.note(id, Some(&spot(2)), None);
        }
        assert_eq!((held.changed.len(), held.counts()), (0, HeldCounts::default()));
    }

    #[test]
    fn a_row_that_comes_back_to_its_place_has_not_moved() {
        let mut held = held();
        held.note(1, Some(&spot(1)), Some(&spot(2)));
        assert_eq!(held.counts().moved, 1);
        held.note(1, Some(&spot(2)), None);
        assert!(held.has_left(1));
        assert_eq!(held.counts(), HeldCounts { gone: 1, moved: 1, ..HeldCounts::default() });
        held.note(1, None, Some(&spot(1)));
        assert!(!held.has_left(1));
        assert_eq!((held.changed.len(), held.counts()), (0, HeldCounts::default()));
    }
}
