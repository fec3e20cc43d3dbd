//! Riders listed to a center.

use super::{Store, StoreError};
use gwanje_model::{CenterId, Rider, RiderStatus};

impl Store {
    /// Lists riders to a center, or changes them (places go to [`crate::positions::RiderPositions`]).
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn upsert_riders(&self, center: &CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        self.shared.backend.upsert_riders(center.clone(), riders).await
    }

    /// The riders listed to a center, by id, each with its load.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn riders(&self, center: &CenterId) -> Result<Vec<Rider>, StoreError> {
        self.shared.backend.riders(center.clone()).await
    }
}

/// On shift, the load shows whether a rider is busy.
pub(crate) fn at_work(status: RiderStatus, load: u32) -> RiderStatus {
    match status {
        RiderStatus::Off => RiderStatus::Off,
        RiderStatus::Idle | RiderStatus::Busy if load > 0 => RiderStatus::Busy,
        RiderStatus::Idle | RiderStatus::Busy => RiderStatus::Idle,
    }
}
