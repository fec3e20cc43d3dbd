//! A rider of a center: who they are, where they are, what they carry.

use crate::delivery::Pos;
use crate::units::{CenterId, RiderId, Text, UtcMillis};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a rider is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum RiderStatus {
    /// Not on shift.
    Off,
    /// On shift, free.
    Idle,
    /// On shift, with at least one delivery.
    Busy,
}

/// A rider as listed to a center.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Rider {
    /// The rider's id.
    pub id: RiderId,
    /// Name.
    #[ts(as = "String")]
    pub name: Text,
    /// Phone.
    #[serde(default)]
    #[ts(as = "String")]
    pub phone: Text,
    /// The rider's own center.
    pub home: CenterId,
    /// What the rider is doing.
    pub status: RiderStatus,
    /// Last known place.
    #[serde(default)]
    pub pos: Option<Pos>,
    /// When that place was reported (operations time).
    #[serde(default)]
    pub seen_at: Option<UtcMillis>,
    /// Deliveries under way (assigned or picked up).
    #[serde(default)]
    pub load: u32,
}
