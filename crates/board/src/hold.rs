//! A held order: places stand still while someone reads, and what would have moved is counted.

use crate::index::Entry;
use crate::key::Key;
use crate::list::List;
use rustc_hash::FxHashMap;

/// The places of a list as they were when it was held.
#[derive(Debug)]
pub(crate) struct Held {
    ids: Vec<u64>,
    /// Of rows that changed since: their key when the list was held, `None` when they were not in it.
    before: FxHashMap<u64, Option<Key>>,
    /// How many of them have another key now, or came, or went.
    moved: u64,
}

impl Held {
    /// Holds a list as it is.
    pub(crate) fn new(list: &mut List) -> Self {
        Self { ids: list.ids(0, usize::MAX), before: FxHashMap::default(), moved: 0 }
    }

    /// All ids in their places.
    pub(crate) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Rows whose place would be decided anew, that would have appeared or that would be gone. A row that came back
    /// to where it was has not moved.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// A row's entry in the list changed.
    pub(crate) fn note(&mut self, id: u64, before: Option<&Entry>, after: Option<&Entry>) {
        let (before, after) = (before.map(|entry| &entry.key), after.map(|entry| &entry.key));
        let held = self.before.entry(id).or_insert_with(|| before.cloned());
        let was_moved = held.as_ref() != before;
        let is_moved = held.as_ref() != after;
        self.moved = self.moved + u64::from(is_moved) - u64::from(was_moved);
    }
}
