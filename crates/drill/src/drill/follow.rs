//! What the hub answered and what people did: the drill goes on from the newest row, whoever made it.

use super::{Drill, InFlight};
use crate::act::Token;
use crate::agenda::Due;
use crate::track::Seen;
use gwanje_model::lifecycle::Action;
use gwanje_model::{Delivery, Status};
use gwanje_wire::problem::{ErrorCode, Problem};

/// A delivery that people gave back to wait is left to them for five minutes.
const HANDS_OFF_MS: i64 = 300_000;

/// Tries again, after five seconds of the day, an act that the hub could not take.
const AGAIN_MS: i64 = 5_000;

/// After a refusal the drill waits this much longer each time …
const AFTER_REFUSAL_MS: i64 = 30_000;

/// … and leaves a delivery alone after this many in a row.
const REFUSALS: u32 = 8;

impl Drill {
    /// How the hub answered an act: the row that it made, or why not.
    pub fn answered(&mut self, token: Token, outcome: Result<&Delivery, &Problem>) {
        let Some(act) = self.in_flight.remove(&token) else { return };
        match outcome {
            Ok(row) => {
                self.note(act.track, row);
                if let Some(track) = self.tracks.get_mut(act.track) {
                    track.refusals = 0;
                }
            }
            Err(problem) => self.refused(act, problem),
        }
        if let Some(track) = self.tracks.get_mut(act.track) {
            track.pending = track.pending.saturating_sub(1);
        }
        self.settle(act.track);
    }

    /// A row that was committed, by whomever. Older and known copies are ignored.
    pub fn observe(&mut self, row: &Delivery) {
        match self.track_of(row) {
            Some(track) => {
                self.note(track, row);
                self.settle(track);
            }
            None => self.observe_other(row),
        }
    }

    /// The track of a row: by its id, or by its order number when its creation isn't answered yet.
    pub(super) fn track_of(&self, row: &Delivery) -> Option<usize> {
        self.by_id.get(&row.id).copied().or_else(|| {
            let day = self.days.iter().position(|day| day.center == row.center)?;
            let track = *self.by_order_no.get(&(day, row.order_no.clone()))?;
            // A number that a person typed again is not the drill's order.
            self.tracks.get(track).filter(|t| t.id.is_none() && t.status.is_some()).map(|_| track)
        })
    }

    /// Keeps a row when it is newer than the copy at hand.
    pub(super) fn note(&mut self, ix: usize, row: &Delivery) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.id = Some(row.id);
        self.by_id.insert(row.id, ix);
        if track.seen.as_ref().is_none_or(|seen| seen.rev < row.rev) {
            track.seen = Some(Seen::of(row));
        }
    }

    /// With nothing under way, the newest row is the truth.
    fn settle(&mut self, ix: usize) {
        if self.tracks.get(ix).is_some_and(|track| track.pending == 0) && !self.agrees(ix) {
            let people = self.tracks.get(ix).is_some_and(|track| !track.diverged || track.by_people);
            self.follow(ix, if people { Followed::People } else { Followed::Hub });
        }
    }

    fn refused(&mut self, act: InFlight, problem: &Problem) {
        if let Some(row) = problem.current.as_deref() {
            self.note(act.track, row);
        }
        let clock = self.clock;
        let Some(track) = self.tracks.get_mut(act.track) else { return };
        let not_now = matches!(problem.code, ErrorCode::Unavailable | ErrorCode::TooManyRequests);
        track.diverged = true;
        // Somebody else was first, and the drill hadn't heard of it.
        track.by_people = matches!(problem.code, ErrorCode::InvalidTransition | ErrorCode::Conflict);
        if not_now {
            track.not_before = clock.plus_ms(AGAIN_MS);
        } else {
            track.refusals += 1;
            track.not_before = clock.plus_ms(AFTER_REFUSAL_MS * i64::from(track.refusals));
            if act.action == Some(Action::Assign) {
                track.not_again.extend(act.courier);
            }
        }
        if track.id.is_some() {
            return;
        }
        // Its creation: there is no row to go on from.
        track.diverged = false;
        if not_now {
            self.replan(act.track);
            self.due(act.track, clock, Due::Place);
        } else {
            self.abandon(act.track);
        }
    }

    /// Takes a track over from its newest row.
    pub(super) fn follow(&mut self, ix: usize, followed: Followed) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        let Some(seen) = track.seen.clone() else { return };
        track.diverged = false;
        track.by_people = false;
        if track.refusals > REFUSALS {
            return self.abandon(ix);
        }
        if followed == Followed::People {
            track.fate.leave_alone();
        }
        if seen.status == Status::Assigned {
            // The change of riders that fate may have held belongs to the first assignment, which is past.
            track.fate.reassign = None;
        }
        track.over = false;
        track.at = track.at.max(seen.modified_at);
        let at = seen.modified_at;
        self.replan(ix);
        self.release(ix, at);
        match seen.status {
            Status::Received => self.received(ix, at),
            Status::Waiting => {
                let hands_off_ms = if followed == Followed::People { HANDS_OFF_MS } else { 0 };
                self.wait_for_rider(ix, at, hands_off_ms);
            }
            Status::Assigned | Status::PickedUp => {
                let Some(carrier) = seen.rider.as_ref().map(|rider| self.carrier(rider)) else { return };
                self.assigned(ix, seen.assigned_at.unwrap_or(at), carrier);
                if seen.status == Status::PickedUp {
                    self.picked_up(ix, seen.picked_up_at.unwrap_or(at));
                } else if seen.confirmed {
                    self.replan(ix);
                    self.confirmed(ix, at);
                }
            }
            Status::Delivered | Status::Cancelled => self.end(ix, at, seen.status),
        }
    }

    /// Leaves to people a delivery that the hub keeps refusing.
    fn abandon(&mut self, ix: usize) {
        self.replan(ix);
        self.release(ix, self.clock);
        if let Some(track) = self.tracks.get_mut(ix) {
            track.over = true;
        }
    }

    /// A delivery that people created: left to them, but a rider of the drill who carries it is busy.
    pub(super) fn observe_other(&mut self, row: &Delivery) {
        let carried = matches!(row.status, Status::Assigned | Status::PickedUp);
        let rider = row.rider.as_ref().filter(|_| carried);
        let courier = rider.and_then(|rider| self.rider_ids.get(&rider.id)).copied();
        let before = match self.others.get(&row.id) {
            Some((rev, _)) if *rev >= row.rev => return,
            Some((_, before)) => *before,
            None => None,
        };
        if row.status.is_final() {
            self.others.remove(&row.id);
        } else {
            self.others.insert(row.id, (row.rev, courier));
        }
        if before == courier {
            return;
        }
        if let Some(busy) = courier.and_then(|courier| self.couriers.get_mut(courier)) {
            busy.others += 1;
        }
        if let Some(courier_ix) = before
            && let Some(courier) = self.couriers.get_mut(courier_ix)
        {
            courier.others = courier.others.saturating_sub(1);
            self.look_for(courier_ix, self.clock);
        }
    }
}

/// Why a row is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// People changed it.
    People,
    /// Nobody did: the drill was started again, or the hub did not take an act.
    Hub,
}
