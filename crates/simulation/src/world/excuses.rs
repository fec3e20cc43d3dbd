//! What excuses a seat from an invariant, and for how long: until hub, memory, window and disk hold the same.

use super::{Event, World};
use crate::ledger::alarm_of;
use gwanje_model::{CenterId, DeliveryId, SeatId};
use gwanje_sync::AlarmKey;
use gwanje_wire::rest::ReceiptStage;

/// Milliseconds between two looks at a seat with an excuse.
const LOOK_MS: u64 = 250;
/// A replica's answer is on its way for at most this long, milliseconds.
const ON_ITS_WAY_MS: u64 = 60_000;

impl World {
    /// A row of a seat was lost or flipped on purpose: until the row is right again, repairs have a cause.
    pub(super) fn decay(&mut self, index: usize, center: CenterId, id: DeliveryId) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.told.decayed.entry(center).or_default().insert(id);
        }
        self.look_for_heals(index);
    }

    /// A center's data is wiped at a seat: only what the hub knows is left of it.
    pub(super) fn forget_center(&mut self, index: usize, center: &CenterId) {
        let board = self.hub.board(center);
        let receipt_of = |seat: &SeatId, key: &AlarmKey| {
            let entry = board.and_then(|board| board.alarms().get(&alarm_of(key)))?;
            entry.receipts.iter().find(|receipt| receipt.seat == *seat).map(|receipt| receipt.stage)
        };
        let Some(seat) = self.seats.get_mut(index) else { return };
        let told = &mut seat.told;
        told.wiped.insert(center.clone());
        let raised =
            told.raised.keys().filter(|(of, key)| of == center && receipt_of(&seat.name, key).is_none());
        told.forgotten.extend(raised.cloned());
        for ((of, key), acknowledged) in &mut told.acknowledged {
            if of != center {
                continue;
            }
            // No life still knows it.
            *acknowledged = (0, false);
            if receipt_of(&seat.name, key) == Some(ReceiptStage::Acknowledged) {
                told.heard.insert((of.clone(), *key));
            }
        }
        let lost =
            self.clicks.values_mut().filter(|clicked| clicked.seat == index && clicked.center == *center);
        lost.for_each(|clicked| clicked.forgotten |= clicked.settled.is_none());
    }

    /// Looks at a seat now and then until it has no excuse left.
    pub(super) fn look_for_heals(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        if !std::mem::replace(&mut seat.told.heals, true) {
            // Nothing heals while the seat sleeps.
            let at = (self.now + LOOK_MS).max(seat.frozen_until);
            self.at_ms(at, Event::Heals(index));
        }
    }

    /// Ends the excuses of a seat where it holds what the hub holds.
    pub(super) fn heals(&mut self, index: usize) {
        for center in self.centers.clone() {
            if self.is_excused(index, &center) && self.is_whole(index, &center) {
                self.end_excuses(index, &center);
            }
        }
        if let Some(seat) = self.seats.get_mut(index) {
            seat.told.heals = false;
        }
        if self.centers.iter().any(|center| self.is_excused(index, center)) {
            self.look_for_heals(index);
        }
    }

    fn is_excused(&self, index: usize, center: &CenterId) -> bool {
        let astray = self.truths.get(center).is_some_and(|truth| truth.astray.contains(&index));
        let told = self.seats.get(index).map(|seat| &seat.told);
        astray
            || told.is_some_and(|told| told.decayed.contains_key(center) || told.went_back.contains(center))
    }

    /// Whether a seat follows a center and holds all of it, with nothing on its way that says otherwise.
    fn is_whole(&mut self, index: usize, center: &CenterId) -> bool {
        let now = self.now;
        let Some(board) = self.hub.board(center) else { return false };
        let Some(seat) = self.seats.get_mut(index) else { return false };
        let stale = seat.line.stale.as_ref().is_some_and(|stale| stale.until + ON_ITS_WAY_MS > now);
        let is_idle = seat.app.as_ref().is_none_or(|app| app.outbox.is_idle());
        if self.frozen || stale || seat.frozen_until > now || !is_idle {
            return false;
        }
        let session = seat.app.as_ref().and_then(|app| app.client.session(center));
        let cursor = session.and_then(|session| session.cursor());
        if cursor
            .is_none_or(|cursor| cursor.epoch != board.standing().epoch || cursor.rev != board.standing().rev)
        {
            return false;
        }
        // Nobody reads a flipped byte until it is audited.
        if seat.disk.is_flipped() || !matches!(seat.disk.fits(center), Ok(true)) {
            return false;
        }
        self.not_together(index, center).is_empty() && self.is_proven(index, center)
    }

    /// Whether the last proof is of the revision at which the hub stands.
    fn is_proven(&self, index: usize, center: &CenterId) -> bool {
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        let place = app.and_then(|app| app.proven.get(center)).map(|proven| proven.place + 1);
        place.is_some() && place == self.truths.get(center).map(|truth| truth.stood.len())
    }

    fn end_excuses(&mut self, index: usize, center: &CenterId) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.told.decayed.remove(center);
            seat.told.went_back.remove(center);
        }
        if let Some(truth) = self.truths.get_mut(center) {
            truth.astray.remove(&index);
            truth.went_back &= !truth.astray.is_empty();
        }
    }
}
