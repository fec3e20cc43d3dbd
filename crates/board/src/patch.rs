//! What a page is told: the smallest change that turns what it shows into what it should show.

use crate::found::Findings;
use crate::row::{Cell, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// What stands at a place of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum Place {
    /// A row, by its id.
    Row(#[ts(type = "number")] u64),
    /// The head of a group.
    Head {
        /// The group's key.
        group: String,
    },
}

/// The head of a group: what it says about the rows below it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GroupHead {
    /// Names the group as long as its view is open: `act`; the wire name of a status; the id of a rider, shop or
    /// center; `none` without a rider; `rest` of a list that is not grouped; `unreadable`. An id has a `=` before it
    /// when it reads like one of the fixed keys or begins with `=`.
    pub key: String,
    /// What the group is called: the name of a rider, shop or center; else the key.
    pub value: String,
    /// Rows that stand in the group.
    #[ts(type = "number")]
    pub count: u64,
    /// Rows of this group that stand above it, in the pinned group.
    #[ts(type = "number")]
    pub above: u64,
    /// In the pinned group: its rows that the filter leaves out.
    #[ts(type = "number")]
    pub outside: u64,
    /// How many of its rows are late, …
    #[ts(type = "number")]
    pub late: u64,
    /// … at risk, …
    #[ts(type = "number")]
    pub at_risk: u64,
    /// … unconfirmed, …
    #[ts(type = "number")]
    pub unconfirmed: u64,
    /// … and cancelled.
    #[ts(type = "number")]
    pub cancelled: u64,
    /// When the oldest of its rows under way was received; null: no row is under way.
    #[ts(type = "number | null")]
    pub oldest_at: Option<i64>,
    /// Only the head is shown.
    pub collapsed: bool,
}

/// What waits while places are held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HeldCounts {
    /// Rows that match, or belong to the pinned group, and were not in the list when it was held.
    #[ts(type = "number")]
    pub new: u64,
    /// Rows that belong to the pinned group now and did not when the list was held, new or not.
    #[ts(type = "number")]
    pub act: u64,
    /// Rows that were in the list when it was held and would not be in it now.
    #[ts(type = "number")]
    pub gone: u64,
    /// Rows that would be in another group or place, that would have come, or that would have gone.
    #[ts(type = "number")]
    pub moved: u64,
}

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
    /// Under way and not late, but with few minutes left, or not picked up although the pickup target is over.
    #[ts(type = "number")]
    pub at_risk: u64,
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
    /// Share of delivered orders that were in time, per mille; null: none yet.
    #[ts(type = "number | null")]
    pub on_time_permille: Option<u64>,
    /// Orders received by 30 minutes of operations time: [start, count], the latest 12.
    #[ts(type = "Array<[number, number]>")]
    pub by_half_hour: Vec<(i64, u64)>,
}

/// The next step of a page. An empty page that applies all patches in order of `seq` shows the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    /// Grows by one with each patch of the view. A page that gets another number than the expected one asks for a
    /// reset.
    #[ts(type = "number")]
    pub seq: u64,
    /// True: forget all rows first; this patch holds everything in sight.
    pub reset: bool,
    /// For each center, the revision that the patch includes.
    #[ts(type = "Record<string, number>")]
    pub as_of: BTreeMap<String, u64>,
    /// Places of rows and heads, in sight or not.
    #[ts(type = "number")]
    pub total: u64,
    /// Rows that match now, in sight or not, held or not.
    #[ts(type = "number")]
    pub matching: u64,
    /// The first place in sight.
    #[ts(type = "number")]
    pub first: u64,
    /// What waits; absent: places are not held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub held: Option<HeldCounts>,
    /// What is in sight, in order, when that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub order: Option<Vec<Place>>,
    /// While held: the ids in sight that would not be in the list now, when these ids changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "Array<number>", optional)]
    pub left: Option<Vec<u64>>,
    /// Heads in sight that the page does not hold in this form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<GroupHead>>")]
    pub groups: Vec<GroupHead>,
    /// Rows in sight that the page does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Row>>")]
    pub rows: Vec<Row>,
    /// What changed in rows that the page holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Cell>>")]
    pub cells: Vec<Cell>,
    /// The counters, when they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub counters: Option<Counters>,
    /// What the search found, when the findings changed. A reset begins with nothing found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub found: Option<Findings>,
}
