//! The rows of a list below group heads.

use crate::group::Group;
use crate::index::Entry;
use crate::key::KeyWriter;
use crate::outline::{Collapsed, Outline, Part, Slot};
use crate::patch::GroupHead;
use crate::spec::ViewId;
use crate::standing::{GroupId, Standing, Tally};
use gwanje_model::UtcMillis;
use rustc_hash::FxHashMap;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// A row, by its id.
    Row(u64),
    /// The head of a group.
    Head(GroupId),
}

/// Groups and their order.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// Slots of groups that no longer exist.
    free: Vec<Slot>,
    by_id: FxHashMap<GroupId, Slot>,
    outline: Outline,
    rows: usize,
}

/// Rows of a group that is being filled.
#[derive(Debug, Default)]
struct Unsorted {
    rows: Vec<Entry>,
    /// Those under way, by the instant of receipt.
    open: Vec<(UtcMillis, u64)>,
}

impl Groups {
    /// Takes the rows of a list in any order.
    pub(crate) fn fill(&mut self, rows: impl Iterator<Item = (u64, Standing)>, writer: &mut KeyWriter) {
        self.groups.clear();
        self.free.clear();
        self.by_id.clear();
        self.rows = 0;
        let mut unsorted: Vec<Unsorted> = Vec::new();
        for (id, Standing { spot, tally }) in rows {
            self.rows += 1;
            let slot = self.slot(spot.group, writer);
            if let Some(tally) = &tally {
                self.with(slot, |group| group.tally(tally, true));
                if let Some(above) = tally.above.clone() {
                    let above = self.slot(above, writer);
                    self.with(above, |group| group.count_above(true));
                }
            }
            unsorted.resize_with(self.groups.len(), Unsorted::default);
            if let Some(unsorted) = unsorted.get_mut(slot) {
                unsorted.rows.push(Entry { key: spot.key, id });
                unsorted.open.extend(tally.and_then(|tally| Some((tally.open_since?, id))));
            }
        }
        for (group, Unsorted { rows, open }) in self.groups.iter_mut().zip(unsorted) {
            group.listed = rows.len();
            group.fill(rows, open);
            if let Some(name) = group.new_name() {
                group.rename(name, writer);
            }
        }
        self.outline.build(&self.groups);
    }

    /// Moves a row from one standing to another; `None`: the row is not in the list.
    pub(crate) fn change(
        &mut self,
        id: u64,
        before: Option<Standing>,
        after: Option<Standing>,
        writer: &mut KeyWriter,
    ) {
        let spots = [&before, &after].map(|standing| standing.as_ref().map(|standing| &standing.spot));
        let [was, is] = spots;
        let same_spot = was == is;
        let touched = [(before, false), (after, true)].map(|(standing, is_in)| {
            let Some(Standing { spot, tally }) = standing else { return [None; 2] };
            let slot = self.slot(spot.group, writer);
            let above = tally.and_then(|tally| self.count(id, slot, &tally, is_in, writer));
            if !same_spot {
                self.rows = if is_in { self.rows + 1 } else { self.rows - 1 };
                let entry = Entry { key: spot.key, id };
                self.with(slot, |group| {
                    if is_in {
                        group.index.insert(entry)
                    } else {
                        group.index.remove(&entry)
                    };
                });
            }
            [Some(slot), above]
        });
        for slot in touched.into_iter().flatten().flatten() {
            self.refresh(slot, writer);
        }
    }

    /// Shows the list to a view that has collapsed these groups.
    pub(crate) fn show(&mut self, view: ViewId, collapsed: &Collapsed) {
        self.outline.show(&self.groups, view, collapsed);
    }

    /// Forgets a view that is gone.
    pub(crate) fn hide(&mut self, view: ViewId) {
        self.outline.hide(view);
    }

    /// How many rows match. Rows pinned from outside the filter don't.
    pub(crate) fn matching(&self) -> usize {
        let outside = self.find(&GroupId::Act).map_or(0, Group::outside);
        self.rows.saturating_sub(usize::try_from(outside).unwrap_or(usize::MAX))
    }

    /// How many places the view has.
    pub(crate) fn len(&self, view: ViewId) -> usize {
        self.outline.len(view)
    }

    /// What stands in a part of the order.
    pub(crate) fn places(&mut self, view: ViewId, first: usize, len: usize) -> Vec<At> {
        let mut places = Vec::with_capacity(len.min(self.outline.len(view).saturating_sub(first)));
        for Part { slot, head, skip, rows } in self.outline.parts(&self.groups, view, first, len) {
            let Some(group) = self.groups.get_mut(slot) else { continue };
            if head {
                places.push(At::Head(group.id.clone()));
            }
            if rows > 0 {
                places.extend(group.index.ids(skip, rows).into_iter().map(At::Row));
            }
        }
        places
    }

    /// What stands at a place.
    pub(crate) fn at(&self, view: ViewId, place: usize) -> Option<At> {
        let parts = self.outline.parts(&self.groups, view, place, 1);
        let Part { slot, head, skip, rows: _ } = parts.first()?;
        let group = self.groups.get(*slot)?;
        if *head { Some(At::Head(group.id.clone())) } else { group.index.id_at(*skip).map(At::Row) }
    }

    /// The place of a row; `None`: its group is collapsed.
    pub(crate) fn place_of(&self, view: ViewId, id: u64, standing: &Standing) -> Option<usize> {
        let slot = *self.by_id.get(&standing.spot.group)?;
        if self.outline.is_shut(view, slot) {
            return None;
        }
        let rank = self.groups.get(slot)?.index.rank(&Entry { key: standing.spot.key.clone(), id })?;
        Some(self.outline.place_of(&self.groups, view, slot)? + 1 + rank)
    }

    /// The place of a group's head.
    pub(crate) fn head_place(&self, view: ViewId, group: &GroupId) -> Option<usize> {
        let slot = *self.by_id.get(group)?;
        self.outline.place_of(&self.groups, view, slot)
    }

    /// What the head of a group says.
    pub(crate) fn head(&mut self, view: ViewId, group: &GroupId) -> Option<GroupHead> {
        let slot = *self.by_id.get(group)?;
        Some(self.groups.get_mut(slot)?.head(self.outline.is_shut(view, slot)))
    }

    /// The group with this key.
    pub(crate) fn by_key(&self, key: &str) -> Option<GroupId> {
        self.by_id.keys().find(|group| group.key() == key).cloned()
    }

    /// The rows of a group in their order.
    pub(crate) fn rows_of(&mut self, group: &GroupId) -> Vec<u64> {
        let group = self.by_id.get(group).and_then(|&slot| self.groups.get_mut(slot));
        group.map_or_else(Vec::new, |group| group.index.ids(0, usize::MAX))
    }

    fn find(&self, group: &GroupId) -> Option<&Group> {
        self.groups.get(*self.by_id.get(group)?)
    }

    /// The slot of a group; a new group takes one now.
    fn slot(&mut self, id: GroupId, writer: &mut KeyWriter) -> Slot {
        if let Some(&slot) = self.by_id.get(&id) {
            return slot;
        }
        let group = Group::new(id.clone(), writer);
        let slot = self.free.pop().unwrap_or(self.groups.len());
        match self.groups.get_mut(slot) {
            Some(free) => *free = group,
            None => self.groups.push(group),
        }
        self.by_id.insert(id, slot);
        slot
    }

    fn with(&mut self, slot: Slot, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.groups.get_mut(slot) {
            change(group);
        }
    }

    /// Counts a row in its group; a pinned row also in the group it stands above, whose slot this returns.
    fn count(
        &mut self,
        id: u64,
        slot: Slot,
        tally: &Tally,
        is_in: bool,
        writer: &mut KeyWriter,
    ) -> Option<Slot> {
        self.with(slot, |group| group.count(id, tally, is_in));
        let above = self.slot(tally.above.clone()?, writer);
        self.with(above, |group| group.count_above(is_in));
        Some(above)
    }

    /// Updates the order of the heads after a group changed.
    fn refresh(&mut self, slot: Slot, writer: &mut KeyWriter) {
        let Some(group) = self.groups.get(slot) else { return };
        let (was, is, name) = (group.listed, group.index.len(), group.new_name());
        let leaves = was > 0 && (is == 0 || name.is_some());
        let enters = is > 0 && (was == 0 || name.is_some());
        if leaves {
            self.outline.leave(&self.groups, slot);
        }
        self.with(slot, |group| {
            group.listed = is;
            if let Some(name) = name {
                group.rename(name, writer);
            }
        });
        if enters {
            self.outline.enter(&self.groups, slot);
        } else if !leaves && was != is {
            self.outline.grow(&self.groups, slot, is.cast_signed() - was.cast_signed());
        }
        if self.groups.get(slot).is_some_and(Group::is_empty)
            && let Some(group) = self.groups.get(slot)
            && self.by_id.get(&group.id) == Some(&slot)
        {
            self.by_id.remove(&group.id);
            self.free.push(slot);
        }
    }
}
