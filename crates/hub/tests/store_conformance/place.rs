//! Where stores of each kind are kept.

use crate::day::prepare;
use crate::opening::{administer, administer_in, database, fresh};
use gwanje_hub::Clock;
use gwanje_hub::store::{MemoryPlace, Store, StoreConfig};

/// Where one store is kept: whatever is opened here is that one.
pub enum Place {
    Memory(MemoryPlace),
    File(tempfile::TempDir),
    Database { name: String, url: String },
}

impl Place {
    pub async fn memory() -> Self {
        Self::Memory(MemoryPlace::default())
    }

    pub async fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub async fn database() -> Self {
        let name = fresh();
        Self::Database { url: database(&name).await, name }
    }

    /// An empty one of the same kind.
    pub async fn another(&self) -> Self {
        match self {
            Self::Memory(_) => Self::memory().await,
            Self::File(_) => Self::file().await,
            Self::Database { .. } => Self::database().await,
        }
    }

    /// A handle on the store, which has a center and riders; what the configuration says of its file counts for nothing.
    pub async fn open(&self, config: StoreConfig) -> Store {
        let store = match self {
            Self::Memory(place) => Store::in_memory(place, config),
            Self::File(folder) => {
                let path = Some(folder.path().join("hub.sqlite"));
                Store::open(StoreConfig { path, ..config }).unwrap()
            }
            Self::Database { url, .. } => Store::connect(url, None, config).await.unwrap(),
        };
        prepare(&store).await;
        store
    }

    /// Lets so many milliseconds of leases go by; a clock that stands shows them, too.
    pub async fn pass(&self, clock: &Clock, ms: i64) {
        clock.set_still(clock.wall_now().plus_ms(ms), clock.day_now());
        if let Self::Database { name, .. } = self {
            administer_in(name, &format!("UPDATE lease SET until = until - {ms}")).await;
        }
    }

    /// Changes what is stored behind the hubs' backs.
    pub async fn tamper(&self, sql: &str) {
        match self {
            Self::Memory(_) => panic!("memory has no SQL"),
            Self::File(folder) => {
                let other = rusqlite::Connection::open(folder.path().join("hub.sqlite")).unwrap();
                other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                other.execute_batch(sql).unwrap();
            }
            Self::Database { name, .. } => _ = administer_in(name, sql).await,
        }
    }

    /// How many rows a query of what is stored shows.
    pub async fn count(&self, sql: &str) -> usize {
        match self {
            Self::Memory(_) => panic!("memory has no SQL"),
            Self::File(folder) => {
                let other = rusqlite::Connection::open(folder.path().join("hub.sqlite")).unwrap();
                let mut asked = other.prepare(sql).unwrap();
                asked.query_map([], |_| Ok(())).unwrap().count()
            }
            Self::Database { name, .. } => administer_in(name, sql).await,
        }
    }

    /// Waits for what is asked; it is committed, but the answer is lost on its way.
    pub async fn without_answer<T>(&self, asked: impl Future<Output = T>) -> T {
        match self {
            Self::Memory(place) => {
                place.lose_next_answer();
                asked.await
            }
            Self::File(_) => panic!("a file answers whatever happens"),
            Self::Database { name, .. } => {
                // A commit that waits for a standby which never comes is on disk; then its connection is cut.
                administer("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
                administer("SELECT pg_reload_conf()").await;
                let (answer, ()) = tokio::join!(asked, async {
                    let waiting = format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = '{name}' AND wait_event = 'SyncRep'"
                    );
                    while administer_in("postgres", &waiting).await == 0 {}
                });
                administer("ALTER SYSTEM RESET synchronous_standby_names").await;
                administer("SELECT pg_reload_conf()").await;
                answer
            }
        }
    }
}
