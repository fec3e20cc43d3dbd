//! What happens in one center in one day, before anybody acts on it.

use crate::dice::Dice;
use gwanje_model::{CenterId, Dropoff, Item, Pos, RiderId, Shop, Text, UtcMillis};
use jiff::civil::Date;

/// Korean standard time is nine hours ahead of UTC all year, so a day needs no time zone table.
const KST_AHEAD_MS: i64 = 9 * 3_600_000;

/// A clock time before this hour belongs to the night after the day.
const NIGHT_ENDS_HOUR: i64 = 6;

/// One center's day.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// The center's id.
    pub center: CenterId,
    /// Its name, for people.
    pub name: Text,
    /// Its middle.
    pub pos: Pos,
    /// IANA name of its time zone.
    pub time_zone: Text,
    /// The calendar date on which it begins.
    pub date: Date,
    /// What all its order numbers begin with.
    pub order_prefix: Text,
    /// How fast things go.
    pub pace: Pace,
    /// Its shops.
    pub shops: Vec<Shop>,
    /// Its riders, with their shifts.
    pub riders: Vec<Shift>,
    /// Its orders, by the time at which they are placed.
    pub orders: Vec<Order>,
}

/// How fast a center's riders are, and what is promised to customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// A rider's speed.
    pub metres_per_minute: f64,
    /// Minutes that a pickup takes at the shop.
    pub pickup_service_min: f64,
    /// Minutes that handing over takes at the door.
    pub dropoff_service_min: f64,
    /// Minutes aimed at from order to door.
    pub target_click_to_door_min: u32,
    /// Minutes from order to door beyond which an order isn't carried out.
    pub max_click_to_door_min: u32,
}

/// One rider and when they work.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// The rider's id, unique among all centers of a drill.
    pub id: RiderId,
    /// Name.
    pub name: Text,
    /// Phone.
    pub phone: Text,
    /// Where the rider begins.
    pub pos: Pos,
    /// When the rider begins.
    pub on_at: UtcMillis,
    /// Until when the rider picks up.
    pub off_at: UtcMillis,
}

/// One order, as it will be placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Unique within the center.
    pub order_no: Text,
    /// When it is placed.
    pub placed_at: UtcMillis,
    /// Place in [`Day::shops`].
    pub shop: usize,
    /// Where it goes.
    pub dropoff: Dropoff,
    /// When the meal is ready.
    pub ready_at: UtcMillis,
    /// Metres from shop to drop-off.
    pub distance_m: u32,
    /// Minutes aimed at from order to pickup.
    pub pickup_target_min: u32,
    /// Minutes aimed at from order to door.
    pub delivery_target_min: u32,
    /// What was ordered.
    pub items: Vec<Item>,
    /// For how much.
    pub price_won: u64,
    /// What the customer asks for.
    pub request: Text,
}

impl Day {
    /// The instant at which the day's clock shows `hour`:`minute`. Times before six belong to the night after it.
    #[must_use]
    pub fn at_clock(&self, hour: u32, minute: u32) -> UtcMillis {
        at_clock(self.date, i64::from(hour), i64::from(minute))
    }

    /// When the first order is placed or the first rider begins, whichever comes first.
    #[must_use]
    pub fn begins_at(&self) -> UtcMillis {
        let orders = self.orders.first().map(|order| order.placed_at);
        let riders = self.riders.iter().map(|shift| shift.on_at).min();
        orders.into_iter().chain(riders).min().unwrap_or_else(|| self.at_clock(10, 0))
    }

    /// A rider's whole minutes from one place to another; `None` when one is in degrees and the other on a plane.
    #[must_use]
    pub fn travel_min(&self, from: Pos, to: Pos) -> Option<i64> {
        self.pace.travel_min(from, to)
    }
}

impl Pace {
    /// Whole minutes from one place to another: ceil(distance / speed). `None`: places of different kinds.
    #[must_use]
    pub fn travel_min(&self, from: Pos, to: Pos) -> Option<i64> {
        // The cast saturates; a city is far smaller.
        from.distance_m(to).map(|metres| (metres / self.metres_per_minute.max(1.0)).ceil() as i64)
    }

    /// Half of a pickup's time at the shop, in milliseconds.
    pub(crate) fn half_pickup_ms(&self) -> i64 {
        (self.pickup_service_min * 30_000.0) as i64
    }

    /// Handing over, in milliseconds.
    pub(crate) fn dropoff_ms(&self) -> i64 {
        (self.dropoff_service_min * 60_000.0) as i64
    }
}

/// See [`Day::at_clock`].
pub(crate) fn at_clock(date: Date, hour: i64, minute: i64) -> UtcMillis {
    let hour = if hour < NIGHT_ENDS_HOUR { hour + 24 } else { hour };
    midnight(date).plus_min(hour * 60 + minute)
}

/// Midnight in Seoul at the beginning of `date`.
pub(crate) fn midnight(date: Date) -> UtcMillis {
    let epoch = Date::constant(1970, 1, 1);
    let days = epoch.duration_until(date).as_hours() / 24;
    UtcMillis(days * 86_400_000 - KST_AHEAD_MS)
}

/// What the order numbers of a center's day begin with: six letters, the last two the center's own.
pub(crate) fn order_prefix(seed: u64, center_index: usize, date: Date) -> Text {
    let letter = |n: u64| char::from(b'A' + u8::try_from(n % 26).unwrap_or_default());
    let days = date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
    let mut dice = Dice::of(&[seed, u64::from(days.unsigned_abs())]);
    let mut prefix: String = (0..4).map(|_| letter(dice.between(0, 25).unsigned_abs())).collect();
    prefix.push(letter(center_index as u64 / 26));
    prefix.push(letter(center_index as u64));
    Text::from(prefix)
}
