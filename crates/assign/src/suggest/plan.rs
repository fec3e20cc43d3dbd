//! A rider's stops in their order, what the order costs, and where one more delivery fits in best.

use crate::ground::{Point, RiderPace};
use gwanje_model::DeliveryId;

/// What a delivery asks of a rider, laid on the ground. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Errand {
    pub id: DeliveryId,
    /// Which shop; the same for two deliveries exactly when they are of one shop.
    pub shop: u32,
    pub from: Point,
    pub to: Point,
    /// When it was taken in.
    pub received_at: i64,
    /// When the meal is ready, as far as anybody said.
    pub ready_at: i64,
    /// From when on it is late.
    pub due_at: i64,
}

/// A stop on a rider's way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stop {
    Pickup(Errand),
    Dropoff(Errand),
}

/// A minute's cost: lateness comes before waiting, waiting before distance.
const LATE: i64 = 20;
const WAIT: i64 = 4;
const DRIVE: i64 = 1;

/// Where and when a way begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Start {
    pub at: Point,
    pub time: i64,
}

/// What an order of stops comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub cost: i64,
    pub drive_ms: i64,
}

/// When a delivery comes to its shop, is picked up, and comes to its door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub arrives_at: i64,
    pub pickup_at: i64,
    pub dropoff_at: i64,
}

/// What it costs whoever waits at a stop that its end comes at `done_at`: a shop does not wait.
pub(super) fn waited(stop: &Stop, done_at: i64) -> i64 {
    match stop {
        Stop::Pickup(_) => 0,
        Stop::Dropoff(errand) => {
            WAIT * (done_at - errand.received_at).max(0) + LATE * (done_at - errand.due_at).max(0)
        }
    }
}

/// A rider on the way from stop to stop.
#[derive(Debug, Clone, Copy)]
struct Walk {
    at: Point,
    time: i64,
    run: Run,
    /// The shop at which the rider stands.
    standing: Option<u32>,
}

impl Walk {
    fn from(start: Start) -> Self {
        Self { at: start.at, time: start.time, run: Run::default(), standing: None }
    }

    /// Whether the rider stands at its shop. A shop that moved between two orders is two places.
    fn stands_at(&self, errand: &Errand) -> bool {
        self.standing == Some(errand.shop) && self.at == errand.from
    }

    fn drive(&mut self, pace: &RiderPace, to: Point) -> i64 {
        let way = pace.travel_ms(self.at, to);
        self.run.drive_ms += way;
        self.run.cost += DRIVE * way;
        self.at = to;
        self.time + way
    }

    /// Goes to a stop; gives the times of arrival and of the taking or handing over. No step makes a way cheaper.
    fn step(&mut self, pace: &RiderPace, stop: &Stop) -> (i64, i64) {
        match stop {
            Stop::Pickup(errand) => {
                let (arrives_at, pickup_at) = if self.stands_at(errand) {
                    // Meals of one shop are taken together: one stop.
                    let taken_at = self.time - pace.after_pickup_ms;
                    (taken_at, taken_at.max(errand.ready_at))
                } else {
                    let arrives_at = self.drive(pace, errand.from);
                    (arrives_at, (arrives_at + pace.before_pickup_ms).max(errand.ready_at))
                };
                self.standing = Some(errand.shop);
                self.time = pickup_at + pace.after_pickup_ms;
                (arrives_at, pickup_at)
            }
            Stop::Dropoff(errand) => {
                let arrives_at = self.drive(pace, errand.to);
                let dropoff_at = arrives_at + pace.before_dropoff_ms;
                self.run.cost += waited(stop, dropoff_at);
                self.standing = None;
                self.time = dropoff_at + pace.after_dropoff_ms;
                (arrives_at, dropoff_at)
            }
        }
    }
}

/// Walks the stops; tells each with the times of arrival and of the taking or handing over.
pub(super) fn walk(
    pace: &RiderPace,
    start: Start,
    stops: impl Iterator<Item = Stop>,
    mut each: impl FnMut(&Stop, i64, i64),
) -> Run {
    let mut walk = Walk::from(start);
    for stop in stops {
        let (arrives_at, done_at) = walk.step(pace, &stop);
        each(&stop, arrives_at, done_at);
    }
    walk.run
}

/// Stops with one delivery more: its pickup before the stop at `pickup`, its door before the stop at `dropoff` (not before
/// the pickup).
pub(super) fn with(
    stops: &[Stop],
    errand: Errand,
    pickup: usize,
    dropoff: usize,
) -> impl Iterator<Item = Stop> {
    let (head, rest) = stops.split_at(pickup.min(stops.len()));
    let (middle, tail) = rest.split_at(dropoff.saturating_sub(pickup).min(rest.len()));
    head.iter()
        .copied()
        .chain(std::iter::once(Stop::Pickup(errand)))
        .chain(middle.iter().copied())
        .chain(std::iter::once(Stop::Dropoff(errand)))
        .chain(tail.iter().copied())
}

/// Where a delivery fits in best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub pickup: usize,
    pub dropoff: usize,
    pub run: Run,
}

/// The cheapest place, the first of equal ones. What costs `limit` or more in all is not looked for to its end, and `None` when
/// nothing costs less. `tails`: what those wait who come from each stop on, as long as nothing is added, or nothing: nothing that is
/// added makes them wait less.
pub(super) fn cheapest(
    pace: &RiderPace,
    start: Start,
    stops: &[Stop],
    tails: &[i64],
    errand: Errand,
    limit: i64,
) -> Option<Place> {
    let tail = |stop: usize| tails.get(stop).copied().unwrap_or_default();
    let mut best: Option<Place> = None;
    let mut limit = limit;
    let mut to_pickup = Walk::from(start);
    for pickup in 0..=stops.len() {
        let own = if to_pickup.stands_at(&errand) {
            0
        } else {
            at_least(pace, Start { at: to_pickup.at, time: to_pickup.time }, &errand)
        };
        if to_pickup.run.cost + tail(pickup) + own >= limit {
            break;
        }
        let mut to_door = to_pickup;
        to_door.step(pace, &Stop::Pickup(errand));
        for dropoff in pickup..=stops.len() {
            if to_door.run.cost + tail(dropoff) >= limit {
                break;
            }
            let mut walk = to_door;
            walk.step(pace, &Stop::Dropoff(errand));
            let to_its_end = stops.iter().enumerate().skip(dropoff).all(|(nth, stop)| {
                let may_be = walk.run.cost + tail(nth) < limit;
                walk.step(pace, stop);
                may_be
            });
            if to_its_end && walk.run.cost < limit {
                limit = walk.run.cost;
                best = Some(Place { pickup, dropoff, run: walk.run });
            }
            if let Some(stop) = stops.get(dropoff) {
                to_door.step(pace, stop);
            }
        }
        if let Some(stop) = stops.get(pickup) {
            to_pickup.step(pace, stop);
        }
    }
    best
}

/// The least that a delivery can cost a rider, wherever it fits in: straight to the shop, straight to the door. Whole
/// minutes are not counted, so that no detour can be cheaper.
pub(super) fn at_least(pace: &RiderPace, start: Start, errand: &Errand) -> i64 {
    let straight = |from: Point, to: Point| (from.metres(to) / pace.metres_per_minute * 60_000.0) as i64;
    let pickup_at =
        (start.time + straight(start.at, errand.from) + pace.before_pickup_ms).max(errand.ready_at);
    let door = pickup_at + pace.after_pickup_ms + straight(errand.from, errand.to) + pace.before_dropoff_ms;
    WAIT * (door - errand.received_at).max(0) + LATE * (door - errand.due_at).max(0)
}
