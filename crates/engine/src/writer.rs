//! The cache thread: SQLite blocks, so it has a thread of its own, one job at a time.

use crate::message::{Arrival, Job, JobAnswer, ProfileJob};
use crate::profile::write_private;
use gwanje_cache::{Cache, CacheError, CachedDraft, DraftKey};
use gwanje_persist::{Ending, Melted, audited, loaded, wiped, written};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// One in work, one ready: the owner keeps the rest, where it melts together.
const JOB_CAPACITY: usize = 1;

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
            self.tell(JobAnswer::Free);
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Open(path) => {
                let drafts = self.open(&path);
                self.tell(JobAnswer::Opened(drafts));
            }
            Job::Write(melted) => {
                let ending = self.write(&melted);
                self.tell_all(written(melted, ending));
            }
            Job::Wipe(center) => {
                let otherwise = "cached rows stay until this is mended";
                let ending = self.with(otherwise, |cache| cache.wipe(&center));
                self.give_up_on(&ending);
                self.tell_all(wiped(center, ending));
            }
            Job::Restore(center) => {
                let ending = self.with("going on without it", |cache| cache.load(&center));
                self.tell_all(loaded(center, ending));
            }
            Job::Audit(center) => {
                let ending = self.with("going on without it", |cache| cache.audit(&center));
                self.tell_all(audited(center, ending));
            }
            Job::Other(job) => keep_or_forget(job),
        }
    }

    /// Opens a file and reads its drafts.
    fn open(&mut self, path: &Path) -> Vec<(DraftKey, CachedDraft)> {
        self.cache = None;
        match Cache::open(path) {
            Ok(opened) => self.cache = Some(opened.cache),
            Err(error) => tracing::error!(%error, "going on without a cache"),
        }
        match self.with("going on without drafts", |cache| cache.drafts()) {
            Ending::Done(drafts) => drafts,
            Ending::NoCache | Ending::NotNow | Ending::SetAside => Vec::new(),
        }
    }

    fn write(&mut self, melted: &Melted) -> Ending<()> {
        if self.gave_up {
            return Ending::NoCache;
        }
        let batches = melted.batches();
        let ending = self.with("nothing is cached until this is mended", |cache| {
            cache.write_with_drafts(&batches, melted.drafts())
        });
        self.give_up_on(&ending);
        ending
    }

    /// At the end there is no next time for what is refused, and later changes without it would leave holes.
    fn give_up_on(&mut self, ending: &Ending<()>) {
        self.gave_up |= matches!(ending, Ending::NotNow) && self.ending.load(Ordering::Relaxed);
    }

    fn with<R>(
        &mut self,
        otherwise: &'static str,
        work: impl FnOnce(&mut Cache) -> Result<R, CacheError>,
    ) -> Ending<R> {
        let Some(cache) = self.cache.as_mut() else { return Ending::NoCache };
        match work(cache) {
            Ok(done) => Ending::Done(done),
            Err(error) if error.is_damage() => {
                self.set_aside(&error);
                Ending::SetAside
            }
            Err(error) => {
                tracing::error!(%error, "{otherwise}");
                Ending::NotNow
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
    }

    fn tell_all(&self, answers: Vec<JobAnswer>) {
        answers.into_iter().for_each(|answer| self.tell(answer));
    }

    fn tell(&self, answer: JobAnswer) {
        // At the end nobody listens, and a full inbox must not hold the last jobs up.
        if self.ending.load(Ordering::Relaxed) {
            let _ = self.arrivals.try_send(Arrival::Cache(answer));
        } else {
            let _ = self.arrivals.blocking_send(Arrival::Cache(answer));
        }
    }
}

fn keep_or_forget(job: ProfileJob) {
    match job {
        ProfileJob::Keep(path, bytes) => {
            if let Err(error) = write_private(&path, &bytes) {
                tracing::error!(%error, path = %path.display(), "a file of the profile can't be kept");
            }
        }
        ProfileJob::Forget(path) => match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(%error, path = %path.display(), "a file of the profile can't be removed");
            }
            Ok(()) | Err(_) => {}
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{CenterId, RowDigest};
    use gwanje_persist::Outbox;
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
                if matches!(written, JobAnswer::Free) {
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
            own: Vec::new(),
            names: Vec::new(),
        };
        let mut outbox = Outbox::default();
        outbox.write(batch, Mono(0));
        let mut refused = answers(outbox.take_now().unwrap()).await;
        let Some(JobAnswer::NotNow(again)) = refused.pop() else { panic!("{refused:?}") };
        assert!(matches!(&refused[..], [JobAnswer::Unwritten(upto)] if upto[0].1 == 7));
        let read = answers(Job::Restore(center.clone())).await;
        assert!(matches!(&read[..], [JobAnswer::Restored(_, restored)] if restored.alarm_seq.is_none()));
        lock.execute_batch("ROLLBACK").unwrap();
        assert!(matches!(&answers(again).await[..], [JobAnswer::Mended, JobAnswer::Committed(_)]));
        let read = answers(Job::Restore(center)).await;
        assert!(matches!(&read[..], [JobAnswer::Restored(_, restored)] if restored.alarm_seq == Some(3)));
    }
}
