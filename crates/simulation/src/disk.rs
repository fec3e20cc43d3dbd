//! A seat's disk: a real cache file, what can break about it, and one job at a time, done as the engine's thread does.

use gwanje_cache::{Cache, CacheBatch, CacheError, Loaded};
use gwanje_model::{CenterId, DeliveryId, UtcMillis};
use gwanje_persist::{Ending, audited, loaded, stored_alarm, wiped, written};
use gwanje_sync::{AlarmKey, CommandId, StoredAlarm};
use gwanje_wire::rest::ReceiptStage;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is kept beside the cache, in the order of its changes: a center's horizon.
pub(crate) type Kept = (CenterId, UtcMillis);
/// What the disk is asked.
pub(crate) type Job = gwanje_persist::Job<Kept>;
/// What it answers.
pub(crate) type JobAnswer = gwanje_persist::JobAnswer<Kept>;

/// A seat's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    cache: Option<Cache>,
    /// It takes no writes until then.
    pub(crate) busy_until: u64,
    /// It has not refused any since it is so.
    pub(crate) busy_idle: bool,
    /// The next job finds the file damaged; whether it held rows.
    pub(crate) damaged: Option<bool>,
    /// The file held rows when it was overwritten.
    pub(crate) spoilt_full: bool,
    /// Alarms whose writing was told although it had not come to pass: the machine had refused it.
    pub(crate) told_unwritten: BTreeSet<(CenterId, AlarmKey)>,
    /// Alarms that are on it.
    holds: BTreeSet<(CenterId, AlarmKey)>,
    /// Alarms that were on a file that was set aside, and are not written afresh yet.
    lost: BTreeSet<(CenterId, AlarmKey)>,
    /// Rows that were flipped, by key, with what they were flipped to.
    flipped: Vec<(i64, String)>,
    noted: Noted,
}

/// What happened to a disk, for the world to take note of.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// It refused a write for the first time since it is busy, or a file that held rows was set aside.
    pub(crate) broke: bool,
    /// A file was set aside while in use.
    pub(crate) lost: bool,
    /// Rows did not fit their checksums.
    pub(crate) decayed: bool,
    /// Alarms as they were really written.
    pub(crate) written: Vec<(CenterId, AlarmKey, ReceiptStage)>,
    /// What is now kept beside the cache.
    pub(crate) kept: Vec<Kept>,
}

impl Disk {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self {
            path: folder.join(format!("{name}.sqlite")),
            cache: None,
            busy_until: 0,
            busy_idle: false,
            damaged: None,
            spoilt_full: false,
            told_unwritten: BTreeSet::new(),
            holds: BTreeSet::new(),
            lost: BTreeSet::new(),
            flipped: Vec::new(),
            noted: Noted::default(),
        }
    }

    /// Where its file is.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The app is killed; the alarms that were told and are not on it.
    pub(crate) fn kill(&mut self) -> BTreeSet<(CenterId, AlarmKey)> {
        self.cache = None;
        self.damaged = None;
        let mut unwritten = std::mem::take(&mut self.told_unwritten);
        unwritten.append(&mut self.lost);
        unwritten
    }

    /// Whether an alarm is written.
    pub(crate) fn has_alarm(&self, center: &CenterId, key: &AlarmKey) -> bool {
        self.holds.contains(&(center.clone(), *key))
    }

    /// What happened to it since this was asked last.
    pub(crate) fn noted(&mut self) -> Noted {
        std::mem::take(&mut self.noted)
    }

    /// Whether the machine lets a job wait.
    pub(crate) fn holds_up(&self, job: &Job, now_ms: u64) -> bool {
        let changes = match job {
            Job::Write(_) | Job::Wipe(_) => true,
            Job::Open(_) | Job::Restore(_) | Job::Audit(_) | Job::Other(_) => false,
        };
        changes && self.busy_until > now_ms
    }

    /// Does a job; an error is one that nobody made.
    pub(crate) fn work(&mut self, job: Job, now_ms: u64) -> Result<Vec<JobAnswer>, CacheError> {
        let refuses = self.holds_up(&job, now_ms);
        let mut answers = match job {
            Job::Open(path) => {
                let opened = Cache::open(&path)?;
                self.cache = Some(opened.cache);
                // One that held nothing was no loss.
                self.noted.broke |= std::mem::take(&mut self.spoilt_full) && opened.set_aside.is_some();
                // Nobody writes drafts here.
                vec![JobAnswer::Opened(Vec::new())]
            }
            Job::Write(melted) => {
                let batches = melted.batches();
                let ending = self.with(refuses, |cache| cache.write(&batches))?;
                self.note_write(&batches, &ending);
                written(melted, ending)
            }
            Job::Wipe(center) => {
                let ending = self.with(refuses, |cache| cache.wipe(&center))?;
                if let Ending::Done(()) = ending {
                    self.holds.retain(|(of, _)| *of != center);
                }
                wiped(center, ending)
            }
            Job::Restore(center) => {
                let ending = self.with(refuses, |cache| cache.load(&center))?;
                self.noted.decayed |= matches!(&ending, Ending::Done(Some(loaded)) if loaded.damaged > 0);
                loaded(center, ending)
            }
            Job::Audit(center) => {
                let ending = self.with(refuses, |cache| cache.audit(&center))?;
                self.noted.decayed |= matches!(&ending, Ending::Done(audit) if !audit.damaged.is_empty());
                audited(center, ending)
            }
            Job::Other(kept) => {
                self.noted.kept.push(kept);
                Vec::new()
            }
        };
        answers.push(JobAnswer::Free);
        Ok(answers)
    }

    fn with<R>(
        &mut self,
        refuses: bool,
        work: impl FnOnce(&mut Cache) -> Result<R, CacheError>,
    ) -> Result<Ending<R>, CacheError> {
        let Some(cache) = self.cache.as_mut() else { return Ok(Ending::NoCache) };
        if let Some(was_full) = self.damaged.take() {
            self.noted.broke |= was_full;
            self.set_aside()?;
            return Ok(Ending::SetAside);
        }
        if refuses {
            self.noted.broke |= std::mem::take(&mut self.busy_idle);
            return Ok(Ending::NotNow);
        }
        work(cache).map(Ending::Done)
    }

    fn set_aside(&mut self) -> Result<(), CacheError> {
        let why = "database disk image is malformed".to_owned();
        let damage = CacheError::Damaged { doing: "the reading", path: self.path.clone(), why };
        if let Some(cache) = self.cache.take() {
            self.cache = Some(cache.rebuild(&damage)?.cache);
        }
        self.lost.append(&mut self.holds);
        self.noted.lost = true;
        Ok(())
    }

    fn note_write(&mut self, batches: &[CacheBatch], ending: &Ending<()>) {
        for batch in batches {
            for StoredAlarm { key, stage, .. } in batch.alarms.iter().cloned().filter_map(stored_alarm) {
                let about = (batch.center.clone(), key);
                match ending {
                    Ending::Done(()) => {
                        self.told_unwritten.remove(&about);
                        self.lost.remove(&about);
                        self.holds.insert(about);
                        self.noted.written.push((batch.center.clone(), key, stage));
                    }
                    Ending::NotNow => {
                        self.told_unwritten.insert(about);
                    }
                    Ending::NoCache | Ending::SetAside => {}
                }
            }
        }
    }

    /// What is on the disk of a center.
    pub(crate) fn load(&mut self, center: &CenterId) -> Result<Option<Loaded>, CacheError> {
        self.cache.as_mut().map_or(Ok(None), |cache| cache.load(center))
    }

    /// Commands that are on the disk of a center.
    pub(crate) fn commands(&mut self, center: &CenterId) -> Vec<CommandId> {
        let loaded = self.load(center).ok().flatten();
        loaded.map_or_else(Vec::new, |loaded| {
            loaded.commands.into_iter().map(|stored| CommandId(stored.key.into())).collect()
        })
    }

    /// Whether it holds rows of one of those centers.
    pub(crate) fn holds_rows(&mut self, centers: &[CenterId]) -> bool {
        centers.iter().any(|center| matches!(self.load(center), Ok(Some(loaded)) if !loaded.rows.is_empty()))
    }

    /// Whether the rows on the disk are what the last transaction said.
    pub(crate) fn fits(&mut self, center: &CenterId) -> Result<bool, CacheError> {
        self.cache.as_mut().map_or(Ok(true), |cache| Ok(cache.audit(center)?.digest_fits))
    }

    /// The file of an app that does not run is overwritten (`gone`: removed).
    pub(crate) fn spoil_at_rest(&mut self, gone: bool) -> std::io::Result<()> {
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
