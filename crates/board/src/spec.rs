//! What a window asks to see.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Names an open view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct ViewId(pub u64);

/// What to sort by. Equal rows fall back to the id, so that every order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SortKey {
    /// 번호: digits as numbers, then as text.
    Number,
    /// The order of the lifecycle.
    Status,
    /// 경과: ascending puts the longest first. Rows under way, by `received_at`, come before ended rows, by how long they
    /// took.
    Elapsed,
    /// 목표: by the instant from which it is late, which is also the order of the minutes left; ended rows last.
    Target,
    /// By rider's name; rows without a rider last.
    Rider,
    /// By shop's name.
    Shop,
    /// By drop-off address.
    Address,
    /// By distance.
    Distance,
    /// By `waiting_at`; rows that did not reach it last.
    WaitingAt,
    /// By `assigned_at`; rows that did not reach it last.
    AssignedAt,
    /// By `picked_up_at`; rows that did not reach it last.
    PickedUpAt,
    /// By `delivered_at`; rows that did not reach it last.
    DeliveredAt,
    /// By center's name.
    Center,
}

/// One sort key with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SortOrder {
    /// What to sort by.
    pub key: SortKey,
    /// The greatest value first. Rows without a value stay last either way.
    #[serde(default)]
    pub descending: bool,
}

/// What rows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum GroupBy {
    /// By status.
    Status,
    /// By rider.
    Rider,
    /// By shop.
    Shop,
    /// By center.
    Center,
}

/// What stands above all groups, whatever the statuses and kinds that the filter asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Pinned {
    /// *Act now*: rows that are late, at risk, or unconfirmed for three minutes, and cancelled rows that someone must
    /// still be told about. It obeys centers, search, rider and shop of the view.
    Act,
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

/// What a window asks to see: which rows, in which order, and the part of them in sight.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewSpec {
    /// Centers; empty: all that the board has.
    pub centers: Vec<String>,
    /// Which rows.
    pub filter: Filter,
    /// The order, most significant key first; empty: by number, greatest first.
    pub sort: Vec<SortOrder>,
    /// What rows are grouped by before `sort`; each group stands below its head.
    pub group: Option<GroupBy>,
    /// What stands above all groups; the rest then has a head, too.
    pub pinned: Option<Pinned>,
    /// Keys of the groups that show only their heads.
    pub collapsed: Vec<String>,
    /// What someone typed, as [`gwanje_model::search`] reads it: words, one phone, or several numbers.
    pub search: String,
    /// The first place in sight, from 0.
    #[ts(type = "number")]
    pub first: u64,
    /// How many places are in sight (at most [`ViewSpec::MAX_LEN`]).
    #[ts(type = "number")]
    pub len: u64,
    /// While held, cells and heads go on changing and places don't; `held` in a patch counts what waits.
    pub hold: bool,
}

impl ViewSpec {
    /// The most rows in sight at once: three screens of an 8K display in compact rows.
    pub const MAX_LEN: u64 = 600;
}
