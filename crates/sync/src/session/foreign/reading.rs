//! What of a foreign server's words could not be read: by kind and place, how often, with the shape of one example.

use gwanje_dialect::RowFlaw;
use gwanje_reading::Mended;
use serde::Serialize;
use std::collections::BTreeMap;
use ts_rs::TS;

/// No more kinds are told apart: places may be data.
const KINDS_MAX: usize = 64;

/// What could not be read, of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct UnreadKind {
    /// What is wrong.
    pub what: String,
    /// In which field, or where in the row.
    pub place: String,
    /// How often since the start.
    #[ts(type = "number")]
    pub count: u64,
    /// The shape of one of them: 9 for digits, x for letters.
    pub example: String,
}

/// All kinds.
#[derive(Debug, Default)]
pub(super) struct Reading {
    by: BTreeMap<(String, String), (u64, String)>,
}

impl Reading {
    pub(super) fn see(&mut self, flaw: RowFlaw) {
        self.count(flaw.what, flaw.place, 1, flaw.example);
    }

    /// How many values those were.
    pub(super) fn see_mended(&mut self, mended: &Mended) -> u64 {
        for ((flaw, field), count) in &mended.by {
            self.count(flaw.as_str(), field.clone(), *count, String::new());
        }
        mended.count()
    }

    fn count(&mut self, what: &str, place: String, count: u64, example: String) {
        let key = (what.to_owned(), place);
        if self.by.len() < KINDS_MAX || self.by.contains_key(&key) {
            let (sum, _) = self.by.entry(key).or_insert((0, example));
            *sum += count;
        }
    }

    pub(super) fn all(&self) -> Vec<UnreadKind> {
        let unread = |((what, place), (count, example)): (&(String, String), &(u64, String))| UnreadKind {
            what: what.clone(),
            place: place.clone(),
            count: *count,
            example: example.clone(),
        };
        self.by.iter().map(unread).collect()
    }
}
