//! A row as a page shows it: values, no texts, no formatting.

use crate::mark::RowMark;
use crate::record::{is_noted, is_under_way};
use crate::turns::Turns;
use gwanje_model::{CenterId, Delivery, Rev, UtcMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// The rider on a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RowRider {
    /// The rider's id.
    pub id: String,
    /// The rider's name.
    pub name: String,
    /// The rider's own center when it differs from the row's: a lent rider.
    pub lent_from: Option<String>,
    /// False: 미확인.
    pub confirmed: bool,
}

/// A row of the board. Field names are the column names of [`Cell`].
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The delivery's id.
    #[ts(type = "number")]
    pub id: u64,
    /// Its center.
    pub center: String,
    /// Its revision.
    #[ts(type = "number")]
    pub rev: u64,
    /// What people call it.
    pub number: String,
    /// Wire name of its status; null: a row that this version can't read.
    pub status: Option<String>,
    /// 주문업소.
    pub shop: String,
    /// The shop's remark (empty: none).
    pub shop_remark: String,
    /// 배달주소 with its detail.
    pub address: String,
    /// 라이더.
    pub rider: Option<RowRider>,
    /// Minutes.
    pub pickup_target_min: u32,
    /// Minutes.
    pub delivery_target_min: u32,
    /// Metres.
    pub distance_m: u32,
    /// When the order came in; operations time, as all that follow.
    #[ts(type = "number")]
    pub received_at: i64,
    /// 대기.
    #[ts(type = "number | null")]
    pub waiting_at: Option<i64>,
    /// 배차.
    #[ts(type = "number | null")]
    pub assigned_at: Option<i64>,
    /// 픽업.
    #[ts(type = "number | null")]
    pub picked_up_at: Option<i64>,
    /// 전달.
    #[ts(type = "number | null")]
    pub delivered_at: Option<i64>,
    /// 취소.
    #[ts(type = "number | null")]
    pub cancelled_at: Option<i64>,
    /// The instant from which it is late, while it is under way; null when it has ended.
    #[ts(type = "number | null")]
    pub late_at: Option<i64>,
    /// The instant from which it is at risk, until it is late; null when it has ended or is never at risk before it is
    /// late.
    #[ts(type = "number | null")]
    pub risk_at: Option<i64>,
    /// Remarks on it.
    pub notes: u32,
    /// The last of them asks for an answer, and it is under way.
    pub asks: bool,
    /// `pending` or `unknown`: a command of this seat that is not settled.
    pub mark: Option<String>,
}

/// A changed cell: [row id, column (a field name of [`Row`]), new value].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Cell(#[ts(type = "number")] pub u64, pub String, #[ts(type = "unknown")] pub Value);

impl Row {
    /// The row of a delivery. The delivery is at risk with less than `at_risk_min` minutes left.
    pub fn of(row: &Delivery, mark: Option<RowMark>, at_risk_min: u32) -> Self {
        let millis = |at: Option<UtcMillis>| at.map(|at| at.0);
        let address = if row.dropoff.detail.is_empty() {
            row.dropoff.address.to_string()
        } else {
            format!("{} {}", row.dropoff.address, row.dropoff.detail)
        };
        Self {
            id: row.id.0,
            center: row.center.to_string(),
            rev: row.rev.0,
            number: row.number.to_string(),
            status: Some(row.status.as_str().to_owned()),
            shop: row.shop.name.to_string(),
            shop_remark: row.shop.remark.to_string(),
            address,
            rider: row.rider.as_ref().map(|rider| RowRider {
                id: rider.id.to_string(),
                name: rider.name.to_string(),
                lent_from: row.has_lent_rider().then(|| rider.home.to_string()),
                confirmed: rider.confirmed,
            }),
            pickup_target_min: row.pickup_target_min,
            delivery_target_min: row.delivery_target_min,
            distance_m: row.distance_m,
            received_at: row.received_at.0,
            waiting_at: millis(row.waiting_at),
            assigned_at: millis(row.assigned_at),
            picked_up_at: millis(row.picked_up_at),
            delivered_at: millis(row.delivered_at),
            cancelled_at: millis(row.cancelled_at),
            late_at: is_under_way(row).then(|| row.late_at().0),
            risk_at: millis(Turns::of(row, at_risk_min).at_risk_from()),
            notes: u32::try_from(row.notes.len()).unwrap_or(u32::MAX),
            asks: is_noted(row),
            mark: mark.map(mark_name),
        }
    }

    /// A row that this version can't read: only its id, center and revision are known.
    pub(crate) fn unreadable(id: u64, center: &CenterId, rev: Rev, mark: Option<RowMark>) -> Self {
        Self { id, center: center.to_string(), rev: rev.0, mark: mark.map(mark_name), ..Self::default() }
    }

    /// Adds a cell for each column that differs in `new`.
    pub(crate) fn cells_to(&self, new: &Self, cells: &mut Vec<Cell>) {
        let mut cell = |column: &str, value: Value| cells.push(Cell(new.id, column.to_owned(), value));
        macro_rules! compare {
            ($($column:literal $field:ident),* $(,)?) => {{
                // Taken apart in full, so that a new column can't be forgotten: one that the list below lacks is an error
                // of this pattern.
                let Self { id: _, rider: _, $($field),* } = new;
                $(if self.$field != *$field { cell($column, Value::from($field.clone())); })*
            }};
        }
        compare!(
            "center" center, "rev" rev, "number" number, "status" status, "shop" shop,
            "shopRemark" shop_remark, "address" address, "pickupTargetMin" pickup_target_min,
            "deliveryTargetMin" delivery_target_min, "distanceM" distance_m, "receivedAt" received_at,
            "waitingAt" waiting_at, "assignedAt" assigned_at, "pickedUpAt" picked_up_at,
            "deliveredAt" delivered_at, "cancelledAt" cancelled_at, "lateAt" late_at, "riskAt" risk_at,
            "notes" notes, "asks" asks, "mark" mark,
        );
        if self.rider != new.rider {
            cell("rider", new.rider.as_ref().map_or(Value::Null, RowRider::to_value));
        }
    }
}

impl RowRider {
    /// As it is serialised.
    fn to_value(&self) -> Value {
        let Self { id, name, lent_from, confirmed } = self;
        serde_json::json!({ "id": id, "name": name, "lentFrom": lent_from, "confirmed": confirmed })
    }
}

fn mark_name(mark: RowMark) -> String {
    match mark {
        RowMark::Pending => "pending",
        RowMark::Unknown => "unknown",
    }
    .to_owned()
}
