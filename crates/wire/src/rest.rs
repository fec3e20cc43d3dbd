//! The other bodies of the REST interface.

use crate::frame::{Frame, Head, WireRow};
use gwanje_model::digest::DigestSum;
use gwanje_model::{
    AT_RISK_MIN, CenterId, DeliveryId, Epoch, Pos, Rev, Role, RowDigest, SeatId, Text, UtcMillis,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use ts_rs::TS;

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

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum AlarmKind {
    /// A delivery was cancelled.
    Cancelled,
    /// A delivery is late.
    Late,
    /// A rider has not confirmed for three minutes.
    Unconfirmed,
    /// A center was not proven for thirty seconds.
    Unproven,
}

impl AlarmKind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Late => "late",
            Self::Unconfirmed => "unconfirmed",
            Self::Unproven => "unproven",
        }
    }

    /// The kind of that wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Cancelled, Self::Late, Self::Unconfirmed, Self::Unproven]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// How far an alarm has come at a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReceiptStage {
    /// The seat's engine has it.
    Delivered,
    /// The seat shows it.
    Displayed,
    /// A person there took note.
    Acknowledged,
}

impl ReceiptStage {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// A seat's word on an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which seat.
    pub seat: SeatId,
    /// How far; a stage of a newer hub is read as `delivered`: the seat has the alarm, and more is not known.
    #[serde(deserialize_with = "stage_or_delivered")]
    pub stage: ReceiptStage,
    /// When (wall clock).
    pub at: UtcMillis,
}

fn stage_or_delivered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReceiptStage, D::Error> {
    let name = <Cow<'_, str>>::deserialize(deserializer)?;
    Ok([ReceiptStage::Displayed, ReceiptStage::Acknowledged]
        .into_iter()
        .find(|stage| stage.as_str() == name)
        .unwrap_or(ReceiptStage::Delivered))
}

/// One entry of `/alarms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmEntry {
    /// Grows with each alarm and each receipt of the center.
    pub seq: u64,
    /// The delivery.
    pub id: DeliveryId,
    /// About what.
    pub kind: AlarmKind,
    /// For `cancelled`: its `cancelledAt` (operations time).
    pub raised_at: UtcMillis,
    /// The delivery as it was then; null when unreadable.
    pub delivery: Option<WireRow>,
    /// Each seat's furthest stage.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// When it was passed to the supervisor.
    #[serde(default)]
    pub escalated_at: Option<UtcMillis>,
}

/// GET `/centers/{c}/alarms?after=S`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmsReply {
    /// The center's latest.
    pub alarm_seq: u64,
    /// Those after S, by seq.
    pub alarms: Vec<AlarmEntry>,
}

/// The same as a client reads it: entry by entry, so that one of a newer hub does not hide the others.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct AlarmsRead {
    /// The center's latest, entries that could not be read included.
    pub alarm_seq: u64,
    /// Those that could be read, by seq.
    pub alarms: Vec<AlarmEntry>,
    /// How many could not (a kind of a newer hub, say).
    pub unreadable: u64,
}

impl<'de> Deserialize<'de> for AlarmsRead {
    /// Reads from JSON only (through [`RawValue`]).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw<'a> {
            alarm_seq: u64,
            #[serde(borrow)]
            alarms: Vec<&'a RawValue>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let (alarms, unreadable) = read_each(&raw.alarms);
        Ok(Self { alarm_seq: raw.alarm_seq, alarms, unreadable })
    }
}

/// Reads the entries that can be read, and tells how many can't.
#[must_use]
pub fn read_each<T: DeserializeOwned>(entries: &[&RawValue]) -> (Vec<T>, u64) {
    let read: Vec<T> = entries.iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect();
    let unreadable = entries.len().saturating_sub(read.len());
    (read, u64::try_from(unreadable).unwrap_or(u64::MAX))
}

/// POST `/centers/{c}/alarms/{id}/{kind}/{raisedAt}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRequest {
    /// How far.
    pub stage: ReceiptStage,
    /// Which seat; absent: the account's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatId>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_of_a_newer_hub_do_not_hide_the_others() {
        let entry = |seq: u64, kind: &str, stage: &str| {
            format!(
                r#"{{"seq":{seq},"id":{seq},"kind":"{kind}","raisedAt":5,"delivery":null,
                    "receipts":[{{"seat":"s","stage":"{stage}","at":6}}],"escalatedAt":null,"color":"red"}}"#
            )
        };
        let text = format!(
            r#"{{"alarmSeq":9,"alarms":[{},{},{},7,{{"seq":8}}],"more":[]}}"#,
            entry(1, "cancelled", "acknowledged"),
            entry(2, "weather", "delivered"),
            entry(3, "late", "escalated"),
        );
        let read: AlarmsRead = serde_json::from_str(&text).unwrap();
        assert_eq!((read.alarm_seq, read.unreadable), (9, 3));
        let known: Vec<_> =
            read.alarms.iter().map(|entry| (entry.seq, entry.kind, entry.receipts[0].stage)).collect();
        assert_eq!(
            known,
            [
                (1, AlarmKind::Cancelled, ReceiptStage::Acknowledged),
                (3, AlarmKind::Late, ReceiptStage::Delivered),
            ]
        );
        assert!(serde_json::from_str::<AlarmsRead>(r#"{"alarms":[]}"#).is_err(), "not an answer of alarms");
    }

    #[test]
    fn what_a_hub_says_of_alarms_is_read_as_it_was_said() {
        for stage in [ReceiptStage::Delivered, ReceiptStage::Displayed, ReceiptStage::Acknowledged] {
            let entry = AlarmEntry {
                seq: 4,
                id: DeliveryId(7),
                kind: AlarmKind::Unconfirmed,
                raised_at: UtcMillis(5),
                delivery: None,
                receipts: vec![Receipt { seat: "s".into(), stage, at: UtcMillis(6) }],
                escalated_at: None,
            };
            let said = AlarmsReply { alarm_seq: 4, alarms: vec![entry] };
            let read: AlarmsRead = serde_json::from_str(&serde_json::to_string(&said).unwrap()).unwrap();
            assert_eq!(read, AlarmsRead { alarm_seq: 4, alarms: said.alarms, unreadable: 0 });
        }
    }

    #[test]
    fn a_stage_that_a_client_sends_is_not_guessed() {
        assert!(serde_json::from_str::<ReceiptRequest>(r#"{"stage":"escalated"}"#).is_err());
    }
}
