//! What a page is told: the least that turns what it shows into what it should show.

use crate::found::Findings;
use crate::row::{Cell, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// Live counts over all rows of the view's centers (whatever its filter and search).
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Rows by wire name of status.
    #[ts(type = "Record<string, number>")]
    pub by_status: BTreeMap<String, u64>,
    /// Under way with the target over.
    #[ts(type = "number")]
    pub late: u64,
    /// Under way with a rider who has not confirmed.
    #[ts(type = "number")]
    pub unconfirmed: u64,
    /// Under way with remarks.
    #[ts(type = "number")]
    pub noted: u64,
    /// Rows that this version can't read.
    #[ts(type = "number")]
    pub unreadable: u64,
    /// Mean minutes × 10 from receipt to pickup, of all picked up; null: none yet.
    #[ts(type = "number | null")]
    pub mean_pickup_min10: Option<u64>,
    /// Mean minutes × 10 from receipt to delivery, of all delivered; null: none yet.
    #[ts(type = "number | null")]
    pub mean_delivery_min10: Option<u64>,
    /// Share of delivered that were in time, per mille; null: none yet.
    #[ts(type = "number | null")]
    pub on_time_permille: Option<u64>,
    /// Orders received by 30 minutes of operations time: [start, count], the latest 12.
    #[ts(type = "Array<[number, number]>")]
    pub by_half_hour: Vec<(i64, u64)>,
}

/// The next step of a page. Applying all patches in order of `seq` to an empty page gives the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    /// Grows by one with each patch of the view; another than the expected one: ask for a reset.
    #[ts(type = "number")]
    pub seq: u64,
    /// True: forget all rows first; this patch holds everything in sight.
    pub reset: bool,
    /// By center, the revision that is in it.
    #[ts(type = "Record<string, number>")]
    pub as_of: BTreeMap<String, u64>,
    /// Rows that match, in sight or not.
    #[ts(type = "number")]
    pub total: u64,
    /// The place of the first row in sight.
    #[ts(type = "number")]
    pub first: u64,
    /// While held: rows that would have moved, appeared or gone.
    #[ts(type = "number")]
    pub moved: u64,
    /// The ids in sight, in order, when their list changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "Array<number>", optional)]
    pub order: Option<Vec<u64>>,
    /// Rows in sight that the page does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Row>>")]
    pub rows: Vec<Row>,
    /// What changed in rows that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Cell>>")]
    pub cells: Vec<Cell>,
    /// When they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub counters: Option<Counters>,
    /// What the search found, when that changed. A reset begins with nothing found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub found: Option<Findings>,
}
