//! The rows in memory, with their digest kept incrementally and recomputable from the rows themselves.

use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::{DeliveryId, Rev, RowDigest};
use gwanje_wire::WireRow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A row with its revision beside it, so that a recount reads the tree alone and not every delivery.
#[derive(Debug, Clone)]
struct Held {
    rev: Rev,
    row: WireRow,
}

/// The rows of one center.
#[derive(Debug, Default, Clone)]
pub(super) struct Rows {
    held: BTreeMap<DeliveryId, Held>,
    sum: RowDigest,
    unreadable: u64,
}

impl Rows {
    /// Rows from nothing; of two with one id the newer stays.
    pub(super) fn of(rows: Vec<WireRow>) -> Self {
        let mut all = Self::default();
        for row in rows {
            if all.is_newer(&row) {
                all.set(row);
            }
        }
        all
    }

    pub(super) fn get(&self, id: DeliveryId) -> Option<&WireRow> {
        self.held.get(&id).map(|held| &held.row)
    }

    /// Whether the row is newer than the copy held, or is that copy in readable form.
    pub(super) fn is_newer(&self, row: &WireRow) -> bool {
        self.held.get(&row.id()).is_none_or(|held| {
            row.rev() > held.rev
                || (row.rev() == held.rev && held.row.delivery().is_none() && row.delivery().is_some())
        })
    }

    /// Puts the row in the place of whatever is held.
    pub(super) fn set(&mut self, row: WireRow) {
        let (id, rev) = (row.id(), row.rev());
        self.unreadable += u64::from(row.delivery().is_none());
        self.sum.add(id, rev);
        match self.held.entry(id) {
            Entry::Vacant(place) => {
                place.insert(Held { rev, row });
            }
            Entry::Occupied(mut place) => {
                let old = place.insert(Held { rev, row });
                self.sum.remove(id, old.rev);
                self.unreadable -= u64::from(old.row.delivery().is_none());
            }
        }
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, id: DeliveryId) -> Option<WireRow> {
        let old = self.held.remove(&id)?;
        self.sum.remove(id, old.rev);
        self.unreadable -= u64::from(old.row.delivery().is_none());
        Some(old.row)
    }

    pub(super) fn sum(&self) -> RowDigest {
        self.sum
    }

    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Count and digest of what is really here; the incremental sum follows it, so that a row lost from memory shows.
    pub(super) fn recount(&mut self) -> RowDigest {
        self.sum = RowDigest::of(self.revs());
        self.sum
    }

    pub(super) fn buckets(&self) -> BucketDigests {
        BucketDigests::of(self.revs())
    }

    pub(super) fn revs(&self) -> impl Iterator<Item = (DeliveryId, Rev)> + '_ {
        self.held.iter().map(|(id, held)| (*id, held.rev))
    }

    /// Ids and revisions of the rows in those buckets.
    pub(super) fn revs_in(&self, buckets: &[u8]) -> BTreeMap<DeliveryId, Rev> {
        self.revs().filter(|(id, _)| buckets.contains(&bucket_of(*id))).collect()
    }

    /// All rows by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &WireRow> {
        self.held.values().map(|held| &held.row)
    }

    /// A fault: the row is gone and nobody noticed.
    #[cfg(any(test, feature = "faults"))]
    pub(super) fn lose(&mut self, id: DeliveryId) -> bool {
        self.held.remove(&id).is_some()
    }

    /// A fault: a byte of a row's content flipped.
    #[cfg(any(test, feature = "faults"))]
    pub(super) fn flip(&mut self, id: DeliveryId) -> bool {
        let Some(Held { row: WireRow::Row(delivery), .. }) = self.held.get_mut(&id) else { return false };
        std::sync::Arc::make_mut(delivery).price_won ^= 1;
        true
    }
}
