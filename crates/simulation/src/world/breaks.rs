//! Begins faults, goes on with them, and ends them. A fault that has only begun counts later, where it comes to pass at
//! a seat.
//!
//! | file | what breaks |
//! | --- | --- |
//! | `lines` | connections |
//! | `away` | what a seat knows when it comes back |
//! | `restore` | the hub's history |
//! | `disk` | what a desk holds |
//! | `people` | rights, commands, the page |

mod away;
mod disk;
mod lines;
mod people;
mod restore;

use super::{Event, World};
use crate::fault::Fault;
use crate::hub::Operation;
use crate::plan::{Break, Work};
use gwanje_model::{CenterId, Rev};

/// Within this time a follower of a flood learns its last change, milliseconds.
const FLOODED_MS: u64 = 1_500;

impl World {
    /// Begins a fault (`part` 0), or goes on with it.
    pub(super) fn break_on(&mut self, broken: Break, part: u32) {
        if self.ended && part == 0 {
            return;
        }
        let now = self.now;
        match broken {
            Break::DropEvents { seat, count } => self.line(seat, |line| line.drop_events = count),
            Break::DropLast { seat, center } => self.drop_last(seat, center),
            Break::Duplicate { seat, count } => self.line(seat, |line| line.duplicate = count),
            Break::Reorder { seat, count, late_ms } => self.line(seat, |line| line.late = (count, late_ms)),
            Break::ChangeDuringSnapshot { seat, count, .. } => {
                self.line(seat, |line| line.change_during = count);
                self.lose_cache(seat);
            }
            Break::SnapshotCut { seat, count, broken } => {
                self.line(seat, |line| line.cut_snapshot = (count, broken));
                self.lose_cache(seat);
            }
            Break::DeletedWhileAway { .. } | Break::UnderFloor { .. } | Break::ChangePages { .. } => {
                self.away(broken, part);
            }
            Break::NewEpoch { center, kick } => self.new_epoch(center, kick, part),
            Break::HeadBack { center, changes } => self.head_back(center, changes, part),
            Break::HistoryLost { center, changes } => self.lose_history(center, changes, part),
            Break::StaleReplica { seat, center, floor, for_ms } => {
                self.stale_replica(seat, center, floor, for_ms);
            }
            Break::HalfOpen { seat, way, for_ms } => self.half_open(seat, way, for_ms),
            Break::StopsReading { seat, for_ms } => {
                let seat = self.seat_index(seat);
                if self.is_running(seat) {
                    self.freeze(seat, for_ms, Fault::StopsReading);
                }
            }
            Break::FullBuffer { seat, center, for_ms } => {
                self.line(seat, |line| {
                    line.small_buffer_until = now + for_ms;
                    line.slow = (now + for_ms, 700);
                });
                let center = self.center(center);
                for nth in 0..12 {
                    let event = Event::Works { center: center.clone(), work: Work::Note, pick: nth };
                    self.after(300 + nth * 130, event);
                }
            }
            Break::NoFanOut { node, for_ms } => self.node(node, |node| node.deaf_until = now + for_ms),
            Break::HubKilled { node, center, for_ms } => {
                let center = self.center(center);
                let at = center.clone();
                self.node(node, |node| node.dies_at_frame = Some((at, for_ms)));
                self.work(&center, Work::Note, now);
            }
            Break::TwoVersions { node, for_ms } => {
                self.two_versions = true;
                self.node(node, |node| node.newer_until = now + for_ms);
            }
            Break::SocketsFlap { for_ms, flap_ms } => self.flap(for_ms, flap_ms, part),
            Break::ColdStart { seat, for_ms } => {
                let seat = self.seat_index(seat);
                self.kill(seat);
                self.line(seat, |line| line.offline_until = now + for_ms);
                self.after(300, Event::Starts(seat));
            }
            Break::ReconnectStorm { status, for_ms } => {
                self.storm = (now + for_ms, status);
                self.cut_all("the node restarts");
            }
            Break::AppKilled { seat, center, down_ms } => {
                let seat = self.seat_index(seat);
                let life = self.seats.get(seat).map_or(0, |seat| seat.life);
                let center = self.center(center);
                self.work(&center, Work::Advance, now);
                self.after(1, Event::Kills { seat, life, down_ms });
            }
            Break::Disk { seat, how, for_ms } => self.spoil_disk(seat, how, for_ms),
            Break::Asleep { for_ms } => {
                (0..self.seats.len()).for_each(|seat| self.freeze(seat, for_ms, Fault::Clock));
            }
            Break::Nap { seat, for_ms } => {
                let seat = self.seat_index(seat);
                self.freeze(seat, for_ms, Fault::Clock);
            }
            Break::ClockJump { seat, by_ms } => {
                let seat = self.seat_index(seat);
                let Some(seat) = self.seats.get_mut(seat) else { return };
                seat.clock_ms += by_ms;
                if seat.app.as_ref().is_some_and(|app| !app.states.is_empty()) {
                    self.inject(Fault::Clock);
                }
            }
            Break::TokenExpired { seat } => self.expire_token(seat),
            Break::CenterRevoked { seat, center, for_ms } => self.revoke_center(seat, center, for_ms, part),
            Break::SignInRevoked { seat } => {
                let seat = self.seat_index(seat);
                let Some(account) = self.seats.get(seat).map(|seat| seat.account.clone()) else { return };
                self.operate(&Operation::Revoke(account.as_str().into()));
            }
            Break::AnswerLost { seat, center, work, pick } => {
                let seat = self.seat_index(seat);
                self.line(seat, |line| line.lose_answer = true);
                self.click(seat, center, work, pick);
            }
            Break::RemoteEdit { seat, center, work, pick, lead_ms } => {
                self.remote_edit(seat, center, work, pick, lead_ms);
            }
            Break::Garbled { seat, how, count } => self.line(seat, |line| line.garble = Some((how, count))),
            Break::PageReloaded { seat } => {
                let seat = self.seat_index(seat);
                let app = self.seats.get_mut(seat).and_then(|seat| seat.app.as_mut());
                match app.map(|app| app.window.reload()) {
                    Some(Ok(true)) => self.inject(Fault::Page),
                    Some(Ok(false)) | None => {}
                    Some(Err(error)) => self.violate('1', error.to_string()),
                }
                self.look_soon(seat);
            }
            Break::PageLags { seat, for_ms } => self.page_lags(seat, for_ms, part),
            Break::TwoSockets { seat, for_ms } => self.two_sockets(seat, for_ms),
            Break::RowLost { seat, pick } => self.lose_row(seat, pick),
            Break::ByteFlipped { seat, pick } => self.flip_byte(seat, pick),
            Break::Flood { center, count } => self.flood(self.center(center), count),
            Break::StoreRestarted { for_ms } => self.store_down_until = now + for_ms,
            Break::CommitUnknown { .. } | Break::Interleaved { .. } => self.slow_commit(broken),
            Break::SignalsLost { node, center, count } => {
                let node = self.followed_node(node, center);
                self.node(node, |node| node.loses = count);
                self.work_soon(center);
            }
            Break::SignalsDoubled { node, center, count } => {
                let node = self.followed_node(node, center);
                self.node(node, |node| node.doubles = count);
                self.work_soon(center);
            }
            Break::SignalsSwapped { node, center } => {
                let node = self.followed_node(node, center);
                self.node(node, |node| node.swaps_signals = true);
                self.work_soon(center);
            }
            Break::NodeLags { node, center, late_ms, for_ms } => {
                let node = self.followed_node(node, center);
                self.node(node, |node| node.lags = (now + for_ms, late_ms));
                self.work_soon(center);
            }
            Break::SignalsCut { node, center, for_ms } => {
                self.node(node, |node| node.cut_signals_until = now + for_ms);
                self.work_soon(center);
            }
            Break::StoreCut { node, center, for_ms } => {
                self.node(node, |node| node.cut_store_until = now + for_ms);
                self.work_soon(center);
            }
            Break::SwappedOrder { node, center } => {
                let center = self.center(center);
                let at = center.clone();
                self.node(node, |node| node.swaps = Some(at));
                for (ms, pick) in [(1, 0), (60, 1)] {
                    self.after(ms, Event::Works { center: center.clone(), work: Work::Note, pick });
                }
            }
        }
    }

    /// This node if somebody follows the center there, else one where somebody does, else this.
    fn followed_node(&self, node: usize, center: usize) -> usize {
        let (count, center) = (self.nodes.len().max(1), self.center(center));
        let mut nodes = (node..node + count).map(|node| node % count);
        nodes.find(|node| self.is_followed(*node, &center)).unwrap_or(node)
    }

    /// Somebody elsewhere works in a center a few times within the next second.
    fn work_soon(&mut self, center: usize) {
        let center = self.center(center);
        for (ms, pick) in [(1, 0), (30, 1), (90, 2), (700, 3)] {
            self.after(ms, Event::Works { center: center.clone(), work: Work::Note, pick });
        }
    }

    fn line(&mut self, seat: usize, set: impl FnOnce(&mut crate::network::Line)) {
        let (index, now) = (self.seat_index(seat), self.now);
        if let Some(seat) = self.seats.get_mut(index) {
            seat.line.disturbed_ms = now;
            set(&mut seat.line);
        }
    }

    fn node(&mut self, node: usize, set: impl FnOnce(&mut super::nodes::Node)) {
        let index = node % self.nodes.len().max(1);
        if let Some(node) = self.nodes.get_mut(index) {
            set(node);
        }
    }

    pub(in crate::world) fn is_running(&self, seat: usize) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.app.is_some())
    }

    pub(super) fn freeze(&mut self, index: usize, for_ms: u64, by: Fault) {
        let until = self.now + for_ms;
        if let Some(seat) = self.seats.get_mut(index) {
            seat.line.disturbed_ms = until;
            seat.frozen_until = seat.frozen_until.max(until);
            seat.frozen_by = seat.app.as_ref().map(|_| by);
        }
        self.at_ms(until, Event::Thaws(index));
    }

    /// Makes changes five milliseconds apart.
    fn flood(&mut self, center: CenterId, count: u32) {
        let seats = self.seats.iter().enumerate();
        let seats =
            seats.filter(|(_, seat)| seat.app.as_ref().is_some_and(|app| app.cursors.contains_key(&center)));
        let followers = seats.map(|(index, seat)| (index, seat.life)).collect();
        let began =
            self.hub.board(&center).map(|board| (board.standing().epoch.clone(), board.standing().rev));
        for nth in 0..u64::from(count) {
            let work = if nth % 9 == 0 { Work::Create } else { Work::Note };
            self.after(nth * 5, Event::Works { center: center.clone(), work, pick: nth * 5 });
        }
        if let Some((epoch, rev)) = began {
            let to = Rev(rev.0 + u64::from(count));
            self.after(u64::from(count) * 5 + FLOODED_MS, Event::Flooded { center, epoch, to, followers });
        }
    }

    pub(super) fn operate(&mut self, operation: &Operation) {
        self.operate_elsewhere(operation);
        self.put_out_revoked();
    }
}
