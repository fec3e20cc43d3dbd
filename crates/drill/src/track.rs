//! One order under way, as the drill sees it: its plan, and the newest copy of its row.

use crate::day::{Day, Pace};
use crate::fate::Fate;
use gwanje_model::{Delivery, DeliveryId, Pos, Rev, RiderId, Status, UtcMillis};

/// Who carries a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A rider of the drill: place among the couriers.
    Ours(usize),
    /// A rider that people listed: their way isn't known.
    Stranger(RiderId),
}

/// What the drill needs of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub id: DeliveryId,
    pub rev: Rev,
    pub status: Status,
    pub rider: Option<RiderId>,
    pub confirmed: bool,
    pub modified_at: UtcMillis,
    pub assigned_at: Option<UtcMillis>,
    pub picked_up_at: Option<UtcMillis>,
}

impl Seen {
    /// Of that row.
    pub fn of(row: &Delivery) -> Self {
        Self {
            id: row.id,
            rev: row.rev,
            status: row.status,
            rider: row.rider.as_ref().map(|rider| rider.id.clone()),
            confirmed: row.rider.as_ref().is_some_and(|rider| rider.confirmed),
            modified_at: row.modified_at,
            assigned_at: row.assigned_at,
            picked_up_at: row.picked_up_at,
        }
    }
}

/// One order under way.
#[derive(Debug)]
pub(crate) struct Track {
    /// Place among the days.
    pub day: usize,
    /// Place among the day's orders.
    pub order: usize,
    pub placed_at: UtcMillis,
    pub ready_at: UtcMillis,
    /// The last instant at which a pickup still reaches the door within the longest click-to-door time.
    pub latest_pickup: UtcMillis,
    pub shop_pos: Option<Pos>,
    pub door_pos: Option<Pos>,
    /// Minutes from shop to door.
    pub ride_min: i64,
    pub pace: Pace,
    pub fate: Fate,

    /// The hub's id, once it has answered.
    pub id: Option<DeliveryId>,
    /// Where it stands when all acts succeed; `None`: not placed yet.
    pub status: Option<Status>,
    pub carrier: Option<Carrier>,
    pub confirmed: bool,
    /// When it was last changed.
    pub at: UtcMillis,
    /// How often it was assigned.
    pub attempt: u32,
    /// Riders who shall not get it again.
    pub not_again: Vec<usize>,
    /// Events of older plans are void.
    pub plan: u32,
    /// Acts that are not answered yet.
    pub pending: u32,
    /// An act was refused: the newest row tells where it stands.
    pub diverged: bool,
    /// It was refused because somebody else was first.
    pub by_people: bool,
    /// How often in a row an act was refused.
    pub refusals: u32,
    /// Nothing is done to it before this.
    pub not_before: UtcMillis,
    /// The newest copy of its row.
    pub seen: Option<Seen>,
    /// Ended, or given up on.
    pub over: bool,
}

/// Minutes for a way whose ends aren't known.
const UNKNOWN_WAY_MIN: i64 = 8;

impl Track {
    /// An order that is not placed yet; `None` when the day has no such order.
    pub fn new(day_ix: usize, day: &Day, order_ix: usize, fate: Fate) -> Option<Self> {
        let order = day.orders.get(order_ix)?;
        let pace = day.pace;
        let shop_pos = day.shops.get(order.shop).and_then(|shop| shop.pos);
        let door_pos = order.dropoff.pos;
        let ride_min = ride_min(&pace, shop_pos, door_pos);
        let after_pickup_ms = pace.half_pickup_ms() + ride_min * 60_000 + pace.dropoff_ms();
        Some(Self {
            day: day_ix,
            order: order_ix,
            placed_at: order.placed_at,
            ready_at: order.ready_at,
            latest_pickup: order
                .placed_at
                .plus_min(i64::from(pace.max_click_to_door_min))
                .plus_ms(-after_pickup_ms),
            shop_pos,
            door_pos,
            ride_min,
            pace,
            fate,
            id: None,
            status: None,
            carrier: None,
            confirmed: false,
            at: order.placed_at,
            attempt: 0,
            not_again: Vec::new(),
            plan: 0,
            pending: 0,
            diverged: false,
            by_people: false,
            refusals: 0,
            not_before: UtcMillis(i64::MIN),
            seen: None,
            over: false,
        })
    }

    /// When a rider who sets off from `from` at `at` can have the meal: not before it is ready, nor before half the
    /// pickup's service is over.
    pub fn pickup_from(&self, from: Option<Pos>, at: UtcMillis) -> UtcMillis {
        at.plus_min(ride_min(&self.pace, from, self.shop_pos))
            .plus_ms(self.pace.half_pickup_ms())
            .max(self.ready_at)
    }

    /// When a meal that was picked up at that instant is at the door.
    pub fn at_door(&self, picked_up_at: UtcMillis) -> UtcMillis {
        picked_up_at.plus_ms(self.pace.half_pickup_ms()).plus_min(self.ride_min)
    }

    /// The rider of the drill who carries it.
    pub fn courier(&self) -> Option<usize> {
        match self.carrier {
            Some(Carrier::Ours(courier)) => Some(courier),
            Some(Carrier::Stranger(_)) | None => None,
        }
    }
}

/// Whole minutes for a way; a usual one when an end isn't known.
pub(crate) fn ride_min(pace: &Pace, from: Option<Pos>, to: Option<Pos>) -> i64 {
    from.zip(to).and_then(|(from, to)| pace.travel_min(from, to)).unwrap_or(UNKNOWN_WAY_MIN)
}
