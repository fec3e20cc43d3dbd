//! Where riders are, and were lately, in memory: what this hub was told, and what it hears of others.

use crate::fanout::{Fanout, Heard, Topic};
use crate::store::{Store, at_work};
use gwanje_model::{CenterId, Rider, RiderId, UtcMillis};
use gwanje_wire::socket::RiderPos;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The latest place of each rider, in memory: an older one is of no use to anybody.
pub struct RiderPositions {
    centers: Arc<Centers>,
    telling: JoinHandle<()>,
}

/// What is known of all centers.
#[derive(Default)]
struct Centers {
    known: RwLock<BTreeMap<CenterId, Places>>,
    /// What other hubs have not been told yet: the latest place of each rider.
    untold: Mutex<BTreeMap<CenterId, BTreeMap<RiderId, RiderPos>>>,
    changed: Notify,
}

/// Between two tellings of other hubs. Followers are told five times a second.
const PACE: Duration = Duration::from_millis(200);
/// Places told at once: some hundred kilobytes.
const TOLD_MAX: usize = 500;
/// The version of what is told.
const VERSION: u32 = 1;
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

/// What a hub tells of riders' places.
#[derive(Serialize, Deserialize)]
struct PlacesTold {
    v: u32,
    node: String,
    center: CenterId,
    places: Vec<RiderPos>,
}

impl RiderPositions {
    /// Knows of nobody yet. Hears and tells the other hubs of that store as long as it lives.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let centers = Arc::new(Centers::default());
        let (fanout, heard) = (store.fanout(), store.fanout().hear());
        let shared = (!fanout.is_alone()).then(|| store.clone());
        let exchange = Exchange { centers: Arc::clone(&centers), fanout, shared };
        Self { centers, telling: tokio::spawn(exchange.keep_telling(heard)) }
    }

    /// Takes in places; each replaces the rider's former one. Wakes the center's [`Self::moved`], and tells other hubs.
    pub fn update(&self, center: &CenterId, places: Vec<RiderPos>) {
        let mut all = self.centers.untold();
        let untold = all.entry(center.clone()).or_default();
        untold.extend(places.iter().map(|place| (place.id.clone(), place.clone())));
        drop(all);
        self.centers.changed.notify_one();
        self.centers.update(center, places);
    }

    /// Counts the updates of a center.
    #[must_use]
    pub fn moved(&self, center: &CenterId) -> watch::Receiver<u64> {
        let mut centers = self.centers.known.write().unwrap_or_else(PoisonError::into_inner);
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
        let centers = self.centers.known.read().unwrap_or_else(PoisonError::into_inner);
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
        let centers = self.centers.known.read().unwrap_or_else(PoisonError::into_inner);
        let trail = centers.get(center).and_then(|known| known.trails.get(rider));
        let within = |place: &&RiderPos| (from..=to).contains(&place.seen_at);
        trail.into_iter().flatten().filter(within).cloned().collect()
    }

    /// Puts the latest places onto riders as listed.
    pub fn place(&self, center: &CenterId, riders: &mut [Rider]) {
        let centers = self.centers.known.read().unwrap_or_else(PoisonError::into_inner);
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

impl Drop for RiderPositions {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Centers {
    fn untold(&self) -> MutexGuard<'_, BTreeMap<CenterId, BTreeMap<RiderId, RiderPos>>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, center: &CenterId, places: Vec<RiderPos>) {
        let mut centers = self.known.write().unwrap_or_else(PoisonError::into_inner);
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

    /// Takes in what other hubs were told, where it is newer.
    fn hear(&self, center: &CenterId, mut places: Vec<RiderPos>) {
        {
            let centers = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let known = centers.get(center);
            let last = |place: &RiderPos| known.and_then(|known| known.latest.get(&place.id));
            places.retain(|place| last(place).is_none_or(|(_, last)| last.seen_at < place.seen_at));
        }
        if !places.is_empty() {
            self.update(center, places);
        }
    }

    /// Some of what other hubs have not been told.
    fn next_untold(&self) -> Option<(CenterId, Vec<RiderPos>)> {
        let mut all = self.untold();
        let mut first = all.first_entry()?;
        let (center, untold) = (first.key().clone(), first.get_mut());
        let places =
            std::iter::from_fn(|| untold.pop_first()).take(TOLD_MAX).map(|(_, place)| place).collect();
        if untold.is_empty() {
            first.remove();
        }
        Some((center, places))
    }
}

/// The way between what is known here and the other hubs.
struct Exchange {
    centers: Arc<Centers>,
    fanout: Arc<dyn Fanout>,
    /// Knows which centers there are. None: there are no other hubs.
    shared: Option<Store>,
}

impl Exchange {
    async fn keep_telling(self, mut heard: broadcast::Receiver<Heard>) {
        // What came before this hub began to hear was missed.
        self.read().await;
        loop {
            tokio::select! {
                () = self.centers.changed.notified() => {
                    self.tell().await;
                    sleep(PACE).await;
                }
                text = heard.recv() => match text {
                    Ok(Heard::Text(Topic::Places, text)) => self.hear(&text),
                    Ok(Heard::Text(Topic::Commits | Topic::Seats | Topic::Roster, _)) => {}
                    Ok(Heard::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => self.read().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        }
    }

    async fn tell(&self) {
        while let Some((center, places)) = self.centers.next_untold() {
            // Where they can't be kept, riders' next places come soon.
            _ = self.fanout.put_places(&center, &places).await;
            if self.shared.is_some() {
                let node = self.fanout.node().to_owned();
                let told = PlacesTold { v: VERSION, node, center, places };
                if let Ok(text) = serde_json::to_string(&told) {
                    self.fanout.tell(Topic::Places, text);
                }
            }
        }
    }

    fn hear(&self, text: &str) {
        match serde_json::from_str(text) {
            Ok(PlacesTold { v: VERSION, node, center, places }) if node != self.fanout.node() => {
                self.centers.hear(&center, places);
            }
            // Its own, or of another version.
            Ok(_) | Err(_) => {}
        }
    }

    /// Takes in all that other hubs kept.
    async fn read(&self) {
        let Some(store) = &self.shared else { return };
        for center in store.center_ids() {
            match self.fanout.places(&center).await {
                Ok(places) => self.centers.hear(&center, places),
                // Missed again: it is read when it is back.
                Err(_) => return,
            }
        }
    }
}
