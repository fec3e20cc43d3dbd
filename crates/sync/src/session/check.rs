//! Comparing everything on demand: the digest of all buckets, then all of them by content, and the cache from disk (rule 4).
//!
//! It is no step of its own: whenever nothing else is to be done, it asks for steps of [`repair`](super::repair), in
//! groups. So a gap, a snapshot or an unequal head goes first, and the board never waits for it.

use super::Session;
use super::fetch::SessionAction;
use super::repair::{Step, Why};
use crate::findings::{CheckPhase, CheckReport};
use crate::io::{Mono, Now, State};
use gwanje_model::UtcMillis;
use gwanje_model::digest::BUCKETS;
use std::collections::BTreeSet;

/// About how many rows one request fetches: one megabyte, a second on a slow line, during which frames wait.
const GROUP_ROWS: usize = 1_000;
/// Buckets in one request, at most: its address stays short.
const GROUP_BUCKETS: usize = 32;
/// How long to wait for the audit of the cache; without a cache, or with one that can't be read now, it never comes.
const AUDIT_MS: u64 = 60_000;
/// It is given up after this many steps that came to nothing. Each was tried several times.
const GIVEN_UP_MAX: u32 = 3;

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Check {
    report: CheckReport,
    /// What was told last.
    told: Option<CheckReport>,
    digest_done: bool,
    left: BTreeSet<u8>,
    group_rows: usize,
    audit_until: Mono,
    /// Steps that repair had given up when it began, or when that was last looked at.
    given_up: u32,
    failures: u32,
}

/// The buckets by when they were last compared by content, in this run (wall clock).
#[derive(Debug, Clone)]
pub(super) struct Compared([Option<UtcMillis>; BUCKETS]);

impl Default for Compared {
    fn default() -> Self {
        Self([None; BUCKETS])
    }
}

impl Compared {
    pub(super) fn at(&self) -> &[Option<UtcMillis>] {
        &self.0
    }

    fn take(&mut self, bucket: u8, now: UtcMillis) {
        if let Some(at) = self.0.get_mut(usize::from(bucket)) {
            *at = Some(now);
        }
    }
}

impl Session {
    /// Somebody wants everything compared. One that is under way is told again.
    pub(super) fn begin_check(&mut self, now: Now) {
        if let Some(check) = &mut self.check {
            check.told = None;
            return;
        }
        let report = CheckReport {
            phase: CheckPhase::Running,
            began_at: now.wall,
            at: now.wall,
            buckets: 0,
            rows: 0,
            found_in_memory: 0,
            audited: false,
            found_on_disk: 0,
            repaired: 0,
            bytes: 0,
        };
        self.check = Some(Check {
            report,
            told: None,
            digest_done: false,
            left: (0..=u8::MAX).collect(),
            group_rows: GROUP_ROWS,
            audit_until: now.mono.plus_ms(AUDIT_MS),
            given_up: self.repair.given_up(),
            failures: 0,
        });
        if self.restored {
            self.out.push_back(SessionAction::Audit);
        }
    }

    /// Whether there is something to ask for.
    pub(super) fn check_wants(&self) -> bool {
        self.check.as_ref().is_some_and(|check| !check.digest_done || !check.left.is_empty())
    }

    /// Begins its next step, when nothing else is under way.
    pub(super) fn next_check_step(&mut self, now: Now) {
        let count = self.rows.sum().count;
        let Some(check) = &mut self.check else { return };
        let given_up = self.repair.given_up();
        if given_up > check.given_up {
            check.given_up = given_up;
            check.failures += 1;
            check.group_rows = (check.group_rows / 2).max(1);
        }
        if !check.digest_done {
            return self.repair.begin(Step::Digest, Why::Check, now);
        }
        let in_a_bucket = usize::try_from(count).unwrap_or(usize::MAX) / BUCKETS + 1;
        let group = (check.group_rows / in_a_bucket).clamp(1, GROUP_BUCKETS);
        let buckets: Vec<u8> = check.left.iter().copied().take(group).collect();
        if !buckets.is_empty() {
            self.repair.begin(Step::Content(buckets), Why::Check, now);
        }
    }

    /// The digest was compared, and what differed was fetched.
    pub(super) fn check_digest_done(&mut self) {
        if let Some(check) = &mut self.check {
            check.digest_done = true;
        }
    }

    /// These buckets were compared by content, on whoever's behalf.
    pub(super) fn compared(&mut self, buckets: &[u8], rows: u64, now: Now) {
        self.stats.repair.buckets_by_content += u64::try_from(buckets.len()).unwrap_or(0);
        for bucket in buckets {
            self.compared_at.take(*bucket, now.wall);
        }
        if let Some(check) = &mut self.check {
            check.report.rows += rows;
            for bucket in buckets {
                check.report.buckets += u64::from(check.left.remove(bucket));
            }
        }
    }

    /// Rows in memory were replaced or removed.
    pub(super) fn check_found(&mut self, rows: u64) {
        if let Some(check) = &mut self.check {
            check.report.found_in_memory += rows;
            check.report.repaired += rows;
        }
    }

    /// The audit has answered.
    pub(super) fn check_audited(&mut self, found: u64, rewritten: u64) {
        if let Some(check) = self.check.as_mut().filter(|check| !check.report.audited) {
            check.report.audited = true;
            check.report.found_on_disk += found;
            check.report.repaired += rewritten;
        }
    }

    /// An answer that compares or repairs has come.
    pub(super) fn check_cost(&mut self, bytes: u64) {
        if let Some(check) = &mut self.check {
            check.report.bytes += bytes;
        }
    }

    /// Tells how far it has come, and ends it.
    pub(super) fn settle_check(&mut self, now: Now) {
        let Some(check) = &mut self.check else { return };
        let compared = check.digest_done && check.left.is_empty();
        let audited = check.report.audited || check.audit_until <= now.mono;
        let stopped = match self.state {
            State::Offline { .. } | State::Refused { .. } => true,
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Live { .. }
            | State::Polling { .. } => check.failures >= GIVEN_UP_MAX,
        };
        check.report.phase = if compared && audited {
            CheckPhase::Done
        } else if stopped {
            CheckPhase::Stopped
        } else {
            CheckPhase::Running
        };
        // Progress is what was compared or found, not that time passes.
        check.report.at = check.told.as_ref().map_or(now.wall, |told| told.at);
        if check.told.as_ref() != Some(&check.report) {
            check.report.at = now.wall;
            check.told = Some(check.report.clone());
            self.out.push_back(SessionAction::Checked(Box::new(check.report.clone())));
        }
        match check.report.phase {
            CheckPhase::Running => {}
            CheckPhase::Done => {
                self.stats.checks += 1;
                self.check = None;
            }
            CheckPhase::Stopped => self.check = None,
        }
    }

    /// When [`Session::settle_check`] has something to say by time alone.
    pub(super) fn check_at(&self) -> Option<Mono> {
        self.check.as_ref().filter(|check| !check.report.audited).map(|check| check.audit_until)
    }
}
