//! For each waiting delivery of a center the riders who would serve it best, kept beside the board.
//!
//! The caller tells rows, riders and the time as they change; [`Suggestions::settle`] then works out what the changes can have
//! touched and nothing else. What it gives is the same as if all were worked out anew.
//!
//! Offered is nobody whom the hub would refuse or whom a person would have to ask first: riders who are not listed to the
//! center, are off, full, out of sight, or without a place.

mod offer;
mod plan;
mod settle;

use crate::ground::{Ground, MINUTE_MS, Point, RiderPace};
use gwanje_model::{
    CenterId, Delivery, DeliveryId, Pos, Rider, RiderId, RiderStatus, ShopId, Status, UtcMillis,
};
pub use offer::Offer;
use plan::{Errand, Run, Stop};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// As many riders are offered for a delivery.
pub const OFFERS: usize = 5;

/// A rider with as many deliveries takes no further one without a person's choice.
pub const FULL: usize = 5;

/// A rider without a place for so long may have lost the phone's signal.
const UNSEEN_MS: i64 = 2 * MINUTE_MS;

/// A delivery that somebody carries or will.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// Nothing: shop or door has no known place.
    errand: Option<Errand>,
    status: Status,
    rider: Option<RiderId>,
    assigned_at: i64,
    ready_told: bool,
}

#[derive(Debug, Clone)]
struct RiderEntry {
    id: RiderId,
    status: RiderStatus,
    pos: Option<Pos>,
    seen_at: Option<UtcMillis>,
    /// As the hub told it: deliveries of other centers count, too.
    load: usize,
    stops: Vec<Stop>,
    alone: Run,
    /// What those wait who come from each stop on, when nothing is added.
    tails: Vec<i64>,
    /// Deliveries that come late even when nothing is added.
    late_alone: Vec<DeliveryId>,
    /// Where the rider is; nothing: not known, or a stop on the way has no known place, so that nobody can say when the rider is where.
    start: Option<Point>,
}

/// What each waiting delivery is offered.
#[derive(Debug, Clone)]
pub struct Suggestions {
    center: CenterId,
    pace: RiderPace,
    ground: Ground,
    now: i64,
    rows: FxHashMap<DeliveryId, Row>,
    riders: BTreeMap<RiderId, RiderEntry>,
    carried: FxHashMap<RiderId, FxHashSet<DeliveryId>>,
    shops: FxHashMap<ShopId, u32>,
    offers: BTreeMap<DeliveryId, Vec<Offer>>,
    dirty_rows: FxHashSet<DeliveryId>,
    dirty_riders: FxHashSet<RiderId>,
    all_dirty: bool,
}

impl Suggestions {
    /// Nothing yet, for one center whose places lie on this ground.
    #[must_use]
    pub fn new(center: CenterId, ground: Ground, pace: RiderPace) -> Self {
        Self {
            center,
            pace,
            ground,
            now: i64::MIN,
            rows: FxHashMap::default(),
            riders: BTreeMap::new(),
            carried: FxHashMap::default(),
            shops: FxHashMap::default(),
            offers: BTreeMap::new(),
            dirty_rows: FxHashSet::default(),
            dirty_riders: FxHashSet::default(),
            all_dirty: false,
        }
    }

    /// What time it is. Times are worked out anew once a minute: a suggestion is no clock.
    pub fn advance(&mut self, now: UtcMillis) {
        let minute = now.0 - now.0.rem_euclid(MINUTE_MS);
        if minute != self.now {
            self.now = minute;
            self.all_dirty = true;
        }
    }

    /// A row as it is now. One of another center is none of ours.
    pub fn upsert(&mut self, delivery: &Delivery) {
        if delivery.center != self.center {
            return;
        }
        let carried = matches!(delivery.status, Status::Assigned | Status::PickedUp);
        if !carried && delivery.status != Status::Waiting {
            self.remove(delivery.id);
            return;
        }
        let row = self.row(delivery);
        if self.rows.get(&delivery.id) == Some(&row) {
            return;
        }
        self.let_go(delivery.id);
        if let Some(rider) = row.rider.clone().filter(|_| carried) {
            self.carried.entry(rider.clone()).or_default().insert(delivery.id);
            self.dirty_riders.insert(rider);
        }
        self.rows.insert(delivery.id, row);
        self.dirty_rows.insert(delivery.id);
    }

    /// A row left the board.
    pub fn remove(&mut self, id: DeliveryId) {
        self.let_go(id);
        if self.rows.remove(&id).is_some() {
            self.dirty_rows.insert(id);
        }
    }

    /// A rider who is listed to the center, as they are now.
    pub fn upsert_rider(&mut self, rider: &Rider) {
        let entry = RiderEntry {
            id: rider.id.clone(),
            status: rider.status,
            pos: rider.pos,
            seen_at: rider.seen_at,
            load: usize::try_from(rider.load).unwrap_or(usize::MAX),
            stops: Vec::new(),
            alone: Run::default(),
            tails: Vec::new(),
            late_alone: Vec::new(),
            start: None,
        };
        self.riders.insert(rider.id.clone(), entry);
        self.dirty_riders.insert(rider.id.clone());
    }

    /// A rider is listed to the center no more.
    pub fn remove_rider(&mut self, id: &RiderId) {
        if self.riders.remove(id).is_some() {
            self.dirty_riders.insert(id.clone());
        }
    }

    /// The best riders for a waiting delivery, as of the last [`Suggestions::settle`], the best first; none: it does not wait, or
    /// nobody can be offered.
    #[must_use]
    pub fn offers(&self, id: DeliveryId) -> &[Offer] {
        self.offers.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Every rider who can be offered for a delivery that waits or is assigned (another than its own), the best first. Worked
    /// out when it is asked, from the plans as of the last [`Suggestions::settle`].
    #[must_use]
    pub fn every_offer(&self, id: DeliveryId) -> Vec<Offer> {
        let Some(row) = self.rows.get(&id) else { return Vec::new() };
        if row.status == Status::PickedUp {
            return Vec::new();
        }
        let mut found: Vec<Offer> = self
            .riders
            .values()
            .filter(|rider| row.rider.as_ref() != Some(&rider.id))
            .filter_map(|rider| self.offer(row, rider))
            .collect();
        found.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        found
    }

    /// The waiting deliveries that are known.
    pub fn waiting(&self) -> impl Iterator<Item = DeliveryId> {
        self.offers.keys().copied()
    }

    fn is_waiting(&self, id: DeliveryId) -> bool {
        self.rows.get(&id).is_some_and(|row| row.status == Status::Waiting)
    }

    fn row(&mut self, delivery: &Delivery) -> Row {
        let next = u32::try_from(self.shops.len()).unwrap_or(u32::MAX);
        let shop = *self.shops.entry(delivery.shop.id.clone()).or_insert(next);
        let place = |pos: Option<Pos>| pos.and_then(|pos| self.ground.point(pos));
        let places = place(delivery.shop.pos).zip(place(delivery.dropoff.pos));
        // Where nobody said when the meal is ready, it is as soon as it may be fetched.
        let ready_at = delivery.ready_at.or(delivery.waiting_at).unwrap_or(delivery.received_at);
        Row {
            errand: places.map(|(from, to)| Errand {
                id: delivery.id,
                shop,
                from,
                to,
                received_at: delivery.received_at.0,
                ready_at: ready_at.0,
                due_at: delivery.late_at().0,
            }),
            status: delivery.status,
            rider: delivery.rider.as_ref().map(|rider| rider.id.clone()),
            assigned_at: delivery.assigned_at.unwrap_or_default().0,
            ready_told: delivery.ready_at.is_some(),
        }
    }

    fn let_go(&mut self, id: DeliveryId) {
        let Some(rider) = self.rows.get(&id).and_then(|row| row.rider.clone()) else { return };
        if let Some(carried) = self.carried.get_mut(&rider) {
            carried.remove(&id);
            if carried.is_empty() {
                self.carried.remove(&rider);
            }
            self.dirty_riders.insert(rider);
        }
    }
}
