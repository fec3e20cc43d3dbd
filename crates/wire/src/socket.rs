//! What travels inside Socket.IO events and acks.

use crate::frame::{Frame, Head};
use crate::problem::{ErrorCode, ResyncReason};
use crate::rest::{AlarmKind, ReceiptStage};
use gwanje_model::{
    CenterId, DeliveryId, Epoch, Pos, Rev, RiderId, RiderStatus, Role, SeatId, Text, UtcMillis,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The path of Engine.IO on a hub.
pub const SOCKET_PATH: &str = "/socket.io/";
/// The hub pings this often, milliseconds.
pub const PING_INTERVAL_MS: u64 = 4_000;
/// The connection is dead without an answer for this long after a ping, milliseconds.
pub const PING_TIMEOUT_MS: u64 = 3_000;
/// A head comes this often to sockets subscribed to deliveries, milliseconds.
pub const HEAD_INTERVAL_MS: u64 = 2_000;

/// The namespace of a center.
#[must_use]
pub fn center_namespace(center: &CenterId) -> String {
    format!("/center/{center}")
}

/// CONNECT auth of a center's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAuth {
    /// From `/socket-tickets`.
    pub ticket: String,
    /// The installation's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatId>,
}

/// The data of a CONNECT_ERROR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectRefusal {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// The last revision a client holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Of which history.
    pub epoch: Epoch,
    /// Up to where.
    pub rev: Rev,
}

/// A stream within a center's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Frames and heads.
    Deliveries,
    /// Riders' positions.
    Riders,
    /// Chat.
    Chat,
    /// Who sits where.
    Seats,
}

impl Stream {
    /// The room's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Riders => "riders",
            Self::Chat => "chat",
            Self::Seats => "seats",
        }
    }
}

/// `subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Which streams; the contract calls them rooms.
    #[serde(rename = "rooms")]
    pub streams: Vec<Stream>,
    /// Where to go on from; null: from a snapshot.
    #[serde(default)]
    pub cursor: Option<Cursor>,
}

/// The ack of `subscribe`: joined before `missed` is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscribeAck {
    /// False: see `code`.
    pub ok: bool,
    /// Where the center stands.
    #[serde(default)]
    pub head: Option<Head>,
    /// What the cursor lacks; null: more than a frame holds (page `changes`), or no cursor, or `resync`.
    #[serde(default)]
    pub missed: Option<Frame>,
    /// Why the cursor can't be resumed.
    #[serde(default)]
    pub resync: Option<ResyncReason>,
    /// With `ok` false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

/// Any other ack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimpleAck {
    /// False: see `code`.
    pub ok: bool,
    /// With `ok` false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// With `ok` false, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// `alarm` from a client: a receipt. Older clients call its stage `stage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmReceipt {
    /// The delivery.
    pub id: DeliveryId,
    /// About what.
    pub kind: AlarmKind,
    /// The alarm's instant.
    pub raised_at: UtcMillis,
    /// How far.
    #[serde(rename = "receipt", alias = "stage")]
    pub stage: ReceiptStage,
}

/// `seat` from a client: what this seat does now.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatState {
    /// The delivery that it has open.
    #[serde(default)]
    pub open_id: Option<DeliveryId>,
    /// The delivery that it is assigning.
    #[serde(default)]
    pub assigning_id: Option<DeliveryId>,
}

/// One entry of `seats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatEntry {
    /// Which installation.
    pub seat: SeatId,
    /// Who sits there.
    pub account: Text,
    /// In which role.
    pub role: Role,
    /// What that seat does now.
    #[serde(flatten)]
    pub state: SeatState,
}

/// `seats:changed`: what is new since the last telling of seats. Whoever comes is told all of them once, by `seats`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatsChanged {
    /// Those that came, or do something else now.
    #[serde(default)]
    pub seats: Vec<SeatEntry>,
    /// Those that left.
    #[serde(default)]
    pub gone: Vec<SeatGone>,
}

/// A seat that left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeatGone {
    /// Which installation.
    pub seat: SeatId,
    /// Whose.
    pub account: Text,
}

/// One entry of `riders`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RiderPos {
    /// Who.
    pub id: RiderId,
    /// Where.
    pub pos: Pos,
    /// Degrees clockwise from north.
    #[serde(default)]
    pub heading_deg: f64,
    /// Doing what.
    pub status: RiderStatus,
    /// When it was seen (operations time).
    pub seen_at: UtcMillis,
}

/// `drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Reconnect at a random moment inside this many milliseconds.
    pub within_ms: u64,
}
