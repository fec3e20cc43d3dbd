//! A store for several hubs at once: PostgreSQL 14 or newer.
//!
//! Commit order is revision order: a transaction changes one center, whose row it locks first. Each node keeps the latest
//! changes that it committed itself in memory; those of others it sees when it next reads where a center stands.

mod answer;
mod apply;
mod asks;
mod audit;
mod board;
mod centers;
mod commit;
mod connecting;
mod encryption;
mod erasing;
mod failure;
mod identity;
mod leases;
mod loading;
mod locked;
mod moving;
mod named;
mod outcomes;
mod people;
mod pruning;
mod reads;
mod rows;
mod schema;
mod throttle;
#[macro_use]
mod transacting;
mod backend;

use super::lines::Lines;
use super::signals::Signals;
use super::{Replication, StoreError};
use crate::fanout::RedisFanout;
use answer::Answer;
use asks::CenterAsk;
use commit::Queue;
use deadpool_postgres::{Object, Pool};
use failure::Failure;
use gwanje_model::CenterId;
use identity::Used;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Centers of a node that commit at once.
const WRITING: usize = 4;
/// Boards streamed at once at the most, and in a quarter of the connections: each may wait for a slow client. As many lists
/// are read at once. Both, and all else that is asked for, leave a quarter to commits and to what is told.
const BOARDS: usize = 8;
/// How long a hub that ends waits until others may have its leases at once.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How a node uses its database.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// Between two looks at what others have committed.
    pub look: Duration,
    /// Its connections at the most.
    pub connections: usize,
    pub replication: Replication,
}

/// A store in a PostgreSQL database.
pub(super) struct Postgres {
    shared: Arc<Shared>,
    /// The queues of the centers; none once it is closed.
    queues: Mutex<Option<BTreeMap<CenterId, Queue>>>,
    looking: JoinHandle<()>,
}

/// What the tasks of a store share.
struct Shared {
    pool: Pool,
    lines: Arc<Lines>,
    used: Used,
    /// Whether this machine's clock is off the database's.
    is_clock_off: AtomicBool,
    writing: Semaphore,
    boards: Arc<Semaphore>,
    lists: Semaphore,
    /// All reads that somebody asks for.
    asked: Arc<Semaphore>,
    tls: MakeRustlsConnect,
    replication: Replication,
    /// What this node is called where it has leases.
    holder: String,
    /// None: nobody else is told or heard at once.
    signals: Option<Signals>,
}

impl Postgres {
    /// Connects, makes or migrates the tables, puts the centers into memory and begins to look at what others commit.
    pub async fn open(
        url: &str,
        redis: Option<&str>,
        settings: Settings,
        lines: &Arc<Lines>,
    ) -> Result<Self, StoreError> {
        let Settings { look, connections, replication } = settings;
        let (pool, tls) = connecting::pool(url, connections)?;
        let migrated = async {
            let mut client = pool.get().await?;
            let migrated = schema::migrate(&mut client).await?;
            Ok(migrated.map(|()| client))
        };
        let mut client = migrated
            .await
            .map_err(|failure: Failure| failure.while_doing("preparing the database"))?
            .map_err(|found| StoreError::Newer { found, known: schema::VERSION })?;
        let signals = match redis {
            Some(address) => Some(begin_signals(address, &mut client, lines).await?),
            None => None,
        };
        drop(client);
        let shared = Arc::new(Shared {
            pool,
            lines: Arc::clone(lines),
            used: Used::default(),
            is_clock_off: AtomicBool::new(false),
            writing: Semaphore::new(WRITING),
            boards: Arc::new(Semaphore::new(BOARDS.min(connections / 4).max(1))),
            lists: Semaphore::new(BOARDS.min(connections / 4).max(1)),
            asked: Arc::new(Semaphore::new((connections - connections / 4).max(1))),
            tls,
            replication,
            holder: ulid::Ulid::generate().to_string(),
            signals,
        });
        shared.look().await.map_err(|failure| failure.while_doing("reading the centers of the database"))?;
        let looking = tokio::spawn(Arc::clone(&shared).keep_looking(look));
        Ok(Self { shared, queues: Mutex::new(Some(BTreeMap::new())), looking })
    }

    /// The queue of a center; none: the store is closed.
    fn queue(&self, center: &CenterId) -> Option<mpsc::Sender<CenterAsk>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_mut()?;
        if !queues.contains_key(center) {
            // Nobody fills the memory with queues of centers that do not exist: these are asked for nothing.
            let queue = commit::begin(Arc::clone(&self.shared), center.clone());
            queues.insert(center.clone(), queue);
        }
        queues.get(center).map(|queue| queue.asks.clone())
    }

    /// Others may do the chores of this node from now on.
    async fn give_up_leases(&self) {
        let given_up =
            async { write!(self, "giving leases up", |tx| leases::give_up(tx, &self.shared.holder).await?) };
        // Else they wait until the leases are over.
        match timeout(GIVE_UP, given_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "leases are not given up"),
            Err(_) => tracing::debug!("leases are not given up in time"),
        }
    }

    /// Asks a center, and waits until the answer is durable.
    async fn ask<T: Send + 'static>(
        &self,
        center: &CenterId,
        ask: impl FnOnce(Answer<T>) -> CenterAsk + Send,
    ) -> Result<T, StoreError> {
        let queue = self.queue(center).ok_or(StoreError::NotCommitted)?;
        let (answer, answered) = Answer::new();
        queue.send(ask(answer)).await.map_err(|_| StoreError::NotCommitted)?;
        drop(queue);
        answered.await.map_err(|_| StoreError::NotCommitted)?
    }
}

/// Begins to tell and to hear the other hubs of this database.
async fn begin_signals(
    address: &str,
    client: &mut Object,
    lines: &Arc<Lines>,
) -> Result<Signals, StoreError> {
    let named = async {
        let tx = client.transaction().await?;
        // A database has a name of its own, so that several can share a Redis.
        let name = people::keep_first_note(&tx, "name", &ulid::Ulid::generate().to_string()).await?;
        tx.commit().await?;
        Ok(name)
    };
    let name = named.await.map_err(|failure: Failure| failure.while_doing("naming the database"))?;
    let fanout = RedisFanout::join(address, &name).map_err(|source| StoreError::Unusable {
        doing: "reading the address of Redis".into(),
        source: source.into(),
        remedy: "write it as redis://user:password@host",
    })?;
    Ok(Signals::begin(Arc::new(fanout), lines))
}

impl Shared {
    async fn keep_looking(self: Arc<Self>, every: Duration) {
        // It was looked when the store was opened.
        let mut tick = interval_at(Instant::now() + every, every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match &self.signals {
                Some(signals) => tokio::select! {
                    _ = tick.tick() => {}
                    () = signals.missed() => {}
                },
                None => _ = tick.tick().await,
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "what other nodes committed is not seen");
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
