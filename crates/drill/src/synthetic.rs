//! A day that is made up from a seed: a district, its shops and doors, lunch and dinner peaks, and riders for them.

use crate::day::{Day, Order, Pace, Shift, midnight, order_prefix};
use crate::dice::Dice;
use crate::district::district;
use crate::korean;
use gwanje_model::{CenterId, Pos, RiderId, Text};
use jiff::civil::Date;

/// What a synthetic day is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SyntheticSpec {
    /// Which center: see [`district`].
    pub center_index: usize,
    /// The same seed gives the same day.
    pub seed: u64,
    /// Orders in the day.
    pub orders: usize,
    /// The calendar date on which the day begins.
    pub date: Date,
}

impl SyntheticSpec {
    /// Orders in a day unless said otherwise.
    pub const ORDERS: usize = 900;
}

/// A motorcycle in the city, services, and what is promised: a door within 40 minutes, at the latest within 90.
const PACE: Pace = Pace {
    metres_per_minute: 300.0,
    pickup_service_min: 2.0,
    dropoff_service_min: 2.0,
    target_click_to_door_min: 40,
    max_click_to_door_min: 90,
};

/// When orders are placed: from, to (minutes after midnight), and how many of a thousand.
const WAVES: [(i64, i64, i64); 6] = [
    (10 * 60, 11 * 60 + 30, 70),
    (11 * 60 + 30, 13 * 60, 250),
    (13 * 60, 17 * 60 + 30, 170),
    (17 * 60 + 30, 20 * 60, 360),
    (20 * 60, 22 * 60, 110),
    (22 * 60, 24 * 60, 40),
];

/// Shifts: from, to (minutes after midnight), and riders for a hundred orders a day.
const SHIFTS: [(i64, i64, f64); 4] = [
    (9 * 60 + 50, 15 * 60, 2.6),
    (10 * 60 + 30, 20 * 60 + 30, 2.2),
    (16 * 60 + 30, 22 * 60 + 30, 4.6),
    (18 * 60, 25 * 60 + 30, 2.2),
];

/// One shop for this many orders a day, and at least this many shops.
const ORDERS_A_SHOP: usize = 12;
const SHOPS_AT_LEAST: usize = 12;

/// Shops and doors lie around the middle of the district with this deviation in metres.
const SPREAD_M: f64 = 900.0;
/// Doors lie around their shops with this deviation in metres.
const REACH_M: f64 = 800.0;

impl Day {
    /// A day made up from a seed.
    #[must_use]
    pub fn synthetic(spec: SyntheticSpec) -> Self {
        let district = district(spec.center_index);
        let keys = [spec.seed, spec.center_index as u64, spec.date.year().unsigned_abs().into()];
        let [seed, center, year] = keys;
        let day_of_year = spec.date.day_of_year().unsigned_abs().into();
        let dice = |what: u64, nth: usize| Dice::of(&[seed, center, year, day_of_year, what, nth as u64]);

        let shop_count = (spec.orders / ORDERS_A_SHOP).max(SHOPS_AT_LEAST);
        let shops: Vec<_> = (0..shop_count)
            .map(|nth| {
                let mut dice = dice(1, nth);
                let pos = around(&mut dice, district.pos, SPREAD_M);
                korean::shop(&mut dice, &district, nth, pos)
            })
            .collect();
        let mut orders: Vec<Order> = (0..spec.orders)
            .map(|nth| {
                let mut dice = dice(2, nth);
                let placed_at = midnight(spec.date).plus_ms(wave(&mut dice));
                // The square of a throw: few shops get many orders.
                let shop = ((dice.unit().powi(2) * shop_count as f64) as usize).min(shop_count - 1);
                let from = shops.get(shop).and_then(|shop| shop.pos).unwrap_or(district.pos);
                let pos = around(&mut dice, from, REACH_M);
                let dropoff = korean::door(&mut dice, &district, pos);
                let (items, price_won) = korean::meal(&mut dice, shop);
                let distance_m = from.distance_m(pos).unwrap_or_default().round() as u32;
                Order {
                    order_no: Text::default(),
                    placed_at,
                    shop,
                    dropoff,
                    ready_at: placed_at.plus_ms(dice.between(8 * 60_000, 20 * 60_000)),
                    distance_m,
                    pickup_target_min: 25,
                    delivery_target_min: PACE.target_click_to_door_min,
                    items,
                    price_won,
                    request: korean::request(&mut dice),
                }
            })
            .collect();
        orders.sort_by_key(|order| order.placed_at);
        let order_prefix = order_prefix(spec.seed, spec.center_index, spec.date);
        number(&mut orders, &order_prefix);
        let riders = shifts(spec.orders)
            .enumerate()
            .map(|(nth, (on_min, off_min))| {
                let mut dice = dice(3, nth);
                let midnight = midnight(spec.date);
                let late_ms = dice.between(0, 20 * 60_000);
                Shift {
                    id: rider_id(&district.id, nth),
                    name: korean::person(&mut dice),
                    phone: korean::mobile(&mut dice),
                    pos: around(&mut dice, district.pos, SPREAD_M),
                    on_at: midnight.plus_min(on_min).plus_ms(late_ms),
                    off_at: midnight.plus_min(off_min).plus_ms(late_ms),
                }
            })
            .collect();
        Self {
            center: district.id,
            name: district.name,
            pos: district.pos,
            time_zone: Text::from("Asia/Seoul"),
            date: spec.date,
            order_prefix,
            pace: PACE,
            shops,
            riders,
            orders,
        }
    }
}

/// Order numbers, by the time at which orders are placed.
pub(crate) fn number(orders: &mut [Order], prefix: &str) {
    for (nth, order) in orders.iter_mut().enumerate() {
        order.order_no = Text::from(format!("{prefix}{:06}", nth + 1));
    }
}

/// The id of a center's `nth` rider.
pub(crate) fn rider_id(center: &CenterId, nth: usize) -> RiderId {
    RiderId::from(format!("{center}-r{}", nth + 1))
}

/// Milliseconds after midnight at which an order is placed.
fn wave(dice: &mut Dice) -> i64 {
    let mut left = dice.between(0, WAVES.iter().map(|(.., weight)| weight).sum::<i64>() - 1);
    let wave = WAVES.iter().find(|(.., weight)| {
        left -= weight;
        left < 0
    });
    wave.map_or(0, |(from, to, _)| dice.between(from * 60_000, to * 60_000 - 1))
}

fn shifts(orders: usize) -> impl Iterator<Item = (i64, i64)> {
    SHIFTS.iter().flat_map(move |&(on, off, per_hundred)| {
        let riders = (per_hundred * orders as f64 / 100.0).ceil() as usize;
        (0..riders.max(1)).map(move |_| (on, off))
    })
}

/// A place around another, with this deviation in metres.
fn around(dice: &mut Dice, middle: Pos, deviation_m: f64) -> Pos {
    /// Metres in a degree of latitude.
    const DEGREE_M: f64 = 111_195.0;
    let (east, north) = (dice.normal() * deviation_m, dice.normal() * deviation_m);
    // Six decimals: a tenth of a metre, as phones report it.
    let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
    match middle {
        Pos::Geo { lat, lon } => Pos::Geo {
            lat: round(lat + north / DEGREE_M),
            lon: round(lon + east / (DEGREE_M * lat.to_radians().cos())),
        },
        Pos::Plane { x, y } => Pos::Plane { x: (x + east).round(), y: (y + north).round() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::UtcMillis;
    use std::collections::BTreeSet;

    fn spec(seed: u64) -> SyntheticSpec {
        SyntheticSpec { center_index: 0, seed, orders: 900, date: Date::constant(2026, 3, 2) }
    }

    #[test]
    fn the_same_seed_gives_the_same_day() {
        assert_eq!(Day::synthetic(spec(1)), Day::synthetic(spec(1)));
        assert_ne!(Day::synthetic(spec(1)), Day::synthetic(spec(2)));
    }

    #[test]
    fn lunch_and_dinner_are_peaks() {
        let day = Day::synthetic(spec(1));
        let between = |from: UtcMillis, to: UtcMillis| {
            day.orders.iter().filter(|order| from <= order.placed_at && order.placed_at < to).count()
        };
        let a_minute =
            |h1, m1, h2, m2, minutes| between(day.at_clock(h1, m1), day.at_clock(h2, m2)) / minutes;
        let (lunch, dinner) = (a_minute(11, 30, 13, 0, 9), a_minute(17, 30, 20, 0, 15));
        let afternoon = a_minute(13, 0, 17, 30, 27);
        assert!(lunch > 2 * afternoon && dinner > 2 * afternoon, "{lunch} {afternoon} {dinner}");
        assert_eq!(between(day.at_clock(10, 0), day.at_clock(0, 0)), 900);
    }

    #[test]
    fn order_numbers_are_unique_and_places_lie_in_the_district() {
        let day = Day::synthetic(spec(3));
        let numbers: BTreeSet<_> = day.orders.iter().map(|order| &order.order_no).collect();
        assert_eq!(numbers.len(), 900);
        assert!(
            numbers.iter().all(|number| number.starts_with(day.order_prefix.as_str()) && number.len() == 12)
        );
        let far = |pos: Option<Pos>| pos.and_then(|pos| pos.distance_m(day.pos)).is_none_or(|m| m > 12_000.0);
        assert!(!day.orders.iter().any(|order| far(order.dropoff.pos)));
        assert!(day.orders.iter().all(|order| order.dropoff.phone.starts_with("010-0000-")));
        assert!(day.orders.iter().all(|order| !order.items.is_empty() && order.price_won > 0));
    }
}
