//! Who sits where, at all hubs of a store.
//!
//! A hub tells each change of its own seats, and that it lives, by beats that count the changes. Who hears a beat that does not
//! join what is known reads all seats. What a hub said is forgotten when its lease ends.

use super::seats::{NodeSeats, SeatChange, SeatKey, SeatsTold};
use super::{BEAT, Fanout, Heard, LEASE, Topic};
use gwanje_model::CenterId;
use gwanje_wire::socket::{SeatEntry, SeatState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Changes told at once: with the longest names some hundred kilobytes.
const CHANGES_MAX: usize = 200;
/// Between two tellings of what has changed. Followers are told five times a second.
const PACE: Duration = Duration::from_millis(50);
/// Between two looks at whose lease is over.
const LEASE_LOOK: Duration = Duration::from_millis(500);

/// The seats of this hub, and of the others.
pub struct Presence {
    known: Arc<Known>,
    /// None: there are no others.
    telling: Option<JoinHandle<()>>,
}

struct Known {
    fanout: Arc<dyn Fanout>,
    own: Mutex<Own>,
    others: Mutex<Others>,
    /// There are changes to tell.
    changed: Notify,
}

#[derive(Default)]
struct Own {
    seats: BTreeMap<SeatKey, SeatEntry>,
    version: u64,
    /// What was not told yet: of each socket only that it changed.
    untold: BTreeSet<SeatKey>,
}

#[derive(Default)]
struct Others {
    nodes: BTreeMap<String, Other>,
    /// Counts the changes of a center.
    moved: BTreeMap<CenterId, watch::Sender<u64>>,
}

struct Other {
    version: u64,
    seats: BTreeMap<SeatKey, SeatEntry>,
    until: Instant,
}

impl Presence {
    /// Nobody sits here yet. Hears and tells the other hubs, if there are any, as long as it lives.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>) -> Self {
        let is_alone = fanout.is_alone();
        let heard = fanout.hear();
        let known = Arc::new(Known {
            fanout,
            own: Mutex::default(),
            others: Mutex::default(),
            changed: Notify::new(),
        });
        let telling = (!is_alone).then(|| tokio::spawn(Arc::clone(&known).keep_telling(heard)));
        Self { known, telling }
    }

    /// A socket joined a center.
    pub fn enter(&self, center: &CenterId, connection: &str, seat: SeatEntry) {
        self.change(center, connection, |_| Some(seat));
    }

    /// What its seat does now.
    pub fn set(&self, center: &CenterId, connection: &str, state: SeatState) {
        self.change(center, connection, |seat| seat.map(|seat| SeatEntry { state, ..seat }));
    }

    /// It left.
    pub fn leave(&self, center: &CenterId, connection: &str) {
        self.change(center, connection, |_| None);
    }

    fn change(
        &self,
        center: &CenterId,
        connection: &str,
        change: impl FnOnce(Option<SeatEntry>) -> Option<SeatEntry>,
    ) {
        if self.telling.is_none() {
            return;
        }
        let key = SeatKey { center: center.clone(), connection: connection.to_owned() };
        let mut own = self.known.own();
        let before = own.seats.get(&key).cloned();
        let after = change(before.clone());
        if before == after {
            return;
        }
        match after {
            Some(seat) => _ = own.seats.insert(key.clone(), seat),
            None => _ = own.seats.remove(&key),
        }
        own.untold.insert(key);
        drop(own);
        self.known.changed.notify_one();
    }

    /// The seats of a center at other hubs.
    #[must_use]
    pub fn of_others(&self, center: &CenterId) -> Vec<SeatEntry> {
        let others = self.known.others();
        let all = others.nodes.values().flat_map(|other| other.of(center));
        all.map(|(_, seat)| seat.clone()).collect()
    }

    /// Counts the changes of a center's seats at other hubs.
    #[must_use]
    pub fn moved(&self, center: &CenterId) -> watch::Receiver<u64> {
        self.known.others().moved.entry(center.clone()).or_default().subscribe()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(telling) = &self.telling {
            telling.abort();
        }
    }
}

impl Other {
    fn of(&self, center: &CenterId) -> impl Iterator<Item = (&SeatKey, &SeatEntry)> {
        let first = SeatKey { center: center.clone(), connection: String::new() };
        self.seats.range(first..).take_while(move |(key, _)| key.center == *center)
    }
}

impl Others {
    fn tell_moved<'a>(&mut self, centers: impl IntoIterator<Item = &'a CenterId>) {
        let centers: BTreeSet<&CenterId> = centers.into_iter().collect();
        for center in centers {
            if let Some(moved) = self.moved.get(center) {
                moved.send_modify(|count| *count += 1);
            }
        }
    }

    /// Takes in what a hub told. False: it does not join what is known, and all must be read.
    fn hear(&mut self, told: SeatsTold, until: Instant) -> bool {
        let Some(other) = self.nodes.get_mut(&told.node) else { return false };
        if told.version <= other.version {
            // It lives; what it says was heard or read before.
            other.until = other.until.max(until);
            return true;
        }
        if told.changes.is_empty() || told.version != other.version + 1 {
            return false;
        }
        other.until = until;
        other.version = told.version;
        for SeatChange { key, seat } in &told.changes {
            match seat {
                Some(seat) => _ = other.seats.insert(key.clone(), seat.clone()),
                None => _ = other.seats.remove(key),
            }
        }
        self.tell_moved(told.changes.iter().map(|change| &change.key.center));
        true
    }

    /// Takes in what was read of a hub, unless more was heard of it since.
    fn read(&mut self, read: NodeSeats, now: Instant) {
        let until = now + Duration::from_millis(read.lease_ms).min(LEASE);
        let other = self.nodes.entry(read.node).or_insert_with(|| Other {
            version: 0,
            seats: BTreeMap::new(),
            until,
        });
        if other.version > read.version {
            return;
        }
        let before = std::mem::replace(&mut other.seats, read.seats);
        let changed = differing(&before, &other.seats);
        other.version = read.version;
        other.until = other.until.max(until);
        self.tell_moved(&changed);
    }

    /// Forgets those whose lease is over.
    fn forget_ended(&mut self, now: Instant) {
        let ended: Vec<Other> =
            self.nodes.extract_if(.., |_, other| other.until <= now).map(|(_, other)| other).collect();
        let seats = ended.iter().flat_map(|other| other.seats.keys());
        self.tell_moved(seats.map(|key| &key.center));
    }
}

/// The centers whose seats are not the same.
fn differing(a: &BTreeMap<SeatKey, SeatEntry>, b: &BTreeMap<SeatKey, SeatEntry>) -> Vec<CenterId> {
    let of = |a: &BTreeMap<SeatKey, SeatEntry>, b: &BTreeMap<SeatKey, SeatEntry>| {
        let other = a.iter().filter(|(key, seat)| b.get(key) != Some(seat));
        other.map(|(key, _)| key.center.clone()).collect::<Vec<_>>()
    };
    [of(a, b), of(b, a)].concat()
}

impl Known {
    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_telling(self: Arc<Self>, mut heard: broadcast::Receiver<Heard>) {
        let (mut beat, mut look) = (interval(BEAT), interval(LEASE_LOOK));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What came before this hub began to hear was missed.
        self.read().await;
        loop {
            tokio::select! {
                _ = beat.tick() => self.beat().await,
                () = self.changed.notified() => {
                    self.tell_changes().await;
                    sleep(PACE).await;
                }
                _ = look.tick() => self.others().forget_ended(Instant::now()),
                text = heard.recv() => match text {
                    Ok(Heard::Text(Topic::Seats, text)) => {
                        if !self.hear(&text) {
                            self.read().await;
                        }
                    }
                    Ok(Heard::Text(Topic::Commits | Topic::Places, _)) => {}
                    Ok(Heard::Missed) => {
                        // What this hub wrote may be gone, and what others said may have been missed.
                        self.beat().await;
                        self.read().await;
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.read().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        }
    }

    /// Writes all seats of this hub, told ones or not.
    async fn beat(&self) {
        let seats = {
            let mut own = self.own();
            if !std::mem::take(&mut own.untold).is_empty() {
                own.version += 1;
            }
            let node = self.fanout.node().to_owned();
            NodeSeats { node, version: own.version, seats: own.seats.clone(), lease_ms: 0 }
        };
        // Where it can't be written, the next beat has all of it.
        _ = self.fanout.write_seats(&seats).await;
    }

    async fn tell_changes(&self) {
        loop {
            let (version, changes) = {
                let mut own = self.own();
                let keys: Vec<SeatKey> =
                    std::iter::from_fn(|| own.untold.pop_first()).take(CHANGES_MAX).collect();
                if keys.is_empty() {
                    return;
                }
                own.version += 1;
                let changes =
                    keys.into_iter().map(|key| SeatChange { seat: own.seats.get(&key).cloned(), key });
                (own.version, changes.collect::<Vec<_>>())
            };
            if self.fanout.change_seats(version, &changes).await.is_err() {
                // The next beat has all of it.
                return;
            }
        }
    }

    /// Takes in what a hub told; false: all must be read.
    fn hear(&self, text: &str) -> bool {
        match serde_json::from_str::<SeatsTold>(text) {
            Ok(told) if told.node == self.fanout.node() => true,
            Ok(told) if told.v == SeatsTold::VERSION => self.others().hear(told, Instant::now() + LEASE),
            Ok(_) | Err(_) => false,
        }
    }

    async fn read(&self) {
        // Where they can't be read, the next beats show that.
        let Ok(all) = self.fanout.seats().await else { return };
        let now = Instant::now();
        let mut others = self.others();
        for read in all {
            if read.node != self.fanout.node() {
                others.read(read, now);
            }
        }
    }
}
