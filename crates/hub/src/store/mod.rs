//! The hub's store: deliveries, their history and everything else that must outlive the process, in SQLite.
//!
//! One thread writes (see `writer`); reads go to connections of their own, or to the latest changes in memory.
//! Every method may be called from any task; none blocks the executor.

mod alarms;
mod apply;
mod archive;
mod board;
mod centers;
mod deciding;
mod error;
mod finding;
mod following;
mod lines;
mod loading;
mod notes;
mod past;
mod preferences;
mod read;
mod readers;
mod riders;
mod schema;
mod writer;

pub use board::BoardStream;
pub use error::StoreError;
pub use gwanje_ledger::{
    Accepted, Ask, BatchAct, BatchCommand, BatchDecided, Command, Decided, Idempotency, IfMatch, Intent,
    Seen, Signature, Undo,
};
pub use past::{Found, PastSearch};
pub use preferences::{PREFERENCES_MAX, Preference, PreferenceKept, Replaces};
pub(crate) use read::json;
pub use read::{After, Selection};
pub use riders::RiderPositions;

use crate::clock::Clock;
use gwanje_ledger::{RecentBounds, Standing};
use gwanje_model::{CenterId, Pos, Text, UtcMillis};
use gwanje_wire::Head;
use lines::{CenterLine, Lines};
use readers::Readers;
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use writer::{Batch, Job, Settle};

/// Jobs that wait for the writer: two seconds of work at least. Whoever finds it full waits, which slows the source.
const QUEUE_JOBS: usize = 1_024;
/// Bytes of changes kept in memory a center, usually: twice what 16,384 rows of a kilobyte have.
const RECENT_BYTES: usize = 32 << 20;
/// How long a statement waits for a lock of another process (`user add` beside a running hub).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The file; none: a temporary one that goes with the store.
    pub path: Option<PathBuf>,
    /// Stamps frames and heads.
    pub clock: Clock,
    /// Changes of a center kept in memory for frames and pollers (about a kilobyte each).
    pub recent_changes: usize,
    /// The most bytes of those as JSON, however large their rows are.
    pub recent_bytes: usize,
    /// Tombstones kept of a center: a cursor older than the oldest of them must resync.
    pub tombstones_kept: u64,
}

impl StoreConfig {
    /// A temporary store with the usual capacities.
    #[must_use]
    pub fn temporary(clock: Clock) -> Self {
        Self {
            path: None,
            clock,
            recent_changes: 16_384,
            recent_bytes: RECENT_BYTES,
            tombstones_kept: 100_000,
        }
    }

    /// A store in that file with the usual capacities.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { path: Some(path.into()), ..Self::temporary(clock) }
    }
}

/// A center as it is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct CenterRecord {
    /// Its id.
    pub id: CenterId,
    /// Its name.
    pub name: Text,
    /// Where it is.
    pub pos: Option<Pos>,
    /// IANA name, `Asia/Seoul`.
    pub time_zone: Text,
}

/// An instant by both clocks.
#[derive(Clone, Copy)]
struct Now {
    wall: UtcMillis,
    day: UtcMillis,
}

impl Now {
    fn head(self, standing: &Standing) -> Head {
        standing.head(self.wall, self.day)
    }
}

/// The store. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lines: Arc<Lines>,
    path: PathBuf,
    readers: Readers,
    tombstones_kept: u64,
    /// Removes a temporary store's folder when the store goes.
    _temporary: Option<tempfile::TempDir>,
}

impl Store {
    /// Opens the store, makes or migrates its tables and starts its writer.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, or is of a newer hub.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let (path, temporary) = match config.path {
            Some(path) => (path, None),
            None => {
                let folder = tempfile::Builder::new().prefix("gwanje-hub-").tempdir().map_err(|source| {
                    StoreError::System { doing: "making a temporary folder for the store".into(), source }
                })?;
                (folder.path().join("hub.sqlite"), Some(folder))
            }
        };
        let mut db = connect(&path)?;
        let shown = path.display().to_string();
        let doing = |doing: &str| {
            let doing = format!("{doing} {shown}");
            move |source| StoreError::Sqlite { doing, source }
        };
        // FULL: a commit is durable before its frame leaves.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(doing("preparing the store"))?;
        schema::migrate(&mut db)
            .map_err(doing("migrating the store"))?
            .map_err(|found| StoreError::Newer { found, known: schema::VERSION })?;
        let lines = Arc::new(Lines {
            centers: std::sync::RwLock::default(),
            clock: config.clock,
            recent: RecentBounds { entries: config.recent_changes.max(1), bytes: config.recent_bytes },
        });
        for (center, standing) in centers::standings(&db).map_err(doing("reading the centers of"))? {
            lines.add(center.id, CenterLine::new(standing, lines.recent));
        }
        let (jobs, inbox) = mpsc::channel(QUEUE_JOBS);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let lines = Arc::clone(&lines);
                move || writer::run(db, inbox, &lines)
            })
            .map_err(|source| StoreError::System { doing: "starting the store's writer".into(), source })?;
        Ok(Self {
            shared: Arc::new(Shared {
                jobs: Mutex::new(Some(jobs)),
                thread: Mutex::new(Some(thread)),
                lines,
                readers: Readers::of(&path),
                path,
                tombstones_kept: config.tombstones_kept,
                _temporary: temporary,
            }),
        })
    }

    /// Commits what is queued and closes the store; later writes are refused. Returns when the file is at rest.
    pub async fn close(&self) {
        drop(self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The writer ends by itself once its queue is drained; a panic in it was logged by the hook.
            _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.shared.readers.close();
    }

    /// The clocks that stamp frames and heads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.lines.clock
    }

    /// Whether the writer takes jobs: it ends with [`Self::close`], and if it ever failed.
    #[must_use]
    pub fn takes_writes(&self) -> bool {
        let jobs = self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().is_some_and(|jobs| !jobs.is_closed())
    }

    fn line(&self, center: &CenterId) -> Result<Arc<CenterLine>, StoreError> {
        self.shared.lines.get(center).ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// Both clocks now. Taken before a read: a head must not claim to be newer than what was read.
    fn now(&self) -> Now {
        let clock = self.clock();
        Now { wall: clock.wall_now(), day: clock.day_now() }
    }

    /// Runs within the writer's next transaction; answers once that is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let jobs = self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let jobs = jobs.ok_or(StoreError::NotCommitted)?;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |batch| {
            let value = job(batch)?;
            // Whoever asked may have gone; what was written stays.
            let settle: Settle = Box::new(move || drop(answer.send(value)));
            Ok(settle)
        });
        jobs.send(job).await.map_err(|_| StoreError::NotCommitted)?;
        drop(jobs);
        answered.await.map_err(|_| StoreError::NotCommitted)
    }

    /// A short read, within one transaction, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = &self.shared.readers.prompt;
        pool.read(pool.turn().await?, doing, read).await
    }

    /// A number that changes with every commit of any connection but `db`; opens one where none is given.
    pub(crate) async fn data_version(&self, db: Option<Connection>) -> Result<(i64, Connection), StoreError> {
        let shared = Arc::clone(&self.shared);
        let asked = tokio::task::spawn_blocking(move || {
            let db = db.map_or_else(|| connect(&shared.path), Ok)?;
            let version = db.query_row("PRAGMA data_version", [], |row| row.get(0));
            let version = version.map_err(|source| StoreError::Sqlite {
                doing: "asking the store's version".into(),
                source,
            })?;
            Ok((version, db))
        });
        asked.await.unwrap_or(Err(StoreError::NotCommitted))
    }

    /// A read of many rows: it waits for others of its kind only.
    async fn read_list<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = &self.shared.readers.lists;
        pool.read(pool.turn().await?, doing, read).await
    }

    /// A read that goes through a whole history.
    async fn read_past<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = &self.shared.readers.past;
        pool.read(pool.turn().await?, doing, read).await
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let opened = Connection::open(path).and_then(|db| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.set_prepared_statement_cache_capacity(64);
        finding::register(&db)?;
        Ok(db)
    });
    opened.map_err(|source| StoreError::Sqlite {
        doing: format!("opening the store {}", path.display()),
        source,
    })
}

/// A value as JSON text for a column.
pub(crate) fn text_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
