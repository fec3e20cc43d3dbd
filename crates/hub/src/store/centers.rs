//! Centers: set up, listed, and begun anew.

use super::{Store, StoreError};
use gwanje_model::{CenterId, Epoch, Pos, Text, UtcMillis};
use ulid::Ulid;

/// A center as it is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct CenterRecord {
    /// Its id.
    pub id: CenterId,
    /// Its name.
    pub name: Text,
    /// Where it is.
    pub pos: Option<Pos>,
    /// IANA name, `Asia/Seoul`.
    pub time_zone: Text,
}

impl Store {
    /// Sets up a center, or changes its name, place and zone; a new one begins its first epoch.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn ensure_center(&self, center: CenterRecord) -> Result<(), StoreError> {
        self.shared.backend.ensure_center(center, Ulid::generate().to_string().into()).await
    }

    /// All centers, by id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        self.shared.backend.centers().await
    }

    /// Whether there is a center of that id (from memory).
    #[must_use]
    pub fn has_center(&self, center: &CenterId) -> bool {
        self.shared.lines.get(center).is_some()
    }

    /// The ids of all centers (from memory).
    #[must_use]
    pub fn center_ids(&self) -> Vec<CenterId> {
        self.shared.lines.ids()
    }

    /// Begins a new epoch: every cursor must resync. For restores and for drills of that fault.
    ///
    /// # Errors
    /// When there is no such center or nothing could be written.
    pub async fn begin_epoch(&self, center: &CenterId) -> Result<Epoch, StoreError> {
        let present = self.line(center)?.recent().standing().epoch.clone();
        let epoch = epoch_after(&present, self.clock().wall_now());
        self.begin_epoch_as(center, epoch.clone()).await?;
        Ok(epoch)
    }

    /// The same with an epoch of the caller's, which must sort after the present one.
    ///
    /// # Errors
    /// When it does not, when there is no such center or nothing could be written.
    pub async fn begin_epoch_as(&self, center: &CenterId, epoch: Epoch) -> Result<(), StoreError> {
        self.shared.backend.begin_epoch(center.clone(), epoch).await
    }

    /// Forgets all but the newest `kept` tombstones of a center: older cursors must resync.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn keep_tombstones(&self, center: &CenterId, kept: u64) -> Result<(), StoreError> {
        self.shared.backend.keep_tombstones(center.clone(), kept).await
    }
}

/// A fresh epoch that sorts after the present one, whatever the clock says: it is of now, or a millisecond after that one.
pub(super) fn epoch_after(present: &Epoch, now: UtcMillis) -> Epoch {
    let fresh = Ulid::generate();
    let begun_ms = Ulid::from_string(present.as_str()).map(|present| present.timestamp_ms());
    let at_ms = begun_ms.map_or(0, |begun| begun + 1).max(now.0.unsigned_abs());
    Epoch::from(Ulid::from_parts(at_ms, fresh.random()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sorts_after_the_one_before_whatever_the_clock_says() {
        let present = Epoch::from(Ulid::from_parts(2_000, u128::MAX).to_string());
        for (now, instant) in
            [(UtcMillis(3_000), 3_000), (UtcMillis(2_000), 2_001), (UtcMillis(1_000), 2_001)]
        {
            let next = epoch_after(&present, now);
            assert!(next > present, "{next}");
            assert_eq!(Ulid::from_string(next.as_str()).unwrap().timestamp_ms(), instant);
        }
    }
}
