//! Repair and reconciliation: digest → buckets → revisions → the rows that differ, replaced at exactly that revision
//! (rules 3 and 4).
//!
//! | step | asks for | then |
//! | --- | --- | --- |
//! | `Digest` | `/digest` | equal: done, or `Content` when it was the routine; unequal: `Revs` of the buckets that differ |
//! | `Revs` | `[[id, rev]]` of those buckets | rows that the hub lacks go; those that differ: `Rows` |
//! | `Rows` | those rows | replaced; more of them: `Rows`; else done, or `Content` when it was the routine |
//! | `Content` | some buckets in full | rows whose content differs are replaced; done |
//!
//! Each answer carries the frame up to its own revision, and that frame is applied first. Where an answer can't carry
//! it (too many changes), the changes are paged and the step is asked for again.

use super::Session;
use super::job::{BAD_ANSWER_MAX_MS, Job, POLL_MS};
use super::proof::{Instant, ProvenBy};
use super::publish::Delta;
use crate::findings::{RepairCause, RepairReport};
use crate::io::{Mono, Now};
use crate::session::fetch::{Fetch, SessionAction};
use crate::stats::RowSource;
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
/// A step that could not be compared (the answer was of another revision) is tried again this often, then given up. The
/// next head begins anew.
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

/// On whose behalf a step is taken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A head was unequal.
    #[default]
    Head,
    /// The two-minute routine: goes on to compare contents.
    Routine,
    /// Somebody wants everything compared.
    Check,
}

/// The state of repair.
#[derive(Debug, Default)]
pub(super) struct Repair {
    pub(super) step: Step,
    pub(super) not_before: Mono,
    why: Why,
    tries: u32,
    /// Steps that came to nothing.
    given_up: u32,
    /// What the present repair has taken and replaced.
    spell: Option<RepairReport>,
    /// Repairs begun since the last proof.
    unproven: u32,
    next_bucket: u8,
    /// When the routine comes again.
    pub(super) routine_due: Mono,
}

impl Repair {
    pub(super) fn stop(&mut self) {
        self.step = Step::Idle;
        self.why = Why::Head;
        self.tries = 0;
    }

    pub(super) fn given_up(&self) -> u32 {
        self.given_up
    }

    /// The board is proven: a repair that has not begun is not needed.
    pub(super) fn take_proof(&mut self) {
        self.unproven = 0;
        if self.step == Step::Digest && self.why == Why::Head {
            self.stop();
        }
    }

    pub(super) fn begin(&mut self, step: Step, why: Why, now: Now) {
        self.begin_at(step, why, now.mono);
    }

    fn begin_at(&mut self, step: Step, why: Why, at: Mono) {
        self.step = step;
        self.why = why;
        self.tries = 0;
        self.not_before = at;
        let cause = match why {
            Why::Head => RepairCause::Head,
            Why::Routine => RepairCause::Routine,
            Why::Check => RepairCause::Check,
        };
        self.spell = Some(RepairReport { cause, buckets: 0, rows_fetched: 0, rows_replaced: 0, bytes: 0 });
    }

    /// A step came to nothing; after too many of them the next head begins anew.
    pub(super) fn retry(&mut self, at: Mono) {
        self.tries += 1;
        self.not_before = at;
        if self.tries > TRIES_MAX {
            self.given_up += 1;
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
        self.repair.begin(Step::Digest, Why::Routine, now);
    }

    /// An unequal digest at an equal revision.
    pub(super) fn take_unequal(&mut self, now: Now) {
        self.proven.take_unequal();
        match self.repair.step {
            Step::Idle => {}
            // A look at contents is in no hurry: what is known to differ goes first.
            Step::Content(_) => {
                self.rest.drop_unless(&mut self.out, |job| !matches!(job, Job::Content(_)));
                self.repair.stop();
            }
            Step::Digest | Step::Revs(_) | Step::Rows(_) => return,
        }
        self.stats.mismatches += 1;
        self.stats.mismatches_by.head += 1;
        self.stats.repair.begun += 1;
        self.repair.unproven += 1;
        match self.repair.unproven {
            1 => self.repair.begin(Step::Digest, Why::Head, now),
            2 => self.repair.begin_at(Step::Digest, Why::Head, now.mono.plus_ms(POLL_MS)),
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
        let asked = Instant::of_question(sent, now);
        self.note_head(&reply.head, asked, now);
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
            self.compare(&reply.head, asked, ProvenBy::Rest, now);
            return self.end_repair(now);
        }
        self.proven.take_unequal();
        match self.repair.why {
            Why::Head => {}
            Why::Routine | Why::Check => {
                self.stats.mismatches += 1;
                self.stats.mismatches_by.digest += 1;
                self.stats.repair.begun += 1;
            }
        }
        self.next_step(Step::Revs(differing), now);
    }

    pub(super) fn take_revs(&mut self, buckets: &[u8], reply: RevsReply, now: Now) {
        if !self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            return;
        }
        let count = u64::try_from(buckets.len()).unwrap_or(0);
        self.stats.repair.buckets_by_revision += count;
        if let Some(spell) = &mut self.repair.spell {
            spell.buckets += count;
        }
        let mut mine = self.rows.revs_in(buckets);
        let mut differing = Vec::new();
        for (id, rev) in reply.rows {
            if buckets.contains(&bucket_of(id)) && mine.remove(&id) != Some(rev) {
                differing.push(id);
            }
        }
        let mut delta = Delta::default();
        self.replaced(u64::try_from(mine.len()).unwrap_or(0));
        for id in mine.into_keys() {
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
        let fetched = u64::try_from(reply.rows.len()).unwrap_or(0);
        self.stats.repair.rows_fetched += fetched;
        if let Some(spell) = &mut self.repair.spell {
            spell.rows_fetched += fetched;
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
        let rows: Vec<_> =
            reply.rows.into_iter().filter(|row| buckets.contains(&bucket_of(row.id()))).collect();
        let count = u64::try_from(rows.len()).unwrap_or(0);
        if let Some(spell) = &mut self.repair.spell {
            spell.buckets += u64::try_from(buckets.len()).unwrap_or(0);
            spell.rows_fetched += count;
        }
        let replaced = self.replace(mine, rows, reply.rev, now);
        self.stats.mismatches_by.content += replaced;
        self.stats.repair.begun += u64::from(replaced > 0);
        self.compared(buckets, count, now);
        self.tell_repair();
        self.repair.stop();
    }

    /// The answer to a second look at rows that could not be read.
    pub(super) fn take_unread(&mut self, ids: &[DeliveryId], reply: RowsReply, now: Now) {
        if self.reach(&reply.epoch, reply.rev, reply.frame.as_ref(), now) {
            self.replace(ids.to_vec(), reply.rows, reply.rev, now);
        }
    }

    /// Replaces rows by the hub's at exactly the cursor: what differs in revision or content, or is not there.
    /// The answer is how many.
    fn replace(&mut self, ids: Vec<DeliveryId>, rows: Vec<WireRow>, rev: Rev, now: Now) -> u64 {
        let mut theirs: BTreeMap<DeliveryId, WireRow> = rows.into_iter().map(|row| (row.id(), row)).collect();
        let mut delta = Delta::default();
        let mut replaced = 0;
        for id in ids {
            let new = theirs.remove(&id);
            replaced += u64::from(self.replace_one(id, new, rev, &mut delta));
        }
        for (id, row) in theirs {
            replaced += u64::from(self.replace_one(id, Some(row), rev, &mut delta));
        }
        self.replaced(replaced);
        self.publish(delta, now);
        replaced
    }

    /// Rows were replaced or removed in memory.
    fn replaced(&mut self, rows: u64) {
        self.stats.repairs += rows;
        self.stats.repair.rows_replaced += rows;
        self.stats.rows_from.repair += rows;
        if let Some(spell) = &mut self.repair.spell {
            spell.rows_replaced += rows;
        }
        self.check_found(rows);
    }

    /// True: it differed.
    fn replace_one(&mut self, id: DeliveryId, new: Option<WireRow>, rev: Rev, delta: &mut Delta) -> bool {
        let same = match (self.rows.get(id), &new) {
            (Some(old), Some(new)) => old.means_the_same_as(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if same {
            return false;
        }
        // A row that only became readable is no repair.
        let same = |old: &WireRow, new: &WireRow| old.rev() == new.rev() && old.delivery().is_none();
        let readable = self.rows.get(id).zip(new.as_ref()).is_some_and(|(old, new)| same(old, new));
        match new {
            Some(row) => self.put(row, delta),
            None => self.take(id, rev, delta),
        }
        !readable
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
                self.apply(frame, RowSource::Repair, now);
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
        self.tell_repair();
        match self.repair.why {
            Why::Routine => {
                let buckets = self.repair.next_content();
                self.repair.begin(Step::Content(buckets), Why::Routine, now);
            }
            Why::Head | Why::Check => {
                if self.repair.why == Why::Check {
                    self.check_digest_done();
                }
                self.repair.stop();
                // Ask for a head, to know whether it helped.
                if self.proven.is_unequal() {
                    self.rest.poll_due = now.mono;
                }
            }
        }
    }

    /// A repair is over: what it took is told, if there was something to mend.
    pub(super) fn tell_repair(&mut self) {
        if let Some(spell) = self.repair.spell.take().filter(|spell| spell.rows_replaced > 0) {
            self.stats.repair.bytes += spell.bytes;
            self.out.push_back(SessionAction::Repaired(Box::new(spell)));
        }
    }

    /// An answer to a comparison or a repair has come, of so many bytes.
    pub(super) fn repair_cost(&mut self, bytes: u64) {
        if let Some(spell) = &mut self.repair.spell {
            spell.bytes += bytes;
        }
        self.check_cost(bytes);
    }

    /// What the audit of the cache found: memory is written over it.
    pub(super) fn take_audit(&mut self, damaged: Vec<DeliveryId>, digest_fits: bool, now: Now) {
        self.stats.audits += 1;
        let absent = damaged.iter().any(|id| self.rows.get(*id).is_none());
        let mut found = u64::try_from(damaged.len()).unwrap_or(0);
        let mut rewritten = found;
        if !digest_fits || absent {
            found = found.max(1);
            rewritten = self.rows.sum().count;
            self.persist_all(now);
        } else if found > 0 {
            let rows = damaged.iter().filter_map(|id| self.rows.get(*id).cloned()).collect();
            self.persist(false, rows, Vec::new(), now);
        } else {
            rewritten = 0;
        }
        self.stats.repairs += found;
        self.stats.mismatches_by.disk += found;
        self.stats.repair.rows_rewritten += rewritten;
        self.check_audited(found, rewritten);
        if found > 0 {
            self.stats.repair.begun += 1;
            let (cause, rows_replaced) = (RepairCause::Disk, rewritten);
            let report = RepairReport { cause, buckets: 0, rows_fetched: 0, rows_replaced, bytes: 0 };
            self.out.push_back(SessionAction::Repaired(Box::new(report)));
        }
    }
}
