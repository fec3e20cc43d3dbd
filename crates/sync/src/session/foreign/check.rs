//! Comparing everything on demand: the list in full, and the cache from disk.

use super::ForeignSession;
use super::listing::Asked;
use crate::findings::{CheckPhase, CheckReport};
use crate::io::{Mono, Now};
use crate::session::SessionAction;
use crate::stats::Cost;
use gwanje_model::digest::BUCKETS;

/// How long to wait for list and audit, milliseconds.
const CHECK_MS: u64 = 60_000;

/// A comparison under way.
#[derive(Debug)]
pub(super) struct Check {
    report: CheckReport,
    /// Lists that were asked for before it began tell nothing.
    began: Mono,
    until: Mono,
    listed: bool,
    failed: bool,
    /// What had been repaired when it began.
    repairs: u64,
}

impl Check {
    pub(super) fn until(&self) -> Mono {
        self.until
    }

    pub(super) fn take_cost(&mut self, cost: Cost) {
        self.report.bytes += cost.bytes_in;
    }
}

impl ForeignSession {
    /// Compares with the list at once, without its ETag, and audits the cache.
    pub(crate) fn begin_check(&mut self, now: Now) {
        if self.check.is_none() {
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
                began: now.mono,
                until: now.mono.plus_ms(CHECK_MS),
                listed: false,
                failed: false,
                repairs: self.stats.repairs,
            });
            self.listing.repair_at(now.mono);
            self.audit_due = now.mono;
        }
        if let Some(check) = &self.check {
            self.out.push_back(SessionAction::Checked(Box::new(check.report.clone())));
        }
        self.settle(now);
    }

    pub(super) fn check_listed(&mut self, rows: usize, asked: &Asked) {
        let repairs = self.stats.repairs;
        if let Some(check) = self.check.as_mut().filter(|check| asked.at.mono >= check.began) {
            check.listed = true;
            // A list is all buckets at once.
            check.report.buckets = BUCKETS as u64;
            check.report.rows = rows as u64;
            check.report.found_in_memory = repairs.saturating_sub(check.repairs);
        }
    }

    pub(super) fn check_audited(&mut self, found: u64) {
        if let Some(check) = &mut self.check {
            check.report.audited = true;
            check.report.found_on_disk = found;
        }
    }

    pub(super) fn check_failed(&mut self) {
        if let Some(check) = &mut self.check {
            check.failed = true;
        }
    }

    /// Tells how it ended, when it has.
    pub(super) fn watch_check(&mut self, now: Now) {
        let Some(check) = &mut self.check else { return };
        let is_over = (check.listed && check.report.audited) || check.failed || now.mono >= check.until;
        if !is_over {
            return;
        }
        // Without a cache no audit ever comes; what the list said stands.
        let is_done = check.listed && !check.failed;
        check.report.phase = if is_done { CheckPhase::Done } else { CheckPhase::Stopped };
        check.report.at = now.wall;
        check.report.repaired = self.stats.repairs.saturating_sub(check.repairs);
        self.stats.checks += u64::from(is_done);
        self.out.push_back(SessionAction::Checked(Box::new(check.report.clone())));
        self.check = None;
    }
}
