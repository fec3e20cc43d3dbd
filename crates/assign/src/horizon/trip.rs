//! One trip of a rider: one shop, then the doors.

use super::Meal;
use crate::ground::{Point, RiderPace};

/// A meal's place among those that were placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MealId(pub u32);

impl MealId {
    /// As an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// As many meals as fit into a bag.
const BAG: usize = 6;

/// One trip: meals of one shop, in the order of their doors. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trip {
    /// Which shop.
    pub shop: u32,
    /// When the last of its meals is ready.
    pub ready_at: i64,
    len: usize,
    meals: [MealId; BAG],
}

impl Trip {
    pub(super) fn of(id: MealId, meal: &Meal) -> Self {
        Self { shop: meal.shop, ready_at: meal.ready_at, len: 1, meals: [id; BAG] }
    }

    /// Its meals, in the order of the doors.
    #[must_use]
    pub(super) fn meals(&self) -> &[MealId] {
        self.meals.get(..self.len).unwrap_or(&self.meals)
    }

    pub(super) fn first(&self) -> MealId {
        self.meals.first().copied().unwrap_or(MealId(u32::MAX))
    }

    /// The same with one more door at `place`; `None` when the bag is full.
    pub(super) fn with(mut self, place: usize, id: MealId, meal: &Meal) -> Option<Self> {
        if self.len >= BAG || place > self.len {
            return None;
        }
        self.len += 1;
        self.meals.get_mut(place..self.len)?.rotate_right(1);
        *self.meals.get_mut(place)? = id;
        self.ready_at = self.ready_at.max(meal.ready_at);
        Some(self)
    }

    /// The same without a meal; `None` when nothing is left.
    pub(super) fn without(mut self, id: MealId, meals: &[Meal]) -> Option<Self> {
        let Some(place) = self.meals().iter().position(|meal| *meal == id) else { return Some(self) };
        self.meals.get_mut(place..self.len)?.rotate_left(1);
        self.len -= 1;
        self.ready_at =
            self.meals().iter().filter_map(|meal| meals.get(meal.index())).map(|meal| meal.ready_at).max()?;
        Some(self)
    }
}

/// A rider on the way: where and when, and how long the last way was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg {
    pub at: Point,
    pub time: i64,
    pub driven: i64,
}

impl Leg {
    pub(super) fn new(at: Point, time: i64) -> Self {
        Self { at, time, driven: 0 }
    }

    /// Drives to a shop and takes what is ready at `ready_at`; gives the time of the pickup.
    pub(super) fn pick_up(&mut self, pace: &RiderPace, shop: Point, ready_at: i64) -> i64 {
        self.driven = pace.travel_ms(self.at, shop);
        let pickup_at = (self.time + self.driven + pace.before_pickup_ms).max(ready_at);
        self.time = pickup_at + pace.after_pickup_ms;
        self.at = shop;
        pickup_at
    }

    /// Drives to a door; gives the time of the handing over.
    pub(super) fn drop_off(&mut self, pace: &RiderPace, door: Point) -> i64 {
        self.driven = pace.travel_ms(self.at, door);
        let dropoff_at = self.time + self.driven + pace.before_dropoff_ms;
        self.time = dropoff_at + pace.after_dropoff_ms;
        self.at = door;
        dropoff_at
    }
}
