//! Gathers, when somebody asks, what is known of how true the boards are.

use super::Owner;
use crate::ipc::{AuditView, CenterDiagnostics, ComparedView, Diagnostics, Queues, RepairView};
use gwanje_cache::Audit;
use gwanje_model::{CenterId, UtcMillis};
use gwanje_sync::{CheckReport, Now, RepairReport};
use std::collections::BTreeMap;

/// The last findings in each center.
#[derive(Debug, Default)]
pub(super) struct Findings {
    by_center: BTreeMap<CenterId, Found>,
}

#[derive(Debug, Default)]
struct Found {
    audit: Option<AuditView>,
    repair: Option<RepairView>,
    check: Option<CheckReport>,
}

impl Findings {
    pub(super) fn audited(&mut self, center: &CenterId, audit: &Audit, now: Now) {
        self.found(center).audit = Some(AuditView {
            at: now.wall.0,
            rows: audit.rows,
            damaged: count(audit.damaged.len()),
            digest_fits: audit.digest_fits,
        });
    }

    pub(super) fn repaired(&mut self, center: &CenterId, report: RepairReport, now: Now) {
        self.found(center).repair = Some(RepairView { at: now.wall.0, report });
    }

    pub(super) fn checked(&mut self, center: &CenterId, report: CheckReport) {
        self.found(center).check = Some(report);
    }

    pub(super) fn forget(&mut self, center: &CenterId) {
        self.by_center.remove(center);
    }

    fn found(&mut self, center: &CenterId) -> &mut Found {
        self.by_center.entry(center.clone()).or_default()
    }
}

impl Owner {
    pub(super) fn diagnostics(&self, now: Now) -> Diagnostics {
        let (cache_jobs, cache_rows, cache_refused) = self.outbox.depth();
        let (views, patches) = self.views.depth();
        let (listeners, lagging) = self.subscribers.depth();
        Diagnostics {
            at: now.wall.0,
            since: self.started.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seat: self.profile.seat.to_string(),
            endpoint: self.client.endpoint().map(str::to_owned),
            total: self.client.stats(),
            queues: Queues {
                cache_jobs: count(cache_jobs),
                cache_rows: count(cache_rows),
                cache_refused,
                requests: count(self.requests.len()),
                sockets: count(self.sockets.len()),
                views: count(views),
                patches: count(patches),
                listeners: count(listeners),
                lagging: count(lagging),
            },
            centers: self.freshness.keys().filter_map(|center| self.center_diagnostics(center)).collect(),
        }
    }

    fn center_diagnostics(&self, center: &CenterId) -> Option<CenterDiagnostics> {
        let (rows, compared_at) = self.client.rows_of(center)?;
        let found = self.findings.by_center.get(center);
        Some(CenterDiagnostics {
            freshness: self.freshness.get(center)?.view(center),
            rows: count(rows),
            stats: self.client.center_stats(center)?,
            audit: found.and_then(|found| found.audit),
            compared: compared(compared_at),
            last_repair: found.and_then(|found| found.repair.clone()),
            check: found.and_then(|found| found.check.clone()),
            unread: self.client.unread(),
        })
    }
}

fn compared(at: &[Option<UtcMillis>]) -> ComparedView {
    let known = || at.iter().flatten().map(|at| at.0);
    ComparedView {
        buckets: count(known().count()),
        oldest_at: known().min(),
        newest_at: known().max(),
        at: at.iter().map(|at| at.map_or(0, |at| at.0)).collect(),
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
