//! Where a meal costs least among the plans of all riders.

use super::{Horizon, MealId, Planned, Trip};

/// A rider's plan with one meal more.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub rider: usize,
    pub trips: Vec<Trip>,
    pub cost: i64,
    /// What it costs more than before.
    pub added: i64,
}

impl Horizon {
    /// The cheapest place for a meal: a trip of its own before, between or after a rider's others, or a door more on a trip
    /// from the same shop. `None`: nobody can pick it up before the end of their shift.
    pub(super) fn cheapest(&self, id: MealId) -> Option<Found> {
        let meal = *self.meals.get(id.index())?;
        let pace = &self.pace;
        let ride = pace.travel_ms(meal.from, meal.to);
        let mut best: Option<Found> = None;
        let mut trips: Vec<Trip> = Vec::new();
        for (rider, planned) in self.riders.iter().enumerate() {
            // No plan can do better than the rider's next way leading straight to the shop.
            let start = planned.free_at.max(self.now);
            if start > planned.off_at {
                continue;
            }
            let way = pace.travel_ms(planned.place, meal.from);
            let earliest = (start + pace.before_pickup_ms).max(meal.ready_at);
            let at_best = if planned.trips.is_empty() {
                earliest.max(start + way + pace.before_pickup_ms)
            } else {
                earliest
            };
            if at_best > planned.off_at {
                continue;
            }
            let door = at_best + pace.after_pickup_ms + ride + pace.before_dropoff_ms;
            let least = self.weights.wait * (door - meal.placed_at)
                + if planned.trips.is_empty() {
                    self.weights.drive * (way + ride) + planned.stand
                } else {
                    0
                };
            if best.as_ref().is_some_and(|best| least >= best.added) {
                continue;
            }
            let before = planned.cost;
            let mut consider = |trips: &[Trip]| {
                let Some(cost) = self.cost(planned, trips) else { return };
                let added = cost - before;
                if best.as_ref().is_none_or(|best| added < best.added) {
                    best = Some(Found { rider, trips: trips.to_vec(), cost, added });
                }
            };
            for place in 0..=planned.trips.len() {
                trips.clear();
                trips.extend_from_slice(&planned.trips);
                trips.insert(place, Trip::of(id, &meal));
                consider(&trips);
            }
            for (place, trip) in planned.trips.iter().enumerate().filter(|(_, trip)| trip.shop == meal.shop) {
                for door in 0..=trip.meals().len() {
                    let Some(joined) = trip.with(door, id, &meal) else { break };
                    trips.clear();
                    trips.extend_from_slice(&planned.trips);
                    if let Some(at) = trips.get_mut(place) {
                        *at = joined;
                    }
                    consider(&trips);
                }
            }
        }
        best
    }

    /// A plan without a meal, and what it costs then.
    pub(super) fn without(&self, planned: &Planned, id: MealId) -> Option<(Vec<Trip>, i64)> {
        let trips: Vec<Trip> =
            planned.trips.iter().filter_map(|trip| trip.without(id, &self.meals)).collect();
        let cost = self.cost(planned, &trips)?;
        Some((trips, cost))
    }
}
