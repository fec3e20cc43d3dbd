//! A row as a page shows it: values, no texts, no formatting.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The rider on a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RowRider {
    /// The rider's id.
    pub id: String,
    /// The rider's name.
    pub name: String,
    /// The rider's own center when it is another than the row's: a lent rider.
    pub lent_from: Option<String>,
    /// False: 미확인.
    pub confirmed: bool,
}

/// A row of the board. Field names are the column names of [`crate::Cell`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
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
    /// Operations time, as all that follow.
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
    /// From when it is late, while it is under way; null when it has ended.
    #[ts(type = "number | null")]
    pub late_at: Option<i64>,
    /// Remarks on it.
    pub notes: u32,
    /// `pending` or `unknown`: a command of this seat that is not settled.
    pub mark: Option<String>,
}
