//! What the bodies of commands must say.

use super::reply::{Refusal, refuse};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Item, MAX_SAFE_INTEGER, Pos, Text};
use gwanje_wire::{CommandBody, ErrorCode, NewOrder};
use serde_json::Value;

/// The most characters of a reason or a note.
const TEXT_MAX: usize = 2_000;

/// Refuses a body that lacks what the action needs.
pub(super) fn complete(action: Action, body: &CommandBody) -> Result<(), Refusal> {
    let good = |text: &Option<Text>| {
        text.as_ref().is_some_and(|text| !text.trim().is_empty() && text.chars().count() <= TEXT_MAX)
    };
    let complete = match action {
        Action::Assign => body.rider_id.is_some(),
        Action::Cancel => good(&body.reason),
        Action::Note => good(&body.text),
        Action::Undo => body.rev.is_some(),
        Action::Accept | Action::Unassign | Action::Confirm | Action::Pickup | Action::Deliver => true,
    };
    if complete { Ok(()) } else { refuse(ErrorCode::Invalid, "the body lacks what the action needs") }
}

/// Reads a well-formed order, with absent for null. (The real hub also takes in what strangers write; its own tests
/// cover this.)
pub(super) fn order(mut said: Value) -> Result<NewOrder, Refusal> {
    let drop_nulls = |value: Option<&mut Value>| {
        if let Some(object) = value.and_then(Value::as_object_mut) {
            object.retain(|_, value| !value.is_null());
        }
    };
    drop_nulls(Some(&mut said));
    drop_nulls(said.get_mut("shop"));
    drop_nulls(said.get_mut("dropoff"));
    let invalid = |detail: &str| refuse(ErrorCode::Invalid, detail);
    let Ok(order) = serde_json::from_value::<NewOrder>(said) else {
        return invalid("the body is not what a new order needs");
    };
    if order.shop.name.trim().is_empty() || order.dropoff.address.trim().is_empty() {
        return invalid("an order needs a shop's name and a drop-off address");
    }
    let ready_at = order.ready_at.map_or(0, |at| at.0.unsigned_abs());
    if order.price_won > MAX_SAFE_INTEGER || ready_at > MAX_SAFE_INTEGER {
        return invalid("integers stay below 2^53");
    }
    let exists = |pos: Option<Pos>| match pos {
        Some(Pos::Geo { lat, lon }) => lat.abs() <= 90.0 && lon.abs() <= 180.0,
        Some(Pos::Plane { x, y }) => x.abs() <= 1e6 && y.abs() <= 1e6,
        None => true,
    };
    if !exists(order.shop.pos) || !exists(order.dropoff.pos) {
        return invalid("a place is on Earth, or in a city");
    }
    if !is_of_people(&order) {
        return invalid("no order has so much");
    }
    Ok(order)
}

/// Whether texts and numbers are such as deliveries have.
fn is_of_people(order: &NewOrder) -> bool {
    let NewOrder { shop, dropoff, .. } = order;
    let within = |most: usize, texts: &[&Text]| texts.iter().all(|text| text.chars().count() <= most);
    let names =
        [&order.order_no, &shop.id.0, &shop.name, &shop.phone, &dropoff.phone, &dropoff.recipient_phone];
    let is_item = |item: &Item| within(200, &[&item.name]) && item.quantity <= 10_000;
    let targets = [order.pickup_target_min, order.delivery_target_min];
    within(200, &names)
        && within(500, &[&shop.address, &dropoff.address, &dropoff.detail])
        && within(2_000, &[&order.request, &shop.remark])
        && order.items.iter().all(is_item)
        && targets.into_iter().flatten().all(|min| (1..=24 * 60).contains(&min))
        && order.distance_m.is_none_or(|m| m <= 1_000_000)
}
