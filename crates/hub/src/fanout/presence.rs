//! Who sits where, at all hubs of a store.

use super::Fanout;
use super::entries::Kept;
use super::leased::{Leased, OfOther};
use gwanje_model::CenterId;
use gwanje_wire::socket::{SeatEntry, SeatState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The seats of this hub, and of the others.
pub struct Presence {
    seats: Leased<SeatEntry>,
    moved: Arc<Moved>,
}

/// Counts the changes of each center's seats at other hubs.
#[derive(Default)]
struct Moved(Mutex<BTreeMap<CenterId, watch::Sender<u64>>>);

impl Moved {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<CenterId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Nobody sits here yet. Hears and tells the other hubs, if there are any, as long as it lives.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>) -> Self {
        let moved = Arc::<Moved>::default();
        let counted = Arc::clone(&moved);
        let watcher = move |_: &str, of: OfOther<'_, SeatEntry>| {
            if let OfOther::Changed { key, .. } = of
                && let Some(count) = counted.counts().get(&center_of(key))
            {
                count.send_modify(|count| *count += 1);
            }
        };
        Self { seats: Leased::new(fanout, Kept::Seats, Box::new(watcher)), moved }
    }

    /// A socket joined a center.
    pub fn enter(&self, center: &CenterId, connection: &str, seat: SeatEntry) {
        self.seats.change(&key(center, connection), |_| Some(seat));
    }

    /// What its seat does now.
    pub fn set(&self, center: &CenterId, connection: &str, state: SeatState) {
        self.seats.change(&key(center, connection), |seat| seat.map(|seat| SeatEntry { state, ..seat }));
    }

    /// It left.
    pub fn leave(&self, center: &CenterId, connection: &str) {
        self.seats.change(&key(center, connection), |_| None);
    }

    /// The seats of a center at other hubs.
    #[must_use]
    pub fn of_others(&self, center: &CenterId) -> Vec<SeatEntry> {
        let first = key(center, "");
        self.seats.of_others(&first, |key| key.starts_with(&first))
    }

    /// Counts the changes of a center's seats at other hubs.
    #[must_use]
    pub fn moved(&self, center: &CenterId) -> watch::Receiver<u64> {
        self.moved.counts().entry(center.clone()).or_default().subscribe()
    }

    /// This hub ends: nobody sits here any more.
    pub async fn end(&self) {
        self.seats.end().await;
    }
}

/// Ids of centers have no slash.
fn key(center: &CenterId, connection: &str) -> String {
    format!("{center}/{connection}")
}

fn center_of(key: &str) -> CenterId {
    CenterId::from(key.split_once('/').map_or(key, |(center, _)| center))
}
