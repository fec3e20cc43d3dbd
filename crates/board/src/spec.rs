//! What a window asks to see.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What to sort by. Equal rows fall back to the id, so that every order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SortKey {
    /// 번호: digits as numbers, then as text.
    Number,
    /// The order of the lifecycle.
    Status,
    /// 경과: by `received_at`; ascending is the oldest first.
    Elapsed,
    /// 목표: by the instant from which it is late.
    Target,
    /// By rider's name; without a rider last.
    Rider,
    /// By shop's name.
    Shop,
    /// By drop-off address.
    Address,
    /// By distance.
    Distance,
    /// By `waiting_at`; not reached: last.
    WaitingAt,
    /// By `assigned_at`; not reached: last.
    AssignedAt,
    /// By `picked_up_at`; not reached: last.
    PickedUpAt,
    /// By `delivered_at`; not reached: last.
    DeliveredAt,
}

/// One sort key with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SortOrder {
    /// What to sort by.
    pub key: SortKey,
    /// Greatest first. Rows without a value stay last either way.
    #[serde(default)]
    pub descending: bool,
}

/// What rows are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum GroupBy {
    /// By status.
    Status,
    /// By rider.
    Rider,
    /// By shop.
    Shop,
}

/// Which rows. Every given condition must hold.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    /// Wire names of statuses; empty: all.
    pub statuses: Vec<String>,
    /// Only deliveries under way whose target is over.
    pub late: bool,
    /// Only deliveries whose rider has not confirmed.
    pub unconfirmed: bool,
    /// Only deliveries under way with remarks.
    pub noted: bool,
    /// Only deliveries of this rider.
    pub rider: Option<String>,
    /// Only deliveries of this shop.
    pub shop: Option<String>,
}

/// What a window asks to see: which rows, in which order, and which part of them is in sight.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewSpec {
    /// Centers; empty: all that the board has.
    pub centers: Vec<String>,
    /// Which rows.
    pub filter: Filter,
    /// Order, most significant first; empty: number, greatest first.
    pub sort: Vec<SortOrder>,
    /// What rows are put together by, before `sort`.
    pub group: Option<GroupBy>,
    /// What someone typed, as [`gwanje_model::search`] takes it: words, one phone, or several numbers.
    pub search: String,
    /// The first place in sight, from 0.
    #[ts(type = "number")]
    pub first: u64,
    /// How many places are in sight (at most [`ViewSpec::MAX_LEN`]).
    #[ts(type = "number")]
    pub len: u64,
    /// While held, cells go on changing and places don't; `moved` counts what would have moved.
    pub hold: bool,
}

impl ViewSpec {
    /// The most rows in sight at once: three screens of an 8K display in compact rows.
    pub const MAX_LEN: u64 = 600;
}
