//! Hubs that share a Redis: texts by publish and subscribe, seats in a hash for each hub, routes as keys, places in a geo set
//! for each center. Nothing is kept there that must not be lost.

mod hearing;
mod keys;
mod link;
mod scripts;
mod telling;

use super::seats::{NodeSeats, SeatChange, SeatKey, SeatsTold};
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
/// The field of a hub's seats that holds their version; sockets' fields have a slash.
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

    async fn write_seats(&self, seats: &NodeSeats) -> Result<(), FanoutAway> {
        let key = self.keys.seats_of(&self.node);
        let mut write = pipe();
        write.atomic().cmd("SADD").arg(self.keys.nodes()).arg(&self.node).ignore();
        write.cmd("DEL").arg(&key).ignore();
        let all = write.cmd("HSET").arg(&key).arg(VERSION_FIELD).arg(seats.version);
        for (of, seat) in &seats.seats {
            all.arg(field(of)).arg(json(seat));
        }
        all.ignore();
        write.cmd("PEXPIRE").arg(&key).arg(millis(LEASE)).ignore();
        let told = SeatsTold::of(&self.node, seats.version, &[]).json();
        write.cmd("PUBLISH").arg(self.keys.channel(Topic::Seats)).arg(told).ignore();
        self.link.ask(&write, PATIENCE).await
    }

    async fn change_seats(&self, version: u64, changes: &[SeatChange]) -> Result<(), FanoutAway> {
        let key = self.keys.seats_of(&self.node);
        let mut write = pipe();
        write.atomic();
        for SeatChange { key: of, seat } in changes {
            match seat {
                Some(seat) => write.cmd("HSET").arg(&key).arg(field(of)).arg(json(seat)).ignore(),
                None => write.cmd("HDEL").arg(&key).arg(field(of)).ignore(),
            };
        }
        write.cmd("HSET").arg(&key).arg(VERSION_FIELD).arg(version).ignore();
        write.cmd("PEXPIRE").arg(&key).arg(millis(LEASE)).ignore();
        let told = SeatsTold::of(&self.node, version, changes).json();
        write.cmd("PUBLISH").arg(self.keys.channel(Topic::Seats)).arg(told).ignore();
        self.link.ask(&write, PATIENCE).await
    }

    async fn seats(&self) -> Result<Vec<NodeSeats>, FanoutAway> {
        let mut read = pipe();
        read.cmd("SMEMBERS").arg(self.keys.nodes());
        let (nodes,): (Vec<String>,) = self.link.ask(&read, PATIENCE).await?;
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = pipe();
        for node in &nodes {
            let key = self.keys.seats_of(node);
            read.cmd("HGETALL").arg(&key).cmd("PTTL").arg(&key);
        }
        let read: Vec<redis::Value> = self.link.ask(&read, PATIENCE).await?;
        let mut found = Vec::new();
        let mut ended = pipe();
        for (node, pair) in nodes.into_iter().zip(read.chunks(2)) {
            let [fields, life] = pair else { continue };
            let fields =
                redis::from_redis_value::<BTreeMap<String, String>>(fields.clone()).unwrap_or_default();
            let life = redis::from_redis_value::<i64>(life.clone()).unwrap_or_default();
            let version = fields.get(VERSION_FIELD).and_then(|version| version.parse().ok());
            match (version, u64::try_from(life)) {
                (Some(version), Ok(lease_ms)) => found.push(NodeSeats {
                    node,
                    version,
                    seats: fields
                        .iter()
                        .filter_map(|(of, seat)| Some((key_of(of)?, from_json(seat)?)))
                        .collect(),
                    lease_ms,
                }),
                // Its lease is over. If it lives, it names itself again with its next beat.
                (_, _) => _ = ended.cmd("SREM").arg(self.keys.nodes()).arg(node).ignore(),
            }
        }
        if !ended.is_empty() {
            self.link.ask::<()>(&ended, PATIENCE).await?;
        }
        Ok(found)
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

/// Ids of centers have no slash.
fn field(of: &SeatKey) -> String {
    format!("{}/{}", of.center, of.connection)
}

fn key_of(field: &str) -> Option<SeatKey> {
    let (center, connection) = field.split_once('/')?;
    Some(SeatKey { center: center.into(), connection: connection.to_owned() })
}
