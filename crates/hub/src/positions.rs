//! Where riders are, and were lately, in memory.

use crate::store::at_work;
use gwanje_model::{CenterId, Rider, RiderId, UtcMillis};
use gwanje_wire::socket::RiderPos;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// The latest place of each rider, in memory: an older one is of no use to anybody. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct RiderPositions {
    centers: Arc<RwLock<BTreeMap<CenterId, Places>>>,
}

/// Places of a rider's trail are at least this far apart, milliseconds of operations time.
const TRAIL_STEP_MS: i64 = 15_000;
/// Places of a rider's trail: two hours of it, longer than any delivery.
const TRAIL_PLACES: usize = 480;

#[derive(Debug, Default)]
struct Places {
    latest: FxHashMap<RiderId, (u64, RiderPos)>,
    /// Where each rider was lately, oldest first.
    trails: FxHashMap<RiderId, VecDeque<RiderPos>>,
    version: watch::Sender<u64>,
}

impl RiderPositions {
    /// Takes in places; each replaces the rider's former one. Wakes the center's [`Self::moved`].
    pub fn update(&self, center: &CenterId, places: Vec<RiderPos>) {
        let mut centers = self.centers.write().unwrap_or_else(PoisonError::into_inner);
        let known = centers.entry(center.clone()).or_default();
        let version = *known.version.borrow() + 1;
        for place in places {
            let trail = known.trails.entry(place.id.clone()).or_default();
            if trail.back().is_none_or(|last| place.seen_at.since(last.seen_at) >= TRAIL_STEP_MS) {
                if trail.len() == TRAIL_PLACES {
                    trail.pop_front();
                }
                trail.push_back(place.clone());
            }
            known.latest.insert(place.id.clone(), (version, place));
        }
        known.version.send_replace(version);
    }

    /// Counts the updates of a center.
    #[must_use]
    pub fn moved(&self, center: &CenterId) -> watch::Receiver<u64> {
        let mut centers = self.centers.write().unwrap_or_else(PoisonError::into_inner);
        centers.entry(center.clone()).or_default().version.subscribe()
    }

    /// The latest places of a center's riders, by rider id.
    #[must_use]
    pub fn of(&self, center: &CenterId) -> Vec<RiderPos> {
        self.since(center, 0).1
    }

    /// The present version, and the places that are newer than `version` (0: all), by rider id.
    #[must_use]
    pub fn since(&self, center: &CenterId, version: u64) -> (u64, Vec<RiderPos>) {
        let centers = self.centers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = centers.get(center) else { return (0, Vec::new()) };
        let newer = known.latest.values().filter(|(at, _)| *at > version);
        let mut places: Vec<_> = newer.map(|(_, place)| place.clone()).collect();
        places.sort_by(|a, b| a.id.cmp(&b.id));
        let now = *known.version.borrow();
        (now, places)
    }

    /// Where a rider was from one instant of operations to another, oldest first, as far as it is remembered.
    #[must_use]
    pub fn trail(&self, center: &CenterId, rider: &RiderId, from: UtcMillis, to: UtcMillis) -> Vec<RiderPos> {
        let centers = self.centers.read().unwrap_or_else(PoisonError::into_inner);
        let trail = centers.get(center).and_then(|known| known.trails.get(rider));
        let within = |place: &&RiderPos| (from..=to).contains(&place.seen_at);
        trail.into_iter().flatten().filter(within).cloned().collect()
    }

    /// Puts the latest places onto riders as listed.
    pub fn place(&self, center: &CenterId, riders: &mut [Rider]) {
        let centers = self.centers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = centers.get(center) else { return };
        for rider in riders {
            if let Some((_, place)) = known.latest.get(&rider.id) {
                rider.pos = Some(place.pos);
                rider.seen_at = Some(place.seen_at);
                rider.status = at_work(place.status, rider.load);
            }
        }
    }
}
