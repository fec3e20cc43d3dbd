//! Histories that break off: another epoch, a backup within the same epoch, a replica that stands still.

use super::super::{Event, World};
use crate::fault::Fault;
use crate::hub::{ModelHub, Operation};
use crate::network::Stale;
use crate::plan::{Break, Work};
use gwanje_model::CenterId;
use gwanje_wire::rest::Outcome;
use std::collections::BTreeSet;

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

    pub(super) fn lose_history(&mut self, index: usize, changes: u32, part: u32) {
        let center = self.center(index);
        if part == 0 {
            if self.frozen || self.backup.is_some() {
                return;
            }
            self.backup = Some((center, Box::new(self.hub.stale_copy())));
            // Both others and the seats themselves do what will be lost.
            for nth in 2..changes + 2 {
                let again = Break::HistoryLost { center: index, changes };
                self.after(u64::from(nth) * 60, Event::Then(Box::new(again), nth));
            }
            let last = Break::HistoryLost { center: index, changes };
            return self.after(u64::from(changes) * 60 + 900, Event::Then(Box::new(last), 1));
        }
        if part > 1 {
            let all = [Work::Note, Work::Advance, Work::Cancel, Work::Create];
            let pick = usize::try_from(part).unwrap_or(0);
            let work = all.get(pick % all.len()).copied().unwrap_or(Work::Note);
            self.work_anyway(&center, work, u64::from(part));
            let seat = pick % self.seats.len().max(1);
            self.click(seat, index, work, u64::from(part) + 1);
            return;
        }
        let Some((_, backup)) = self.backup.take() else { return };
        let lost = self.centers.iter().filter(|center| {
            self.hub.board(center).map(|b| b.standing().rev) != backup.board(center).map(|b| b.standing().rev)
        });
        let lost: Vec<CenterId> = lost.cloned().collect();
        let before = std::mem::replace(&mut self.hub, *backup);
        let accounts: Vec<String> = self.seats.iter().map(|seat| seat.account.clone()).collect();
        for (key, clicked) in &mut self.clicks {
            let Some(account) = accounts.get(clicked.seat) else { continue };
            let is_done = |hub: &ModelHub| {
                hub.outcome(account, &clicked.center, key).is_some_and(|reply| reply.outcome == Outcome::Done)
            };
            clicked.is_lost |= is_done(&before) && !is_done(&self.hub);
        }
        if self.a_cursor_is_ahead() {
            self.inject(Fault::HistoryLost);
        }
        let now = self.now;
        for center in lost {
            if let (Some(truth), Some(board)) = (self.truths.get_mut(&center), self.hub.board(&center)) {
                truth.go_back(board, BTreeSet::new(), now);
            }
            self.epochs += 1;
            let epoch = format!("01B{:04}", self.epochs);
            self.operate(&Operation::BeginEpoch(center.clone(), epoch.as_str().into()));
            if let Some(truth) = self.truths.get_mut(&center) {
                truth.lost_before = Some(epoch.as_str().into());
            }
            self.work_anyway(&center, Work::Note, now);
        }
        self.cut_all("the hub goes on without its last changes");
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
