//! Hubs in one process: what [`RedisFanout`](super::RedisFanout) does, in memory. The embedded hub is alone there.

use super::entries::{EntriesTold, EntryChange, Kept, NodeEntries};
use super::trouble::FanoutTrouble;
use super::{Fanout, FanoutAway, HEARD_CAPACITY, Heard, LEASE, NearRider, Routed, Topic};
use async_trait::async_trait;
use gwanje_model::{CenterId, Pos, RiderId};
use gwanje_wire::socket::RiderPos;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// A hub among those of this process.
pub struct LocalFanout {
    node: String,
    /// None: there is no other.
    heard: Option<broadcast::Sender<Heard>>,
    shared: Arc<Mutex<Shared>>,
    /// What [`Fanout::hear`] gives where nobody tells.
    nobody: broadcast::Sender<Heard>,
}

#[derive(Default)]
struct Shared {
    entries: BTreeMap<(Kept, String), (NodeEntries, Instant)>,
    routes: BTreeMap<Key, (String, Instant)>,
    places: BTreeMap<CenterId, BTreeMap<RiderId, RiderPos>>,
}

/// What a route leads to, kept.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Rider(RiderId),
    Socket(String),
    Chore(String),
}

impl From<Routed<'_>> for Key {
    fn from(routed: Routed<'_>) -> Self {
        match routed {
            Routed::Rider(rider) => Self::Rider(rider.clone()),
            Routed::Socket(sid) => Self::Socket(sid.to_owned()),
            Routed::Chore(name) => Self::Chore(name.to_owned()),
        }
    }
}

impl LocalFanout {
    /// A hub that has no others.
    #[must_use]
    pub fn alone() -> Self {
        Self::with(None, Arc::default())
    }

    /// So many hubs that have each other.
    #[must_use]
    pub fn together(hubs: usize) -> Vec<Self> {
        let (heard, shared) = (broadcast::Sender::new(HEARD_CAPACITY), Arc::default());
        (0..hubs).map(|_| Self::with(Some(heard.clone()), Arc::clone(&shared))).collect()
    }

    fn with(heard: Option<broadcast::Sender<Heard>>, shared: Arc<Mutex<Shared>>) -> Self {
        let node = ulid::Ulid::generate().to_string();
        Self { node, heard, shared, nobody: broadcast::Sender::new(1) }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// A hub's entries whose lease holds.
    fn of(&mut self, kept: Kept, node: &str) -> Option<&mut (NodeEntries, Instant)> {
        let now = Instant::now();
        self.entries.get_mut(&(kept, node.to_owned())).filter(|(_, until)| *until > now)
    }

    /// Who has a route whose life is not over.
    fn holder(&mut self, key: &Key) -> Option<&str> {
        if self.routes.get(key).is_some_and(|(_, until)| *until <= Instant::now()) {
            self.routes.remove(key);
        }
        self.routes.get(key).map(|(holder, _)| holder.as_str())
    }

    fn take(&mut self, key: Key, holder: &str, life: Duration) {
        let now = Instant::now();
        self.routes.retain(|_, (_, until)| *until > now);
        self.routes.insert(key, (holder.to_owned(), now + life));
    }
}

#[async_trait]
impl Fanout for LocalFanout {
    fn node(&self) -> &str {
        &self.node
    }

    fn is_alone(&self) -> bool {
        self.heard.is_none()
    }

    fn trouble(&self) -> Option<FanoutTrouble> {
        None
    }

    fn tell(&self, topic: Topic, text: String) {
        if let Some(heard) = &self.heard {
            // Nobody hears it, perhaps.
            _ = heard.send(Heard::Text(topic, text.into()));
        }
    }

    fn hear(&self) -> broadcast::Receiver<Heard> {
        self.heard.as_ref().unwrap_or(&self.nobody).subscribe()
    }

    async fn write_entries(&self, kept: Kept, all: &NodeEntries) -> Result<(), FanoutAway> {
        let own = NodeEntries { node: self.node.clone(), ..all.clone() };
        self.shared().entries.insert((kept, self.node.clone()), (own, Instant::now() + LEASE));
        self.tell(kept.topic(), EntriesTold::of(&self.node, all.version, &[]).json());
        Ok(())
    }

    async fn change_entries(
        &self,
        kept: Kept,
        version: u64,
        changes: &[EntryChange],
    ) -> Result<bool, FanoutAway> {
        {
            let mut shared = self.shared();
            let Some((own, until)) = shared.of(kept, &self.node) else { return Ok(false) };
            for EntryChange { key, entry } in changes {
                match entry {
                    Some(entry) => _ = own.entries.insert(key.clone(), entry.clone()),
                    None => _ = own.entries.remove(key),
                }
            }
            own.version = version;
            *until = Instant::now() + LEASE;
        }
        self.tell(kept.topic(), EntriesTold::of(&self.node, version, changes).json());
        Ok(true)
    }

    async fn keep_entries(&self, kept: Kept, version: u64) -> Result<bool, FanoutAway> {
        {
            let mut shared = self.shared();
            let Some((own, until)) = shared.of(kept, &self.node) else { return Ok(false) };
            if own.version != version {
                return Ok(false);
            }
            *until = Instant::now() + LEASE;
        }
        self.tell(kept.topic(), EntriesTold::of(&self.node, version, &[]).json());
        Ok(true)
    }

    async fn entries(&self, kept: Kept) -> Result<Vec<NodeEntries>, FanoutAway> {
        let now = Instant::now();
        let mut shared = self.shared();
        shared.entries.retain(|_, (_, until)| *until > now);
        let of_kind = shared.entries.iter().filter(|((kind, _), _)| *kind == kept);
        let all = of_kind.map(|(_, (entries, until))| {
            let lease_ms = u64::try_from((*until - now).as_millis()).unwrap_or_default();
            NodeEntries { lease_ms, ..entries.clone() }
        });
        Ok(all.collect())
    }

    async fn end_entries(&self, kept: Kept) -> Result<(), FanoutAway> {
        self.shared().entries.remove(&(kept, self.node.clone()));
        self.tell(kept.topic(), EntriesTold::end(&self.node).json());
        Ok(())
    }

    async fn take_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<(), FanoutAway> {
        self.shared().take(routed.into(), holder, life);
        Ok(())
    }

    async fn keep_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<bool, FanoutAway> {
        let mut shared = self.shared();
        let key = routed.into();
        let is_own = shared.holder(&key).is_none_or(|now| now == holder);
        if is_own {
            shared.take(key, holder, life);
        }
        Ok(is_own)
    }

    async fn end_route(&self, routed: Routed<'_>, holder: &str) -> Result<bool, FanoutAway> {
        let mut shared = self.shared();
        let key = routed.into();
        let is_own = shared.holder(&key) == Some(holder);
        if is_own {
            shared.routes.remove(&key);
        }
        Ok(is_own)
    }

    async fn route(&self, routed: Routed<'_>) -> Result<Option<String>, FanoutAway> {
        Ok(self.shared().holder(&routed.into()).map(str::to_owned))
    }

    async fn put_places(&self, center: &CenterId, places: &[RiderPos]) -> Result<(), FanoutAway> {
        let mut shared = self.shared();
        let known = shared.places.entry(center.clone()).or_default();
        for place in places {
            if known.get(&place.id).is_none_or(|last| last.seen_at <= place.seen_at) {
                known.insert(place.id.clone(), place.clone());
            }
        }
        Ok(())
    }

    async fn places(&self, center: &CenterId) -> Result<Vec<RiderPos>, FanoutAway> {
        Ok(self.shared().places.get(center).into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    async fn nearest(
        &self,
        center: &CenterId,
        near: Pos,
        within_m: f64,
        most: usize,
    ) -> Result<Vec<NearRider>, FanoutAway> {
        if matches!(near, Pos::Plane { .. }) {
            return Ok(Vec::new());
        }
        let shared = self.shared();
        let known = shared.places.get(center).into_iter().flat_map(BTreeMap::values);
        let mut found: Vec<NearRider> = known
            .filter_map(|place| {
                Some(NearRider { distance_m: place.pos.distance_m(near)?, place: place.clone() })
            })
            .filter(|near| near.distance_m <= within_m)
            .collect();
        found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        found.truncate(most);
        Ok(found)
    }
}
