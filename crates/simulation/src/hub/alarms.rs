//! Alarms of a center, and each seat's word on them.

use super::center::Center;
use super::reply::{Refusal, refuse};
use super::setup::Instants;
use gwanje_model::SeatId;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, Receipt};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{ErrorCode, WireRow};
use std::sync::Arc;

impl Center {
    /// The entries after `seq`, by seq.
    #[must_use]
    pub fn alarms_after(&self, seq: u64) -> Vec<AlarmEntry> {
        let mut entries: Vec<_> = self.alarms.values().filter(|entry| entry.seq > seq).cloned().collect();
        entries.sort_by_key(|entry| entry.seq);
        entries
    }

    /// Takes a seat's word. The hub itself makes the alarm of a cancellation; for the other kinds the first word makes
    /// the entry. Only a further stage changes anything, and gives the entry a new seq.
    pub(super) fn receipt(&mut self, word: &AlarmReceipt, seat: SeatId, at: Instants) -> Result<(), Refusal> {
        let AlarmReceipt { id, kind, raised_at, stage } = *word;
        let key = (id, kind, raised_at);
        let row = self.any_row(id).cloned();
        if !self.alarms.contains_key(&key) {
            let Some(row) = row.filter(|_| kind != AlarmKind::Cancelled) else {
                return refuse(ErrorCode::NotFound, "there is no such alarm");
            };
            self.alarm_seq += 1;
            let entry = AlarmEntry {
                seq: self.alarm_seq,
                id,
                kind,
                raised_at,
                delivery: Some(WireRow::Row(Arc::clone(&row))),
                receipts: Vec::new(),
                escalated_at: None,
            };
            self.alarms.insert(key, entry);
        }
        let Some(entry) = self.alarms.get_mut(&key) else { return Ok(()) };
        let before = entry.receipts.iter().position(|receipt| receipt.seat == seat);
        if before.and_then(|nth| entry.receipts.get(nth)).is_some_and(|before| before.stage >= stage) {
            return Ok(());
        }
        if let Some(nth) = before {
            entry.receipts.remove(nth);
        }
        entry.receipts.push(Receipt { seat, stage, at: at.wall });
        entry.receipts.sort_by(|a, b| a.seat.cmp(&b.seat));
        self.alarm_seq += 1;
        entry.seq = self.alarm_seq;
        Ok(())
    }
}
