//! Past boards, from history, and past and present deliveries, by page.

use super::{Store, StoreError};
use gwanje_model::{CenterId, Delivery, DeliveryId, UtcMillis};
use serde::{Deserialize, Serialize};

/// Deliveries of one page.
pub(super) const PAGE: usize = 100;

/// Which deliveries to look for; everything named must hold.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct PastSearch {
    /// Received at or after (operations time).
    pub from: Option<UtcMillis>,
    /// Received before (operations time).
    pub to: Option<UtcMillis>,
    /// What someone typed, as [`gwanje_model::search`] takes it.
    pub q: Option<String>,
    /// A status by name, or several with commas between them.
    pub status: Option<String>,
    /// A rider by id.
    pub rider: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<DeliveryId>,
}

/// One page, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The deliveries.
    pub rows: Vec<Delivery>,
    /// The cursor of the next page; null: this was the last.
    pub next: Option<DeliveryId>,
}

impl PastSearch {
    /// The names of the statuses to look for; none: all.
    pub fn statuses(&self) -> impl Iterator<Item = &str> {
        let names = self.status.as_deref().unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty())
    }
}

impl Store {
    /// One page of past and present deliveries.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn search(&self, center: &CenterId, search: PastSearch) -> Result<Found, StoreError> {
        self.shared.backend.search(center.clone(), search).await
    }
}
