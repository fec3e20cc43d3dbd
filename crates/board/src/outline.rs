//! The heads of a list in their order, and how many places each view gives each group: one for the head, and one for
//! each row below it unless the view has collapsed the group.
//!
//! Heads are cut into chunks, as rows are, and each view has a Fenwick tree over the places of the chunks. So finding a
//! place, and adding or removing a group, takes logarithmic time among 20,000 groups.

use crate::fenwick::Fenwick;
use crate::group::Group;
use crate::spec::ViewId;
use rustc_hash::FxHashSet;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Cuts a chunk with more heads than this in two.
const CHUNK_MAX: usize = 64;

/// Where a group is kept, as long as a row stands in it or above it.
pub(crate) type Slot = usize;

/// The keys of groups that a view has collapsed.
pub(crate) type Collapsed = Arc<BTreeSet<String>>;

/// The order of the heads, and the places that each view gives them.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// No chunk is ever empty.
    chunks: Vec<Vec<Slot>>,
    views: BTreeMap<ViewId, Shown>,
}

/// The places of one view.
#[derive(Debug)]
struct Shown {
    collapsed: Collapsed,
    /// The list's groups among `collapsed`.
    shut: FxHashSet<Slot>,
    /// Places by chunk.
    lengths: Vec<usize>,
    sums: Fenwick,
}

/// A part of a group in sight.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) slot: Slot,
    /// Whether its head is in sight.
    pub(crate) head: bool,
    /// How many of its rows lie above what is in sight.
    pub(crate) skip: usize,
    /// How many of its rows are in sight.
    pub(crate) rows: usize,
}

impl Outline {
    /// Shows the list to a view that has collapsed these groups.
    pub(crate) fn show(&mut self, groups: &[Group], view: ViewId, collapsed: &Collapsed) {
        if self.views.get(&view).is_none_or(|shown| shown.collapsed != *collapsed) {
            let shown = Shown::new(Arc::clone(collapsed), &self.chunks, groups);
            self.views.insert(view, shown);
        }
    }

    /// The view is gone.
    pub(crate) fn hide(&mut self, view: ViewId) {
        self.views.remove(&view);
    }

    /// Whether the view has collapsed the group.
    pub(crate) fn is_shut(&self, view: ViewId, slot: Slot) -> bool {
        self.views.get(&view).is_some_and(|shown| shown.shut.contains(&slot))
    }

    /// Puts all groups that have rows in order anew.
    pub(crate) fn build(&mut self, groups: &[Group]) {
        let listed = groups.iter().enumerate().filter(|(_, group)| group.listed > 0);
        // Most comparisons need only this number, and the numbers lie next to each other in memory.
        let mut order: Vec<_> = listed.map(|(slot, group)| (group.rough_order(), slot, group)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.2.cmp(b.2)));
        let chunks = order.chunks(CHUNK_MAX / 2);
        self.chunks = chunks.map(|chunk| chunk.iter().map(|&(_, slot, _)| slot).collect()).collect();
        for shown in self.views.values_mut() {
            *shown = Shown::new(Arc::clone(&shown.collapsed), &self.chunks, groups);
        }
    }

    /// A group has its first rows.
    pub(crate) fn enter(&mut self, groups: &[Group], slot: Slot) {
        let Some(group) = groups.get(slot) else { return };
        for shown in self.views.values_mut() {
            if shown.collapsed.contains(group.id.key().as_ref()) {
                shown.shut.insert(slot);
            } else {
                shown.shut.remove(&slot);
            }
        }
        let place = self.chunk_for(groups, group);
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(vec![slot]);
            self.views.values_mut().for_each(|shown| shown.cut(0, &self.chunks, groups));
            return;
        };
        let at = chunk.partition_point(|&other| cmp(groups, other, group) == Ordering::Less);
        chunk.insert(at, slot);
        if chunk.len() > CHUNK_MAX {
            let upper = chunk.split_off(chunk.len() / 2);
            self.chunks.insert(place + 1, upper);
            self.views.values_mut().for_each(|shown| shown.cut(place, &self.chunks, groups));
        } else {
            self.views
                .values_mut()
                .for_each(|shown| shown.grow(place, shown.length(slot, group).cast_signed()));
        }
    }

    /// A group has no rows any more, or gets another name. It must still look as it did when it entered or last grew.
    pub(crate) fn leave(&mut self, groups: &[Group], slot: Slot) {
        let Some((place, group)) = self.find(groups, slot) else { return };
        let Some(chunk) = self.chunks.get_mut(place) else { return };
        chunk.retain(|&other| other != slot);
        if chunk.is_empty() {
            self.chunks.remove(place);
            self.views.values_mut().for_each(|shown| shown.drop_chunk(place));
        } else {
            self.views
                .values_mut()
                .for_each(|shown| shown.grow(place, -shown.length(slot, group).cast_signed()));
        }
    }

    /// A group has this many more rows, or fewer.
    pub(crate) fn grow(&mut self, groups: &[Group], slot: Slot, change: isize) {
        if let Some((place, _)) = self.find(groups, slot) {
            let open = self.views.values_mut().filter(|shown| !shown.shut.contains(&slot));
            open.for_each(|shown| shown.grow(place, change));
        }
    }

    /// How many places the view has.
    pub(crate) fn len(&self, view: ViewId) -> usize {
        self.views.get(&view).map_or(0, |shown| shown.sums.before(shown.lengths.len()))
    }

    /// The place of a group's head.
    pub(crate) fn place_of(&self, groups: &[Group], view: ViewId, slot: Slot) -> Option<usize> {
        let shown = self.views.get(&view)?;
        let (place, _) = self.find(groups, slot)?;
        let chunk = self.chunks.get(place)?;
        chunk.contains(&slot).then_some(())?;
        let within = chunk.iter().take_while(|&&other| other != slot);
        let within = within.filter_map(|&other| Some(shown.length(other, groups.get(other)?))).sum::<usize>();
        Some(shown.sums.before(place) + within)
    }

    /// What stands in a part of the order.
    pub(crate) fn parts(&self, groups: &[Group], view: ViewId, first: usize, len: usize) -> Vec<Part> {
        let Some(shown) = self.views.get(&view) else { return Vec::new() };
        let (chunk, mut skip) = shown.sums.locate(first);
        let mut wanted = len;
        let mut parts = Vec::new();
        for &slot in self.chunks.get(chunk..).unwrap_or_default().iter().flatten() {
            if wanted == 0 {
                break;
            }
            let Some(group) = groups.get(slot) else { continue };
            let length = shown.length(slot, group);
            if skip >= length {
                skip -= length;
                continue;
            }
            let taken = wanted.min(length - skip);
            let head = skip == 0;
            parts.push(Part { slot, head, skip: skip.saturating_sub(1), rows: taken - usize::from(head) });
            wanted -= taken;
            skip = 0;
        }
        parts
    }

    /// The chunk where the group is or would be.
    fn chunk_for(&self, groups: &[Group], group: &Group) -> usize {
        let after = |chunk: &Vec<Slot>| {
            chunk.first().is_some_and(|&first| cmp(groups, first, group) != Ordering::Greater)
        };
        self.chunks.partition_point(after).saturating_sub(1)
    }

    fn find<'a>(&self, groups: &'a [Group], slot: Slot) -> Option<(usize, &'a Group)> {
        let group = groups.get(slot)?;
        Some((self.chunk_for(groups, group), group))
    }
}

impl Shown {
    fn new(collapsed: Collapsed, chunks: &[Vec<Slot>], groups: &[Group]) -> Self {
        let mut shown = Self {
            shut: FxHashSet::default(),
            lengths: Vec::with_capacity(chunks.len()),
            sums: Fenwick::default(),
            collapsed,
        };
        for chunk in chunks {
            if !shown.collapsed.is_empty() {
                let shut = chunk.iter().copied().filter(|&slot| {
                    groups.get(slot).is_some_and(|group| shown.collapsed.contains(group.id.key().as_ref()))
                });
                shown.shut.extend(shut);
            }
            shown.lengths.push(shown.places(chunk, groups));
        }
        shown.sum_up();
        shown
    }

    /// How many places a group has.
    fn length(&self, slot: Slot, group: &Group) -> usize {
        1 + if self.shut.contains(&slot) { 0 } else { group.listed }
    }

    fn places(&self, chunk: &[Slot], groups: &[Group]) -> usize {
        chunk.iter().filter_map(|&slot| Some(self.length(slot, groups.get(slot)?))).sum()
    }

    fn grow(&mut self, chunk: usize, change: isize) {
        if let Some(length) = self.lengths.get_mut(chunk) {
            *length = length.saturating_add_signed(change);
        }
        self.sums.add(chunk, change);
    }

    /// The chunk at `place` is new, or has been cut in two.
    fn cut(&mut self, place: usize, chunks: &[Vec<Slot>], groups: &[Group]) {
        let places = |at: usize| chunks.get(at).map(|chunk| self.places(chunk, groups));
        let halves: Vec<usize> = [place, place + 1].into_iter().filter_map(places).collect();
        let replaced = place..(place + 1).min(self.lengths.len());
        self.lengths.splice(replaced, halves);
        self.sum_up();
    }

    fn drop_chunk(&mut self, place: usize) {
        if place < self.lengths.len() {
            self.lengths.remove(place);
        }
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.sums.build(self.lengths.iter().copied());
    }
}

fn cmp(groups: &[Group], slot: Slot, group: &Group) -> Ordering {
    groups.get(slot).map_or(Ordering::Less, |other| other.cmp(group))
}
