//! A rolling horizon: the trips of all riders are planned ahead over what is known, mended at every step, and told only when
//! a rider must leave.
//!
//! A rider carries out one trip after the other: to one shop, from there to the doors. What is told is never taken back, so
//! it is told as late as it costs nothing: when the rider must leave to be there when the meal is ready. Until then an order
//! that comes in may still change the plan. Nothing here knows an order before it is [placed](Horizon::place).

mod dice;
mod improve;
mod insert;
mod stand;
mod trip;

use crate::ground::{Point, RiderPace};
use dice::Dice;
use insert::Found;
pub use trip::MealId;
use trip::{Leg, Trip};

/// What is to be carried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meal {
    /// Which shop: meals of one shop may travel together.
    pub shop: u32,
    /// Where the shop is.
    pub from: Point,
    /// Where it goes.
    pub to: Point,
    /// When it was ordered.
    pub placed_at: i64,
    /// When the meal is ready.
    pub ready_at: i64,
    /// Where not all can be carried, the others stand back for it.
    pub first: bool,
}

/// A rider's place among the riders, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RiderNo(pub usize);

/// What a minute of each kind costs, in any unit. A customer's wait is the measure; distance decides between
/// plans that are about as quick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// From order to door.
    pub wait: i64,
    /// On the road.
    pub drive: i64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { wait: 100, drive: 4 }
    }
}

/// What a rider is told: go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Who.
    pub rider: RiderNo,
    /// What, in the order of the doors.
    pub meals: Vec<MealId>,
    /// When the rider leaves for the shop.
    pub leave_at: i64,
    /// When the meals are taken.
    pub pickup_at: i64,
    /// When each is handed over.
    pub dropoff_at: Vec<i64>,
    /// On the road, all in all.
    pub drive_ms: i64,
}

/// A rider, and the trips that are planned but not told.
#[derive(Debug, Clone)]
struct Planned {
    /// Until when the rider carries out what was told; before that nothing else can be.
    free_at: i64,
    /// Where the rider is then.
    place: Point,
    /// Until when the rider picks up.
    off_at: i64,
    trips: Vec<Trip>,
    cost: i64,
    /// What it costs the orders to come that this rider no longer stands there: part of the cost of any trips.
    stand: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    /// Known, and in nobody's plan.
    Open,
    Planned(usize),
    /// Told, or withdrawn.
    Gone,
}

/// Plans of all riders of a center.
#[derive(Debug, Clone)]
pub struct Horizon {
    pace: RiderPace,
    weights: Weights,
    riders: Vec<Planned>,
    meals: Vec<Meal>,
    whereabouts: Vec<Whereabouts>,
    /// Known and not told, in the order in which they were placed.
    waiting: Vec<MealId>,
    dice: Dice,
    now: i64,
}

impl Horizon {
    /// Nobody and nothing yet.
    #[must_use]
    pub fn new(pace: RiderPace, weights: Weights) -> Self {
        Self {
            pace,
            weights,
            riders: Vec::new(),
            meals: Vec::new(),
            whereabouts: Vec::new(),
            waiting: Vec::new(),
            dice: Dice::new(1),
            now: i64::MIN,
        }
    }

    /// From now on a minute costs something else.
    pub fn set_weights(&mut self, weights: Weights) {
        self.weights = weights;
    }

    /// A rider who is at `place` from `on_at` on and picks up until `off_at`.
    pub fn add_rider(&mut self, place: Point, on_at: i64, off_at: i64) -> RiderNo {
        self.riders.push(Planned { free_at: on_at, place, off_at, trips: Vec::new(), cost: 0, stand: 0 });
        RiderNo(self.riders.len() - 1)
    }

    /// An order is known from now on.
    pub fn place(&mut self, meal: Meal) -> MealId {
        let id = MealId(u32::try_from(self.meals.len()).unwrap_or(u32::MAX));
        self.meals.push(meal);
        self.whereabouts.push(Whereabouts::Open);
        self.waiting.push(id);
        id
    }

    /// What is known and not told to any rider.
    #[must_use]
    pub fn waiting(&self) -> &[MealId] {
        &self.waiting
    }

    /// Mends the plans with what is known at `now`, and tells the riders who must leave. Times don't run backwards.
    pub fn step(&mut self, now: i64) -> Vec<Instruction> {
        self.now = self.now.max(now);
        self.value_stands();
        self.refresh();
        self.plan_open();
        self.improve();
        self.tell()
    }

    /// Costs of the plans as they are from now on; what can't be carried out any more is open again.
    fn refresh(&mut self) {
        for rider in 0..self.riders.len() {
            let Some(planned) = self.riders.get(rider).filter(|planned| !planned.trips.is_empty()) else {
                continue;
            };
            match self.cost(planned, &planned.trips) {
                Some(cost) => {
                    if let Some(planned) = self.riders.get_mut(rider) {
                        planned.cost = cost;
                    }
                }
                None => self.open_again(rider),
            }
        }
    }

    fn open_again(&mut self, rider: usize) {
        let Some(planned) = self.riders.get_mut(rider) else { return };
        planned.cost = 0;
        for trip in std::mem::take(&mut planned.trips) {
            for meal in trip.meals() {
                self.set_whereabouts(*meal, Whereabouts::Open);
            }
        }
    }

    /// Plans what is in nobody's plan, the oldest first.
    fn plan_open(&mut self) {
        for meal in self.waiting.clone() {
            if self.whereabouts_of(meal) == Whereabouts::Open
                && let Some(found) = self.cheapest(meal)
            {
                self.take(meal, found);
            }
        }
    }

    fn take(&mut self, meal: MealId, found: Found) {
        if let Some(planned) = self.riders.get_mut(found.rider) {
            planned.trips = found.trips;
            planned.cost = found.cost;
            self.set_whereabouts(meal, Whereabouts::Planned(found.rider));
        }
    }

    /// Riders who must leave for their first trip are told it.
    fn tell(&mut self) -> Vec<Instruction> {
        let mut told = Vec::new();
        for rider in 0..self.riders.len() {
            let Some(planned) = self.riders.get(rider).filter(|planned| planned.free_at <= self.now) else {
                continue;
            };
            let Some(trip) = planned.trips.first().copied() else { continue };
            let mut leg = Leg::new(planned.place, self.now);
            let Some(shop) = self.meals.get(trip.first().index()).map(|meal| meal.from) else { continue };
            let latest =
                trip.ready_at - self.pace.before_pickup_ms - self.pace.travel_ms(planned.place, shop);
            if latest > self.now {
                continue;
            }
            let leave_at = self.now;
            let pickup_at = leg.pick_up(&self.pace, shop, trip.ready_at);
            let mut drive_ms = leg.driven;
            let dropoff_at = trip
                .meals()
                .iter()
                .filter_map(|meal| self.meals.get(meal.index()))
                .map(|meal| {
                    let at = leg.drop_off(&self.pace, meal.to);
                    drive_ms += leg.driven;
                    at
                })
                .collect();
            told.push(Instruction {
                rider: RiderNo(rider),
                meals: trip.meals().to_vec(),
                leave_at,
                pickup_at,
                dropoff_at,
                drive_ms,
            });
            for meal in trip.meals() {
                self.set_whereabouts(*meal, Whereabouts::Gone);
            }
            if let Some(planned) = self.riders.get_mut(rider) {
                planned.trips.remove(0);
                planned.free_at = leg.time;
                planned.place = leg.at;
                planned.cost = 0;
            }
        }
        let whereabouts = &self.whereabouts;
        self.waiting.retain(|meal| whereabouts.get(meal.index()).is_some_and(|at| *at != Whereabouts::Gone));
        told
    }

    fn whereabouts_of(&self, meal: MealId) -> Whereabouts {
        self.whereabouts.get(meal.index()).copied().unwrap_or(Whereabouts::Gone)
    }

    fn set_whereabouts(&mut self, meal: MealId, to: Whereabouts) {
        if let Some(at) = self.whereabouts.get_mut(meal.index()) {
            *at = to;
        }
    }

    /// What a rider's trips cost from now on; `None`: one would be picked up after the rider's end.
    fn cost(&self, planned: &Planned, trips: &[Trip]) -> Option<i64> {
        let mut leg = Leg::new(planned.place, planned.free_at.max(self.now));
        let mut cost = if trips.is_empty() { 0 } else { planned.stand };
        for trip in trips {
            let shop = self.meals.get(trip.first().index())?.from;
            let pickup_at = leg.pick_up(&self.pace, shop, trip.ready_at);
            if pickup_at > planned.off_at {
                return None;
            }
            cost += self.weights.drive * leg.driven;
            for meal in trip.meals() {
                let meal = self.meals.get(meal.index())?;
                let at = leg.drop_off(&self.pace, meal.to);
                cost += self.weights.wait * (at - meal.placed_at) + self.weights.drive * leg.driven;
            }
        }
        Some(cost)
    }
}
