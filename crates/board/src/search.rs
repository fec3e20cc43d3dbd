//! The texts of a row for searches: folded when the first search looks at them, kept while they are the same.

use gwanje_model::Delivery;
use gwanje_model::search::{Haystack, SearchField};
use std::sync::OnceLock;

/// The searchable texts of one row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(OnceLock<Haystack>);

impl Texts {
    /// The texts of a row that comes in place of an older copy: as folded for that one, when they are the same.
    pub(crate) fn after(&self, before: &Delivery, row: &Delivery) -> Self {
        let same =
            self.0.get().is_some() && SearchField::ALL.iter().all(|field| field.of(before) == field.of(row));
        if same { self.clone() } else { Self::default() }
    }

    /// Folded, as those of `row`.
    pub(crate) fn haystack(&self, row: &Delivery) -> &Haystack {
        self.0.get_or_init(|| Haystack::of_delivery(row))
    }
}
