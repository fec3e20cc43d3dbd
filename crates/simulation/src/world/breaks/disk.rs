//! What a desk loses: its cache file, writes, a byte on the disk, a row in memory.

use super::super::planted::Planted;
use super::super::steps::nth;
use super::super::{Event, World};
use crate::fault::Fault;
use crate::ledger::Truth;
use crate::ledger::alarm_of;
use crate::plan::Spoilt;
use gwanje_model::CenterId;

impl World {
    /// Kills the app and removes its cache file. The app starts anew and needs snapshots.
    pub(super) fn lose_cache(&mut self, seat: usize) {
        let index = self.seat_index(seat);
        self.kill(index);
        self.forget_disk(index);
        if let Some(seat) = self.seats.get_mut(index) {
            // There may not have been a file yet.
            let _ = seat.disk.spoil_at_rest(true);
        }
        self.after(500, Event::Starts(index));
    }

    /// The disk is gone, and with it what only the disk knew. Alarms raised here may be raised again, unless the hub
    /// knows that they were.
    pub(super) fn forget_disk(&mut self, index: usize) {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        seat.told.forget_disk(now);
        for (center, key) in seat.told.raised.keys() {
            let entry = self.hub.board(center).and_then(|b| b.alarms().get(&alarm_of(key)));
            if !entry.is_some_and(|entry| entry.receipts.iter().any(|receipt| receipt.seat == seat.name)) {
                seat.told.unwritten.insert((center.clone(), *key));
            }
        }
    }

    pub(super) fn spoil_disk(&mut self, seat: usize, how: Spoilt, for_ms: u64) {
        let (index, now) = (self.seat_index(seat), self.now);
        if !self.is_running(index) {
            return;
        }
        let Some(seat) = self.seats.get_mut(index) else { return };
        let is_full = seat.disk.holds_rows(&self.centers);
        match how {
            Spoilt::Busy => {
                (seat.disk.busy_until, seat.disk.busy_idle) = (now + for_ms, true);
            }
            Spoilt::Corrupt => seat.disk.damaged = Some(is_full),
            Spoilt::CorruptAtRest => {
                self.kill(index);
                self.forget_disk(index);
                let Some(seat) = self.seats.get_mut(index) else { return };
                seat.disk.spoilt_full = is_full;
                if let Err(error) = seat.disk.spoil_at_rest(false) {
                    return self.violate('A', format!("the file can't be spoilt: {error}"));
                }
                self.after(for_ms.min(2_000), Event::Starts(index));
            }
        }
    }

    pub(super) fn lose_row(&mut self, seat: usize, pick: u64) {
        let index = self.seat_index(seat);
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(app) = seat.app.as_mut() else { return };
        let centers: Vec<CenterId> = app.cursors.keys().cloned().collect();
        let Some(center) = nth(&centers, pick).cloned() else { return };
        let Some(session) = app.client.session(&center) else { return };
        let rows: Vec<_> = session.rows().map(|row| (row.id(), row.rev())).collect();
        let Some(&(id, rev)) = nth(&rows, pick / 3) else { return };
        if !app.client.fault(&center, |session| session.lose_row(id)) {
            return;
        }
        self.decay(index, center.clone(), id);
        self.inject(Fault::Decay);
        if self.is_calm(index, &center) {
            let mismatches = self.mismatches(index, &center);
            self.plant(Planted::lost_row(index, center, id, rev, mismatches, now));
        }
    }

    pub(super) fn flip_byte(&mut self, seat: usize, pick: u64) {
        let index = self.seat_index(seat);
        let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.app.is_some()) else { return };
        match seat.disk.flip(pick) {
            Ok(Some(id)) => {
                let is_of = |truth: &Truth| truth.changes.iter().any(|(_, known, _)| *known == id);
                let center =
                    self.truths.iter().find(|(_, truth)| is_of(truth)).map(|(center, _)| center.clone());
                if let Some(center) = center {
                    self.decay(index, center, id);
                }
            }
            Ok(None) => {}
            Err(error) => self.violate('A', format!("a byte can't be flipped: {error}")),
        }
    }
}
