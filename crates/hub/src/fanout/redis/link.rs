//! The connection by which a hub asks and tells. Whether it works is tried each second, with all that a hub will ever ask:
//! nobody who waits for an answer finds out.

use super::keys::Keys;
use crate::fanout::trouble::{FanoutTrouble, Health};
use crate::fanout::{FanoutAway, Heard, Routed};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisResult, Value, pipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, sleep, timeout};

/// How long Redis may take for anything that nobody waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// Between two trials, and between two attempts to connect.
const TRIAL: Duration = Duration::from_secs(1);

pub(super) struct Link {
    client: Client,
    keys: Arc<Keys>,
    health: Arc<Health>,
    connection: Mutex<State>,
    /// The connection broke: another is to be made now.
    broke: Notify,
}

/// None in either: at once without.
#[derive(Default)]
struct State {
    /// By which texts are told: a Redis that takes no writes still passes them on.
    telling: Option<MultiplexedConnection>,
    /// By which it is asked: all that was tried last went well.
    asking: Option<MultiplexedConnection>,
}

impl Link {
    pub fn new(client: Client, keys: Arc<Keys>, health: Arc<Health>) -> Self {
        Self { client, keys, health, connection: Mutex::default(), broke: Notify::new() }
    }

    /// Asks, and waits no longer than that for the answer; not at all where Redis is known to be away.
    pub async fn ask<T: FromRedisValue>(
        &self,
        asked: &Pipeline,
        patience: Duration,
    ) -> Result<T, FanoutAway> {
        let mut connection = self.state().asking.clone().ok_or(FanoutAway)?;
        match timeout(patience, asked.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis refuses");
                if error.is_io_error() {
                    self.broke.notify_one();
                }
                Err(FanoutAway)
            }
            Err(_) => {
                // Whoever asks next does not wait, too, until a trial went well.
                self.state().asking = None;
                self.broke.notify_one();
                Err(FanoutAway)
            }
        }
    }

    /// By which texts are told.
    pub fn telling(&self) -> Option<MultiplexedConnection> {
        self.state().telling.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the connection, again and again, and tries it.
    pub async fn keep(self: Arc<Self>, heard: broadcast::Sender<Heard>) {
        loop {
            let begun = Instant::now();
            let trouble = match self.connect().await {
                Ok(connection) => self.use_while_it_lasts(connection, &heard).await,
                Err(trouble) => trouble,
            };
            *self.state() = State::default();
            // Why a connection that was of use ended shows when the next one is made.
            if trouble != FanoutTrouble::Unreachable || begun.elapsed() < TRIAL {
                self.health.asking(Some(trouble));
                sleep(TRIAL).await;
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, FanoutTrouble> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        match timeout(PATIENCE, connecting).await {
            Ok(connected) => connected.map_err(|error| FanoutTrouble::of(&error)),
            Err(_) => Err(FanoutTrouble::Silent),
        }
    }

    /// Tries a connection each second until it ends; returns why it did.
    async fn use_while_it_lasts(
        &self,
        connection: MultiplexedConnection,
        heard: &broadcast::Sender<Heard>,
    ) -> FanoutTrouble {
        let mut did_well = false;
        loop {
            let tried = self.try_all(connection.clone()).await;
            let trouble = match tried {
                Ok(refused) => refused,
                Err(ended) => return ended,
            };
            *self.state() = State {
                telling: Some(connection.clone()),
                asking: trouble.is_none().then(|| connection.clone()),
            };
            self.health.asking(trouble);
            if trouble.is_none() && !did_well {
                // What was written before may be gone.
                _ = heard.send(Heard::Missed);
            }
            did_well = trouble.is_none();
            tokio::select! {
                () = sleep(TRIAL) => {}
                () = self.broke.notified() => {}
            }
        }
    }

    /// Tries on keys of its own what a hub asks. What is refused, if anything; an error: the connection is of no use.
    async fn try_all(
        &self,
        mut connection: MultiplexedConnection,
    ) -> Result<Option<FanoutTrouble>, FanoutTrouble> {
        let tried = self.rehearsal();
        let answers = timeout(PATIENCE, tried.query_async::<Vec<RedisResult<Value>>>(&mut connection)).await;
        let answers =
            answers.map_err(|_| FanoutTrouble::Silent)?.map_err(|error| FanoutTrouble::of(&error))?;
        let refused = answers.into_iter().filter_map(Result::err).next();
        Ok(refused.map(|error| {
            tracing::debug!(%error, "Redis refuses a trial");
            FanoutTrouble::of(&error)
        }))
    }

    fn rehearsal(&self) -> Pipeline {
        let (text, hash, set, geo) = (
            self.keys.rehearsal("text"),
            self.keys.rehearsal("hash"),
            self.keys.rehearsal("set"),
            self.keys.rehearsal("geo"),
        );
        let mut all = pipe();
        all.ignore_errors();
        all.cmd("PUBLISH").arg(self.keys.beats()).arg("");
        all.cmd("SET").arg(&text).arg(1).arg("PX").arg(TRIAL.as_millis() as u64 * 5);
        all.cmd("GET").arg(&text);
        all.cmd("GET").arg(self.keys.route(Routed::Socket("none")));
        all.cmd("HSET").arg(&hash).arg("a").arg(1).cmd("HGETALL").arg(&hash).cmd("HMGET").arg(&hash).arg("a");
        all.cmd("PEXPIRE").arg(&hash).arg(1_000).cmd("PTTL").arg(&hash).cmd("HDEL").arg(&hash).arg("a");
        all.cmd("SADD").arg(&set).arg(1).cmd("SMEMBERS").arg(&set).cmd("SREM").arg(&set).arg(1);
        all.cmd("ZADD")
            .arg(&geo)
            .arg(1)
            .arg("a")
            .cmd("ZSCORE")
            .arg(&geo)
            .arg("a")
            .cmd("ZREM")
            .arg(&geo)
            .arg("a");
        all.cmd("GEOADD").arg(&geo).arg(127).arg(37).arg("a");
        all.cmd("GEOSEARCH").arg(&geo).arg("FROMMEMBER").arg("a").arg("BYRADIUS").arg(1).arg("m");
        all.cmd("DEL").arg(&geo);
        all.cmd("EVAL").arg("return 1").arg(0);
        all.cmd("MULTI").cmd("EXEC");
        all
    }
}
