//! What people elsewhere do to a seat, and what its page leaves undone: rights that end, edits against a command, a
//! page that lags.

use super::super::{Event, World};
use crate::fault::Fault;
use crate::hub::Operation;
use crate::plan::{Break, Work};
use gwanje_model::{CenterId, DeliveryId};

impl World {
    pub(super) fn expire_token(&mut self, seat: usize) {
        let index = self.seat_index(seat);
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        if let Some((token, _)) = app.and_then(|app| app.client.access()) {
            self.void_tokens.insert(format!("Bearer {token}"));
        }
    }

    pub(super) fn revoke_center(&mut self, seat: usize, center: usize, for_ms: u64, part: u32) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        let Some(account) = self.seats.get(index).map(|seat| seat.account.clone()) else { return };
        let all = self.centers_of(index);
        let centers = if part == 0 { all.into_iter().filter(|id| *id != center).collect() } else { all };
        self.operate(&Operation::SetCenters(account.as_str().into(), centers));
        if part == 0 {
            let again = Break::CenterRevoked { seat, center: self.index_of(&center), for_ms };
            self.after(for_ms, Event::Then(Box::new(again), 1));
        }
    }

    pub(super) fn remote_edit(&mut self, seat: usize, center: usize, work: Work, pick: u64, lead_ms: u64) {
        let index = self.seat_index(seat);
        if let Some((id, command)) = self.click_on(index, center, work, pick) {
            self.after(lead_ms, Event::Edits(id, command));
        }
    }

    /// Edits this delivery in somebody else's name. The person who clicked must still be waiting, else this is just an
    /// edit.
    pub(in crate::world) fn edit(&mut self, id: DeliveryId, command: &str) {
        let of =
            |center: &&CenterId| self.hub.board(center).is_some_and(|board| board.rows().contains_key(&id));
        if let Some(center) = self.centers.iter().find(of).cloned().filter(|_| !self.frozen) {
            self.note_on(&center, id.0);
            let waits = self
                .clicks
                .get(command)
                .is_some_and(|clicked| clicked.settled.is_none() && self.is_life(clicked.seat, clicked.life));
            if waits {
                self.inject(Fault::RemoteEdit);
            }
        }
    }

    pub(super) fn page_lags(&mut self, seat: usize, for_ms: u64, part: u32) {
        let (index, now) = (self.seat_index(seat), self.now);
        if part == 0 {
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.window.lags_until = now + for_ms;
            }
            self.after(for_ms + 1, Event::Then(Box::new(Break::PageLags { seat, for_ms }), 1));
        } else {
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.window.dirty = true;
            }
            self.look_soon(index);
        }
    }
}
