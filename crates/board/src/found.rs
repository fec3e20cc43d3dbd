//! What a list's search has found: the fields that match, which of several numbers are missing, and the row with
//! exactly the typed number.

use crate::record::Record;
use gwanje_model::search::{Search, SearchField, SearchKind, TextSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::TS;

/// What a page is told of its search.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// What the search takes the typed text for; null: nothing was typed.
    pub kind: Option<SearchedFor>,
    /// Rows by the field that matches; for each word or number, the first field that does.
    #[ts(type = "Record<string, number>")]
    pub by_field: BTreeMap<String, u64>,
    /// Those of several numbers that no row of the list has, as typed.
    pub missing: Vec<String>,
    /// How many numbers the search left out, beyond the most it takes.
    #[ts(type = "number")]
    pub left_out: u64,
    /// The one row whose number is exactly what was typed; null: no row or several.
    #[ts(type = "number | null")]
    pub exact: Option<u64>,
}

/// What the search takes the typed text for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SearchedFor {
    /// Words that all must occur.
    Words,
    /// One phone, or a part of it.
    Phone,
    /// Any of several numbers.
    Numbers,
}

impl SearchedFor {
    fn of(search: &Search) -> Option<Self> {
        match search.kind() {
            SearchKind::All => None,
            SearchKind::Words => Some(Self::Words),
            SearchKind::Phone => Some(Self::Phone),
            SearchKind::Numbers => Some(Self::Numbers),
        }
    }
}

/// Counts over the rows of a list, kept as they come and go.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    by_field: [u64; SearchField::ALL.len()],
    /// Rows for each of several numbers.
    by_number: Vec<u64>,
    /// Rows whose number is exactly what was typed.
    exact: BTreeSet<u64>,
}

/// What one row adds to a tally.
#[derive(Debug, Default, PartialEq)]
struct Share {
    fields: TextSet,
    numbers: BTreeSet<usize>,
    exact: bool,
}

impl Share {
    fn of(search: &Search, record: Option<&Record>) -> Self {
        let Some(Record::Read { row, texts, .. }) = record else { return Self::default() };
        let haystack = texts.haystack(row);
        let mut numbers = BTreeSet::new();
        search.each_number_found(haystack, |nth| {
            numbers.insert(nth);
        });
        Self { fields: search.texts(haystack), numbers, exact: search.is_exactly(haystack) }
    }
}

impl Tally {
    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A row of the list came, left, or changed. True: so did the findings.
    pub(crate) fn count(
        &mut self,
        search: &Search,
        id: u64,
        left: Option<&Record>,
        came: Option<&Record>,
    ) -> bool {
        if search.is_all() {
            return false;
        }
        let (left, came) = (Share::of(search, left), Share::of(search, came));
        if left == came {
            return false;
        }
        self.by_number.resize(search.numbers().len(), 0);
        for (share, step) in [(&left, u64::MAX), (&came, 1)] {
            for nth in share.fields.iter() {
                if let Some(count) = self.by_field.get_mut(nth) {
                    *count = count.wrapping_add(step);
                }
            }
            for &nth in &share.numbers {
                if let Some(count) = self.by_number.get_mut(nth) {
                    *count = count.wrapping_add(step);
                }
            }
        }
        if came.exact {
            self.exact.insert(id);
        } else {
            self.exact.remove(&id);
        }
        true
    }

    /// What a page is told.
    pub(crate) fn findings(&self, search: &Search) -> Findings {
        let found = SearchField::ALL.iter().zip(self.by_field).filter(|(_, rows)| *rows > 0);
        let rows_of = |nth: usize| self.by_number.get(nth).copied().unwrap_or(0);
        let missing = search.numbers().iter().enumerate().filter(|(nth, _)| rows_of(*nth) == 0);
        let mut exact = self.exact.iter();
        Findings {
            kind: SearchedFor::of(search),
            by_field: found.map(|(field, rows)| (field.as_str().to_owned(), rows)).collect(),
            missing: missing.map(|(_, number)| number.clone()).collect(),
            left_out: search.numbers_left_out() as u64,
            exact: exact.next().copied().filter(|_| exact.next().is_none()),
        }
    }
}
