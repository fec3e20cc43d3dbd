//! A real day of orders: a public Meal Delivery Routing Problem instance (four tab-separated files with a header line).
//!
//! Times are whole minutes from the start of the day, places are metres on a plane. The files hold no names, meals or
//! addresses: those are invented here.

mod instance;
mod table;

use crate::day::{Day, Order, Shift, at_clock, order_prefix};
use crate::dice::Dice;
use crate::district::district;
use crate::korean;
use crate::synthetic::{number, rider_id};
use gwanje_model::{CenterId, Pos, Text, UtcMillis};
pub use instance::{Instance, InstanceCourier, InstanceOrder, Restaurant};
use jiff::civil::Date;
use std::path::PathBuf;
pub use table::DayFileError;

/// Which instance, and whose day it becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct MdrpSpec {
    /// The folder of the four files.
    pub dir: PathBuf,
    /// Which center: see [`district`]; its places are those of the files.
    pub center_index: usize,
    /// The seed of what is made up.
    pub seed: u64,
    /// The calendar date; minute 0 is 10:00 on it.
    pub date: Date,
}

/// The hour of minute 0.
const MINUTE_ZERO_HOUR: i64 = 10;

impl Day {
    /// Reads an instance.
    ///
    /// # Errors
    /// When a file can't be read, or holds something else; the error names file, line and column.
    pub fn from_mdrp(spec: &MdrpSpec) -> Result<Self, DayFileError> {
        let district = district(spec.center_index);
        let opens_at = at_clock(spec.date, MINUTE_ZERO_HOUR, 0);
        let dice = |what: u64, nth: usize| Dice::of(&[spec.seed, spec.center_index as u64, what, nth as u64]);
        let Instance { pace, restaurants, orders: placed, couriers } = Instance::read(&spec.dir)?;
        let shops: Vec<_> = restaurants
            .iter()
            .enumerate()
            .map(|(nth, shop)| korean::shop(&mut dice(1, nth), &district, nth, shop.pos))
            .collect();
        let mut orders = Vec::with_capacity(placed.len());
        for (nth, order) in placed.into_iter().enumerate() {
            let mut dice = dice(2, nth);
            let (shop, pos) = (order.restaurant, order.pos);
            let (items, price_won) = korean::meal(&mut dice, shop);
            let from = shops.get(shop).and_then(|shop| shop.pos).unwrap_or(pos);
            let ride_min = pace.travel_min(from, pos).unwrap_or_default();
            let after_pickup_min = ride_min + pace.dropoff_service_min.ceil() as i64;
            let target = pace.target_click_to_door_min;
            orders.push(Order {
                order_no: Text::default(),
                placed_at: opens_at.plus_min(order.placed_min),
                shop,
                dropoff: korean::door(&mut dice, &district, pos),
                ready_at: opens_at.plus_min(order.ready_min),
                distance_m: from.distance_m(pos).unwrap_or_default().round() as u32,
                pickup_target_min: target
                    .saturating_sub(u32::try_from(after_pickup_min).unwrap_or(target))
                    .max(5),
                delivery_target_min: target,
                items,
                price_won,
                request: korean::request(&mut dice),
            });
        }
        // A stable sort: orders of one minute stay in the order of the file.
        orders.sort_by_key(|order| order.placed_at);
        let order_prefix = order_prefix(spec.seed, spec.center_index, spec.date);
        number(&mut orders, &order_prefix);
        Ok(Self {
            riders: riders(spec, opens_at, &district.id, &couriers),
            center: district.id,
            name: district.name,
            pos: middle(shops.iter().filter_map(|shop| shop.pos)),
            time_zone: Text::from("Asia/Seoul"),
            date: spec.date,
            order_prefix,
            pace,
            shops,
            orders,
        })
    }
}

fn riders(
    spec: &MdrpSpec,
    opens_at: UtcMillis,
    center: &CenterId,
    couriers: &[InstanceCourier],
) -> Vec<Shift> {
    let shift = |(nth, courier): (usize, &InstanceCourier)| {
        let mut dice = Dice::of(&[spec.seed, spec.center_index as u64, 3, nth as u64]);
        Shift {
            id: rider_id(center, nth),
            name: korean::person(&mut dice),
            phone: korean::mobile(&mut dice),
            pos: courier.pos,
            on_at: opens_at.plus_min(courier.on_min),
            off_at: opens_at.plus_min(courier.off_min),
        }
    };
    couriers.iter().enumerate().map(shift).collect()
}

fn middle(places: impl Iterator<Item = Pos>) -> Pos {
    let (mut sum_x, mut sum_y, mut count) = (0.0, 0.0, 0.0);
    for place in places {
        if let Pos::Plane { x, y } = place {
            sum_x += x;
            sum_y += y;
            count += 1.0;
        }
    }
    let count = f64::max(count, 1.0);
    Pos::Plane { x: (sum_x / count).round(), y: (sum_y / count).round() }
}
