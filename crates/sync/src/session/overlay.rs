//! Overlays: answers to this seat's commands, shown until the board itself has caught up with them (rule 9).

use crate::mutation::{Mutation, is_mutated};
use gwanje_model::{DeliveryId, Epoch, Rev};
use gwanje_wire::WireRow;
use std::collections::BTreeMap;

/// Answers shown at a time: far more than one seat's commands within a few seconds. Beyond it the frame must do.
const OVERLAYS_MAX: usize = 1_024;

/// The overlays of one center, all of the epoch that the cursor is in.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    by_id: BTreeMap<DeliveryId, (Epoch, WireRow)>,
}

impl Overlays {
    /// Takes an answer; true when it is newer than any other overlay of that delivery and so is shown from now on.
    pub(super) fn put(&mut self, epoch: Epoch, row: WireRow) -> bool {
        let id = row.id();
        let newer = self.by_id.get(&id).is_none_or(|(_, old)| row.rev() > old.rev());
        let fits = self.by_id.len() < OVERLAYS_MAX || self.by_id.contains_key(&id);
        if newer && fits {
            self.by_id.insert(id, (epoch, row));
        }
        newer && fits
    }

    pub(super) fn get(&self, id: DeliveryId) -> Option<(&Epoch, &WireRow)> {
        self.by_id.get(&id).map(|(epoch, row)| (epoch, row))
    }

    /// How many are shown.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.by_id.len()).unwrap_or(u64::MAX)
    }

    /// All that are shown.
    pub(super) fn rows(&self) -> impl Iterator<Item = &WireRow> {
        self.by_id.values().map(|(_, row)| row)
    }

    /// The board's own copy changed to that revision. True: the overlay still hides it. One that does not is dropped.
    pub(super) fn hides(&mut self, id: DeliveryId, rev: Rev) -> bool {
        let hides =
            self.by_id.get(&id).is_some_and(|(_, row)| row.rev() > rev || is_mutated(Mutation::KeepOverlay));
        if !hides {
            self.by_id.remove(&id);
        }
        hides
    }

    /// Drops those that a whole cursor has reached; their deliveries are shown as the board has them.
    pub(super) fn reached(&mut self, cursor: Rev) -> Vec<DeliveryId> {
        let done = self
            .by_id
            .extract_if(.., |_, (_, row)| row.rev() <= cursor && !is_mutated(Mutation::KeepOverlay));
        done.map(|(id, _)| id).collect()
    }

    /// Drops all: the epoch is another.
    pub(super) fn clear(&mut self) -> Vec<DeliveryId> {
        std::mem::take(&mut self.by_id).into_keys().collect()
    }
}
