//! The queue: one job is out at a time; batches that wait melt, what the machine refused comes back, reads go past it.

use crate::answer::JobAnswer;
use crate::gathered::Melted;
use crate::job::Job;
use gwanje_cache::{Audit, CachedDraft, DraftKey};
use gwanje_model::CenterId;
use gwanje_sync::mutation::{Mutation, is_mutated};
use gwanje_sync::{Batch, Mono, Restored};
use std::collections::VecDeque;
use std::path::PathBuf;

/// A batch waits this long for others to melt with, milliseconds (write-behind is to stay below 50).
const GATHER_MS: u64 = 20;
/// What the machine refused (disk full, file locked) is tried again after this, milliseconds.
const RETRY_MS: u64 = 1_000;

/// Jobs in order. *Invariant:* two neighbours are never both [`Job::Write`], so that the queue never outgrows the board.
#[derive(Debug)]
pub struct Outbox<T> {
    waiting: VecDeque<Job<T>>,
    due: Option<Mono>,
    /// The first job was refused by the machine and waits until then; what only reads goes past it.
    retry_at: Option<Mono>,
    in_flight: bool,
    /// Files to be opened yet: until then the cache answers for the former account, whose answers concern nobody.
    opening: usize,
}

/// What an answer means for the core.
#[derive(Debug)]
pub enum ForCore {
    /// Committed up to these numbers.
    Committed(Vec<(CenterId, u64)>),
    /// Not written yet up to these numbers: the machine refuses, and is tried again.
    Unwritten(Vec<(CenterId, u64)>),
    /// Nothing is cached any more, of any center.
    Lost,
    /// A center as it was cached.
    Restored(CenterId, Box<Restored>),
    /// What an audit found.
    Audited(CenterId, Audit),
    /// The drafts of the account whose file is in use from now on.
    Drafts(Vec<(DraftKey, CachedDraft)>),
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), due: None, retry_at: None, in_flight: false, opening: 0 }
    }
}

impl<T> Outbox<T> {
    /// Uses this file from now on, after one last try of what the present one was refused.
    pub fn open(&mut self, path: PathBuf) {
        self.retry_at = None;
        self.opening += 1;
        self.waiting.push_back(Job::Open(path));
    }

    /// Takes a batch in.
    pub fn write(&mut self, batch: Batch, now: Mono) {
        let due = self.due.get_or_insert(now.plus_ms(GATHER_MS));
        if !batch.commands.is_empty() {
            // A person waits for what is sent once this is written.
            *due = now;
        }
        self.melt(|melted| melted.add(batch));
    }

    /// Takes a draft in as it is now; none: gone.
    pub fn write_draft(&mut self, key: DraftKey, draft: Option<CachedDraft>, now: Mono) {
        self.due.get_or_insert(now.plus_ms(GATHER_MS));
        self.melt(|melted| melted.set_draft(key, draft));
    }

    /// Adds to the write that is last in the queue, or to a new one behind all that came before.
    fn melt(&mut self, add: impl FnOnce(&mut Melted)) {
        match self.waiting.back_mut() {
            Some(Job::Write(melted)) => add(melted),
            Some(Job::Open(_) | Job::Restore(_) | Job::Wipe(_) | Job::Audit(_) | Job::Other(_)) | None => {
                let mut melted = Melted::default();
                add(&mut melted);
                self.waiting.push_back(Job::Write(melted));
            }
        }
    }

    /// Reads a center, after all that came before.
    pub fn restore(&mut self, center: CenterId) {
        self.waiting.push_back(Job::Restore(center));
    }

    /// Forgets a center, after all that came before.
    pub fn wipe(&mut self, center: CenterId) {
        self.waiting.push_back(Job::Wipe(center));
    }

    /// Audits a center, after all that came before.
    pub fn audit(&mut self, center: CenterId) {
        self.waiting.push_back(Job::Audit(center));
    }

    /// Has something else done, after all that came before.
    pub fn push(&mut self, other: T) {
        self.waiting.push_back(Job::Other(other));
    }

    /// Jobs that wait, rows in them, and whether the machine refuses writes at present.
    #[must_use]
    pub fn depth(&self) -> (usize, usize, bool) {
        let rows = |job: &Job<T>| match job {
            Job::Write(melted) => melted.rows(),
            Job::Open(_) | Job::Restore(_) | Job::Wipe(_) | Job::Audit(_) | Job::Other(_) => 0,
        };
        (self.waiting.len(), self.waiting.iter().map(rows).sum(), self.retry_at.is_some())
    }

    /// Whether nothing waits and nothing is out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.in_flight
    }

    /// The next job, when the thread is free and it is time.
    pub fn take(&mut self, now: Mono) -> Option<Job<T>> {
        if self.in_flight || self.gathers_until().is_some_and(|due| now < due) {
            return None;
        }
        let job = match self.retry_at {
            // Reads first: a write that fails again may take seconds.
            Some(at) => match self.take_past() {
                Some(job) => job,
                None if now < at => return None,
                None => self.take_now()?,
            },
            None => self.take_now()?,
        };
        self.in_flight = true;
        Some(job)
    }

    /// The next job whatever the time, for the end.
    pub fn take_now(&mut self) -> Option<Job<T>> {
        let mut job = self.waiting.pop_front()?;
        if let Job::Write(melted) = &mut job {
            // Rows, cursor and alarms are one transaction.
            if is_mutated(Mutation::CursorBeforeRows)
                && let Some(rows) = melted.part_rows()
            {
                self.waiting.push_front(Job::Write(rows));
            }
            if self.waiting.iter().all(|job| !matches!(job, Job::Write(_))) {
                self.due = None;
            }
        }
        Some(job)
    }

    /// Takes an answer in; what it means for the core.
    pub fn answered(&mut self, answer: JobAnswer<T>, now: Mono) -> Option<ForCore> {
        let is_former = self.opening > 0;
        match answer {
            JobAnswer::Opened(drafts) => {
                self.opening = self.opening.saturating_sub(1);
                // Of a file that is about to be left for the next they concern nobody.
                return (self.opening == 0).then_some(ForCore::Drafts(drafts));
            }
            JobAnswer::NotNow(job) => self.put_back(job, now),
            JobAnswer::Mended => self.retry_at = None,
            JobAnswer::Free => self.in_flight = false,
            JobAnswer::Lost => {
                self.retry_at = None;
                self.forget_writes();
                return (!is_former).then_some(ForCore::Lost);
            }
            JobAnswer::Committed(_)
            | JobAnswer::Unwritten(_)
            | JobAnswer::Restored(..)
            | JobAnswer::Audited(..)
                if is_former => {}
            JobAnswer::Committed(upto) => return Some(ForCore::Committed(upto)),
            JobAnswer::Unwritten(upto) => return Some(ForCore::Unwritten(upto)),
            JobAnswer::Restored(center, restored) => return Some(ForCore::Restored(center, restored)),
            JobAnswer::Audited(center, audit) => return Some(ForCore::Audited(center, audit)),
        }
        None
    }

    /// When to look again.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        if self.in_flight || self.waiting.is_empty() {
            return None;
        }
        Some(self.retry_at.max(self.gathers_until()).unwrap_or_default())
    }

    /// Batches that nothing waits behind wait for company until then.
    fn gathers_until(&self) -> Option<Mono> {
        let only_writes = matches!(self.waiting.front(), Some(Job::Write(_))) && self.waiting.len() == 1;
        self.due.filter(|_| only_writes)
    }

    /// The machine refused a job: it is tried again before all others, melted with what came since.
    fn put_back(&mut self, job: Job<T>, now: Mono) {
        if self.opening > 0 {
            // Its file is about to be left: there is no next time, and later changes without these would leave holes.
            tracing::error!("the cache that was in use is left without its last changes");
            return self.forget_writes();
        }
        self.retry_at = Some(now.plus_ms(RETRY_MS));
        self.waiting.push_front(job);
        if is_mutated(Mutation::RefusedWriteLast) && self.waiting.len() > 1 {
            self.waiting.swap(0, 1);
        }
        self.melt_at(0);
    }

    /// The first job that needs no write and nothing of what waits before it.
    fn take_past(&mut self) -> Option<Job<T>> {
        let reads = |job: &Job<T>| matches!(job, Job::Restore(_) | Job::Audit(_));
        let at = self.waiting.iter().position(reads)?;
        let Some(Job::Restore(center) | Job::Audit(center)) = self.waiting.get(at) else { return None };
        let is_held = |job: &Job<T>| match job {
            Job::Wipe(of) => of == center && !is_mutated(Mutation::ReadPastWipe),
            Job::Open(_) => true,
            Job::Write(_) | Job::Restore(_) | Job::Audit(_) | Job::Other(_) => false,
        };
        if self.waiting.iter().take(at).any(is_held) {
            return None;
        }
        let job = self.waiting.remove(at)?;
        if let Some(before) = at.checked_sub(1) {
            self.melt_at(before);
        }
        Some(job)
    }

    /// Melts the job there with the next one, when both write.
    fn melt_at(&mut self, at: usize) {
        let both = (self.waiting.get(at), self.waiting.get(at + 1));
        if matches!(both, (Some(Job::Write(_)), Some(Job::Write(_))))
            && let Some(Job::Write(later)) = self.waiting.remove(at + 1)
            && let Some(Job::Write(earlier)) = self.waiting.get_mut(at)
        {
            earlier.melt(later);
        }
    }

    /// The cache was set aside, or is left: what waits to be written would leave holes. The core persists everything
    /// afresh, under later numbers.
    fn forget_writes(&mut self) {
        let mut is_of_next_file = false;
        self.waiting.retain(|job| {
            is_of_next_file |= matches!(job, Job::Open(_));
            is_of_next_file || !matches!(job, Job::Write(_))
        });
        if !is_of_next_file {
            self.due = None;
        }
    }
}

#[cfg(test)]
mod tests;
