//! Hubs that share a Redis: texts by publish and subscribe, entries in a hash for each hub, routes as keys, places in a geo set
//! for each center. Nothing is kept there that must not be lost.

mod hearing;
mod keys;
mod link;
mod scripts;
mod telling;

use super::entries::{EntriesTold, EntryChange, Kept, NodeEntries};
use super::trouble::{FanoutTrouble, Health};
use super::{Fanout, FanoutAway, HEARD_CAPACITY, Heard, LEASE, NearRider, REQUEST_PATIENCE, Routed, Topic};
use async_trait::async_trait;
use gwanje_model::{CenterId, Pos};
use gwanje_wire::socket::RiderPos;
use keys::Keys;
use link::{Link, PATIENCE};
use redis::{Client, RedisError, pipe};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use telling::Tell;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

/// Texts that wait to be told. Those beyond are dropped: whoever misses one reads the store.
const TELLING: usize = 1_024;
/// How long a center's places are kept after the last one came: longer than a shift.
const PLACES_LIFE: Duration = Duration::from_secs(86_400);
/// The field of a hub's entries that holds their version; no entry is called so.
const VERSION_FIELD: &str = "version";
/// Redis takes no place nearer to the poles than this, degrees.
const LAT_MAX: f64 = 85.05;

/// The hubs that share a store and a Redis.
pub struct RedisFanout {
    node: String,
    keys: Arc<Keys>,
    link: Arc<Link>,
    told: mpsc::Sender<Tell>,
    heard: broadcast::Sender<Heard>,
    health: Arc<Health>,
    tasks: [JoinHandle<()>; 3],
}

impl RedisFanout {
    /// Joins the hubs of the store of that name. A Redis that is away, or refuses, is tried again and again.
    ///
    /// # Errors
    /// When the address can't be read.
    pub fn join(address: &str, store: &str) -> Result<Self, RedisError> {
        let client = Client::open(address)?;
        let node = ulid::Ulid::generate().to_string();
        let keys = Arc::new(Keys::of(store, &node));
        let health = Arc::new(Health::untried());
        let link = Arc::new(Link::new(client.clone(), Arc::clone(&keys), Arc::clone(&health)));
        let (told, telling) = mpsc::channel(TELLING);
        let heard = broadcast::Sender::new(HEARD_CAPACITY);
        let hearing = hearing::Hearing {
            client,
            keys: Arc::clone(&keys),
            health: Arc::clone(&health),
            heard: heard.clone(),
        };
        let tasks = [
            tokio::spawn(Arc::clone(&link).keep(heard.clone())),
            tokio::spawn(telling::keep_telling(Arc::clone(&link), Arc::clone(&keys), telling)),
            tokio::spawn(hearing.keep_hearing()),
        ];
        Ok(Self { node, keys, link, told, heard, health, tasks })
    }
}

impl RedisFanout {
    fn publish(&self, write: &mut redis::Pipeline, kept: Kept, told: &EntriesTold) {
        write.cmd("PUBLISH").arg(self.keys.channel(kept.topic())).arg(told.json()).ignore();
    }
}

impl Drop for RedisFanout {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[async_trait]
impl Fanout for RedisFanout {
    fn node(&self) -> &str {
        &self.node
    }

    fn is_alone(&self) -> bool {
        false
    }

    fn trouble(&self) -> Option<FanoutTrouble> {
        self.health.trouble()
    }

    fn tell(&self, topic: Topic, text: String) {
        _ = self.told.try_send(Tell { topic, text });
    }

    fn hear(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }

    async fn write_entries(&self, kept: Kept, all: &NodeEntries) -> Result<(), FanoutAway> {
        let key = self.keys.entries_of(kept, &self.node);
        let mut write = pipe();
        write.atomic().cmd("SADD").arg(self.keys.nodes(kept)).arg(&self.node).ignore();
        write.cmd("DEL").arg(&key).ignore();
        let fields = write.cmd("HSET").arg(&key).arg(VERSION_FIELD).arg(all.version);
        for (of, entry) in &all.entries {
            fields.arg(of).arg(entry);
        }
        fields.ignore();
        write.cmd("PEXPIRE").arg(&key).arg(millis(LEASE)).ignore();
        self.publish(&mut write, kept, &EntriesTold::of(&self.node, all.version, &[]));
        self.link.ask(&write, PATIENCE).await
    }

    async fn change_entries(
        &self,
        kept: Kept,
        version: u64,
        changes: &[EntryChange],
    ) -> Result<bool, FanoutAway> {
        let key = self.keys.entries_of(kept, &self.node);
        let mut write = pipe();
        write.atomic().cmd("PEXPIRE").arg(&key).arg(millis(LEASE));
        for EntryChange { key: of, entry } in changes {
            match entry {
                Some(entry) => write.cmd("HSET").arg(&key).arg(of).arg(entry).ignore(),
                None => write.cmd("HDEL").arg(&key).arg(of).ignore(),
            };
        }
        write.cmd("HSET").arg(&key).arg(VERSION_FIELD).arg(version).ignore();
        // Once more: where the lease was over, the hash is a new one.
        write.cmd("PEXPIRE").arg(&key).arg(millis(LEASE)).ignore();
        self.publish(&mut write, kept, &EntriesTold::of(&self.node, version, changes));
        let (held,): (bool,) = self.link.ask(&write, PATIENCE).await?;
        Ok(held)
    }

    async fn keep_entries(&self, kept: Kept, version: u64) -> Result<bool, FanoutAway> {
        let key = self.keys.entries_of(kept, &self.node);
        let mut write = pipe();
        write.atomic().cmd("PEXPIRE").arg(&key).arg(millis(LEASE));
        write.cmd("HMGET").arg(&key).arg(VERSION_FIELD);
        // Who read its lease as over has taken its name out.
        write.cmd("SADD").arg(self.keys.nodes(kept)).arg(&self.node).ignore();
        self.publish(&mut write, kept, &EntriesTold::of(&self.node, version, &[]));
        let (held, [written]): (bool, [Option<u64>; 1]) = self.link.ask(&write, PATIENCE).await?;
        Ok(held && written == Some(version))
    }

    async fn entries(&self, kept: Kept) -> Result<Vec<NodeEntries>, FanoutAway> {
        let mut read = pipe();
        read.cmd("SMEMBERS").arg(self.keys.nodes(kept));
        let (nodes,): (Vec<String>,) = self.link.ask(&read, PATIENCE).await?;
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = pipe();
        for node in &nodes {
            let key = self.keys.entries_of(kept, node);
            read.cmd("HGETALL").arg(&key).cmd("PTTL").arg(&key);
        }
        let read: Vec<redis::Value> = self.link.ask(&read, PATIENCE).await?;
        let mut found = Vec::new();
        let mut ended = pipe();
        for (node, pair) in nodes.into_iter().zip(read.chunks(2)) {
            let [fields, life] = pair else { continue };
            let mut entries =
                redis::from_redis_value::<BTreeMap<String, String>>(fields.clone()).unwrap_or_default();
            let life = redis::from_redis_value::<i64>(life.clone()).unwrap_or_default();
            let version = entries.remove(VERSION_FIELD).and_then(|version| version.parse().ok());
            match (version, u64::try_from(life)) {
                (Some(version), Ok(lease_ms)) => found.push(NodeEntries { node, version, entries, lease_ms }),
                // Its lease is over. If it lives, it names itself again with its next beat.
                (_, _) => _ = ended.cmd("SREM").arg(self.keys.nodes(kept)).arg(node).ignore(),
            }
        }
        if !ended.is_empty() {
            self.link.ask::<()>(&ended, PATIENCE).await?;
        }
        Ok(found)
    }

    async fn end_entries(&self, kept: Kept) -> Result<(), FanoutAway> {
        let mut write = pipe();
        write.atomic().cmd("DEL").arg(self.keys.entries_of(kept, &self.node)).ignore();
        write.cmd("SREM").arg(self.keys.nodes(kept)).arg(&self.node).ignore();
        self.publish(&mut write, kept, &EntriesTold::end(&self.node));
        self.link.ask(&write, PATIENCE).await
    }

    async fn take_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<(), FanoutAway> {
        let mut write = pipe();
        write.cmd("SET").arg(self.keys.route(routed)).arg(holder).arg("PX").arg(millis(life)).ignore();
        self.link.ask(&write, REQUEST_PATIENCE).await
    }

    async fn keep_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<bool, FanoutAway> {
        let mut write = pipe();
        write.cmd("EVAL").arg(scripts::KEEP_ROUTE).arg(1).arg(self.keys.route(routed));
        write.arg(holder).arg(millis(life));
        let (kept,): (bool,) = self.link.ask(&write, REQUEST_PATIENCE).await?;
        Ok(kept)
    }

    async fn end_route(&self, routed: Routed<'_>, holder: &str) -> Result<bool, FanoutAway> {
        let mut write = pipe();
        write.cmd("EVAL").arg(scripts::END_ROUTE).arg(1).arg(self.keys.route(routed)).arg(holder);
        let (ended,): (bool,) = self.link.ask(&write, REQUEST_PATIENCE).await?;
        Ok(ended)
    }

    async fn route(&self, routed: Routed<'_>) -> Result<Option<String>, FanoutAway> {
        let mut read = pipe();
        read.cmd("GET").arg(self.keys.route(routed));
        let (holder,): (Option<String>,) = self.link.ask(&read, REQUEST_PATIENCE).await?;
        Ok(holder)
    }

    async fn put_places(&self, center: &CenterId, places: &[RiderPos]) -> Result<(), FanoutAway> {
        if places.is_empty() {
            return Ok(());
        }
        let keys = self.keys.places(center);
        let mut write = pipe();
        let put =
            write.cmd("EVAL").arg(scripts::PUT_PLACES).arg(3).arg(&keys.seen).arg(&keys.rows).arg(&keys.geo);
        put.arg(millis(PLACES_LIFE));
        for place in places {
            let (lon, lat) = match place.pos {
                Pos::Geo { lat, lon } if lat.abs() <= LAT_MAX && lon.abs() <= 180.0 => {
                    (lon.to_string(), lat.to_string())
                }
                Pos::Geo { .. } | Pos::Plane { .. } => (String::new(), String::new()),
            };
            put.arg(place.id.as_str()).arg(place.seen_at.0).arg(json(place)).arg(lon).arg(lat);
        }
        put.ignore();
        self.link.ask(&write, PATIENCE).await
    }

    async fn places(&self, center: &CenterId) -> Result<Vec<RiderPos>, FanoutAway> {
        let mut read = pipe();
        read.cmd("HGETALL").arg(self.keys.places(center).rows);
        let (rows,): (BTreeMap<String, String>,) = self.link.ask(&read, PATIENCE).await?;
        Ok(rows.values().filter_map(|row| from_json(row)).collect())
    }

    async fn nearest(
        &self,
        center: &CenterId,
        near: Pos,
        within_m: f64,
        most: usize,
    ) -> Result<Vec<NearRider>, FanoutAway> {
        let (Pos::Geo { lat, lon }, 1..) = (near, most) else { return Ok(Vec::new()) };
        let keys = self.keys.places(center);
        let mut read = pipe();
        let search = read.cmd("GEOSEARCH").arg(&keys.geo).arg("FROMLONLAT").arg(lon).arg(lat);
        search.arg("BYRADIUS").arg(within_m).arg("m").arg("ASC").arg("COUNT").arg(most).arg("WITHDIST");
        let (near,): (Vec<(String, f64)>,) = self.link.ask(&read, REQUEST_PATIENCE).await?;
        if near.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = pipe();
        let rows = read.cmd("HMGET").arg(&keys.rows);
        near.iter().for_each(|(rider, _)| _ = rows.arg(rider));
        let (rows,): (Vec<Option<String>>,) = self.link.ask(&read, REQUEST_PATIENCE).await?;
        let found = near
            .into_iter()
            .zip(rows)
            .filter_map(|((_, distance_m), row)| Some(NearRider { place: from_json(&row?)?, distance_m }));
        Ok(found.collect())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Strings and numbers can always be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// None: another version wrote it, perhaps.
fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
