//! How rows in memory change: alarms see each change, then cache and board are told of all of them together.

use super::Session;
use super::fetch::SessionAction;
use crate::io::{Batch, Now, RowChange};
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::WireRow;
use std::collections::{BTreeMap, BTreeSet};

/// The proof is written to the cache this often on a quiet board (with data, at once): it dates the board after a restart.
const PROOF_STORED_EVERY_MS: u64 = 10_000;

/// Ids whose rows changed; for those that left, at which revision.
#[derive(Debug, Default)]
pub(super) struct Delta {
    touched: BTreeMap<DeliveryId, Rev>,
}

impl Delta {
    pub(super) fn touch(&mut self, id: DeliveryId, rev: Rev) {
        self.touched.insert(id, rev);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.touched.len()
    }

    pub(super) fn into_touched(self) -> BTreeMap<DeliveryId, Rev> {
        self.touched
    }
}

/// Rows that could not be read: each copy is fetched once more.
#[derive(Debug, Default)]
pub(super) struct Unread {
    asked: BTreeMap<DeliveryId, Rev>,
    pub(super) due: BTreeSet<DeliveryId>,
}

impl Unread {
    pub(super) fn see(&mut self, row: &WireRow) {
        let (id, rev) = (row.id(), row.rev());
        if row.delivery().is_some() {
            self.forget(id);
        } else if self.asked.get(&id) != Some(&rev) {
            self.due.insert(id);
        }
    }

    /// They are being asked for: not again at this revision.
    pub(super) fn ask(&mut self, rows: impl Iterator<Item = (DeliveryId, Rev)>) {
        for (id, rev) in rows {
            self.due.remove(&id);
            self.asked.insert(id, rev);
        }
    }

    fn forget(&mut self, id: DeliveryId) {
        self.asked.remove(&id);
        self.due.remove(&id);
    }
}

impl Session {
    /// Puts a row in its place, whatever was there.
    pub(super) fn put(&mut self, row: WireRow, delta: &mut Delta) {
        self.alarms.see(self.rows.get(row.id()), &row);
        self.unread.see(&row);
        delta.touched.insert(row.id(), row.rev());
        self.rows.set(row);
    }

    /// Takes a row out, at the revision at which it is known to be gone. Cache and board are told even when it is not in
    /// memory: it may have been lost from there alone.
    pub(super) fn take(&mut self, id: DeliveryId, rev: Rev, delta: &mut Delta) {
        self.rows.remove(id);
        self.alarms.overdue.gone(id);
        self.unread.forget(id);
        delta.touched.insert(id, rev);
    }

    /// Tells cache and board.
    pub(super) fn publish(&mut self, delta: Delta, now: Now) {
        let (mut upserts, mut removes, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for (&id, &rev) in &delta.touched {
            match self.rows.get(id) {
                Some(row) => upserts.push(row.clone()),
                None => removes.push(id),
            }
            if !self.overlays.hides(id, rev) {
                changes.push(self.shown(id, rev));
            }
        }
        self.persist(false, upserts, removes, now);
        self.show(changes);
    }

    /// Tells the board, and lets go of overlays that it has caught up with.
    pub(super) fn show(&mut self, mut changes: Vec<RowChange>) {
        if let Some(cursor) = self.order.cursor().filter(|_| self.order.is_whole()) {
            let rev = cursor.rev;
            for id in self.overlays.reached(rev) {
                changes.push(self.shown(id, rev));
            }
        }
        self.out.push_back(SessionAction::Changed(changes, self.order.cursor().cloned()));
    }

    /// The row as the board has it.
    pub(super) fn shown(&self, id: DeliveryId, gone_at: Rev) -> RowChange {
        self.rows.get(id).map_or(RowChange::Remove(id, gone_at), |row| RowChange::Upsert(row.clone()))
    }

    /// Writes to the cache, with whatever alarms changed.
    pub(super) fn persist(
        &mut self,
        replace: bool,
        upserts: Vec<WireRow>,
        removes: Vec<DeliveryId>,
        now: Now,
    ) {
        self.batch += 1;
        let alarms = self.alarms.store(self.batch);
        let (commands, settled) = self.kept.store(self.batch);
        let own = self.alarms.own.store();
        if self.proof_unstored {
            self.proof_unstored = false;
            self.proof_stored = now.mono;
        }
        self.out.push_back(SessionAction::Persist(Box::new(Batch {
            center: self.config.center.clone(),
            seq: self.batch,
            replace,
            upserts,
            removes,
            cursor: self.order.cursor().cloned(),
            rows: self.rows.sum(),
            alarms: alarms.stored,
            alarm_seq: alarms.seq,
            proven_at: self.last_proof.as_ref().map(|proof| proof.at),
            alarms_skipped: alarms.skipped,
            commands,
            settled,
            own,
            names: Vec::new(),
        })));
    }

    /// Writes everything afresh: a new cache file, or a snapshot.
    pub(super) fn persist_all(&mut self, now: Now) {
        let rows = self.rows.iter().cloned().collect();
        self.persist(true, rows, Vec::new(), now);
    }

    /// Writes alarms, commands and proofs that no change of rows took along.
    pub(super) fn persist_rest(&mut self, now: Now) {
        let proof_due = self.proof_unstored && now.mono.since(self.proof_stored) >= PROOF_STORED_EVERY_MS;
        let commanded = self.kept.has_changes() || self.alarms.own.has_changes();
        if self.alarms.has_changes() || commanded || proof_due {
            self.persist(false, Vec::new(), Vec::new(), now);
        }
    }
}
