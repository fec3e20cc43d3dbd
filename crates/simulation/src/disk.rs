//! A seat's disk: a real cache file, and a writer that does its jobs in order as the engine's cache thread does.

use gwanje_cache::{
    Cache, CacheBatch, CacheCursor, CacheError, CachedAlarm, CachedCommand, CachedRow, CachedSkip, Loaded,
};
use gwanje_model::{CenterId, DeliveryId};
use gwanje_sync::mutation::{Mutation, is_mutated};
use gwanje_sync::{AlarmKey, Batch, CommandId, Restored, SkippedAlarms, StoredAlarm, StoredCommand};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::Cursor;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Job {
    Write(Box<Batch>),
    Restore(CenterId),
    Wipe(CenterId),
    Audit(CenterId),
}

/// What the writer answers.
#[derive(Debug)]
pub(crate) enum Done {
    Committed(CenterId, u64),
    /// So many rows were damaged and left out.
    Restored(CenterId, Box<Restored>, usize),
    Audited {
        center: CenterId,
        damaged: Vec<DeliveryId>,
        digest_fits: bool,
    },
}

/// A seat's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    cache: Option<Cache>,
    jobs: VecDeque<Job>,
    /// It takes no writes until then.
    pub(crate) busy_until: u64,
    /// It has not refused any since it is so.
    pub(crate) busy_idle: bool,
    /// A write was refused, for the world to take note of.
    pub(crate) refused: bool,
    /// The file held rows when it was overwritten.
    pub(crate) spoilt_full: bool,
    /// Alarms whose writing was told although it had not come to pass (as the engine does when a disk takes no writes).
    pub(crate) told_unwritten: Vec<(CenterId, AlarmKey)>,
    /// Alarms that are on it.
    holds: BTreeSet<(CenterId, AlarmKey)>,
    /// Rows that were flipped, by key, with what they were flipped to.
    flipped: Vec<(i64, String)>,
    /// Alarms as they were really written, for the world to take note of.
    pub(crate) written: Vec<(CenterId, AlarmKey, ReceiptStage)>,
}

impl Disk {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self {
            path: folder.join(format!("{name}.sqlite")),
            cache: None,
            jobs: VecDeque::new(),
            busy_until: 0,
            busy_idle: false,
            refused: false,
            spoilt_full: false,
            told_unwritten: Vec::new(),
            holds: BTreeSet::new(),
            flipped: Vec::new(),
            written: Vec::new(),
        }
    }

    /// The app starts: opens the file. True: the former one was set aside.
    pub(crate) fn open(&mut self) -> Result<bool, CacheError> {
        let opened = Cache::open(&self.path)?;
        self.cache = Some(opened.cache);
        Ok(opened.set_aside.is_some())
    }

    /// The app is killed: what was not written is gone.
    pub(crate) fn kill(&mut self) {
        self.jobs.clear();
        self.cache = None;
    }

    /// Whether something waits to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job, Job::Write(batch) if !batch.upserts.is_empty()))
    }

    /// Whether an alarm is written.
    pub(crate) fn has_alarm(&self, center: &CenterId, key: &AlarmKey) -> bool {
        self.holds.contains(&(center.clone(), *key))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// Does the jobs that can be done now.
    pub(crate) fn work(&mut self, now_ms: u64) -> Result<Vec<Done>, CacheError> {
        let mut done = Vec::new();
        if self.busy_until > now_ms {
            self.work_past(&mut done)?;
            return Ok(done);
        }
        while let Some(job) = self.jobs.pop_front() {
            match job {
                Job::Write(batch) => {
                    let mut batches = vec![*batch];
                    while let Some(Job::Write(_)) = self.jobs.front()
                        && let Some(Job::Write(next)) = self.jobs.pop_front()
                    {
                        batches.push(*next);
                    }
                    if self.write(batches, &mut done)? {
                        break;
                    }
                }
                Job::Restore(center) => done.push(self.restore(center)?),
                Job::Audit(center) => done.push(self.audit(center)?),
                Job::Wipe(center) => {
                    if let Some(cache) = &mut self.cache {
                        cache.wipe(&center)?;
                        self.holds.retain(|(of, _)| *of != center);
                    }
                }
            }
        }
        Ok(done)
    }

    /// While the disk takes no writes: reads go past them, and writes are told although they wait.
    fn work_past(&mut self, done: &mut Vec<Done>) -> Result<(), CacheError> {
        let mut wiped = Vec::new();
        for job in std::mem::take(&mut self.jobs) {
            match job {
                Job::Restore(center) if !wiped.contains(&center) => done.push(self.restore(center)?),
                Job::Audit(center) if !wiped.contains(&center) => done.push(self.audit(center)?),
                Job::Wipe(center) => {
                    wiped.push(center.clone());
                    self.jobs.push_back(Job::Wipe(center));
                }
                Job::Write(batch) => {
                    self.refused |= std::mem::take(&mut self.busy_idle);
                    done.push(Done::Committed(batch.center.clone(), batch.seq));
                    let keys = batch.alarms.iter().map(|alarm| (batch.center.clone(), alarm.key));
                    self.told_unwritten.extend(keys);
                    self.jobs.push_back(Job::Write(batch));
                }
                held @ (Job::Restore(_) | Job::Audit(_)) => self.jobs.push_back(held),
            }
        }
        Ok(())
    }

    /// Writes batches as one transaction. True: not all of it could be done at once (a mutation).
    fn write(&mut self, batches: Vec<Batch>, done: &mut Vec<Done>) -> Result<bool, CacheError> {
        let Some(cache) = &mut self.cache else { return Ok(false) };
        if is_mutated(Mutation::CursorBeforeRows)
            && let Some(first) = batches.iter().position(|batch| !batch.upserts.is_empty())
            && batches.iter().all(|batch| batch.cursor.is_some())
        {
            let cursors: Vec<_> = batches
                .iter()
                .skip(first)
                .map(|batch| CacheBatch {
                    cursor: batch.cursor.as_ref().map(cache_cursor),
                    rows: batch.rows,
                    ..CacheBatch::empty(batch.center.clone())
                })
                .collect();
            cache.write(&cursors)?;
            for mut batch in batches.into_iter().rev() {
                batch.cursor = None;
                self.jobs.push_front(Job::Write(Box::new(batch)));
            }
            return Ok(true);
        }
        cache.write(&batches.iter().map(cache_batch).collect::<Vec<_>>())?;
        for batch in batches {
            for alarm in &batch.alarms {
                self.holds.insert((batch.center.clone(), alarm.key));
                self.written.push((batch.center.clone(), alarm.key, alarm.stage));
                self.told_unwritten.retain(|(center, key)| (center, key) != (&batch.center, &alarm.key));
            }
            done.push(Done::Committed(batch.center, batch.seq));
        }
        Ok(false)
    }

    fn restore(&mut self, center: CenterId) -> Result<Done, CacheError> {
        let loaded = self.load(&center)?;
        let damaged = loaded.as_ref().map_or(0, |loaded| loaded.damaged);
        Ok(Done::Restored(center, Box::new(loaded.map(restored).unwrap_or_default()), damaged))
    }

    fn audit(&mut self, center: CenterId) -> Result<Done, CacheError> {
        let audit = match &mut self.cache {
            Some(cache) => cache.audit(&center)?,
            None => gwanje_cache::Audit { digest_fits: true, ..gwanje_cache::Audit::default() },
        };
        Ok(Done::Audited { center, damaged: audit.damaged, digest_fits: audit.digest_fits })
    }

    /// What is on the disk of a center.
    pub(crate) fn load(&mut self, center: &CenterId) -> Result<Option<Loaded>, CacheError> {
        self.cache.as_mut().map_or(Ok(None), |cache| cache.load(center))
    }

    /// Whether it holds rows of one of those centers.
    pub(crate) fn holds_rows(&mut self, centers: &[CenterId]) -> bool {
        centers.iter().any(|center| matches!(self.load(center), Ok(Some(loaded)) if !loaded.rows.is_empty()))
    }

    /// Whether the rows on the disk are what the last transaction said.
    pub(crate) fn fits(&mut self, center: &CenterId) -> Result<bool, CacheError> {
        self.cache.as_mut().map_or(Ok(true), |cache| Ok(cache.audit(center)?.digest_fits))
    }

    /// The file turns out damaged: it is set aside, and what waited for it is forgotten.
    pub(crate) fn corrupt(&mut self) -> Result<(), CacheError> {
        let why = "database disk image is malformed".to_owned();
        let damage = CacheError::Damaged { doing: "the reading", path: self.path.clone(), why };
        if let Some(cache) = self.cache.take() {
            self.cache = Some(cache.rebuild(&damage)?.cache);
        }
        self.jobs.retain(|job| !matches!(job, Job::Write(_)));
        self.holds.clear();
        Ok(())
    }

    /// The file of an app that does not run is overwritten (`gone`: removed).
    pub(crate) fn spoil_at_rest(&mut self, gone: bool) -> std::io::Result<()> {
        self.kill();
        self.holds.clear();
        if gone {
            std::fs::remove_file(&self.path)?;
        } else {
            let garbage: Vec<u8> = (0..8_192_u32).map(|n| (n % 251) as u8).collect();
            std::fs::write(&self.path, garbage)?;
        }
        Ok(())
    }

    /// Whether a row is still as it was flipped.
    pub(crate) fn is_flipped(&mut self) -> bool {
        if self.flipped.is_empty() {
            return false;
        }
        let Ok(db) = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
            self.flipped.clear();
            return false;
        };
        let body = |key: &i64| {
            db.query_row("SELECT body FROM rows WHERE key = ?1", [key], |row| row.get::<_, Option<String>>(0))
        };
        self.flipped.retain(|(key, flipped)| body(key).is_ok_and(|body| body.as_ref() == Some(flipped)));
        !self.flipped.is_empty()
    }

    /// Flips a byte in the content of a cached row. None: there is no row.
    pub(crate) fn flip(&mut self, pick: u64) -> rusqlite::Result<Option<DeliveryId>> {
        let db = Connection::open(&self.path)?;
        let count: i64 =
            db.query_row("SELECT count(*) FROM rows WHERE body IS NOT NULL", [], |row| row.get(0))?;
        if count == 0 {
            return Ok(None);
        }
        let (key, body): (i64, String) = db.query_row(
            "SELECT key, body FROM rows WHERE body IS NOT NULL ORDER BY key LIMIT 1 OFFSET ?1",
            [pick.cast_signed().rem_euclid(count)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        // The shop's name, which every row has.
        let flipped = body.replacen("\"name\":\"s", "\"name\":\"r", 1);
        db.execute("UPDATE rows SET body = ?2 WHERE key = ?1", (key, &flipped))?;
        if flipped == body {
            return Ok(None);
        }
        self.flipped.push((key, flipped));
        Ok(Some(DeliveryId((key & ((1 << 53) - 1)).cast_unsigned())))
    }
}

fn cache_cursor(cursor: &Cursor) -> CacheCursor {
    CacheCursor { epoch: cursor.epoch.clone(), rev: cursor.rev }
}

fn cache_batch(batch: &Batch) -> CacheBatch {
    CacheBatch {
        center: batch.center.clone(),
        replace: batch.replace,
        upserts: batch.upserts.iter().map(cached_row).collect(),
        removes: batch.removes.clone(),
        cursor: batch.cursor.as_ref().map(cache_cursor),
        rows: batch.rows,
        alarms: batch.alarms.iter().map(cached_alarm).collect(),
        alarm_seq: batch.alarm_seq,
        proven_at: batch.proven_at,
        alarms_skipped: batch
            .alarms_skipped
            .as_ref()
            .map(|skipped| CachedSkip { after: skipped.after, reader: skipped.reader.clone() }),
        commands: batch.commands.iter().map(cached_command).collect(),
        settled: batch.settled.iter().map(|command| command.0.as_str().into()).collect(),
        ..CacheBatch::empty(batch.center.clone())
    }
}

fn cached_command(command: &StoredCommand) -> CachedCommand {
    CachedCommand {
        key: command.command.0.as_str().into(),
        delivery: command.delivery,
        action: command.action.clone(),
        clicked_at: command.clicked_at,
    }
}

fn cached_row(row: &WireRow) -> CachedRow {
    CachedRow { id: row.id(), rev: row.rev(), delivery: row.delivery().cloned() }
}

fn cached_alarm(alarm: &StoredAlarm) -> CachedAlarm {
    CachedAlarm {
        id: alarm.key.id,
        kind: alarm.key.kind.as_str().into(),
        raised_at: alarm.key.raised_at,
        stage: alarm.stage.as_str().into(),
        at_hub: alarm.at_hub.map_or("", ReceiptStage::as_str).into(),
        row: alarm.delivery.as_ref().map(cached_row),
    }
}

/// A cached row as the core has it.
pub(crate) fn wire_row(row: CachedRow) -> WireRow {
    match row.delivery {
        Some(delivery) => WireRow::Row(delivery),
        None => WireRow::Unreadable { id: row.id, rev: row.rev },
    }
}

fn restored(loaded: Loaded) -> Restored {
    let stored = |alarm: CachedAlarm| {
        let key = AlarmKey { id: alarm.id, kind: AlarmKind::parse(&alarm.kind)?, raised_at: alarm.raised_at };
        let stages = [ReceiptStage::Delivered, ReceiptStage::Displayed, ReceiptStage::Acknowledged];
        let stage_of = |name: &str| stages.into_iter().find(|stage| stage.as_str() == name);
        let (stage, at_hub) = (stage_of(&alarm.stage)?, stage_of(&alarm.at_hub));
        Some(StoredAlarm { key, stage, at_hub, delivery: alarm.row.map(wire_row) })
    };
    Restored {
        rows: loaded.rows.into_iter().map(wire_row).collect(),
        cursor: loaded.cursor.map(|cursor| Cursor { epoch: cursor.epoch, rev: cursor.rev }),
        alarms: loaded.alarms.into_iter().filter_map(stored).collect(),
        alarm_seq: loaded.alarm_seq,
        horizon: None,
        proven_at: loaded.proven_at,
        alarms_skipped: loaded
            .alarms_skipped
            .map(|skip| SkippedAlarms { after: skip.after, reader: skip.reader }),
        commands: loaded.commands.into_iter().map(stored_command).collect(),
        names: Vec::new(),
    }
}

fn stored_command(command: CachedCommand) -> StoredCommand {
    StoredCommand {
        command: CommandId(command.key.to_string()),
        delivery: command.delivery,
        action: command.action,
        clicked_at: command.clicked_at,
    }
}
