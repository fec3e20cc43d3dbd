//! The cache thread: SQLite blocks, so it has a thread of its own, one job at a time.

use crate::outbox::{Melted, stage_of};
use crate::owner::Arrival;
use crate::profile::write_private;
use gwanje_cache::{
    Audit, Cache, CacheBatch, CacheError, CachedAlarm, CachedCommand, CachedName, CachedRow, Loaded,
};
use gwanje_model::CenterId;
use gwanje_sync::{AlarmKey, CommandId, ForeignName, Restored, SkippedAlarms, StoredAlarm, StoredCommand};
use gwanje_wire::WireRow;
use gwanje_wire::rest::AlarmKind;
use gwanje_wire::socket::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// One in work, one ready: the owner keeps the rest, where it melts together.
const JOB_CAPACITY: usize = 1;

/// What the thread does.
#[derive(Debug)]
pub(crate) enum Job {
    /// Use this file from now on.
    Open(PathBuf),
    /// Write.
    Write(Melted),
    /// Read a center.
    Restore(CenterId),
    /// Forget a center.
    Wipe(CenterId),
    /// Audit a center.
    Audit(CenterId),
    /// Keep a small file beside the cache.
    Keep(PathBuf, Vec<u8>),
    /// Remove such a file.
    Forget(PathBuf),
}

impl Job {
    /// Whether it needs the cache to be read only.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::Restore(_) | Self::Audit(_))
    }
}

/// What it answers; each job is answered with exactly one [`Written::Free`] at its end.
#[derive(Debug)]
pub(crate) enum Written {
    /// Committed up to these numbers.
    Committed(Vec<(CenterId, u64)>),
    /// The file is open; what is answered from here on is of it.
    Opened,
    /// The machine refuses this job for now (disk full, file locked): to be handed over again.
    NotNow(Job),
    /// The machine took a write or a wipe.
    Mended,
    /// The file was set aside: nothing is cached any more.
    Lost,
    /// A center as it was cached.
    Restored(CenterId, Box<Restored>),
    /// What an audit found.
    Audited(CenterId, Audit),
    /// Ready for the next job.
    Free,
}

/// The owner's end of the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(arrivals: mpsc::Sender<Arrival>) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel(JOB_CAPACITY);
        let ending = Arc::new(AtomicBool::new(false));
        let thread = CacheThread { cache: None, arrivals, ending: Arc::clone(&ending), gave_up: false };
        let thread =
            std::thread::Builder::new().name("gwanje-cache".to_owned()).spawn(|| thread.run(inbox))?;
        Ok(Self { jobs: Some(jobs), ending, thread: Some(thread) })
    }

    /// Hands a job over; the thread must be free.
    pub(crate) fn hand(&self, job: Job) {
        if let Some(Err(error)) = self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            tracing::error!(%error, "the cache thread takes no job");
        }
    }

    /// Hands the last jobs over and waits for their end, without answers. Off the runtime's workers.
    pub(crate) fn end(mut self, last: Vec<Job>) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(jobs) = self.jobs.take() {
            for job in last {
                if jobs.blocking_send(job).is_err() {
                    break;
                }
            }
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the cache thread panicked");
        }
    }
}

struct CacheThread {
    cache: Option<Cache>,
    arrivals: mpsc::Sender<Arrival>,
    ending: Arc<AtomicBool>,
    /// Ending, and a write was refused.
    gave_up: bool,
}

impl CacheThread {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            self.work(job);
            self.tell(Written::Free);
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Open(path) => {
                self.open(&path);
                self.tell(Written::Opened);
            }
            Job::Write(centers) => self.write(centers),
            Job::Restore(center) => {
                let loaded = self.with(|cache| cache.load(&center)).flatten();
                let restored = Box::new(loaded.map(restored).unwrap_or_default());
                self.tell(Written::Restored(center, restored));
            }
            Job::Wipe(center) => self.wipe(center),
            Job::Audit(center) => {
                if let Some(audit) = self.with(|cache| cache.audit(&center)) {
                    self.tell(Written::Audited(center, audit));
                }
            }
            Job::Keep(path, bytes) => {
                if let Err(error) = write_private(&path, &bytes) {
                    tracing::error!(%error, path = %path.display(), "a file of the profile can't be kept");
                }
            }
            Job::Forget(path) => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::error!(%error, path = %path.display(), "a file of the profile can't be removed");
                }
                Ok(()) | Err(_) => {}
            },
        }
    }

    fn open(&mut self, path: &Path) {
        self.cache = None;
        match Cache::open(path) {
            Ok(opened) => self.cache = Some(opened.cache),
            Err(error) => tracing::error!(%error, "going on without a cache"),
        }
    }

    /// What the machine refuses goes back to the owner, where it melts with what comes meanwhile.
    fn write(&mut self, centers: Melted) {
        let upto = centers.iter().map(|(center, gathered)| (center.clone(), gathered.seq())).collect();
        let Some(cache) = self.cache.as_mut().filter(|_| !self.gave_up) else {
            // Without a cache nothing is durable; alarms must still be told, so that all counts as committed.
            return self.tell(Written::Committed(upto));
        };
        let batches: Vec<CacheBatch> =
            centers.iter().map(|(center, gathered)| gathered.to_batch(center)).collect();
        match cache.write(&batches) {
            Ok(()) => {
                self.tell(Written::Mended);
                self.tell(Written::Committed(upto));
            }
            Err(error) if error.is_damage() => self.set_aside(&error),
            Err(error) => {
                tracing::error!(%error, "nothing is cached until this is mended");
                // An alarm must be told now; at worst it is told again after a restart.
                self.tell(Written::Committed(upto));
                self.refused(Job::Write(centers));
            }
        }
    }

    fn wipe(&mut self, center: CenterId) {
        match self.cache.as_mut().map(|cache| cache.wipe(&center)) {
            None => {}
            Some(Ok(())) => self.tell(Written::Mended),
            Some(Err(error)) if error.is_damage() => self.set_aside(&error),
            Some(Err(error)) => {
                tracing::error!(%error, %center, "its cached rows stay until this is mended");
                self.refused(Job::Wipe(center));
            }
        }
    }

    fn refused(&mut self, job: Job) {
        // At the end there is no next time, and later changes without these would leave holes.
        self.gave_up = self.ending.load(Ordering::Relaxed);
        self.tell(Written::NotNow(job));
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Cache) -> Result<T, CacheError>) -> Option<T> {
        match work(self.cache.as_mut()?) {
            Ok(done) => Some(done),
            Err(error) if error.is_damage() => {
                self.set_aside(&error);
                None
            }
            Err(error) => {
                tracing::error!(%error, "going on without it");
                None
            }
        }
    }

    fn set_aside(&mut self, error: &CacheError) {
        if let Some(cache) = self.cache.take() {
            match cache.rebuild(error) {
                Ok(opened) => self.cache = Some(opened.cache),
                Err(error) => tracing::error!(%error, "going on without a cache"),
            }
        }
        self.tell(Written::Lost);
    }

    fn tell(&self, written: Written) {
        // At the end nobody listens, and a full inbox must not hold the last jobs up.
        if self.ending.load(Ordering::Relaxed) {
            let _ = self.arrivals.try_send(Arrival::Cache(written));
        } else {
            let _ = self.arrivals.blocking_send(Arrival::Cache(written));
        }
    }
}

fn restored(loaded: Loaded) -> Restored {
    if loaded.damaged > 0 {
        tracing::warn!(rows = loaded.damaged, "cached rows don't fit their checksums and are fetched again");
    }
    Restored {
        rows: loaded.rows.into_iter().map(wire_row).collect(),
        cursor: loaded.cursor.map(|cursor| Cursor { epoch: cursor.epoch, rev: cursor.rev }),
        alarms: loaded.alarms.into_iter().filter_map(stored_alarm).collect(),
        alarm_seq: loaded.alarm_seq,
        horizon: None,
        proven_at: loaded.proven_at,
        alarms_skipped: loaded
            .alarms_skipped
            .map(|skip| SkippedAlarms { after: skip.after, reader: skip.reader }),
        commands: loaded.commands.into_iter().map(stored_command).collect(),
        names: loaded
            .names
            .into_iter()
            .map(|CachedName { id, name, left_at }| (id, ForeignName { name, left_at }))
            .collect(),
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

fn wire_row(row: CachedRow) -> WireRow {
    match row.delivery {
        Some(delivery) => WireRow::Row(delivery),
        None => WireRow::Unreadable { id: row.id, rev: row.rev },
    }
}

fn stored_alarm(alarm: CachedAlarm) -> Option<StoredAlarm> {
    let key = AlarmKey { id: alarm.id, kind: AlarmKind::parse(&alarm.kind)?, raised_at: alarm.raised_at };
    Some(StoredAlarm {
        key,
        stage: stage_of(&alarm.stage)?,
        at_hub: stage_of(&alarm.at_hub),
        delivery: alarm.row.map(wire_row),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Outbox;
    use gwanje_model::RowDigest;
    use gwanje_sync::{Batch, Mono};

    #[tokio::test]
    async fn a_locked_file_holds_neither_alarms_nor_reads_up_and_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sqlite");
        let (sender, mut inbox) = mpsc::channel(16);
        let writer = Writer::start(sender).unwrap();
        let mut answers = async |job| {
            writer.hand(job);
            let mut all = Vec::new();
            while let Some(Arrival::Cache(written)) = inbox.recv().await {
                if matches!(written, Written::Free) {
                    break;
                }
                all.push(written);
            }
            all
        };
        answers(Job::Open(path.clone())).await;
        let lock = rusqlite::Connection::open(&path).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        let center = CenterId::from("gangnam");
        let batch = Batch {
            center: center.clone(),
            seq: 7,
            replace: false,
            upserts: Vec::new(),
            removes: Vec::new(),
            cursor: None,
            rows: RowDigest::default(),
            alarms: Vec::new(),
            alarm_seq: Some(3),
            proven_at: None,
            alarms_skipped: None,
            commands: Vec::new(),
            settled: Vec::new(),
            names: Vec::new(),
        };
        let mut outbox = Outbox::default();
        outbox.write(batch, Mono(0));
        let mut refused = answers(outbox.take_now().unwrap()).await;
        let Some(Written::NotNow(again)) = refused.pop() else { panic!("{refused:?}") };
        assert!(matches!(&refused[..], [Written::Committed(upto)] if upto[0].1 == 7));
        let read = answers(Job::Restore(center.clone())).await;
        assert!(matches!(&read[..], [Written::Restored(_, restored)] if restored.alarm_seq.is_none()));
        lock.execute_batch("ROLLBACK").unwrap();
        assert!(matches!(&answers(again).await[..], [Written::Mended, Written::Committed(_)]));
        let read = answers(Job::Restore(center)).await;
        assert!(matches!(&read[..], [Written::Restored(_, restored)] if restored.alarm_seq == Some(3)));
    }
}
