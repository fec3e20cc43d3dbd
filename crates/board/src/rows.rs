//! The rows themselves, and what is known of them beside their contents.

use crate::mark::RowMark;
use crate::record::Record;
use crate::row::Row;
use crate::terms::Terms;
use rustc_hash::FxHashMap;

/// Rows by id.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Where in `slots` a row is.
    places: FxHashMap<u64, usize>,
    /// Rows in the order in which they came, which is about the order of their texts in memory. So a new list, and
    /// above all a search, walks over memory instead of jumping about in it.
    slots: Vec<Option<(u64, Record)>>,
    /// Slots that are free.
    free: Vec<usize>,
    /// Rows that left while a view was held: the view goes on showing them in their places.
    gone: FxHashMap<u64, Record>,
    /// Unsettled commands. Kept apart from the rows: a mark outlives the copy of the row on which it was set.
    marks: FxHashMap<u64, RowMark>,
}

impl Rows {
    pub(crate) fn get(&self, id: u64) -> Option<&Record> {
        let (_, record) = self.slots.get(*self.places.get(&id)?)?.as_ref()?;
        Some(record)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Record)> {
        self.slots.iter().flatten().map(|(id, record)| (*id, record))
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Makes room for this many more rows.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.places.reserve(more);
        self.slots.reserve(more);
    }

    /// Puts in a row; returns the row it replaces.
    pub(crate) fn put(&mut self, id: u64, record: Record) -> Option<Record> {
        self.gone.remove(&id);
        let place = *self.places.entry(id).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            })
        });
        let (_, before) = self.slots.get_mut(place)?.replace((id, record))?;
        Some(before)
    }

    /// Takes a row out.
    pub(crate) fn take(&mut self, id: u64) -> Option<Record> {
        let place = self.places.remove(&id)?;
        let (_, record) = self.slots.get_mut(place)?.take()?;
        self.free.push(place);
        Some(record)
    }

    /// Keeps a row that was taken out, because a held view shows it.
    pub(crate) fn keep_gone(&mut self, id: u64, record: Record) {
        self.gone.insert(id, record);
    }

    /// Forgets rows that were taken out, once no held view shows them any more.
    pub(crate) fn forget_gone(&mut self, is_shown: impl Fn(u64) -> bool) {
        self.gone.retain(|&id, _| is_shown(id));
        self.gone.shrink_to(self.gone.len() * 2);
    }

    /// Sets or clears a mark; false: nothing changed.
    pub(crate) fn set_mark(&mut self, id: u64, mark: Option<RowMark>) -> bool {
        let before = match mark {
            Some(mark) => self.marks.insert(id, mark),
            None => self.marks.remove(&id),
        };
        before != mark
    }

    pub(crate) fn is_marked(&self, id: u64) -> bool {
        self.marks.contains_key(&id)
    }

    /// The row as a page shows it.
    pub(crate) fn shown(&self, id: u64, terms: &Terms) -> Option<Row> {
        let mark = self.marks.get(&id).copied();
        let record = self.get(id).or_else(|| self.gone.get(&id))?;
        Some(match record {
            Record::Read { row, facts, .. } => Row::of(row, mark, terms.at_risk_min(facts.center)),
            Record::Unreadable { about, .. } => Row::unreadable(id, &about.0, about.1, mark),
        })
    }
}
