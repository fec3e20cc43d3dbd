//! Dispatches a day by the plans of [`Horizon`], minute by minute.
//!
//! The yardstick plays the same day beside it, knowing no more, and what its riders have driven so far is what ours may drive: as
//! long as they have driven less, a customer's minute is worth more of it.

use super::nearest::Yardstick;
use super::{Solution, SolvedTrip, by_placement, pace_of, point_of};
use crate::mdrp::Instance;
use gwanje_assign::{Horizon, MINUTE_MS, Meal, Weights};
use std::collections::BTreeMap;

pub(super) fn play(instance: &Instance) -> Solution {
    let mut horizon = Horizon::new(pace_of(instance), Weights::default());
    for courier in &instance.couriers {
        horizon.add_rider(point_of(courier.pos), courier.on_min * MINUTE_MS, courier.off_min * MINUTE_MS);
    }
    let mut arrivals = by_placement(instance).into_iter().peekable();
    // Meals are numbered in the order in which they are placed.
    let mut placed: Vec<usize> = Vec::new();
    let mut solution = Solution::default();
    let mut road =
        Road { yardstick: Yardstick::new(instance), coming: BTreeMap::new(), allowed_min: 0, driven_min: 0 };
    let last_min = instance.couriers.iter().map(|courier| courier.off_min).max().unwrap_or_default();
    let first_min = instance.orders.iter().map(|order| order.placed_min).min().unwrap_or_default();
    for minute in first_min..=last_min {
        let is_new = |ix: &usize| instance.orders.get(*ix).is_some_and(|order| order.placed_min <= minute);
        while let Some(ix) = arrivals.next_if(is_new) {
            let Some(order) = instance.orders.get(ix) else { continue };
            let Some(shop) = instance.restaurants.get(order.restaurant) else { continue };
            horizon.place(Meal {
                shop: u32::try_from(order.restaurant).unwrap_or(u32::MAX),
                from: point_of(shop.pos),
                to: point_of(order.pos),
                placed_at: order.placed_min * MINUTE_MS,
                ready_at: order.ready_min * MINUTE_MS,
                // What the yardstick carries is carried here, too, as far as that can be.
                first: road.placed(instance, ix),
            });
            placed.push(ix);
        }
        if horizon.waiting().is_empty() {
            continue;
        }
        horizon.set_weights(road.weights(minute));
        for told in horizon.step(minute * MINUTE_MS) {
            road.driven_min += told.drive_ms / MINUTE_MS;
            let orders = told.meals.iter().filter_map(|meal| placed.get(meal.index()).copied());
            solution.trips.push(SolvedTrip {
                courier: told.rider.0,
                leave_min: told.leave_at / MINUTE_MS,
                pickup_min: told.pickup_at / MINUTE_MS,
                stops: orders.zip(told.dropoff_at.iter().map(|at| at / MINUTE_MS)).collect(),
            });
        }
    }
    solution
}

/// What may be driven.
struct Road {
    yardstick: Yardstick,
    /// Minutes on the road that the yardstick's riders begin at a minute still to come.
    coming: BTreeMap<i64, i64>,
    allowed_min: i64,
    driven_min: i64,
}

impl Road {
    /// An order is placed; whether the yardstick carries it.
    fn placed(&mut self, instance: &Instance, ix: usize) -> bool {
        let Some((trip, driven_min)) = self.yardstick.assign(instance, ix) else { return false };
        *self.coming.entry(trip.leave_min).or_default() += driven_min;
        true
    }

    /// What a minute on the road weighs now: little while there is plenty, much when it runs short.
    fn weights(&mut self, minute: i64) -> Weights {
        let later = self.coming.split_off(&(minute + 1));
        self.allowed_min += std::mem::replace(&mut self.coming, later).into_values().sum::<i64>();
        let share = (self.driven_min + SPARE_MIN) as f64 / (self.allowed_min + SPARE_MIN) as f64;
        let scarce = ((share - PLENTY) / (SHORT - PLENTY)).clamp(0.0, 1.0);
        let drive = LEAST_DRIVE + (MOST_DRIVE - LEAST_DRIVE) * scarce * scarce;
        Weights { drive: drive.round() as i64, ..Weights::default() }
    }
}

/// So many minutes more or less say nothing at the day's beginning.
const SPARE_MIN: i64 = 100;

/// Below this share of what may be driven there is plenty, above the other it is short.
const PLENTY: f64 = 0.95;
const SHORT: f64 = 0.995;

/// What a minute on the road weighs, where a customer's minute weighs 100.
const LEAST_DRIVE: f64 = 1.0;
const MOST_DRIVE: f64 = 30.0;
