//! What is offered: a rider for a delivery, with the reasons as values.

use super::RiderEntry;
use super::plan::{Errand, Place, Stop, Times};
use gwanje_model::{DeliveryId, RiderId, UtcMillis};

/// A rider for a delivery, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who.
    pub rider: RiderId,
    /// What it costs all who wait, in no unit: less is better.
    pub cost: i64,
    /// When the rider is at the shop.
    pub arrives_at: UtcMillis,
    /// When the meal is taken.
    pub pickup_at: UtcMillis,
    /// When it is at the door.
    pub dropoff_at: UtcMillis,
    /// From the meal's being ready to its pickup, in milliseconds; nothing: nobody said when it is ready.
    pub after_ready_ms: Option<i64>,
    /// How far beyond its target it comes, in milliseconds; 0: in time.
    pub late_ms: i64,
    /// Stops of the rider before the pickup.
    pub stops_before: u32,
    /// The rider fetches another meal at this shop.
    pub same_shop: bool,
    /// It lies on the rider's way: it adds less than half of its own way.
    pub same_direction: bool,
    /// Deliveries of the rider that become late by it.
    pub late_for: Vec<DeliveryId>,
    /// What it adds to the rider's way, in milliseconds.
    pub added_drive_ms: i64,
}

impl Offer {
    pub(super) fn new(
        rider: &RiderEntry,
        ready_told: bool,
        errand: Errand,
        place: Place,
        times: Times,
        mut late_for: Vec<DeliveryId>,
        own_ms: i64,
    ) -> Self {
        late_for.sort_unstable();
        let added_drive_ms = place.run.drive_ms - rider.alone.drive_ms;
        let fetches_here = |stop: &Stop| matches!(stop, Stop::Pickup(other) if other.shop == errand.shop);
        Self {
            rider: rider.id.clone(),
            cost: place.run.cost - rider.alone.cost,
            arrives_at: UtcMillis(times.arrives_at),
            pickup_at: UtcMillis(times.pickup_at),
            dropoff_at: UtcMillis(times.dropoff_at),
            after_ready_ms: ready_told.then_some(times.pickup_at - errand.ready_at),
            late_ms: (times.dropoff_at - errand.due_at).max(0),
            stops_before: u32::try_from(place.pickup).unwrap_or(u32::MAX),
            same_shop: rider.stops.iter().any(fetches_here),
            same_direction: !rider.stops.is_empty() && added_drive_ms * 2 < own_ms,
            late_for,
            added_drive_ms,
        }
    }

    /// Cheapest first; of equal ones the first by id.
    pub(super) fn key(&self) -> (i64, &RiderId) {
        (self.cost, &self.rider)
    }
}
