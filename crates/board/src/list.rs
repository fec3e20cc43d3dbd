//! A list: the rows of one query in order, shared by all views that ask for it.

use crate::found::{Findings, Tally};
use crate::index::{Entry, OrderedIndex};
use crate::key::KeyWriter;
use crate::query::Query;
use crate::record::Record;
use crate::rows::Rows;
use gwanje_model::UtcMillis;

/// The rows of a query in order.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) query: Query,
    index: OrderedIndex,
    /// Grows with every change of the order, so that a view sees at once that its places may be others.
    version: u64,
    /// How many views show it.
    pub(crate) views: usize,
    writer: KeyWriter,
    tally: Tally,
}

impl List {
    pub(crate) fn new(query: Query) -> Self {
        Self {
            query,
            index: OrderedIndex::default(),
            version: 0,
            views: 0,
            writer: KeyWriter::default(),
            tally: Tally::default(),
        }
    }

    /// Builds the list anew from all rows.
    pub(crate) fn fill(&mut self, rows: &Rows, day_at: UtcMillis) {
        let Self { query, writer, tally, .. } = self;
        tally.clear();
        let mut entries = Vec::with_capacity(if query.is_narrow() { 0 } else { rows.len() });
        entries.extend(rows.iter().filter_map(|(id, record)| {
            let entry = query.entry(writer, id, record, day_at)?;
            tally.count(query.search(), id, None, Some(record));
            Some(entry)
        }));
        self.index = OrderedIndex::build(entries);
        self.version += 1;
    }

    /// Counts a row of the list, as it was and as it is; `None`: not in the list.
    pub(crate) fn recount(&mut self, id: u64, before: Option<&Record>, after: Option<&Record>) {
        if self.tally.count(self.query.search(), id, before, after) {
            self.version += 1;
        }
    }

    /// What the search has found.
    pub(crate) fn findings(&self) -> Findings {
        self.tally.findings(self.query.search())
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Ids in a part of the order.
    pub(crate) fn ids(&mut self, first: usize, len: usize) -> Vec<u64> {
        self.index.ids(first, len)
    }

    /// The id at a place.
    pub(crate) fn id_at(&self, place: usize) -> Option<u64> {
        self.index.id_at(place)
    }

    /// Where the row is.
    pub(crate) fn place_of(&self, id: u64, record: &Record, day_at: UtcMillis) -> Option<usize> {
        self.index.rank(&self.query.entry(&mut KeyWriter::default(), id, record, day_at)?)
    }

    /// The row's entry as the list has it, or would have it.
    pub(crate) fn entry(&mut self, id: u64, record: &Record, day_at: UtcMillis) -> Option<Entry> {
        self.query.entry(&mut self.writer, id, record, day_at)
    }

    /// Moves a row from one entry to another; `None`: not in the list.
    pub(crate) fn change(&mut self, before: Option<&Entry>, after: Option<Entry>) {
        if let Some(before) = before {
            self.index.remove(before);
        }
        if let Some(after) = after {
            self.index.insert(after);
        }
        self.version += 1;
    }
}
