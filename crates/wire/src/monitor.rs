//! What the monitor shows of hubs: nodes, who is connected, what went wrong; and how a node is emptied.

use gwanje_model::{CenterId, Role, SeatId, Text, UtcMillis};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The namespace of the monitor.
pub const MONITOR_NAMESPACE: &str = "/monitor";
/// `counts` comes this often, milliseconds.
pub const COUNTS_INTERVAL_MS: u64 = 2_000;
/// The most errors, and the most broadcasts, that the monitor shows.
pub const MONITOR_LAST_MAX: usize = 100;
/// The most clients of a page.
pub const CLIENTS_PAGE_MAX: usize = 1_000;
/// Clients of a page, usually.
pub const CLIENTS_PAGE: usize = 100;

/// GET `/monitor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MonitorReply {
    /// When this was so.
    pub at: UtcMillis,
    /// The hubs on the store.
    pub nodes: Vec<MonitorNode>,
    /// The namespaces in which there is anybody.
    pub namespaces: Vec<NamespaceCount>,
    /// Of all that is shown.
    pub totals: MonitorTotals,
    /// The last [`MONITOR_LAST_MAX`] errors and warnings, the latest first.
    pub errors: Vec<MonitorError>,
    /// The last [`MONITOR_LAST_MAX`] broadcasts, the latest first.
    pub broadcasts: Vec<MonitorBroadcast>,
}

/// `counts` of the namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorCounts {
    /// When this was so.
    pub at: UtcMillis,
    /// As in [`MonitorReply`].
    pub nodes: Vec<MonitorNode>,
    /// As in [`MonitorReply`].
    pub namespaces: Vec<NamespaceCount>,
    /// As in [`MonitorReply`].
    pub totals: MonitorTotals,
}

/// A hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MonitorNode {
    /// Its name.
    #[ts(as = "String")]
    pub id: Text,
    /// Where the others reach it.
    #[ts(as = "Option<String>")]
    pub url: Option<Text>,
    /// Of the program.
    #[ts(as = "String")]
    pub version: Text,
    /// When it started.
    pub started_at: UtcMillis,
    /// Whether it is being emptied.
    pub draining: bool,
    /// What it does without.
    #[ts(as = "Vec<String>")]
    pub degraded: Vec<Text>,
    /// Of one core, since the report before.
    pub cpu_percent: f64,
    /// Memory that it holds, bytes.
    pub rss_bytes: u64,
    /// Connections, joined or not.
    pub open_sockets: u64,
    /// Frames handed to sockets, a second.
    pub frames_per_s: f64,
    /// Commands decided, a second.
    pub commands_per_s: f64,
}

/// How many are in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NamespaceCount {
    /// Such as `/center/gangnam`.
    #[ts(as = "String")]
    pub name: Text,
    /// Sockets that joined it.
    pub clients: u64,
    /// The rooms in which there is anybody.
    pub rooms: Vec<RoomCount>,
}

/// How many are in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomCount {
    /// Such as `deliveries`.
    #[ts(as = "String")]
    pub name: Text,
    /// Sockets in it.
    pub clients: u64,
}

/// Of all namespaces that are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MonitorTotals {
    /// Sockets, each counted in each namespace that it joined.
    pub clients: u64,
    /// Accounts that they have.
    pub accounts: u64,
    /// Namespaces in which there is anybody.
    pub namespaces: u64,
    /// Rooms in which there is anybody, in each namespace.
    pub rooms: u64,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ErrorLevel {
    /// Something goes worse than it should.
    Warn,
    /// Something failed.
    Error,
}

/// An error or a warning of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MonitorError {
    /// When it happened last.
    pub at: UtcMillis,
    /// Of which hub.
    #[ts(as = "String")]
    pub node: Text,
    /// How grave.
    pub level: ErrorLevel,
    /// What happened, for people.
    #[ts(as = "String")]
    pub text: Text,
    /// How often.
    pub count: u64,
    /// Of which center, where it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub center: Option<CenterId>,
}

/// Something that was published to several sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MonitorBroadcast {
    /// When.
    pub at: UtcMillis,
    /// By which account or key.
    #[ts(as = "String")]
    pub by: Text,
    /// Where.
    #[ts(as = "String")]
    pub namespace: Text,
    /// In which room of it; none: in all of it.
    #[ts(as = "Option<String>")]
    pub room: Option<Text>,
    /// The event's name.
    #[ts(as = "String")]
    pub event: Text,
    /// To how many sockets.
    pub delivered: u64,
}

/// How far behind the board a socket is, in revisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Behind {
    /// Of ten seconds, as it usually was.
    pub median: u64,
    /// Of ten seconds, at the worst.
    pub worst: u64,
}

/// A socket in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MonitorClient {
    /// The `sid` of the CONNECT answer.
    #[ts(as = "String")]
    pub socket_id: Text,
    /// Of the connection; puts it out.
    #[ts(as = "String")]
    pub connection_id: Text,
    /// Whose.
    #[ts(as = "String")]
    pub account: Text,
    /// What people call whoever has that account.
    #[ts(as = "String")]
    pub name: Text,
    /// With which role.
    #[ts(as = "String")]
    pub role: Role,
    /// At which seat.
    #[ts(as = "String")]
    pub seat: SeatId,
    /// Which namespace.
    #[ts(as = "String")]
    pub namespace: Text,
    /// What it subscribed to.
    #[ts(as = "Vec<String>")]
    pub rooms: Vec<Text>,
    /// When it joined.
    pub since: UtcMillis,
    /// The name of the hub that holds it.
    #[ts(as = "String")]
    pub node: Text,
    /// `websocket` or `polling`.
    #[ts(as = "String")]
    pub transport: Text,
    /// How far behind it is.
    pub behind: Behind,
}

/// GET `/monitor/clients`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientsReply {
    /// By namespace and connection.
    pub clients: Vec<MonitorClient>,
    /// The cursor of the next page; null: there is none.
    pub next: Option<String>,
}

/// POST `/drain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DrainRequest {
    /// Which hub, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Text>,
    /// Within how many milliseconds clients are asked to reconnect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Takes a drain back that was begun before.
    pub cancel: bool,
    /// Even though no other hub is ready.
    pub force: bool,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainReply {
    /// Which hub.
    pub node: Text,
    /// Within how many milliseconds its clients are asked to reconnect.
    pub within_ms: u64,
}
