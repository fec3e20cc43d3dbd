//! The bodies of changes: a new order, and what each action on a delivery needs.

use gwanje_model::lifecycle::Action;
use gwanje_model::{CancelBy, Dropoff, Item, Rev, RiderId, Shop, Text, UtcMillis};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// POST `/centers/{c}/deliveries`: what a new order says. The hub gives it id, number, status and times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// The order number of the shop's or portal's system; empty: the hub makes one.
    #[serde(default)]
    pub order_no: Text,
    /// Who cooks it.
    pub shop: Shop,
    /// Where it goes.
    pub dropoff: Dropoff,
    /// Minutes; absent: the hub's default (15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_target_min: Option<u32>,
    /// Minutes; absent: the hub's default (30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_target_min: Option<u32>,
    /// Metres; absent: from the positions, straight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// What was ordered.
    #[serde(default)]
    pub items: Vec<Item>,
    /// The price in won.
    #[serde(default)]
    pub price_won: u64,
    /// The customer's request.
    #[serde(default)]
    pub request: Text,
    /// When the meal will be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<UtcMillis>,
}

/// What an action needs, beside its name in the path. `accept`, `unassign`, `confirm`, `pickup` and `deliver` need nothing.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandBody {
    /// With `assign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_id: Option<RiderId>,
    /// With `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// With `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CancelBy>,
    /// With `note`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// With `undo`: the revision that the change made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<Rev>,
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Person {
    /// The account.
    #[ts(as = "String")]
    pub account: Text,
    /// What people call them; the account's name where nothing else is known.
    #[ts(as = "String")]
    pub name: Text,
}

/// One entry of `/deliveries/{id}/history`, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEvent {
    /// The revision that it made.
    pub rev: Rev,
    /// Operations time.
    pub at: UtcMillis,
    /// Who did it.
    pub by: Person,
    /// `create`, an [`Action`]'s name, or `archive`.
    #[ts(as = "String")]
    pub action: Text,
    /// The status before (null for `create`).
    #[serde(default)]
    #[ts(as = "Option<String>")]
    pub from: Option<Text>,
    /// The status after (null for `archive`).
    #[serde(default)]
    #[ts(as = "Option<String>")]
    pub to: Option<Text>,
    /// Rider, reason or text, in words.
    #[serde(default)]
    #[ts(as = "String")]
    pub detail: Text,
}

/// The path of a batch below `/api/v1`.
#[must_use]
pub fn batch_path(center: &str) -> String {
    format!("/centers/{center}/deliveries/batch")
}

/// The path of a command below `/api/v1`.
#[must_use]
pub fn command_path(center: &str, id: gwanje_model::DeliveryId, action: Action) -> String {
    format!("/centers/{center}/deliveries/{id}/{action}")
}
