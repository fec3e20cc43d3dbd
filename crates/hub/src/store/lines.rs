//! The centers in memory: their latest changes, and who waits for more.

use crate::clock::Clock;
use gwanje_ledger::{Entry, Recent, RecentBounds, Standing};
use gwanje_model::{CenterId, Rev};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// Where a cursor's missing part can be read from in memory, and who waits for more.
pub(super) struct CenterLine {
    recent: Mutex<Recent>,
    pub rev: watch::Sender<Rev>,
    pub alarm: watch::Sender<u64>,
}

impl CenterLine {
    pub fn new(standing: Standing, bounds: RecentBounds) -> Self {
        let (rev, alarm) = (watch::Sender::new(standing.rev), watch::Sender::new(standing.alarm_seq));
        Self { recent: Mutex::new(Recent::new(standing, bounds)), rev, alarm }
    }

    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self, standing: Standing, changes: Vec<Entry>) {
        let (rev, alarm_seq) = (standing.rev, standing.alarm_seq);
        self.recent().publish(standing, changes);
        self.rev.send_if_modified(|known| std::mem::replace(known, rev) != rev);
        self.alarm.send_if_modified(|known| std::mem::replace(known, alarm_seq) != alarm_seq);
    }
}

/// All centers in memory.
pub(super) struct Lines {
    pub centers: RwLock<BTreeMap<CenterId, Arc<CenterLine>>>,
    pub clock: Clock,
    pub recent: RecentBounds,
}

impl Lines {
    pub fn get(&self, id: &CenterId) -> Option<Arc<CenterLine>> {
        self.centers.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub fn ids(&self) -> Vec<CenterId> {
        self.centers.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    pub fn add(&self, id: CenterId, line: CenterLine) {
        self.centers.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(line));
    }
}
