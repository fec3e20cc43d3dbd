//! The centers in memory: their latest changes, and who waits for more.

use super::Now;
use crate::clock::Clock;
use crate::meters::Meters;
use gwanje_ledger::{Entry, Recent, RecentBounds, Standing};
use gwanje_model::{CenterId, Rev};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;
use tokio::time::Instant;

/// Where a cursor's missing part can be read from in memory, and who waits for more.
pub(super) struct CenterLine {
    recent: Mutex<Recent>,
    /// When the store was last known to stand where memory does. None: nobody else writes to it, so that holds now.
    seen: Mutex<Option<Now>>,
    /// When what followers were not told yet was first committed, or heard of.
    untold: Mutex<Option<Instant>>,
    pub rev: watch::Sender<Rev>,
    pub alarm: watch::Sender<u64>,
}

impl CenterLine {
    fn new(standing: Standing, seen: Option<Now>, bounds: RecentBounds) -> Self {
        let (rev, alarm) = (watch::Sender::new(standing.rev), watch::Sender::new(standing.alarm_seq));
        let untold = Mutex::default();
        Self { recent: Mutex::new(Recent::new(standing, bounds)), seen: Mutex::new(seen), untold, rev, alarm }
    }

    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was committed, unless a later history has begun meanwhile. Whoever waits is woken by a new epoch, too.
    pub fn publish(&self, standing: Standing, changes: Vec<Entry>) {
        let (rev, alarm_seq) = (standing.rev, standing.alarm_seq);
        let is_new_epoch = {
            let mut recent = self.recent();
            let known = &recent.standing().epoch;
            if standing.epoch < *known {
                return;
            }
            let is_new_epoch = standing.epoch != *known;
            recent.publish(standing, changes);
            is_new_epoch
        };
        self.untold().get_or_insert_with(Instant::now);
        self.rev.send_if_modified(|known| std::mem::replace(known, rev) != rev || is_new_epoch);
        self.alarm.send_if_modified(|known| std::mem::replace(known, alarm_seq) != alarm_seq);
    }
}

impl CenterLine {
    fn untold(&self) -> MutexGuard<'_, Option<Instant>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Followers are told of all now. Since when they were not.
    pub fn told(&self) -> Option<Instant> {
        self.untold().take()
    }

    /// When the store was last known to stand where memory does; none: it does now.
    pub fn seen(&self) -> Option<Now> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the store stood at that instant where memory does, or did before.
    pub fn see(&self, at: Now) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_none_or(|seen| seen.wall < at.wall) {
            *seen = Some(at);
        }
    }

    /// Takes in where the center was seen to stand at an instant, unless more is known of it.
    pub fn catch_up(&self, standing: Standing, at: Now) {
        self.come_to(standing);
        self.see(at);
    }

    fn come_to(&self, standing: Standing) {
        let is_newer = {
            let recent = self.recent();
            let known = recent.standing();
            (&standing.epoch, standing.rev, standing.alarm_seq) > (&known.epoch, known.rev, known.alarm_seq)
        };
        if is_newer {
            self.publish(standing, Vec::new());
        }
    }

    /// Takes in what another hub has committed: its changes where they join what is known, else how far it has come.
    pub fn hear(&self, standing: Standing, changes: Vec<Entry>) {
        let joins = {
            let recent = self.recent();
            let known = recent.standing();
            let expected = (known.rev.0 + 1..).map(Rev);
            known.epoch == standing.epoch
                && known.alarm_seq <= standing.alarm_seq
                && changes.last().is_some_and(|last| last.rev() == standing.rev)
                && changes.iter().map(Entry::rev).zip(expected).all(|(rev, expected)| rev == expected)
        };
        if joins { self.publish(standing, changes) } else { self.come_to(standing) }
    }
}

/// All centers in memory.
pub(super) struct Lines {
    centers: RwLock<BTreeMap<CenterId, Arc<CenterLine>>>,
    pub clock: Clock,
    pub meters: Arc<Meters>,
    recent: RecentBounds,
}

impl Lines {
    pub fn new(clock: Clock, recent: RecentBounds) -> Self {
        Self { centers: RwLock::default(), clock, meters: Arc::default(), recent }
    }

    pub fn get(&self, id: &CenterId) -> Option<Arc<CenterLine>> {
        self.centers.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub fn ids(&self) -> Vec<CenterId> {
        self.centers.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Takes a center in as it stands; what was known of one of that id goes.
    /// `seen`: when it stood there; none: nobody else writes to the store.
    pub fn add(&self, id: CenterId, standing: Standing, seen: Option<Now>) {
        let line = CenterLine::new(standing, seen, self.recent);
        self.centers.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(line));
    }
}
