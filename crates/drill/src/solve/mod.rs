//! Plays an instance by the rules of the problem's paper (Reyes et al., *The Meal Delivery Routing Problem*, 2018) and writes what the
//! set's published evaluator reads.
//!
//! No hindsight: an order is known when it is placed. A rider is told one trip at a time, to one shop and from there to the
//! doors, waits where the last one ended, and is neither diverted nor sent ahead. Times are whole minutes of the day.

mod files;
mod nearest;
mod suggest;

use crate::mdrp::Instance;
use gwanje_assign::{MINUTE_MS, Point, RiderPace};
use gwanje_model::Pos;
use serde_json::{Value, json};
use std::fmt;

pub use files::write_solution;

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatcher {
    /// The yardstick: orders by placement, each at once to the rider who would pick it up first, one order a trip.
    Nearest,
    /// Plans ahead, bundles by shop, and tells a rider only when it is time to leave.
    Suggest,
}

impl Dispatcher {
    /// Every dispatcher.
    pub const ALL: [Self; 2] = [Self::Nearest, Self::Suggest];

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Suggest => "suggest",
        }
    }
}

impl fmt::Display for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One trip of a rider. Times are minutes of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolvedTrip {
    /// Place in [`Instance::couriers`].
    pub courier: usize,
    /// When the rider is told and leaves: the trip before is done then.
    pub leave_min: i64,
    /// When the meals are taken.
    pub pickup_min: i64,
    /// Orders, as places in [`Instance::orders`], in the order of the doors, each with the minute of its handing over.
    pub stops: Vec<(usize, i64)>,
}

/// A day as it was played: trips in the order in which they were told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Solution {
    /// The trips.
    pub trips: Vec<SolvedTrip>,
}

/// Plays a day.
#[must_use]
pub fn solve(instance: &Instance, dispatcher: Dispatcher) -> Solution {
    let mut solution = match dispatcher {
        Dispatcher::Nearest => nearest::play(instance),
        Dispatcher::Suggest => suggest::play(instance),
    };
    solution.trips.sort_by_key(|trip| (trip.leave_min, trip.courier));
    solution
}

/// An instance's pace on the plane. Half a stop that is no whole minute is rounded up: the files hold whole minutes.
fn pace_of(instance: &Instance) -> RiderPace {
    let half = |service_min: f64| (service_min / 2.0).ceil() as i64 * MINUTE_MS;
    let (pickup, dropoff) = (half(instance.pace.pickup_service_min), half(instance.pace.dropoff_service_min));
    RiderPace {
        metres_per_minute: instance.pace.metres_per_minute,
        before_pickup_ms: pickup,
        after_pickup_ms: pickup,
        before_dropoff_ms: dropoff,
        after_dropoff_ms: dropoff,
    }
}

/// An instance lies on a plane throughout.
fn point_of(pos: Pos) -> Point {
    match pos {
        Pos::Plane { x, y } => Point { x, y },
        Pos::Geo { lat, lon } => Point { x: lon, y: lat },
    }
}

/// Orders by placement, those of one minute by id, as text.
fn by_placement(instance: &Instance) -> Vec<usize> {
    let mut order: Vec<usize> = (0..instance.orders.len()).collect();
    order.sort_by(|a, b| {
        let key = |ix: &usize| instance.orders.get(*ix).map(|order| (order.placed_min, order.id.as_str()));
        key(a).cmp(&key(b))
    });
    order
}

/// What a day came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Orders of the day.
    pub orders: usize,
    /// Orders that were carried out.
    pub delivered: usize,
    /// Trips on which they were.
    pub trips: usize,
    /// Minutes from order to door: the mean over what was delivered.
    pub click_to_door_mean: f64,
    /// The minutes that nine of ten orders took at most.
    pub click_to_door_p90: i64,
    /// The mean if riders stood ready at every shop, over all orders: no rule can beat it.
    pub bound_mean: f64,
    /// The share of the delivered orders that came within the target.
    pub on_time_share: f64,
    /// Minutes from a meal's being ready to its door: the mean.
    pub ready_to_door_mean: f64,
    /// Minutes that all riders drove.
    pub courier_minutes_driven: i64,
}

impl Figures {
    /// Counts a played day.
    #[must_use]
    pub fn of(instance: &Instance, solution: &Solution) -> Self {
        let pace = pace_of(instance);
        let target = i64::from(instance.pace.target_click_to_door_min);
        let mut doors = Vec::new();
        let mut after_ready = 0;
        for (ix, dropoff_min) in solution.trips.iter().flat_map(|trip| &trip.stops) {
            let Some(order) = instance.orders.get(*ix) else { continue };
            doors.push(dropoff_min - order.placed_min);
            after_ready += dropoff_min - order.ready_min;
        }
        doors.sort_unstable();
        let mean = |sum: i64, of: usize| sum as f64 / of.max(1) as f64;
        let ninth = (doors.len() * 9).div_ceil(10).saturating_sub(1);
        let best = instance.orders.iter().map(|order| {
            let shop = instance.restaurants.get(order.restaurant).map_or(order.pos, |shop| shop.pos);
            let ride_ms = pace.travel_ms(point_of(shop), point_of(order.pos))
                + pace.after_pickup_ms
                + pace.before_dropoff_ms;
            order.ready_min - order.placed_min + ride_ms / MINUTE_MS
        });
        Self {
            orders: instance.orders.len(),
            delivered: doors.len(),
            trips: solution.trips.len(),
            click_to_door_mean: mean(doors.iter().sum(), doors.len()),
            click_to_door_p90: doors.get(ninth).copied().unwrap_or_default(),
            bound_mean: mean(best.sum(), instance.orders.len()),
            on_time_share: mean(
                doors.iter().filter(|minutes| **minutes <= target).count() as i64,
                doors.len(),
            ),
            ready_to_door_mean: mean(after_ready, doors.len()),
            courier_minutes_driven: files::moves(instance, solution).map(|leg| leg.minutes).sum(),
        }
    }

    /// As one line of JSON.
    #[must_use]
    pub fn to_json(&self, dispatcher: Dispatcher) -> Value {
        let rounded = |value: f64| (value * 1_000.0).round() / 1_000.0;
        json!({
            "dispatcher": dispatcher.as_str(),
            "orders": self.orders,
            "delivered": self.delivered,
            "trips": self.trips,
            "clickToDoorMean": rounded(self.click_to_door_mean),
            "clickToDoorP90": self.click_to_door_p90,
            "boundMean": rounded(self.bound_mean),
            "onTimeShare": rounded(self.on_time_share),
            "readyToDoorMean": rounded(self.ready_to_door_mean),
            "courierMinutesDriven": self.courier_minutes_driven,
        })
    }
}
