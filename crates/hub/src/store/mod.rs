//! The hub's store: deliveries, their history and everything else that must outlive the process, in SQLite.
//!
//! One thread writes (see `writer`); reads go to connections of their own, or to the latest changes in memory.
//! Every method may be called from any task; none blocks the executor.

mod alarms;
mod archive;
mod board;
mod command;
mod idempotency;
mod past;
mod read;
mod recent;
mod riders;
mod schema;
mod writer;

pub use board::Board;
pub use command::{Accepted, Ask, Command, Idempotency, IfMatch, Intent, Outcome};
pub use past::{Found, Search};
pub use read::Selection;
pub(crate) use read::json;
pub use riders::RiderPositions;

use crate::clock::Clock;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Pos, Rev, Rider, SeatId, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{
    AlarmEntry, AlarmsReply, ChangesReply, CloseReply, DigestReply, RevsReply, RowsReply,
};
use gwanje_wire::socket::{AlarmReceipt, Cursor};
use gwanje_wire::{ErrorCode, Frame, Head, Problem, ResyncReason};
use recent::{Entry, Recent, Standing};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use ulid::Ulid;
use writer::{Batch, Job, Settle};

/// Jobs that wait for the writer: two seconds of work at least. Whoever finds it full waits, which slows the source.
const QUEUE_JOBS: usize = 1_024;
/// Read connections: reads are short, and beyond the cores more of them only wait for each other.
const READERS: usize = 4;
/// Boards streamed at once: each may wait for a slow client, so they have permits of their own and never keep a head waiting.
const BOARDS: usize = 8;
/// How long a statement waits for a lock of another process (`user add` beside a running hub).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What went wrong with the store, and what to do about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file can't be opened or used.
    #[error("{doing}: {source}; check that the path is writable and the disk is not full")]
    Sqlite {
        /// What was being done, to what.
        doing: String,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// A folder or thread could not be made.
    #[error("{doing}: {source}")]
    System {
        /// What was being done, to what.
        doing: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The file was written by a newer hub.
    #[error(
        "the store has version {found}, this hub knows {known}: run the newer hub, or restore an older file"
    )]
    Newer {
        /// The file's version.
        found: usize,
        /// This build's version.
        known: usize,
    },
    /// No center of that id.
    #[error("there is no center {0}")]
    UnknownCenter(CenterId),
    /// No alarm of that key.
    #[error("center {center} has no such alarm of delivery {id}")]
    NoAlarm {
        /// Where it was looked for.
        center: CenterId,
        /// Of which delivery.
        id: DeliveryId,
    },
    /// The cursor can't go on from where it is.
    #[error("the cursor can't be resumed ({0:?}); fetch a snapshot")]
    Resync(ResyncReason),
    /// The transaction was rolled back, or the store is closed. Nothing was written.
    #[error("nothing was written: the store is closed or its disk refused; ask again in a moment")]
    NotCommitted,
}

impl StoreError {
    /// As it travels.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Sqlite { .. } | Self::System { .. } | Self::Newer { .. } | Self::NotCommitted => {
                Problem::new(ErrorCode::Unavailable, "the store can't be used at the moment; ask again")
            }
            Self::UnknownCenter(_) | Self::NoAlarm { .. } => {
                Problem::new(ErrorCode::NotFound, self.to_string())
            }
            Self::Resync(reason) => {
                let mut problem = Problem::new(ErrorCode::Resync, self.to_string());
                problem.reason = Some(*reason);
                problem
            }
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The file; none: a temporary one that goes with the store.
    pub path: Option<PathBuf>,
    /// Stamps frames and heads.
    pub clock: Clock,
    /// Changes of a center kept in memory for frames and pollers (about a kilobyte each).
    pub recent_changes: usize,
    /// Tombstones kept of a center: a cursor older than the oldest of them must resync.
    pub tombstones_kept: u64,
}

impl StoreConfig {
    /// A temporary store with the usual capacities.
    #[must_use]
    pub fn temporary(clock: Clock) -> Self {
        Self { path: None, clock, recent_changes: 16_384, tombstones_kept: 100_000 }
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

/// Where a cursor's missing part can be read from in memory, and who waits for more.
pub(crate) struct CenterLine {
    recent: Mutex<Recent>,
    rev: watch::Sender<Rev>,
    alarm: watch::Sender<u64>,
}

impl CenterLine {
    fn new(standing: Standing, recent_changes: usize) -> Self {
        let (rev, alarm) = (watch::Sender::new(standing.rev), watch::Sender::new(standing.alarm_seq));
        Self { recent: Mutex::new(Recent::new(standing, recent_changes)), rev, alarm }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, standing: Standing, changes: Vec<Entry>) {
        let (rev, alarm_seq) = (standing.rev, standing.alarm_seq);
        self.recent().publish(standing, changes);
        self.rev.send_if_modified(|known| std::mem::replace(known, rev) != rev);
        self.alarm.send_if_modified(|known| std::mem::replace(known, alarm_seq) != alarm_seq);
    }
}

/// All centers in memory.
pub(crate) struct Lines {
    centers: RwLock<BTreeMap<CenterId, Arc<CenterLine>>>,
    clock: Clock,
    recent_changes: usize,
}

impl Lines {
    fn get(&self, id: &CenterId) -> Option<Arc<CenterLine>> {
        self.centers.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn add(&self, id: CenterId, line: CenterLine) {
        self.centers.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(line));
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
    idle_readers: Mutex<Vec<Connection>>,
    reader_permits: Arc<Semaphore>,
    board_permits: Arc<Semaphore>,
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
            centers: RwLock::default(),
            clock: config.clock,
            recent_changes: config.recent_changes.max(1),
        });
        for (center, standing) in standings(&db).map_err(doing("reading the centers of"))? {
            lines.add(center.id, CenterLine::new(standing, lines.recent_changes));
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
                path,
                idle_readers: Mutex::default(),
                reader_permits: Arc::new(Semaphore::new(READERS)),
                board_permits: Arc::new(Semaphore::new(BOARDS)),
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
        self.shared.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The clocks that stamp frames and heads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.lines.clock
    }

    // ---- centers ----

    /// Sets a center up, or changes its name, place and zone; a new one begins its first epoch.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn ensure_center(&self, center: CenterRecord) -> Result<(), StoreError> {
        self.write(move |batch| {
            batch
                .db()
                .prepare_cached(
                    "INSERT INTO center (id, name, pos, time_zone, epoch) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, pos = excluded.pos, \
                     time_zone = excluded.time_zone",
                )?
                .execute(params![
                    center.id.as_str(),
                    center.name.as_str(),
                    center.pos.as_ref().map(text_json).transpose()?,
                    center.time_zone.as_str(),
                    Ulid::generate().to_string(),
                ])?;
            batch.center_created(center.id);
            Ok(())
        })
        .await
    }

    /// All centers, by id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        let read = self.read("reading the centers", |db| standings(db)).await?;
        Ok(read.into_iter().map(|(center, _)| center).collect())
    }

    /// Whether there is a center of that id (from memory).
    #[must_use]
    pub fn has_center(&self, center: &CenterId) -> bool {
        self.shared.lines.get(center).is_some()
    }

    /// Begins a new epoch: every cursor must resync. For restores and for drills of that fault.
    ///
    /// # Errors
    /// When there is no such center or nothing could be written.
    pub async fn begin_epoch(&self, center: &CenterId) -> Result<Epoch, StoreError> {
        let id = center.clone();
        self.write(move |batch| {
            let epoch = Epoch::from(Ulid::generate().to_string());
            Ok(batch.center(&id)?.map(|staged| {
                staged.begin_epoch(epoch.clone());
                epoch
            }))
        })
        .await?
        .ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    // ---- heads, frames, changes ----

    /// The head: a true read of the store, not of memory.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn head(&self, center: &CenterId) -> Result<Head, StoreError> {
        let id = center.clone();
        let standing = self.read("reading a head", move |db| read::standing(db, &id)).await?;
        standing
            .map(|standing| self.stamp(&standing))
            .ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The head as of the last commit, from memory.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn recent_head(&self, center: &CenterId) -> Result<Head, StoreError> {
        let line = self.line(center)?;
        let standing = line.recent().standing().clone();
        Ok(self.stamp(&standing))
    }

    /// The last committed revision of a center; changes after each commit is durable and readable.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn committed(&self, center: &CenterId) -> Result<watch::Receiver<Rev>, StoreError> {
        Ok(self.line(center)?.rev.subscribe())
    }

    /// The frame after `from`: conflated, at most `limit` (1 to 1,000) entries and 1 MiB; `as_of` is the head's rev.
    /// `to < as_of` shows that it was cut: ask again from `to`. From memory where that reaches back far enough.
    ///
    /// # Errors
    /// `Resync` when no frame may start at `from`; when there is no such center or the store can't be read.
    pub async fn frame(&self, center: &CenterId, from: Rev, limit: usize) -> Result<Frame, StoreError> {
        Ok(self.changes_in(center, None, from, limit).await?.frame)
    }

    /// What a cursor lacks, with the head of the same read; without a cursor it must resync (`Epoch`).
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn changes(
        &self,
        center: &CenterId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<ChangesReply, StoreError> {
        let line = self.line(center)?;
        let Some(Cursor { epoch, rev }) = cursor else {
            drop(line);
            return Err(StoreError::Resync(ResyncReason::Epoch));
        };
        self.changes_in(center, Some(epoch), *rev, limit).await
    }

    async fn changes_in(
        &self,
        center: &CenterId,
        epoch: Option<&Epoch>,
        from: Rev,
        limit: usize,
    ) -> Result<ChangesReply, StoreError> {
        let resumable = |standing: &Standing| {
            if epoch.is_some_and(|epoch| *epoch != standing.epoch) {
                return Err(StoreError::Resync(ResyncReason::Epoch));
            }
            standing.resumable(from).map_err(StoreError::Resync)
        };
        let at = self.clock().wall_now();
        {
            let line = self.line(center)?;
            let recent = line.recent();
            resumable(recent.standing())?;
            if let Some(frame) = recent.frame(from, limit, at) {
                let standing = recent.standing().clone();
                drop(recent);
                return Ok(ChangesReply { frame, head: self.stamp(&standing) });
            }
        }
        let id = center.clone();
        let read = self.read("reading changes", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            if standing.resumable(from).is_err() {
                return Ok(Some((standing, None)));
            }
            let frame = read::frame(db, &id, &standing, from, limit, at)?;
            Ok(Some((standing, Some(frame))))
        });
        let (standing, frame) = read.await?.ok_or_else(|| StoreError::UnknownCenter(center.clone()))?;
        resumable(&standing)?;
        let frame = frame.ok_or(StoreError::Resync(ResyncReason::Floor))?;
        Ok(ChangesReply { frame, head: self.stamp(&standing) })
    }

    /// Head, frame after `after` and the 256 buckets, of one read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn digest(&self, center: &CenterId, after: Option<Rev>) -> Result<DigestReply, StoreError> {
        let (standing, frame, buckets) = self.read_beside(center, after, read::buckets).await?;
        Ok(DigestReply { head: self.stamp(&standing), frame, buckets })
    }

    /// Selected rows in full, with the frame after `after` of the same read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn rows(
        &self,
        center: &CenterId,
        selection: Selection,
        after: Option<Rev>,
    ) -> Result<RowsReply, StoreError> {
        let read = self.read_beside(center, after, move |db, center| {
            let ids = read::selected(db, center, &selection)?;
            read::bodies(db, center, &ids)
        });
        let (standing, frame, rows) = read.await?;
        Ok(RowsReply { epoch: standing.epoch, rev: standing.rev, frame, rows })
    }

    /// Revisions of selected rows, with the frame after `after` of the same read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn revs(
        &self,
        center: &CenterId,
        selection: Selection,
        after: Option<Rev>,
    ) -> Result<RevsReply, StoreError> {
        let read = self.read_beside(center, after, move |db, center| read::selected(db, center, &selection));
        let (standing, frame, rows) = read.await?;
        Ok(RevsReply { epoch: standing.epoch, rev: standing.rev, frame, rows })
    }

    /// A delivery, live or archived, with its center's epoch.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn delivery(
        &self,
        center: &CenterId,
        id: DeliveryId,
    ) -> Result<Option<(Epoch, Delivery)>, StoreError> {
        let epoch = self.line(center)?.recent().standing().epoch.clone();
        let center = center.clone();
        let row = self.read("reading a delivery", move |db| read::any_row(db, &center, id)).await?;
        Ok(row.map(|row| (epoch, row)))
    }

    /// A delivery's events, oldest first; empty: there is none of that id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(&self, center: &CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        let center = center.clone();
        self.read("reading a history", move |db| read::history(db, &center, id)).await
    }

    // ---- commands ----

    /// Decides a command and answers when the decision is durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute(&self, command: Command) -> Result<Outcome, StoreError> {
        self.write(move |batch| command::execute(batch, command)).await
    }

    /// Decides commands in order, in one transaction; each has its own revision and outcome.
    ///
    /// # Errors
    /// When nothing could be written: then none was decided.
    pub async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, StoreError> {
        self.write(move |batch| {
            commands.into_iter().map(|command| command::execute(batch, command)).collect()
        })
        .await
    }

    /// The outcome under an idempotency key of this account and center; none yet: from now on `void`.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn close_command(
        &self,
        account: Text,
        center: &CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        let center = center.clone();
        self.write(move |batch| idempotency::close(batch, &account, &center, &key)).await
    }

    /// Archives every delivery that ended before `day_at`; returns how many left the board.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn archive_ended_before(
        &self,
        center: &CenterId,
        day_at: UtcMillis,
    ) -> Result<usize, StoreError> {
        let mut archived = 0;
        loop {
            let (id, kept, now) = (center.clone(), self.shared.tombstones_kept, self.clock().day_now());
            let some = self.write(move |batch| archive::ended_before(batch, &id, day_at, now, kept)).await?;
            archived += some;
            if i64::try_from(some).is_ok_and(|some| some < archive::ARCHIVED_AT_ONCE) {
                return Ok(archived);
            }
        }
    }

    // ---- alarms ----

    /// The alarms after `seq` with the center's latest, of one read.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn alarms_after(&self, center: &CenterId, seq: u64) -> Result<AlarmsReply, StoreError> {
        let id = center.clone();
        let read = self.read("reading alarms", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            let alarms: Vec<AlarmEntry> = alarms::after(db, &id, seq)?;
            Ok(Some(AlarmsReply { alarm_seq: standing.alarm_seq, alarms }))
        });
        read.await?.ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The center's latest alarm sequence number; changes after each commit that wrote an alarm or a receipt.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn alarm_written(&self, center: &CenterId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.line(center)?.alarm.subscribe())
    }

    /// Takes a seat's word on an alarm; only a further stage changes anything.
    ///
    /// # Errors
    /// When there is no such alarm or nothing could be written.
    pub async fn record_receipt(
        &self,
        center: &CenterId,
        receipt: AlarmReceipt,
        seat: SeatId,
    ) -> Result<(), StoreError> {
        let center = center.clone();
        self.write(move |batch| alarms::record_receipt(batch, &center, &receipt, &seat)).await?
    }

    // ---- riders ----

    /// Lists riders to a center, or changes them (places go to [`RiderPositions`]).
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn upsert_riders(&self, center: &CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        let center = center.clone();
        self.write(move |batch| riders::upsert(batch, &center, &riders)).await
    }

    /// The riders listed to a center, by id, each with its load.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn riders(&self, center: &CenterId) -> Result<Vec<Rider>, StoreError> {
        let center = center.clone();
        self.read("reading riders", move |db| riders::listed(db, &center)).await
    }

    // ---- the rest ----

    /// A text kept under a name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn meta_get(&self, key: impl Into<String>) -> Result<Option<String>, StoreError> {
        let key = format!("note:{}", key.into());
        self.read("reading a setting", move |db| {
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
        })
        .await
    }

    /// Keeps a text under a name.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn meta_set(&self, key: impl Into<String>, value: impl Into<String>) -> Result<(), StoreError> {
        let (key, value) = (format!("note:{}", key.into()), value.into());
        self.write(move |batch| {
            batch
                .db()
                .prepare_cached(
                    "INSERT INTO meta (key, value) VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute([key, value])?;
            Ok(())
        })
        .await
    }

    fn line(&self, center: &CenterId) -> Result<Arc<CenterLine>, StoreError> {
        self.shared.lines.get(center).ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    fn stamp(&self, standing: &Standing) -> Head {
        let clock = self.clock();
        standing.head(clock.wall_now(), clock.day_now())
    }

    /// A read of a center with its standing and the frame after `after`, all of one transaction.
    async fn read_beside<T: Send + 'static>(
        &self,
        center: &CenterId,
        after: Option<Rev>,
        read: impl FnOnce(&Connection, &CenterId) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<(Standing, Option<Frame>, T), StoreError> {
        let id = center.clone();
        let at = self.clock().wall_now();
        let done = self.read("reading a board", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            let frame = match read::whole_frame(db, &id, &standing, after, at)? {
                Ok(frame) => frame,
                Err(reason) => return Ok(Some(Err(reason))),
            };
            let value = read(db, &id)?;
            Ok(Some(Ok((standing, frame, value))))
        });
        match done.await? {
            Some(Ok(done)) => Ok(done),
            Some(Err(reason)) => Err(StoreError::Resync(reason)),
            None => Err(StoreError::UnknownCenter(center.clone())),
        }
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

    /// Runs within one read transaction, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read_with(&self.shared.reader_permits, doing, read).await
    }

    async fn read_with<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed.
        let permit = Arc::clone(permits).acquire_owned().await;
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let idle = shared.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut db = match idle {
                Some(db) => db,
                None => connect(&shared.path)?,
            };
            let failed = |source| StoreError::Sqlite { doing: doing.into(), source };
            let tx = db.transaction().map_err(failed)?;
            let value = read(&tx).map_err(failed)?;
            tx.finish().map_err(failed)?;
            shared.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            Ok(value)
        });
        done.await.unwrap_or(Err(StoreError::NotCommitted))
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let opened = Connection::open(path).and_then(|db| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(db)
    });
    opened.map_err(|source| StoreError::Sqlite {
        doing: format!("opening the store {}", path.display()),
        source,
    })
}

fn standings(db: &Connection) -> rusqlite::Result<Vec<(CenterRecord, Standing)>> {
    let centers = db
        .prepare("SELECT id, name, pos, time_zone FROM center ORDER BY id")?
        .query_map([], |row| {
            let pos = match row.get_ref(2)?.as_str_or_null()? {
                Some(_) => Some(json(row, 2)?),
                None => None,
            };
            Ok(CenterRecord {
                id: CenterId::from(row.get::<_, String>(0)?),
                name: row.get::<_, String>(1)?.into(),
                pos,
                time_zone: row.get::<_, String>(3)?.into(),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut standings = Vec::with_capacity(centers.len());
    for center in centers {
        if let Some(standing) = read::standing(db, &center.id)? {
            standings.push((center, standing));
        }
    }
    Ok(standings)
}

/// A value as JSON text for a column.
pub(crate) fn text_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
