//! Leases of chores: of several hubs on one store one does each chore of a center.
//!
//! A lease only saves work. Each chore decides again within its transaction, and twice is once: nothing depends on a lease.

use super::{Store, StoreError};
use gwanje_model::CenterId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a chore stays with a hub that is not heard of any more.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How often a hub goes on with its lease, and asks for one that another has.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// What hubs do again and again for each center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chore {
    /// Writing alarms that are due, and escalating those of which nobody takes note.
    DueAlarms,
    /// Letting go what is over.
    Retention,
}

impl Chore {
    /// Its name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DueAlarms => "due-alarms",
            Self::Retention => "retention",
        }
    }
}

/// Who has a chore of a center.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Whether it is this hub.
    pub is_ours: bool,
    /// Grows each time another hub takes it: whoever comes with a smaller one has lost it since.
    pub fence: u64,
    /// How long it still holds, by the store's clock.
    pub left: Duration,
}

impl Lease {
    /// That of the only hub on a store.
    pub(super) fn alone() -> Self {
        Self { is_ours: true, fence: 1, left: LEASE }
    }
}

/// What a hub knows of the leases, until it asks again.
#[derive(Default)]
pub(super) struct Leases(Mutex<BTreeMap<(Chore, CenterId), Known>>);

#[derive(Clone, Copy)]
struct Known {
    is_ours: bool,
    until: Instant,
}

impl Leases {
    /// Whether it is this hub's; none: that is to be asked.
    fn is_ours(&self, chore: Chore, center: &CenterId, now: Instant) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&(chore, center.clone())).filter(|known| now < known.until)?;
        Some(known.is_ours)
    }

    /// Notes what the store said when it was asked at that instant.
    fn note(&self, chore: Chore, center: &CenterId, lease: Lease, asked: Instant) {
        let known = Known { is_ours: lease.is_ours, until: asked + lease.left.min(ASKED_EVERY) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((chore, center.clone()), known);
    }
}

impl Store {
    /// Takes the lease of a chore for 15 s, or goes on with it; of one that another hub has it says so. A hub alone has them
    /// all.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn take_lease(&self, chore: Chore, center: &CenterId) -> Result<Lease, StoreError> {
        self.shared.backend.take_lease(chore, center.clone()).await
    }

    /// Whether this hub is to do a chore now. Asks the store every five seconds; where that can't be asked, it is.
    pub async fn is_to_do(&self, chore: Chore, center: &CenterId) -> bool {
        if !self.is_shared() {
            return true;
        }
        let asked = Instant::now();
        if let Some(is_ours) = self.shared.leases.is_ours(chore, center, asked) {
            return is_ours;
        }
        match self.take_lease(chore, center).await {
            Ok(lease) => {
                self.shared.leases.note(chore, center, lease, asked);
                lease.is_ours
            }
            Err(error) => {
                tracing::debug!(%error, %center, chore = chore.as_str(), "a lease can't be asked for");
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_asked_for_again_before_it_ends_and_as_soon_as_anothers_does() {
        let (leases, center, start) = (Leases::default(), CenterId::from("gangnam"), Instant::now());
        let known = |ms: u64| leases.is_ours(Chore::Retention, &center, start + Duration::from_millis(ms));
        assert_eq!(known(0), None);
        let note = |is_ours, left| {
            let lease = Lease { is_ours, fence: 1, left: Duration::from_millis(left) };
            leases.note(Chore::Retention, &center, lease, start);
        };
        note(true, 15_000);
        assert_eq!((known(0), known(4_999), known(5_000)), (Some(true), Some(true), None));
        note(false, 15_000);
        assert_eq!((known(4_999), known(5_000)), (Some(false), None));
        note(false, 1_200);
        assert_eq!((known(1_199), known(1_200)), (Some(false), None));
        assert_eq!(leases.is_ours(Chore::DueAlarms, &center, start), None);
    }
}
