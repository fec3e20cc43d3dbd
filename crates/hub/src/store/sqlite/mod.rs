//! A store in one file, for a hub that is alone: SQLite.
//!
//! One thread writes (see `writer`); reads go to connections of their own.

mod alarms;
mod apply;
mod archive;
mod audit;
mod backend;
mod board;
mod centers;
mod deciding;
mod erasing;
mod finding;
mod loading;
mod moving;
mod notes;
mod outcomes;
mod past;
mod people;
mod preferences;
mod read;
mod readers;
mod riders;
mod schema;
mod throttle;
mod tidying;
mod writer;

use super::backend::{Beside, Lane};
use super::lines::Lines;
use super::{After, StoreError};
use gwanje_model::{CenterId, UtcMillis};
use read::json;
use readers::{Pool, Readers};
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tidying::{LOG_KEPT, Tidying};
use tokio::sync::{mpsc, oneshot};
use writer::{Batch, Job, Settle};

/// Jobs that wait for the writer: two seconds of work at least. Whoever finds it full waits, which slows the source.
const QUEUE_JOBS: usize = 1_024;
/// How long a statement waits for a lock of another process (`user add` beside a running hub).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What to do when the file can't be used.
const REMEDY: &str = "check that the path is writable and the disk is not full";

/// A store in one file.
pub(super) struct Sqlite {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    path: PathBuf,
    readers: Readers,
    tidying: Arc<Tidying>,
    /// Asks which writes of others there were: only one and the same connection can tell.
    watching: Mutex<Option<Connection>>,
    /// Removes a temporary store's folder when the store goes.
    _temporary: Option<tempfile::TempDir>,
}

impl Sqlite {
    /// Opens the file, makes or migrates its tables, puts its centers into memory and starts its writer.
    pub fn open(path: Option<PathBuf>, lines: &Arc<Lines>) -> Result<Self, StoreError> {
        let (path, temporary) = match path {
            Some(path) => (path, None),
            None => {
                let folder = tempfile::Builder::new().prefix("gwanje-hub-").tempdir().map_err(|source| {
                    StoreError::System { doing: "making a temporary folder for the store".into(), source }
                })?;
                (folder.path().join("hub.sqlite"), Some(folder))
            }
        };
        keep_to_owner(&path);
        let mut db = connect(&path)?;
        let shown = path.display().to_string();
        let doing = |doing: &str| unusable(format!("{doing} {shown}"));
        // FULL: a commit is durable before its frame leaves.
        // A log that had grown is cut when it begins anew. What is deleted is overwritten.
        db.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
             PRAGMA journal_size_limit = {LOG_KEPT};"
        ))
        .map_err(doing("preparing the store"))?;
        schema::migrate(&mut db)
            .map_err(doing("migrating the store"))?
            .map_err(|found| StoreError::Newer { found, known: schema::VERSION })?;
        for (center, standing) in centers::standings(&db).map_err(doing("reading the centers of"))? {
            lines.add(center.id, standing, None);
        }
        let (jobs, inbox) = mpsc::channel(QUEUE_JOBS);
        let readers = Readers::of(&path);
        let tidying = Arc::new(Tidying::of(&path, &readers));
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let (lines, tidying) = (Arc::clone(lines), Arc::clone(&tidying));
                move || writer::run(db, inbox, &lines, &tidying)
            })
            .map_err(|source| StoreError::System { doing: "starting the store's writer".into(), source })?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            readers,
            tidying,
            watching: Mutex::default(),
            path,
            _temporary: temporary,
        })
    }

    /// Runs within the writer's next transaction; answers once that is durable.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read_by(Lane::Asked, doing, read).await
    }

    /// A short read in that lane.
    async fn read_by<T: Send + 'static>(
        &self,
        lane: Lane,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = match lane {
            Lane::Asked => &self.readers.prompt,
            Lane::Told => &self.readers.told,
        };
        read_by(pool, doing, read).await
    }

    /// A read of many rows: it waits for others of its kind only.
    async fn read_list<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        read_by(&self.readers.lists, doing, read).await
    }

    /// A read that goes through a whole history.
    async fn read_past<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        read_by(&self.readers.past, doing, read).await
    }

    /// A read of a center with its standing and the frame after `after`, all of one transaction.
    async fn read_beside<T: Send + 'static>(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
        read: impl FnOnce(&Connection, &CenterId) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Beside<T>, StoreError> {
        self.read_list("reading a board", move |db| {
            let Some(standing) = read::standing(db, &center)? else { return Ok(None) };
            let frame = match read::whole_frame(db, &center, &standing, &after, at)? {
                Ok(frame) => frame,
                Err(reason) => return Ok(Some(Err(reason))),
            };
            let value = read(db, &center)?;
            Ok(Some(Ok((standing, frame, value))))
        })
        .await
    }
}

async fn read_by<T: Send + 'static>(
    pool: &Arc<Pool>,
    doing: &'static str,
    read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    pool.read(pool.turn().await?, doing, read).await
}

impl Drop for Sqlite {
    /// Whoever opens the file next finds nobody writing to it.
    fn drop(&mut self) {
        drop(self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // A panic in it was logged by the hook.
        thread.map(JoinHandle::join);
    }
}

/// Nobody but its owner reads the file: it holds what customers said, and the secret of tokens. What SQLite writes beside it
/// has the same rights. Where they can't be set, opening it says why.
fn keep_to_owner(path: &Path) {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    _ = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let Ok(found) = path.metadata() else { return };
    if found.permissions().mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "others could read the database; from now on only its owner does");
        for beside in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(beside);
            _ = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600));
        }
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let opened = Connection::open(path).and_then(|db| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.set_prepared_statement_cache_capacity(64);
        finding::register(&db)?;
        Ok(db)
    });
    opened.map_err(unusable(format!("opening the store {}", path.display())))
}

/// What went wrong while something was done.
fn unusable(doing: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let doing = doing.into();
    move |source| StoreError::Unusable { doing, source: source.into(), remedy: REMEDY }
}

/// A value as JSON text for a column.
fn text_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use gwanje_ledger::RecentBounds;

    /// A temporary store.
    pub(super) fn open() -> Sqlite {
        let bounds = RecentBounds { entries: 16, bytes: 1 << 20 };
        Sqlite::open(None, &Arc::new(Lines::new(Clock::wall(), bounds))).unwrap()
    }
}
