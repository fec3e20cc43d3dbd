//! Who is connected to the hubs, for the monitor's list. Hubs themselves are told as the wire has them.

use gwanje_wire::monitor::MonitorClient;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which sockets a person looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ClientsWish {
    /// In this namespace; null: in all.
    pub namespace: Option<String>,
    /// In a room of this name; null: in any, or in none.
    pub room: Option<String>,
    /// With this account, by its whole name; null: with any.
    pub account: Option<String>,
}

/// Sockets, by namespace and connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ClientsView {
    /// The first of them.
    pub clients: Vec<MonitorClient>,
    /// There are more than are told.
    pub more: bool,
}
