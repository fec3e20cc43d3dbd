//! A delivery as it travels and as it is kept: one record for hub, cache and board.

use crate::units::{CenterId, DeliveryId, Rev, RiderId, ShopId, Text, UtcMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use ts_rs::TS;

/// Minutes before its end at which a delivery is at risk, where its center says nothing else.
pub const AT_RISK_MIN: u32 = 5;

/// Where a delivery stands (접수 → 대기 → 배차 → 픽업 → 전달, or 취소).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// 접수: taken in, not accepted yet.
    Received,
    /// 대기: accepted, waiting for a rider.
    Waiting,
    /// 배차: a rider is assigned.
    Assigned,
    /// 픽업: the rider has the meal.
    PickedUp,
    /// 전달: handed over. Final.
    Delivered,
    /// 취소: cancelled. Final.
    Cancelled,
}

impl Status {
    /// Every status, in the order of the lifecycle.
    pub const ALL: [Self; 6] =
        [Self::Received, Self::Waiting, Self::Assigned, Self::PickedUp, Self::Delivered, Self::Cancelled];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Waiting => "waiting",
            Self::Assigned => "assigned",
            Self::PickedUp => "pickedUp",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status with this wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Delivered and cancelled deliveries change no more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place: degrees (WGS 84), or metres on a local plane for anonymised data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum Pos {
    /// Degrees, WGS 84.
    Geo {
        /// Latitude, degrees.
        lat: f64,
        /// Longitude, degrees.
        lon: f64,
    },
    /// Metres on a local plane.
    Plane {
        /// Metres east.
        x: f64,
        /// Metres north.
        y: f64,
    },
}

impl Pos {
    /// Metres between two places of the same kind (equirectangular for degrees: exact enough within a city);
    /// `None` when one is in degrees and the other on a plane.
    #[must_use]
    pub fn distance_m(self, other: Self) -> Option<f64> {
        /// Mean Earth radius in metres (IUGG).
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        match (self, other) {
            (Self::Geo { lat, lon }, Self::Geo { lat: lat2, lon: lon2 }) => {
                let dy = (lat2 - lat).to_radians();
                let dx = (lon2 - lon).to_radians() * f64::midpoint(lat, lat2).to_radians().cos();
                Some(EARTH_RADIUS_M * dx.hypot(dy))
            }
            (Self::Plane { x, y }, Self::Plane { x: x2, y: y2 }) => Some((x2 - x).hypot(y2 - y)),
            (Self::Geo { .. }, Self::Plane { .. }) | (Self::Plane { .. }, Self::Geo { .. }) => None,
        }
    }

    /// The place `share` (0 to 1) of the way to `other`; this place when the kinds differ.
    #[must_use]
    pub fn towards(self, other: Self, share: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * share;
        match (self, other) {
            (Self::Geo { lat, lon }, Self::Geo { lat: lat2, lon: lon2 }) => {
                Self::Geo { lat: mix(lat, lat2), lon: mix(lon, lon2) }
            }
            (Self::Plane { x, y }, Self::Plane { x: x2, y: y2 }) => {
                Self::Plane { x: mix(x, x2), y: mix(y, y2) }
            }
            (Self::Geo { .. }, Self::Plane { .. }) | (Self::Plane { .. }, Self::Geo { .. }) => self,
        }
    }
}

/// The shop (주문업소) that cooks the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Shop {
    /// The shop's id.
    pub id: ShopId,
    /// Its name.
    #[ts(as = "String")]
    pub name: Text,
    /// Its phone.
    #[serde(default)]
    #[ts(as = "String")]
    pub phone: Text,
    /// Its street address.
    #[serde(default)]
    #[ts(as = "String")]
    pub address: Text,
    /// Where it is.
    #[serde(default)]
    pub pos: Option<Pos>,
    /// What a dispatcher should know of it (empty: nothing).
    #[serde(default)]
    #[ts(as = "String")]
    pub remark: Text,
}

/// Where the order goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Dropoff {
    /// Street address.
    #[ts(as = "String")]
    pub address: Text,
    /// Floor, door, entrance code.
    #[serde(default)]
    #[ts(as = "String")]
    pub detail: Text,
    /// The customer's phone.
    #[serde(default)]
    #[ts(as = "String")]
    pub phone: Text,
    /// The phone of whoever receives the order, when it is another.
    #[serde(default)]
    #[ts(as = "String")]
    pub recipient_phone: Text,
    /// Where it is.
    #[serde(default)]
    pub pos: Option<Pos>,
}

/// The rider on a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AssignedRider {
    /// The rider's id.
    pub id: RiderId,
    /// The rider's name.
    #[ts(as = "String")]
    pub name: Text,
    /// The rider's own center (a lent rider's differs from the delivery's).
    pub home: CenterId,
    /// False until the rider confirmed the assignment (미확인).
    pub confirmed: bool,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What was ordered.
    #[ts(as = "String")]
    pub name: Text,
    /// How many.
    #[serde(default = "one")]
    pub quantity: u32,
}

fn one() -> u32 {
    1
}

/// A remark that a person left on a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// When (operations time).
    pub at: UtcMillis,
    /// The account or key that wrote it.
    #[ts(as = "String")]
    pub by: Text,
    /// Its role then, or `key`; empty: an older hub did not say.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    #[ts(as = "Option<String>", optional)]
    pub role: Text,
    /// What it says.
    #[ts(as = "String")]
    pub text: Text,
}

impl Note {
    /// Roles of those to whom the staff owes an answer, as [`crate::Role::of_writer`] has them.
    const ASKING: [&str; 2] = ["rider", "key"];

    /// Whether it asks for an answer: riders and integrations do, and any word of the staff answers them.
    #[must_use]
    pub fn asks(&self) -> bool {
        Self::ASKING.contains(&self.role.as_str())
    }
}

/// Who cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum CancelBy {
    /// The customer.
    Customer,
    /// The shop.
    Shop,
    /// The center's staff.
    Center,
    /// The rider.
    Rider,
    /// A rule of the system.
    System,
}

/// Why and by whom a delivery was cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// In words.
    #[ts(as = "String")]
    pub reason: Text,
    /// By whom.
    pub by: CancelBy,
}

/// One delivery, at one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Unique within the server.
    pub id: DeliveryId,
    /// The center whose board it is on.
    pub center: CenterId,
    /// The center's revision of its latest change.
    pub rev: Rev,
    /// Operations time of its latest change.
    pub modified_at: UtcMillis,
    /// The number people call it by; unique in a center and a day.
    #[ts(as = "String")]
    pub number: Text,
    /// The order number of the shop's or portal's system.
    #[ts(as = "String")]
    pub order_no: Text,
    /// Where it stands.
    pub status: Status,
    /// Who cooks it.
    pub shop: Shop,
    /// Where it goes.
    pub dropoff: Dropoff,
    /// Who carries it.
    #[serde(default)]
    pub rider: Option<AssignedRider>,
    /// Minutes from receipt within which it should be picked up.
    pub pickup_target_min: u32,
    /// Minutes from receipt within which it should be delivered.
    pub delivery_target_min: u32,
    /// Metres from shop to drop-off.
    pub distance_m: u32,
    /// What was ordered.
    #[serde(default)]
    pub items: Vec<Item>,
    /// The price in won.
    #[serde(default)]
    pub price_won: u64,
    /// The customer's request.
    #[serde(default)]
    #[ts(as = "String")]
    pub request: Text,
    /// Remarks, oldest first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// 접수: when it was taken in.
    pub received_at: UtcMillis,
    /// When the shop expects the meal to be ready.
    #[serde(default)]
    pub ready_at: Option<UtcMillis>,
    /// 대기: when it was accepted.
    #[serde(default)]
    pub waiting_at: Option<UtcMillis>,
    /// 배차: when its present rider was assigned.
    #[serde(default)]
    pub assigned_at: Option<UtcMillis>,
    /// 픽업.
    #[serde(default)]
    pub picked_up_at: Option<UtcMillis>,
    /// 전달.
    #[serde(default)]
    pub delivered_at: Option<UtcMillis>,
    /// 취소.
    #[serde(default)]
    pub cancelled_at: Option<UtcMillis>,
    /// Set exactly when the delivery is cancelled.
    #[serde(default)]
    pub cancel: Option<Cancel>,
    /// What a newer version says of it beside: kept and told on as it came, so that an older hub takes nothing away.
    #[serde(flatten)]
    #[ts(skip)]
    pub unknown: UnknownFields,
}

/// Fields that this version does not know, by name.
pub type UnknownFields = BTreeMap<String, serde_json::Value>;

impl Delivery {
    /// The instant (operations time) from which this delivery is late, whatever its status.
    #[must_use]
    pub fn late_at(&self) -> UtcMillis {
        self.received_at.plus_min(i64::from(self.delivery_target_min))
    }

    /// When it reached its final status; `None`: not yet.
    #[must_use]
    pub fn ended_at(&self) -> Option<UtcMillis> {
        match self.status {
            Status::Delivered => self.delivered_at,
            Status::Cancelled => self.cancelled_at,
            Status::Received | Status::Waiting | Status::Assigned | Status::PickedUp => None,
        }
    }

    /// Whether the rider belongs to another center.
    #[must_use]
    pub fn has_lent_rider(&self) -> bool {
        self.rider.as_ref().is_some_and(|rider| rider.home != self.center)
    }
}
