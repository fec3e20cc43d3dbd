//! The other bodies of the REST interface; those of alarms are in `alarm`.

mod alarm;

use crate::frame::{Frame, Head, WireRow};
use gwanje_model::digest::DigestSum;
use gwanje_model::{AT_RISK_MIN, CenterId, DeliveryId, Epoch, Pos, Rev, Role, RowDigest, Text, UtcMillis};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use alarm::{
    ALARMS_PAGE, Acknowledgement, AlarmDelivery, AlarmEntry, AlarmKind, AlarmShop, AlarmsRead, AlarmsReply,
    RECEIPTS_OF_ACCOUNT, RECEIPTS_OF_ALARM, Receipt, ReceiptRequest, ReceiptStage,
};

/// The path below which the interface lives.
pub const API_ROOT: &str = "/api/v1";

/// POST `/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// The account's name.
    pub account: String,
    /// Its password.
    pub password: String,
}

/// POST `/login/refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The refresh token of the latest answer.
    pub refresh_token: String,
}

/// The answer to both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginReply {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// For the next refresh.
    pub refresh_token: String,
    /// When the access token expires (wall clock).
    pub expires_at: UtcMillis,
    /// Who signed in.
    pub account: Text,
    /// What people call them.
    #[serde(default)]
    pub name: Text,
    /// The account's role.
    pub role: Role,
    /// The centers that it may see.
    pub centers: Vec<CenterId>,
    /// Where sockets are served, in order of preference; empty: here.
    #[serde(default)]
    pub socket_urls: Vec<String>,
    /// With a simulated day: how it runs.
    #[serde(default)]
    pub drill: Option<DrillMark>,
}

/// The mark of a hub whose day is simulated: nobody is to take it for a real one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillMark {
    /// Seconds of operations in a second of the wall.
    pub speed: f64,
    /// What the clock of operations shows.
    pub day_at: UtcMillis,
}

/// POST `/socket-tickets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketReply {
    /// Spent by one connection, covers all its namespaces.
    pub ticket: String,
    /// When it expires (wall clock).
    pub expires_at: UtcMillis,
}

/// One entry of GET `/centers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CenterInfo {
    /// The center's id.
    pub id: CenterId,
    /// Its name.
    pub name: Text,
    /// Where it is.
    #[serde(default)]
    pub pos: Option<Pos>,
    /// IANA name, `Asia/Seoul`.
    pub time_zone: Text,
    /// Where it stands.
    pub head: Head,
    /// Unread chat messages of this account.
    #[serde(default)]
    pub unread: u64,
    /// Milliseconds (wall clock) within which a change can be taken back; 0: never.
    #[serde(default)]
    pub undo_within_ms: u64,
    /// Minutes before its end at which a delivery is at risk.
    #[serde(default = "usual_at_risk_min")]
    pub at_risk_min: u32,
    /// With a simulated day: how it runs.
    #[serde(default)]
    pub drill: Option<DrillMark>,
}

fn usual_at_risk_min() -> u32 {
    AT_RISK_MIN
}

/// GET `/centers/{c}/deliveries`: a snapshot, one consistent read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The revision it was read at.
    pub rev: Rev,
    /// Rows in it.
    pub count: u64,
    /// Their digest.
    pub digest: DigestSum,
    /// All live rows.
    pub rows: Vec<WireRow>,
}

/// GET `/centers/{c}/deliveries?buckets=…&after=R` and `?ids=…&after=R`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowsReply {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The revision it was read at.
    pub rev: Rev,
    /// (after, rev] of the same read; null when it would hold too many entries.
    pub frame: Option<Frame>,
    /// The rows asked for that live.
    pub rows: Vec<WireRow>,
}

/// The same with `&fields=rev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevsReply {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The revision it was read at.
    pub rev: Rev,
    /// (after, rev] of the same read; null when it would hold too many entries.
    pub frame: Option<Frame>,
    /// `[[id, rev], …]` of the rows asked for that live.
    pub rows: Vec<(DeliveryId, Rev)>,
}

/// GET `/centers/{c}/changes?epoch=E&after=R&limit=N`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangesReply {
    /// What happened after R.
    pub frame: Frame,
    /// The head of the same read.
    pub head: Head,
}

/// GET `/centers/{c}/digest?after=R`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DigestReply {
    /// The head.
    pub head: Head,
    /// (R, head.rev] of the same read; null when it would hold too many entries.
    pub frame: Option<Frame>,
    /// 256 of them.
    pub buckets: Vec<RowDigest>,
}

/// Reads the entries that can be read, and tells how many can't.
#[must_use]
pub fn read_each<T: DeserializeOwned>(entries: &[&RawValue]) -> (Vec<T>, u64) {
    let read: Vec<T> = entries.iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect();
    let unreadable = entries.len().saturating_sub(read.len());
    (read, u64::try_from(unreadable).unwrap_or(u64::MAX))
}

/// POST `/centers/{c}/commands/{key}/close`: the outcome under an idempotency key, or `void`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseReply {
    /// `done`, `refused` or `void`.
    pub outcome: Outcome,
    /// The HTTP status that was recorded (null with `void`).
    pub status: Option<u16>,
    /// The body that was recorded: the row, or the problem (null with `void`).
    pub body: Option<serde_json::Value>,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Committed.
    Done,
    /// Decided against.
    Refused,
    /// Never decided, and from now on refused.
    Void,
}
