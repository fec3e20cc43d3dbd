//! The texts of a row for searches: folded when the first search looks at them, kept as long as they stay the same.

use gwanje_model::Delivery;
use gwanje_model::search::{Haystack, SearchField};
use std::sync::OnceLock;

/// The searchable texts of one row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(OnceLock<Haystack>);

impl Texts {
    /// The texts of a row in place of an older copy. Keeps the folded texts when they are the same.
    pub(crate) fn after(&self, before: &Delivery, row: &Delivery) -> Self {
        let same =
            self.0.get().is_some() && SearchField::ALL.iter().all(|field| field.of(before) == field.of(row));
        if same { self.clone() } else { Self::default() }
    }

    /// The folded texts: those of `row`.
    pub(crate) fn haystack(&self, row: &Delivery) -> &Haystack {
        self.0.get_or_init(|| Haystack::of_delivery(row))
    }
}
