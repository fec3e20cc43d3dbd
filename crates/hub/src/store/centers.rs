//! Centers: set up, listed, and begun anew.

use super::{Store, StoreError};
use gwanje_model::{CenterId, Epoch, Pos, Text};
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
        let epoch = after(&present, Ulid::generate());
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

/// An epoch that sorts after the present one: a fresh one does, unless the machine's clock was set back meanwhile.
fn after(present: &Epoch, fresh: Ulid) -> Epoch {
    let next = Ulid::from_string(present.as_str()).ok().and_then(|present| present.increment().ok());
    Epoch::from(next.map_or(fresh, |next| next.max(fresh)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sorts_after_the_one_before_whatever_the_clock_says() {
        let (early, late) = (Ulid::from_parts(1_000, 7), Ulid::from_parts(2_000, 7));
        assert_eq!(after(&Epoch::from(early.to_string()), late), Epoch::from(late.to_string()));
        let present = Epoch::from(late.to_string());
        assert!(after(&present, early) > present, "the clock was set back");
    }
}
