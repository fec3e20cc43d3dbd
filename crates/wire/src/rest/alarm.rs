//! Bodies of alarms: entries of `/alarms`, and what seats say of them.

use super::read_each;
use crate::command::Person;
use gwanje_model::{Delivery, DeliveryId, Rev, SeatId, ShopId, Status, Text, UtcMillis};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use ts_rs::TS;

/// The most alarms on one page of `/alarms`, and as many as there are without `limit`; from the wire contract.
pub const ALARMS_PAGE: usize = 1_000;

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
    /// Nobody has accepted an order for a minute.
    Unaccepted,
    /// A center was not proven for thirty seconds.
    Unproven,
}

impl AlarmKind {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Cancelled, Self::Late, Self::Unconfirmed, Self::Unaccepted, Self::Unproven];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Late => "late",
            Self::Unconfirmed => "unconfirmed",
            Self::Unaccepted => "unaccepted",
            Self::Unproven => "unproven",
        }
    }

    /// The kind of that wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How far an alarm has come at a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
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
    /// Every one, the furthest last.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Displayed, Self::Acknowledged];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Acknowledged => "acknowledged",
        }
    }

    /// The stage of that wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }
}

/// A seat's word on an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose sign-in it came by; empty: of a hub that did not write it down.
    #[serde(default)]
    pub account: Text,
    /// Which seat of that account, as it names itself.
    pub seat: SeatId,
    /// How far; a stage of a newer hub is read as `delivered`: the seat has the alarm, and more is not known.
    #[serde(deserialize_with = "stage_or_delivered")]
    pub stage: ReceiptStage,
    /// When (wall clock).
    pub at: UtcMillis,
}

fn stage_or_delivered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReceiptStage, D::Error> {
    let name = <Cow<'_, str>>::deserialize(deserializer)?;
    Ok(ReceiptStage::parse(&name).unwrap_or(ReceiptStage::Delivered))
}

/// The first person who took note of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    #[serde(flatten)]
    pub who: Person,
    /// When (wall clock).
    pub at: UtcMillis,
}

/// The shop of an alarm's delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlarmShop {
    /// Its id.
    pub id: ShopId,
    /// Its name.
    pub name: Text,
}

impl Default for AlarmShop {
    fn default() -> Self {
        Self { id: ShopId(Text::default()), name: Text::default() }
    }
}

/// The delivery that an alarm is about, as it was when the alarm was written: what names it, and no person's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmDelivery {
    /// Which.
    pub id: DeliveryId,
    /// At which revision.
    pub rev: Rev,
    /// What people call it.
    #[serde(default)]
    pub number: Text,
    /// Who cooks it.
    #[serde(default)]
    pub shop: AlarmShop,
    /// Where it stood; none: a status of a newer hub.
    #[serde(default, deserialize_with = "status_or_none")]
    pub status: Option<Status>,
}

impl From<&Delivery> for AlarmDelivery {
    fn from(row: &Delivery) -> Self {
        Self {
            id: row.id,
            rev: row.rev,
            number: row.number.clone(),
            shop: AlarmShop { id: row.shop.id.clone(), name: row.shop.name.clone() },
            status: Some(row.status),
        }
    }
}

fn status_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Status>, D::Error> {
    let name = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    Ok(name.and_then(|name| Status::parse(&name)))
}

/// One entry of `/alarms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmEntry {
    /// The center's alarms are numbered by their latest change.
    pub seq: u64,
    /// The delivery.
    pub id: DeliveryId,
    /// About what.
    pub kind: AlarmKind,
    /// When it was due (operations time); for `cancelled`: its `cancelledAt`.
    pub raised_at: UtcMillis,
    /// When the hub wrote it (wall clock); none: not known.
    #[serde(default)]
    pub at: Option<UtcMillis>,
    /// The delivery as it was then; null when unreadable.
    pub delivery: Option<AlarmDelivery>,
    /// The delivery's status before what raised the alarm.
    #[serde(default, deserialize_with = "status_or_none")]
    pub was: Option<Status>,
    /// Who did what raised it; none: the clock.
    #[serde(default)]
    pub by: Option<Person>,
    /// Each seat's furthest stage.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// Receipts beyond the bound, which are counted only.
    #[serde(default)]
    pub more: u64,
    /// The first person who took note.
    #[serde(default)]
    pub acknowledged: Option<Acknowledgement>,
    /// When nobody had taken note for a minute (wall clock): it is the supervisors' then.
    #[serde(default)]
    pub escalated_at: Option<UtcMillis>,
    /// When its reason was gone (wall clock).
    #[serde(default)]
    pub settled_at: Option<UtcMillis>,
}

/// The most seats of one account whose receipts an alarm keeps; another takes the place of the oldest.
pub const RECEIPTS_OF_ACCOUNT: usize = 8;
/// The most receipts that an alarm keeps; further ones are counted.
pub const RECEIPTS_OF_ALARM: usize = 256;

impl AlarmEntry {
    /// Whether a person has taken note, at any seat.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged.is_some()
            || self.receipts.iter().any(|receipt| receipt.stage == ReceiptStage::Acknowledged)
    }

    /// Whether a receipt that the hub took may be missing here, for there were too many.
    #[must_use]
    pub fn may_lack_receipts(&self) -> bool {
        let mut seats: BTreeMap<&Text, usize> = BTreeMap::new();
        for receipt in &self.receipts {
            *seats.entry(&receipt.account).or_default() += 1;
        }
        self.more > 0 || seats.values().any(|count| *count >= RECEIPTS_OF_ACCOUNT)
    }
}

/// GET `/centers/{c}/alarms?after=S&limit=N`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmsReply {
    /// The center's latest.
    pub alarm_seq: u64,
    /// Those after S, by seq.
    pub alarms: Vec<AlarmEntry>,
    /// Where the next page begins (`after`); null: these were all.
    pub next: Option<u64>,
}

/// The same as a client reads it: entry by entry, so that one of a newer hub does not hide the others.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct AlarmsRead {
    /// The center's latest, entries that could not be read included.
    pub alarm_seq: u64,
    /// Those that could be read, by seq.
    pub alarms: Vec<AlarmEntry>,
    /// Where the next page begins; none: these were all.
    pub next: Option<u64>,
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
            #[serde(default)]
            next: Option<u64>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let (alarms, unreadable) = read_each(&raw.alarms);
        Ok(Self { alarm_seq: raw.alarm_seq, alarms, next: raw.next, unreadable })
    }
}

/// POST `/centers/{c}/alarms/{id}/{kind}/{raisedAt}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRequest {
    /// How far.
    pub stage: ReceiptStage,
    /// Which seat of the account; absent: the account's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatId>,
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
        for stage in ReceiptStage::ALL {
            let entry = AlarmEntry {
                seq: 4,
                id: DeliveryId(7),
                kind: AlarmKind::Unconfirmed,
                raised_at: UtcMillis(5),
                at: Some(UtcMillis(6)),
                delivery: None,
                was: Some(Status::Assigned),
                by: Some(Person { account: "kim".into(), name: "김".into() }),
                receipts: vec![Receipt { account: "kim".into(), seat: "s".into(), stage, at: UtcMillis(6) }],
                more: 1,
                acknowledged: Some(Acknowledgement {
                    who: Person { account: "lee".into(), name: "이".into() },
                    at: UtcMillis(8),
                }),
                escalated_at: None,
                settled_at: Some(UtcMillis(9)),
            };
            let said = AlarmsReply { alarm_seq: 4, alarms: vec![entry], next: Some(4) };
            let read: AlarmsRead = serde_json::from_str(&serde_json::to_string(&said).unwrap()).unwrap();
            assert_eq!(read, AlarmsRead { alarm_seq: 4, alarms: said.alarms, next: Some(4), unreadable: 0 });
        }
    }

    #[test]
    fn a_stage_that_a_client_sends_is_not_guessed() {
        assert!(serde_json::from_str::<ReceiptRequest>(r#"{"stage":"escalated"}"#).is_err());
    }

    #[test]
    fn a_receipt_may_be_missing_only_where_there_were_too_many() {
        let receipt = |account: &str, seat: usize| Receipt {
            account: account.into(),
            seat: format!("s{seat}").into(),
            stage: ReceiptStage::Delivered,
            at: UtcMillis(6),
        };
        let entry = |receipts: Vec<Receipt>, more: u64| {
            let text = r#"{"seq":1,"id":1,"kind":"late","raisedAt":5,"delivery":null}"#;
            AlarmEntry { receipts, more, ..serde_json::from_str(text).unwrap() }
        };
        let of =
            |account: &str, count: usize| (0..count).map(|nth| receipt(account, nth)).collect::<Vec<_>>();
        assert!(!entry(Vec::new(), 0).may_lack_receipts());
        assert!(!entry([of("kim", 7), of("lee", 7)].concat(), 0).may_lack_receipts());
        assert!(entry(of("kim", RECEIPTS_OF_ACCOUNT), 0).may_lack_receipts(), "the oldest was replaced");
        assert!(entry(of("kim", 1), 1).may_lack_receipts(), "further ones are counted only");
    }
}
