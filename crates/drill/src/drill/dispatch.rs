//! The plain dispatcher: what waits gets the nearest free rider who can pick it up in time.

use super::Drill;
use crate::track::Carrier;
use gwanje_model::lifecycle::Action;
use gwanje_model::{RiderId, Status, UtcMillis};
use gwanje_wire::command::CommandBody;

/// Asks another center for a rider, too, when less time than this is left.
const ASK_NEIGHBOURS_MIN: i64 = 25;

/// A rider gives a delivery back only when more than this is left for another.
const GIVE_BACK_MIN: i64 = 20;

impl Drill {
    /// Assigns what waits in a center, in the order in which it is ready, as far as there are free riders. While more
    /// waits than riders are free, each rider gets the nearest instead: short ways carry the most.
    pub(super) fn dispatch(&mut self, day: usize, at: UtcMillis) {
        let mut free = self.free_riders(day, at);
        if free.is_empty() {
            return;
        }
        let mut waiting: Vec<usize> =
            self.waiting.get(day).into_iter().flatten().map(|(_, track)| *track).collect();
        if waiting.len() > free.len() {
            let own: Vec<usize> =
                free.iter().copied().filter(|courier| !self.is_lent(*courier, day)).collect();
            for courier in own {
                let nearest = self.nearest_of(&waiting, at, courier);
                if let Some(track) = nearest {
                    self.assign(track, at, courier);
                    waiting.retain(|other| *other != track);
                    free.retain(|other| *other != courier);
                }
            }
        }
        for track in waiting {
            if free.is_empty() {
                break;
            }
            let Some(courier) = self.choose(day, track, at, &free) else { continue };
            self.assign(track, at, courier);
            free.retain(|other| *other != courier);
        }
    }

    /// Another rider takes the delivery over; or its rider gives it back, and it waits again.
    pub(super) fn change_rider(&mut self, ix: usize, at: UtcMillis) {
        let Some(track) = self.tracks.get(ix) else { return };
        let (day, at_once) = (track.day, track.fate.reassign_at_once);
        let time_left = track.latest_pickup.since(at) > GIVE_BACK_MIN * 60_000;
        let courier = track.courier();
        if time_left && !at_once {
            self.command(ix, at, Action::Unassign, CommandBody::default());
            self.release(ix, at);
            if let Some(track) = self.tracks.get_mut(ix) {
                track.not_again.extend(courier);
            }
            self.wait_for_rider(ix, at, 0);
        } else {
            let free = self.free_riders(day, at);
            if let Some(other) = self.choose(day, ix, at, &free) {
                self.assign(ix, at, other);
            }
        }
    }

    fn free_riders(&self, day: usize, at: UtcMillis) -> Vec<usize> {
        let crew = self.crews.get(day).map_or(&[][..], Vec::as_slice);
        let is_free = |courier: &&usize| self.couriers.get(**courier).is_some_and(|c| c.is_free(at));
        crew.iter().filter(is_free).copied().collect()
    }

    /// The nearest of the free riders who can make it. Lent riders are for the orders that fate gave to them, and for those
    /// that the center's own can't carry in time.
    fn choose(&self, day: usize, ix: usize, at: UtcMillis, free: &[usize]) -> Option<usize> {
        let track = self.tracks.get(ix)?;
        let lent = |courier: &usize| self.is_lent(*courier, day);
        if track.fate.lent
            && let Some(courier) = self.nearest(ix, at, free.iter().copied().filter(lent))
        {
            return Some(courier);
        }
        let short = track.latest_pickup.since(at) < ASK_NEIGHBOURS_MIN * 60_000;
        self.nearest(ix, at, free.iter().copied().filter(|courier| !lent(courier)))
            .or_else(|| short.then(|| self.nearest(ix, at, free.iter().copied().filter(lent))).flatten())
    }

    fn nearest(&self, ix: usize, at: UtcMillis, free: impl Iterator<Item = usize>) -> Option<usize> {
        free.filter_map(|courier| Some((self.way_m(ix, at, courier)?, courier)))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(_, courier)| courier)
    }

    fn nearest_of(&self, waiting: &[usize], at: UtcMillis, courier: usize) -> Option<usize> {
        let ways = waiting.iter().filter_map(|ix| Some((self.way_m(*ix, at, courier)?, *ix)));
        ways.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, ix)| ix)
    }

    /// Metres from a rider to the shop; `None` when the rider shall not have the order or can't pick it up in time.
    fn way_m(&self, ix: usize, at: UtcMillis, courier_ix: usize) -> Option<f64> {
        let track = self.tracks.get(ix).filter(|track| !track.not_again.contains(&courier_ix))?;
        let courier = self.couriers.get(courier_ix)?;
        let here = courier.leg.pos(at);
        let confirm_at = at.plus_ms(track.fate.confirm_ms(track.attempt + 1));
        let pickup_at = track.pickup_from(Some(here), confirm_at);
        let in_time = pickup_at <= track.latest_pickup && pickup_at <= courier.shift.off_at;
        let metres = track.shop_pos.map_or(Some(0.0), |shop| here.distance_m(shop))?;
        in_time.then_some(metres)
    }

    fn is_lent(&self, courier: usize, day: usize) -> bool {
        self.couriers.get(courier).is_some_and(|courier| courier.home != day)
    }

    fn assign(&mut self, ix: usize, at: UtcMillis, courier: usize) {
        let Some(rider) = self.couriers.get(courier).map(|courier| courier.shift.id.clone()) else { return };
        let body = CommandBody { rider_id: Some(rider), ..CommandBody::default() };
        self.command(ix, at, Action::Assign, body);
        self.release(ix, at);
        self.assigned(ix, at, Carrier::Ours(courier));
    }

    /// The rider of that id, whether of the drill or not.
    pub(super) fn carrier(&self, rider: &RiderId) -> Carrier {
        self.rider_ids.get(rider).map_or_else(|| Carrier::Stranger(rider.clone()), |c| Carrier::Ours(*c))
    }

    /// Whether the drill's view of a delivery agrees with its newest row.
    pub(super) fn agrees(&self, ix: usize) -> bool {
        let Some(track) = self.tracks.get(ix) else { return true };
        let Some(seen) = &track.seen else { return !track.diverged };
        if track.diverged || track.status != Some(seen.status) {
            return false;
        }
        let carried = matches!(seen.status, Status::Assigned | Status::PickedUp);
        let carrier = seen.rider.as_ref().map(|rider| self.carrier(rider));
        !carried
            || (track.carrier == carrier
                && (seen.status == Status::PickedUp || track.confirmed == seen.confirmed))
    }
}
