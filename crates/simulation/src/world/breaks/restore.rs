//! Histories that break off: another epoch, a backup within the same epoch, a replica that stands still.

use super::super::{Event, World};
use crate::fault::Fault;
use crate::hub::Operation;
use crate::network::Stale;
use crate::plan::{Break, Work};
use gwanje_model::CenterId;

impl World {
    pub(super) fn new_epoch(&mut self, index: usize, kick: bool, part: u32) {
        let center = self.center(index);
        if part > 0 {
            // A replica still answers from the old epoch, and a seat has nobody else to ask.
            let seat = usize::try_from(self.epochs).unwrap_or(0) % self.seats.len().max(1);
            if let Some((center, hub)) = self.before_epoch.take() {
                let until = self.now + 5_000;
                self.line(seat, |line| line.stale = Some(Stale { until, center, hub }));
                self.lose_sockets(seat, "connection reset by peer");
            }
            return;
        }
        if self.frozen {
            return;
        }
        self.before_epoch = Some((center.clone(), Box::new(self.hub.stale_copy())));
        self.after(2_500, Event::Then(Box::new(Break::NewEpoch { center: index, kick }), 1));
        self.epochs += 1;
        // Makes frames of the old epoch that are still on their way come late.
        for seat in 0..self.seats.len() {
            self.line(seat, |line| line.late = (1, 1_500));
        }
        self.work_anyway(&center, Work::Note, self.now);
        let now = self.now;
        for node in 0..self.nodes.len() {
            self.flush(node, &center);
        }
        self.operate(&Operation::BeginEpoch(
            center.clone(),
            format!("01B{:04}", self.epochs).as_str().into(),
        ));
        self.work_anyway(&center, Work::Note, now + 1);
        if kick {
            self.cut_all("the hub was restored");
        }
    }

    pub(super) fn head_back(&mut self, center: usize, changes: u32, part: u32) {
        let center = self.center(center);
        if part == 0 {
            if self.frozen || self.backup.is_some() {
                return;
            }
            self.backup = Some((center.clone(), Box::new(self.hub.stale_copy())));
            for nth in 0..u64::from(changes) {
                self.after(nth * 40, Event::Works { center: center.clone(), work: Work::Note, pick: nth });
            }
            let again = Break::HeadBack { center: 0, changes };
            return self.after(u64::from(changes) * 40 + 600, Event::Then(Box::new(again), 1));
        }
        let Some((_, backup)) = self.backup.take() else { return };
        let went_back = self
            .centers
            .iter()
            .filter(|center| {
                self.hub.board(center).map(|b| b.standing().rev)
                    != backup.board(center).map(|b| b.standing().rev)
            })
            .cloned()
            .collect::<Vec<_>>();
        self.hub = *backup;
        self.frozen = true;
        if self.a_cursor_is_ahead() {
            self.inject(Fault::HeadBack);
        }
        for center in went_back {
            let now = self.now;
            let seats = 0..self.seats.len();
            let seats = seats.filter(|seat| self.centers_of(*seat).contains(&center)).collect();
            if let (Some(truth), Some(board)) = (self.truths.get_mut(&center), self.hub.board(&center)) {
                truth.go_back(board, seats, now);
            }
        }
        self.cut_all("the hub was restored");
        (0..self.seats.len()).for_each(|seat| self.look_for_heals(seat));
    }

    /// Allows changes to what was restored, once every seat has seen it.
    pub(in crate::world) fn thaw_hub(&mut self) {
        if !self.frozen {
            return;
        }
        let ahead = self.a_cursor_is_ahead();
        let all_run = self.seats.iter().all(|seat| seat.app.is_some() && seat.frozen_until <= self.now);
        if !ahead && all_run {
            self.frozen = false;
        }
    }

    /// Whether a seat has seen more of the present history than the hub.
    fn a_cursor_is_ahead(&self) -> bool {
        self.seats.iter().filter_map(|seat| seat.app.as_ref()).any(|app| {
            app.cursors.iter().any(|(center, cursor)| {
                self.hub.board(center).is_some_and(|board| {
                    board.standing().epoch == cursor.epoch && board.standing().rev < cursor.rev
                })
            })
        })
    }

    pub(super) fn stale_replica(&mut self, seat: usize, center: usize, floor: bool, for_ms: u64) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        if self.frozen {
            return;
        }
        let hub = Box::new(self.hub.stale_copy());
        let until = self.now + for_ms;
        for nth in 0..4 {
            self.after(nth * 60, Event::Works { center: center.clone(), work: Work::Note, pick: nth });
        }
        if floor {
            // The seat comes back with a cursor from which only a snapshot helps, and the replica has an older cursor.
            let then = Break::UnderFloor { seat: index, center: self.index_of(&center), for_ms: 2_500 };
            self.after(900, Event::Then(Box::new(then), 0));
        } else {
            self.after(700, Event::Then(Box::new(Break::TwoSockets { seat: index, for_ms: 10 }), 0));
        }
        self.line(index, |line| line.stale = Some(Stale { until, center, hub }));
    }

    pub(super) fn index_of(&self, center: &CenterId) -> usize {
        self.centers.iter().position(|known| known == center).unwrap_or(0)
    }
}
