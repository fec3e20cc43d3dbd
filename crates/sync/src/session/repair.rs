//! Repair and reconciliation: digest → buckets → revisions → the rows that differ, replaced at exactly that revision
//! (rules 3 and 4).
//!
//! | step | asks for | then |
//! | --- | --- | --- |
//! | `Digest` | `/digest` | equal: done, or `Content` when it was the routine; unequal: `Revs` of the buckets that differ |
//! | `Revs` | `[[id, rev]]` of those buckets | rows that the hub lacks go; those that differ: `Rows` |
//! | `Rows` | those rows | replaced; more of them: `Rows`; else done, or `Content` when it was the routine |
//! | `Content` | four buckets in full | rows whose content differs are replaced; done |
//!
//! Each answer carries the frame up to its own revision, which is applied first; where it can't (too many changes) the
//! changes are paged and the step is asked for again.

use super::Session;
use super::proof::Instant;
use super::publish::Delta;
use super::rest::{BAD_ANSWER_MAX_MS, Job, POLL_MS};
use crate::io::{Mono, Now};
use crate::session::fetch::{Fetch, SessionAction};
use gwanje_model::digest::{BUCKETS, bucket_of};
use gwanje_model::{DeliveryId, Epoch, Rev};
use gwanje_wire::rest::{DigestReply, RevsReply, RowsReply};
use gwanje_wire::{Frame, WireRow};
use std::collections::BTreeMap;

/// BROS' two minutes, ± 10 % (rule 4).
const RECONCILE_MS: u64 = 120_000;
/// Buckets compared by content each time: all 256 within about two hours (rule 4).
const CONTENT_BUCKETS: usize = 4;
/// Ids in one request: keeps its URL below 4 kB.
pub(super) const IDS_MAX: usize = 200;
/// A step that could not be compared (the answer was of another revision) is tried again this often, then given up;
/// the next head begins anew.
const TRIES_MAX: u32 = 5;

/// What repair is at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing to repair.
    #[default]
    Idle,
    /// Compare all buckets.
    Digest,
    /// Compare the revisions in these buckets.
    Revs(Vec<u8>),
    /// Fetch these rows.
    Rows(Vec<DeliveryId>),
    /// Compare these buckets by content.
    Content(Vec<u8>),
}

/// The state of repair.
#[derive(Debug, Default)]
pub(super) struct Repair {
    pub(super) step: Step,
    pub(super) not_before: Mono,
    /// Part of the two-minute routine: goes on to compare contents.
    routine: bool,
    tries: u32,
    /// Repairs begun since the last proof.
    unproven: u32,
    next_bucket: u8,
    /// When the routine comes again.
    pub(super) routine_due: Mono,
}

impl Repair {
    pub(super) fn stop(&mut self) {
        self.step = Step::Idle;
        self.routine = false;
        self.tries = 0;
    }

    /// The board is proven: a repair that has not begun is not needed.
    pub(super) fn take_proof(&mut self) {
        self.unproven = 0;
        if self.step == Step::Digest && !self.routine {
            self.stop();
        }
    }

    fn begin(&mut self, step: Step, routine: bool, at: Mono) {
        self.step = step;
        self.routine = routine;
        self.tries = 0;
        self.not_before = at;
    }

    /// A step came to nothing; after too many of them the next head begins anew.
    pub(super) fn retry(&mut self, at: Mono) {
        self.tries += 1;
        self.not_before = at;
        if self.tries > TRIES_MAX {
            self.stop();
        }
    }

    fn next_content(&mut self) -> Vec<u8> {
        (0..CONTENT_BUCKETS)
            .map(|_| {
                let bucket = self.next_bucket;
                self.next_bucket = bucket.wrapping_add(1);
                bucket
            })
            .collect()
    }
}

impl Session {
    /// The routine comes again about two minutes from now.
    pub(super) fn reconcile_later(&mut self, now: Now) {
        let tenth = RECONCILE_MS / 10;
        self.repair.routine_due = now.mono.plus_ms(self.draw(RECONCILE_MS - tenth, RECONCILE_MS + tenth));
    }

    /// Begins the routine: all buckets by digest, four by content, and the cache from disk.
    pub(super) fn reconcile(&mut self, now: Now) {
        self.reconcile_later(now);
        self.out.push_back(SessionAction::Audit);
        self.repair.begin(Step::Digest, true, now.mono);
    }

    /// An unequal digest at an equal revision.
    pub(super) fn take_unequal(&mut self, now: Now) {
        self.proven.take_unequal();
        if self.repair.step != Step::Idle {
            return;
        }
        self.stats.mismatches += 1;
        self.repair.unproven += 1;
        match self.repair.unproven {
            1 => self.repair.begin(Step::Digest, false, now.mono),
            2 => self.repair.begin(Step::Digest, false, now.mono.plus_ms(POLL_MS)),
            // Two repairs did not help: everything is fetched, ever less often.
            more => {
                let wait = POLL_MS.saturating_mul(1 << (more - 3).min(8)).min(BAD_ANSWER_MAX_MS);
                self.want_snapshot(now.mono.plus_ms(wait));
            }
        }
    }

    /// Asks for what the present step needs.
    pub(super) fn ask_repair(&mut self, after: Rev, now: Now) {
        let (job, fetch) = match &self.repair.step {
            Step::Idle => return,
            Step::Digest => (Job::Digest, Fetch::Digest { after }),
            Step::Revs(buckets) => {
                (Job::Revs(buckets.clone()), Fetch::Revs { buckets: buckets.clone(), after })
            }
            Step::Rows(ids) => {
                let ids: Vec<_> = ids.iter().copied().take(IDS_MAX).collect();
                (Job::Rows(ids.clone()), Fetch::Rows { ids, after })
            }
            Step::Content(buckets) => {
                (Job::Content(buckets.clone()), Fetch::Buckets { buckets: buckets.clone(), after })
            }
        };
        self.send(job, fetch, now);
    }

    pub(super) fn take_digest(&mut self, reply: &DigestReply, sent: Now, now: Now) {
        self.note_head(&reply.head, sent.into(), now);
        if !self.reach(&reply.head.epoch, reply.head.rev, reply.frame.as_ref(), now) {
            return;
        }
        let total = self.recount();
        let differing = self.rows.buckets().differing(&reply.buckets);
        if reply.buckets.len() != BUCKETS || (differing.is_empty() != (total == reply.head.rows())) {
            // Buckets and head of one answer contradict each other.
            return self.fail_malformed(now);
        }
        if differing.is_empty() {
            self.compare(&reply.head, Instant::from(sent), now);
            return self.end_repair(now);
        }
        self.proven.take_unequal();
        if self.repair.routine {
            self.stats.mismatches += 1;
        }
        self.next_step(Step::Revs(differing), now);
    }

    pub(super) fn take_revs(&mut self, buckets: &[u8], reply: RevsReply, now: Now) {
        if !self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            return;
        }
        let mut mine = self.rows.revs_in(buckets);
        let mut differing = Vec::new();
        for (id, rev) in reply.rows {
            if buckets.contains(&bucket_of(id)) && mine.remove(&id) != Some(rev) {
                differing.push(id);
            }
        }
        let mut delta = Delta::default();
        for id in mine.into_keys() {
            self.stats.repairs += 1;
            self.take(id, reply.rev, &mut delta);
        }
        self.publish(delta, now);
        if differing.is_empty() {
            return self.end_repair(now);
        }
        self.next_step(Step::Rows(differing), now);
    }

    pub(super) fn take_rows(&mut self, ids: &[DeliveryId], reply: RowsReply, now: Now) {
        if !self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            return;
        }
        self.replace(ids.to_vec(), reply.rows, reply.rev, now);
        let left = match &self.repair.step {
            Step::Rows(all) => all.iter().copied().filter(|id| !ids.contains(id)).collect(),
            Step::Idle | Step::Digest | Step::Revs(_) | Step::Content(_) => Vec::new(),
        };
        if left.is_empty() {
            return self.end_repair(now);
        }
        self.next_step(Step::Rows(left), now);
    }

    pub(super) fn take_content(&mut self, buckets: &[u8], reply: RowsReply, now: Now) {
        if !self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            return;
        }
        let mine = self.rows.revs_in(buckets).into_keys().collect();
        let rows = reply.rows.into_iter().filter(|row| buckets.contains(&bucket_of(row.id()))).collect();
        self.replace(mine, rows, reply.rev, now);
        self.repair.stop();
    }

    /// The answer to a second look at rows that could not be read.
    pub(super) fn take_unread(&mut self, ids: &[DeliveryId], reply: RowsReply, now: Now) {
        if self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            self.replace(ids.to_vec(), reply.rows, reply.rev, now);
        }
    }

    /// Replaces rows by the hub's at exactly the cursor: what differs in revision or content, or is not there.
    fn replace(&mut self, ids: Vec<DeliveryId>, rows: Vec<WireRow>, rev: Rev, now: Now) {
        let mut theirs: BTreeMap<DeliveryId, WireRow> = rows.into_iter().map(|row| (row.id(), row)).collect();
        let mut delta = Delta::default();
        for id in ids {
            let new = theirs.remove(&id);
            self.replace_one(id, new, rev, &mut delta);
        }
        for (id, row) in theirs {
            self.replace_one(id, Some(row), rev, &mut delta);
        }
        self.publish(delta, now);
    }

    fn replace_one(&mut self, id: DeliveryId, new: Option<WireRow>, rev: Rev, delta: &mut Delta) {
        if self.rows.get(id) == new.as_ref() {
            return;
        }
        // A row that only became readable is no repair.
        let same = |old: &WireRow, new: &WireRow| old.rev() == new.rev() && old.delivery().is_none();
        let readable = self.rows.get(id).zip(new.as_ref()).is_some_and(|(old, new)| same(old, new));
        self.stats.repairs += u64::from(!readable);
        match new {
            Some(row) => self.put(row, delta),
            None => self.take(id, rev, delta),
        }
    }

    /// Goes to the revision of an answer by the frame in it. False: not possible, the step is asked for again.
    fn reach(&mut self, epoch: &Epoch, rev: Rev, frame: Option<&Frame>, now: Now) -> bool {
        let Some(cursor) = self.order.cursor().cloned() else { return false };
        if *epoch != cursor.epoch {
            // `changes` tells epochs apart and knows what to do.
            self.repair.stop();
            self.rest.poll_due = now.mono;
            self.suspect = Some(now.mono);
            return false;
        }
        if let Some(frame) = frame.filter(|frame| frame.to == rev) {
            if !super::order::is_sound(frame) {
                self.fail_malformed(now);
                return false;
            }
            if self.order.place(frame) == super::order::Place::Next {
                self.apply(frame, now);
            }
        }
        let reached = self.order.cursor().is_some_and(|cursor| cursor.rev == rev) && self.order.is_whole();
        if !reached {
            if rev > cursor.rev {
                self.suspect = Some(now.mono);
                self.gap = Some(now.mono);
            }
            let again = now.mono.plus_ms(self.draw(POLL_MS / 10, POLL_MS / 5));
            self.repair.retry(again);
        }
        reached
    }

    fn next_step(&mut self, step: Step, now: Now) {
        self.repair.step = step;
        self.repair.not_before = now.mono;
    }

    /// What differed is repaired (the next head proves it); the routine goes on with contents.
    fn end_repair(&mut self, now: Now) {
        if self.repair.routine {
            let buckets = self.repair.next_content();
            self.repair.begin(Step::Content(buckets), false, now.mono);
        } else {
            self.repair.stop();
            // Ask for a head, to know whether it helped.
            if self.proven.is_unequal() {
                self.rest.poll_due = now.mono;
            }
        }
    }

    /// What the audit of the cache found: memory is written over it.
    pub(super) fn take_audit(&mut self, damaged: Vec<DeliveryId>, digest_fits: bool, now: Now) {
        let absent = damaged.iter().any(|id| self.rows.get(*id).is_none());
        if !digest_fits || absent {
            self.stats.repairs += u64::try_from(damaged.len().max(1)).unwrap_or(1);
            self.persist_all(now);
        } else if !damaged.is_empty() {
            self.stats.repairs += u64::try_from(damaged.len()).unwrap_or(0);
            let rows = damaged.iter().filter_map(|id| self.rows.get(*id).cloned()).collect();
            self.persist(false, rows, Vec::new(), now);
        }
    }
}
