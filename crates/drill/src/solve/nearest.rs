//! The yardstick: each order at once to the rider who would pick it up first, one order a trip.

use super::{Solution, SolvedTrip, by_placement, pace_of, point_of};
use crate::mdrp::Instance;
use gwanje_assign::{MINUTE_MS, Point, RiderPace};

struct Courier {
    place: Point,
    free_min: i64,
    off_min: i64,
}

/// The riders as the yardstick has them.
pub(super) struct Yardstick {
    pace: RiderPace,
    couriers: Vec<Courier>,
}

impl Yardstick {
    pub(super) fn new(instance: &Instance) -> Self {
        let courier = |courier: &crate::mdrp::InstanceCourier| Courier {
            place: point_of(courier.pos),
            free_min: courier.on_min,
            off_min: courier.off_min,
        };
        Self { pace: pace_of(instance), couriers: instance.couriers.iter().map(courier).collect() }
    }

    /// Gives an order that is placed now to a rider; with the minutes on the road. `None`: nobody can have it.
    pub(super) fn assign(&mut self, instance: &Instance, ix: usize) -> Option<(SolvedTrip, i64)> {
        let order = instance.orders.get(ix)?;
        let shop = point_of(instance.restaurants.get(order.restaurant)?.pos);
        let door = point_of(order.pos);
        let pace = self.pace;
        let minutes = |from: Point, to: Point| pace.travel_ms(from, to) / MINUTE_MS;
        // Of riders who can pick it up before their end, the one who would be there first; of equal ones the first listed.
        let chosen = self.couriers.iter_mut().enumerate().filter_map(|(nth, courier)| {
            let leave_min = courier.free_min.max(order.placed_min);
            let there_min = leave_min + minutes(courier.place, shop) + pace.before_pickup_ms / MINUTE_MS;
            let pickup_min = there_min.max(order.ready_min);
            (pickup_min <= courier.off_min).then_some((there_min, nth, leave_min, pickup_min, courier))
        });
        let (_, nth, leave_min, pickup_min, courier) =
            chosen.min_by_key(|(there_min, nth, ..)| (*there_min, *nth))?;
        let ride_min = minutes(shop, door);
        let driven_min = minutes(courier.place, shop) + ride_min;
        let dropoff_min = pickup_min + ride_min + (pace.after_pickup_ms + pace.before_dropoff_ms) / MINUTE_MS;
        courier.place = door;
        courier.free_min = dropoff_min + pace.after_dropoff_ms / MINUTE_MS;
        let trip = SolvedTrip { courier: nth, leave_min, pickup_min, stops: vec![(ix, dropoff_min)] };
        Some((trip, driven_min))
    }
}

pub(super) fn play(instance: &Instance) -> Solution {
    let mut yardstick = Yardstick::new(instance);
    let order = by_placement(instance).into_iter();
    let trips = order.filter_map(|ix| yardstick.assign(instance, ix)).map(|(trip, _)| trip);
    Solution { trips: trips.collect() }
}
