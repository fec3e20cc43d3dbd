//! Seats as hubs tell them to each other.

use gwanje_model::CenterId;
use gwanje_wire::socket::SeatEntry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A socket in a center.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeatKey {
    /// Which center.
    pub center: CenterId,
    /// Which socket, by its session id.
    pub connection: String,
}

/// A seat that came, does something else, or (without an entry) left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatChange {
    /// Which socket, in which center.
    pub key: SeatKey,
    /// Who sits there now.
    pub seat: Option<SeatEntry>,
}

/// All seats of one hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSeats {
    /// Which hub.
    pub node: String,
    /// How often they have changed.
    pub version: u64,
    /// They.
    pub seats: BTreeMap<SeatKey, SeatEntry>,
    /// For how many milliseconds they hold without another beat.
    pub lease_ms: u64,
}

/// What a hub tells of its seats.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SeatsTold {
    /// The version of this text.
    pub v: u32,
    pub node: String,
    /// How often they have changed, these changes counted.
    pub version: u64,
    /// What makes that version from the one before; none: it stands there, and lives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<SeatChange>,
}

impl SeatsTold {
    /// The version of this text.
    pub const VERSION: u32 = 1;

    pub fn of(node: &str, version: u64, changes: &[SeatChange]) -> Self {
        Self { v: Self::VERSION, node: node.to_owned(), version, changes: changes.to_vec() }
    }

    pub fn json(&self) -> String {
        // Strings and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
