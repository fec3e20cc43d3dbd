//! An instance as its files say it: ids, whole minutes, metres.

use super::table::{DayFileError, Table};
use crate::day::Pace;
use gwanje_model::Pos;
use rustc_hash::FxHashMap;
use std::path::Path;

/// A Meal Delivery Routing Problem instance, in the order of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// How fast riders are, and what is promised.
    pub pace: Pace,
    /// Its shops.
    pub restaurants: Vec<Restaurant>,
    /// Its orders.
    pub orders: Vec<InstanceOrder>,
    /// Its riders.
    pub couriers: Vec<InstanceCourier>,
}

/// A shop of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Restaurant {
    /// Unique among the shops.
    pub id: String,
    /// Where it is, on a plane.
    pub pos: Pos,
}

/// An order of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceOrder {
    /// Unique among the orders.
    pub id: String,
    /// Where it goes, on a plane.
    pub pos: Pos,
    /// When it is placed, in minutes of the day.
    pub placed_min: i64,
    /// Place in [`Instance::restaurants`].
    pub restaurant: usize,
    /// When the meal is ready, in minutes of the day; never before it is placed.
    pub ready_min: i64,
}

/// A rider of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceCourier {
    /// Unique among the riders.
    pub id: String,
    /// Where the rider begins, on a plane.
    pub pos: Pos,
    /// When, in minutes of the day.
    pub on_min: i64,
    /// Until when the rider picks up; never before the beginning.
    pub off_min: i64,
}

impl Instance {
    /// Reads the four files of a folder.
    ///
    /// # Errors
    /// When a file can't be read, or holds something else; the error names file, line and column.
    pub fn read(dir: &Path) -> Result<Self, DayFileError> {
        let pace = pace(dir)?;
        let mut restaurants: Vec<Restaurant> = Vec::new();
        let mut restaurant_ids: FxHashMap<String, usize> = FxHashMap::default();
        let file = Table::read(dir, "restaurants.txt", &["restaurant", "x", "y"])?;
        for row in file.rows() {
            let row = row?;
            let [id, x, y] = row.fields()?;
            if restaurant_ids.insert(id.text.to_owned(), restaurants.len()).is_some() {
                return Err(row.wrong(&id, format!("the restaurant {:?} is listed twice", id.text)));
            }
            restaurants.push(Restaurant { id: id.text.to_owned(), pos: row.place(&x, &y)? });
        }
        let orders = orders(dir, &restaurant_ids)?;
        let couriers = couriers(dir)?;
        Ok(Self { pace, restaurants, orders, couriers })
    }
}

fn orders(dir: &Path, restaurants: &FxHashMap<String, usize>) -> Result<Vec<InstanceOrder>, DayFileError> {
    let mut orders = Vec::new();
    let mut ids: FxHashMap<String, ()> = FxHashMap::default();
    let columns = ["order", "x", "y", "placement_time", "restaurant", "ready_time"];
    let file = Table::read(dir, "orders.txt", &columns)?;
    for row in file.rows() {
        let row = row?;
        let [id, x, y, placed, restaurant, ready] = row.fields()?;
        if ids.insert(id.text.to_owned(), ()).is_some() {
            return Err(row.wrong(&id, format!("the order {:?} is listed twice", id.text)));
        }
        let pos = row.place(&x, &y)?;
        let Some(&shop) = restaurants.get(restaurant.text) else {
            let what = format!("no restaurant {:?} in restaurants.txt", restaurant.text);
            return Err(row.wrong(&restaurant, what));
        };
        let (placed_min, ready_min) = (row.minute(&placed)?, row.minute(&ready)?);
        if ready_min < placed_min {
            let what = format!("ready at minute {ready_min}, before it is placed at minute {placed_min}");
            return Err(row.wrong(&ready, what));
        }
        orders.push(InstanceOrder { id: id.text.to_owned(), pos, placed_min, restaurant: shop, ready_min });
    }
    Ok(orders)
}

fn couriers(dir: &Path) -> Result<Vec<InstanceCourier>, DayFileError> {
    let mut couriers = Vec::new();
    let mut ids: FxHashMap<String, ()> = FxHashMap::default();
    let file = Table::read(dir, "couriers.txt", &["courier", "x", "y", "on_time", "off_time"])?;
    for row in file.rows() {
        let row = row?;
        let [id, x, y, on, off] = row.fields()?;
        if ids.insert(id.text.to_owned(), ()).is_some() {
            return Err(row.wrong(&id, format!("the courier {:?} is listed twice", id.text)));
        }
        let pos = row.place(&x, &y)?;
        let (on_min, off_min) = (row.minute(&on)?, row.minute(&off)?);
        if off_min < on_min {
            return Err(row.wrong(&off, format!("off at minute {off_min}, before on at minute {on_min}")));
        }
        couriers.push(InstanceCourier { id: id.text.to_owned(), pos, on_min, off_min });
    }
    Ok(couriers)
}

fn pace(dir: &Path) -> Result<Pace, DayFileError> {
    let columns = [
        "meters_per_minute",
        "pickup service minutes",
        "dropoff service minutes",
        "target click-to-door",
        "maximum click-to-door",
        "pay per order",
        "guaranteed pay per hour",
    ];
    let file = Table::read(dir, "instance_parameters.txt", &columns)?;
    let Some(row) = file.rows().next() else {
        return Err(file.wrong(2, 1, "a line with the parameters is missing".to_owned()));
    };
    let row = row?;
    let [speed, pickup, dropoff, target, longest, _, _] = row.fields()?;
    let metres_per_minute = row.number(&speed, "metres per minute", 1.0, 100_000.0)?;
    let pickup_service_min = row.number(&pickup, "minutes", 0.0, 600.0)?;
    let dropoff_service_min = row.number(&dropoff, "minutes", 0.0, 600.0)?;
    let target_min = row.number(&target, "minutes", 1.0, 1_440.0)?;
    let longest_min = row.number(&longest, "minutes", target_min, 1_440.0)?;
    Ok(Pace {
        metres_per_minute,
        pickup_service_min,
        dropoff_service_min,
        target_click_to_door_min: target_min.round() as u32,
        max_click_to_door_min: longest_min.round() as u32,
    })
}
