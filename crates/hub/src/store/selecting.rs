//! Which part of a board is asked for.

use gwanje_model::{DeliveryId, Epoch, Rev};
use serde::Deserialize;

/// Where a frame that comes beside a read is to start.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct After {
    /// The revision; none: no frame is wanted.
    pub after: Option<Rev>,
    /// Of which history; none: whoever asks trusts that it is the present one.
    pub epoch: Option<Epoch>,
}

impl After {
    /// After a revision of the present history.
    #[must_use]
    pub fn rev(rev: Rev) -> Self {
        Self { after: Some(rev), epoch: None }
    }
}

/// Which live rows are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those in these buckets.
    Buckets(Vec<u8>),
    /// Those with these ids.
    Ids(Vec<DeliveryId>),
}
