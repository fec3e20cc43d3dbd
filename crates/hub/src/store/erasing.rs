//! Erasing a customer from the store: one center after the other, each in one transaction; then what belongs to no center; then
//! the files or tables are written anew, so that nothing is left between their rows.

use super::{Store, StoreError};
use gwanje_ledger::Erasure;
use gwanje_model::Text;

/// Who erases, in histories.
pub(super) const BY: &str = "system";

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Deliveries of the customer, on boards and past.
    pub deliveries: usize,
    /// Rows that boards were told anew.
    pub told: usize,
    /// Records of the past, texts of others among them.
    pub records: usize,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.told += other.told;
        self.records += other.records;
    }
}

impl Erased {
    /// Whether there was anything.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Store {
    /// Erases a customer from all centers. What fails on the way is done by asking again.
    ///
    /// # Errors
    /// When something could not be written.
    pub async fn erase(&self, erasure: &Erasure) -> Result<Erased, StoreError> {
        let erased = self.erase_rows(erasure).await?;
        // Also where nothing was found: what was overwritten or deleted before may lie there still.
        self.shared.backend.rewrite().await?;
        Ok(erased)
    }

    /// The same, where files and tables are not written anew yet.
    ///
    /// # Errors
    /// When something could not be written.
    pub async fn erase_rows(&self, erasure: &Erasure) -> Result<Erased, StoreError> {
        let backend = &self.shared.backend;
        let mut erased = Erased::default();
        for center in self.center_ids() {
            erased += backend.erase(center, erasure.clone(), Text::from(BY)).await?;
        }
        erased.records += backend.erase_beside(erasure.clone()).await?;
        Ok(erased)
    }
}
