//! A store in one file, for a hub that is alone: SQLite.
//!
//! One thread writes (see `writer`); reads go to connections of their own.

mod alarms;
mod apply;
mod archive;
mod board;
mod centers;
mod deciding;
mod finding;
mod loading;
mod moving;
mod notes;
mod past;
mod people;
mod preferences;
mod read;
mod readers;
mod riders;
mod schema;
mod writer;

use super::backend::{Backend, BatchOutcome, Beside};
use super::lines::Lines;
use super::people::{Account, ApiKey, KeyHash, Rotation};
use super::{
    After, BoardStream, CenterRecord, Chore, Found, Lease, Now, PastSearch, Preference, PreferenceKept,
    Replaces, Selection, StoreError,
};
use crate::fanout::Fanout;
use async_trait::async_trait;
use gwanje_ledger::{BatchCommand, Command, Decided, Need, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RiderId, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, WireRow};
use read::json;
use readers::{Pool, Readers};
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
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
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(doing("preparing the store"))?;
        schema::migrate(&mut db)
            .map_err(doing("migrating the store"))?
            .map_err(|found| StoreError::Newer { found, known: schema::VERSION })?;
        for (center, standing) in centers::standings(&db).map_err(doing("reading the centers of"))? {
            lines.add(center.id, standing, None);
        }
        let (jobs, inbox) = mpsc::channel(QUEUE_JOBS);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let lines = Arc::clone(lines);
                move || writer::run(db, inbox, &lines)
            })
            .map_err(|source| StoreError::System { doing: "starting the store's writer".into(), source })?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            readers: Readers::of(&path),
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
        read_by(&self.readers.prompt, doing, read).await
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

#[async_trait]
impl Backend for Sqlite {
    async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_command(&command));
            deciding::one(batch, &center, &need, |loaded, now| gwanje_ledger::decide(loaded, command, now))
        })
        .await
    }

    async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        self.write(move |batch| deciding::many(batch, commands)).await
    }

    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_batch(&command));
            deciding::one(batch, &center, &need, |loaded, now| {
                gwanje_ledger::decide_batch(loaded, command, now)
            })
        })
        .await
    }

    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.write(move |batch| {
            let need = Need::of_close(account.clone(), key.clone());
            deciding::one(batch, &center, &need, |loaded, _| Ok(gwanje_ledger::close(loaded, &account, &key)))
        })
        .await
    }

    async fn give_word(
        &self,
        center: CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<Result<(), WordRefused>, StoreError> {
        self.write(move |batch| alarms::receipts::record(batch, &center, &receipt, &by)).await
    }

    async fn write_due(&self, center: CenterId) -> Result<usize, StoreError> {
        self.write(move |batch| alarms::due::write_due(batch, &center)).await
    }

    async fn archive(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
    ) -> Result<usize, StoreError> {
        self.write(move |batch| archive::ended_before(batch, &center, day_at, at_most, kept)).await
    }

    async fn forget_past(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
    ) -> Result<usize, StoreError> {
        self.write(move |batch| archive::forget_past(batch, &center, day_at, at_most)).await
    }

    async fn keep_tombstones(&self, center: CenterId, kept: u64) -> Result<(), StoreError> {
        self.write(move |batch| archive::keep_tombstones(batch, &center, kept)).await
    }

    async fn begin_epoch(&self, center: CenterId, epoch: Epoch) -> Result<(), StoreError> {
        self.write(move |batch| centers::begin_epoch(batch, center, epoch)).await?
    }

    async fn ensure_center(&self, center: CenterRecord, epoch: Epoch) -> Result<(), StoreError> {
        self.write(move |batch| centers::ensure(batch, center, &epoch)).await
    }

    async fn upsert_riders(&self, center: CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        self.write(move |batch| riders::upsert(batch, &center, &riders)).await
    }

    async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        let read = self.read("reading the centers", |db| centers::standings(db)).await?;
        Ok(read.into_iter().map(|(center, _)| center).collect())
    }

    async fn standing(&self, center: CenterId, _: Now) -> Result<Option<Standing>, StoreError> {
        self.read("reading a head", move |db| read::standing(db, &center)).await
    }

    async fn frame(
        &self,
        center: CenterId,
        from: Rev,
        limit: usize,
        at: UtcMillis,
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError> {
        self.read("reading changes", move |db| {
            let Some(standing) = read::standing(db, &center)? else { return Ok(None) };
            if standing.resumable(from).is_err() {
                return Ok(Some((standing, None)));
            }
            let frame = read::frame(db, &center, &standing, from, limit, at)?;
            Ok(Some((standing, Some(frame))))
        })
        .await
    }

    async fn buckets(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<RowDigest>>, StoreError> {
        self.read_beside(center, after, at, read::buckets).await
    }

    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError> {
        self.read_beside(center, after, at, move |db, center| {
            let ids = read::selected(db, center, &selection)?;
            read::bodies(db, center, &ids)
        })
        .await
    }

    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError> {
        self.read_beside(center, after, at, move |db, center| read::selected(db, center, &selection)).await
    }

    async fn board(&self, center: CenterId, only_rider: Option<RiderId>) -> Result<BoardStream, StoreError> {
        self.stream_board(center, only_rider).await
    }

    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.read("reading a delivery", move |db| read::any_row(db, &center, id)).await
    }

    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read_list("reading a history", move |db| read::history(db, &center, id)).await
    }

    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
    ) -> Result<Option<AlarmsReply>, StoreError> {
        self.read_list("reading alarms", move |db| alarms::page(db, &center, after, limit)).await
    }

    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError> {
        let read = move |db: &Transaction<'_>| alarms::due::is_anything_due(db, &center, now);
        self.read("looking for alarms that are due", read).await
    }

    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError> {
        self.read_list("reading riders", move |db| riders::listed(db, &center)).await
    }

    async fn board_at(&self, center: CenterId, time: UtcMillis) -> Result<Vec<Delivery>, StoreError> {
        self.read_past("reading a past board", move |db| past::board_at(db, &center, time)).await
    }

    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError> {
        self.read_past("searching deliveries", move |db| past::find(db, &center, &search)).await
    }

    async fn take_lease(&self, _: Chore, _: CenterId) -> Result<Lease, StoreError> {
        // One hub has the file.
        Ok(Lease::alone())
    }

    async fn note(&self, key: String) -> Result<Option<String>, StoreError> {
        self.read("reading a setting", move |db| notes::note(db, &key)).await
    }

    async fn keep_first_note(&self, key: String, value: String) -> Result<String, StoreError> {
        self.write(move |batch| notes::keep_first(batch.db(), &key, &value)).await
    }

    async fn keep_note(&self, key: String, value: String) -> Result<(), StoreError> {
        self.write(move |batch| notes::keep(batch.db(), &key, &value)).await
    }

    async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError> {
        self.read("reading a preference", move |db| preferences::kept(db, &account, &key)).await
    }

    async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError> {
        self.write(move |batch| preferences::keep(batch.db(), &account, &key, &body, &replaces)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read("reading accounts", |db| people::accounts(db)).await
    }

    async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        self.read("reading an account", move |db| people::account(db, &name)).await
    }

    async fn put_account(&self, account: Account) -> Result<(), StoreError> {
        self.write(move |batch| people::put_account(batch.db(), &account)).await
    }

    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        self.read("reading API keys", |db| people::keys(db)).await
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.read("reading an API key", move |db| people::key(db, &hash)).await
    }

    async fn put_key(&self, hash: KeyHash, key: ApiKey) -> Result<(), StoreError> {
        self.write(move |batch| people::put_key(batch.db(), &hash, &key)).await
    }

    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<(), StoreError> {
        self.write(move |batch| people::forget_sign_ins(batch.db(), used_since)).await
    }

    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        self.read_list("reading sign-ins", |db| people::live_sign_ins(db)).await
    }

    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError> {
        self.read("reading a sign-in", move |db| people::sign_in(db, &id)).await
    }

    async fn begin_sign_in(&self, id: String, account: Text, first: Rotation) -> Result<(), StoreError> {
        self.write(move |batch| people::begin_sign_in(batch.db(), &id, &account, first)).await
    }

    async fn rotate(
        &self,
        id: String,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        self.write(move |batch| people::spend(batch.db(), &id, generation, now)).await
    }

    async fn spend_ticket(
        &self,
        nonce: String,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError> {
        self.write(move |batch| people::spend_ticket(batch.db(), &nonce, expires_at, now)).await
    }

    async fn end_sign_in(&self, id: String) -> Result<(), StoreError> {
        self.write(move |batch| people::end_sign_in(batch.db(), &id)).await
    }

    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError> {
        self.write(move |batch| people::end_sign_ins_of(batch.db(), &account)).await
    }

    async fn answers(&self) -> Result<(), StoreError> {
        self.note("readiness".into()).await.map(|_| ())
    }

    async fn version_of_others(&self) -> Result<i64, StoreError> {
        let (kept, path) =
            (self.watching.lock().unwrap_or_else(PoisonError::into_inner).take(), self.path.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let db = kept.map_or_else(|| connect(&path), Ok)?;
            let version = db.query_row("PRAGMA data_version", [], |row| row.get(0));
            let version = version.map_err(unusable("asking the store's version"))?;
            Ok((version, db))
        });
        let (version, db) = asked.await.unwrap_or(Err(StoreError::NotCommitted))?;
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(db);
        Ok(version)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn without(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn fanout(&self) -> Option<Arc<dyn Fanout>> {
        None
    }

    fn takes_writes(&self) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().is_some_and(|jobs| !jobs.is_closed())
    }

    async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The writer ends by itself once its queue is drained; a panic in it was logged by the hook.
            _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        drop(self.watching.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.readers.close();
    }
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
