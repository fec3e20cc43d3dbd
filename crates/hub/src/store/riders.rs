//! Riders: those listed to a center in the store, and their latest places in memory.

use super::read::json;
use super::writer::Batch;
use super::{Store, StoreError, text_json};
use gwanje_model::{CenterId, Pos, Rider, RiderId, RiderStatus, UtcMillis};
use gwanje_wire::socket::RiderPos;
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

impl Store {
    /// Lists riders to a center, or changes them (places go to [`RiderPositions`]).
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn upsert_riders(&self, center: &CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        let center = center.clone();
        self.write(move |batch| upsert(batch, &center, &riders)).await
    }

    /// The riders listed to a center, by id, each with its load.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn riders(&self, center: &CenterId) -> Result<Vec<Rider>, StoreError> {
        let center = center.clone();
        self.read_list("reading riders", move |db| listed(db, &center)).await
    }
}

/// Lists riders to a center, or changes them.
fn upsert(batch: &Batch<'_>, center: &CenterId, riders: &[Rider]) -> rusqlite::Result<()> {
    let mut upsert = batch.db().prepare_cached(
        "INSERT INTO rider (center, id, name, phone, home, status, pos, seen_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (center, id) DO UPDATE SET name = excluded.name, \
         phone = excluded.phone, home = excluded.home, status = excluded.status, \
         pos = coalesce(excluded.pos, pos), seen_at = coalesce(excluded.seen_at, seen_at)",
    )?;
    for rider in riders {
        upsert.execute(params![
            center.as_str(),
            rider.id.as_str(),
            rider.name.as_str(),
            rider.phone.as_str(),
            rider.home.as_str(),
            text_json(&rider.status)?,
            rider.pos.as_ref().map(text_json).transpose()?,
            rider.seen_at.map(|at| at.0),
        ])?;
    }
    Ok(())
}

/// The riders listed to a center, by id, each with the deliveries under way.
fn listed(db: &Connection, center: &CenterId) -> rusqlite::Result<Vec<Rider>> {
    let loads: BTreeMap<String, u32> = db
        .prepare_cached(
            "SELECT rider, count(*) FROM delivery WHERE center = ?1 AND rider IS NOT NULL \
             AND status IN ('assigned', 'pickedUp') GROUP BY rider",
        )?
        .query_map([center.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    db.prepare_cached(
        "SELECT id, name, phone, home, status, pos, seen_at FROM rider WHERE center = ?1 ORDER BY id",
    )?
    .query_map([center.as_str()], |row| {
        let id: String = row.get(0)?;
        let pos = match row.get_ref(5)?.as_str_or_null()? {
            Some(_) => Some(json::<Pos>(row, 5)?),
            None => None,
        };
        let load = loads.get(&id).copied().unwrap_or(0);
        Ok(Rider {
            id: RiderId::from(id),
            name: row.get::<_, String>(1)?.into(),
            phone: row.get::<_, String>(2)?.into(),
            home: CenterId::from(row.get::<_, String>(3)?),
            status: at_work(json(row, 4)?, load),
            pos,
            seen_at: row.get::<_, Option<i64>>(6)?.map(UtcMillis),
            load,
        })
    })?
    .collect()
}

/// On shift, the load shows whether a rider is busy.
fn at_work(status: RiderStatus, load: u32) -> RiderStatus {
    match status {
        RiderStatus::Off => RiderStatus::Off,
        RiderStatus::Idle | RiderStatus::Busy if load > 0 => RiderStatus::Busy,
        RiderStatus::Idle | RiderStatus::Busy => RiderStatus::Idle,
    }
}

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
