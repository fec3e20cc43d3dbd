//! What happens while a seat is cut off; the seat can't know of it when it comes back.

use super::super::{Event, World};
use crate::fault::Fault;
use crate::hub::Operation;
use crate::plan::{Break, Work};
use gwanje_model::CenterId;

impl World {
    /// Cuts a seat off while something happens that it can't know of.
    pub(super) fn away(&mut self, broken: Break, part: u32) {
        let (seat, center, for_ms) = if let Break::DeletedWhileAway { seat, center, for_ms, .. }
        | Break::UnderFloor { seat, center, for_ms } = &broken
        {
            (*seat, *center, *for_ms)
        } else if let Break::ChangePages { seat, center, .. } = &broken {
            (*seat, *center, 3_000)
        } else {
            return;
        };
        let (index, center) = (self.seat_index(seat), self.center(center));
        let now = self.now;
        if part == 0 {
            if !matches!(&broken, Break::ChangePages { page, .. } if page % 2 == 1) {
                self.go_offline(index, for_ms);
            }
            return self.after(800, Event::Then(Box::new(broken), 1));
        }
        if let Break::ChangePages { page, .. } = &broken {
            return self.change_pages(index, &center, *page);
        }
        if !matches!(&broken, Break::DeletedWhileAway { cancel: false, .. }) {
            self.work(&center, Work::Cancel, now);
        }
        self.clear_board_of_one_away(index, &center);
        if matches!(&broken, Break::UnderFloor { .. }) {
            self.work(&center, Work::Note, now);
        }
    }

    /// Takes what has ended off the board, and keeps no tombstone.
    fn clear_board_of_one_away(&mut self, index: usize, center: &CenterId) {
        let held = self.held(index, center);
        self.operate(&Operation::Archive(center.clone(), self.at().day.plus_ms(1)));
        let is_away = self.seats.get(index).is_some_and(|seat| seat.line.offline_until > self.now);
        let board = self.hub.board(center);
        let left = board.is_some_and(|board| board.tombstones().values().any(|id| held.contains_key(id)));
        if is_away && left {
            self.inject(Fault::DeletedWhileAway);
        }
        self.operate(&Operation::KeepTombstones(center.clone(), 0));
    }

    /// Gives a seat what it lacks by small pages: after an absence, or after lost frames while heads still come.
    pub(super) fn change_pages(&mut self, index: usize, center: &CenterId, page: u32) {
        let away = self.seats.get(index).is_some_and(|seat| seat.line.offline_until > self.now);
        if !away {
            self.line(index, |line| line.drop_events = 9);
        }
        for pick in 0..14 {
            if away {
                self.work(center, Work::Note, pick);
            } else {
                self.after(1 + pick * 25, Event::Works { center: center.clone(), work: Work::Note, pick });
            }
        }
        self.line(index, |line| line.pages = Some((page.max(2), 3)));
    }

    pub(super) fn go_offline(&mut self, index: usize, for_ms: u64) {
        let until = self.now + for_ms;
        self.line(index, |line| line.offline_until = until);
        self.lose_sockets(index, "the network is down");
    }
}
