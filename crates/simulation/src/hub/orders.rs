//! A new order: what it needs, and the row that it becomes.

use super::center::{Center, json_bytes};
use super::reply::{Refusal, refuse};
use gwanje_model::{Delivery, DeliveryId, MAX_SAFE_INTEGER, Pos, Rev, Status, Text, UtcMillis};
use gwanje_wire::{ErrorCode, NewOrder};
use serde_json::Value;

/// The most items of an order.
const ITEMS_MAX: usize = 200;
/// The largest size of a new row as JSON, bytes.
const BYTES_MAX: usize = 128 * 1024;
/// Minutes to pick-up when an order names none.
const PICKUP_TARGET_MIN: u32 = 15;
/// Minutes to delivery when an order names none.
const DELIVERY_TARGET_MIN: u32 = 30;

/// Reads a well-formed order, with absent for null. (The real hub also takes in what strangers write; its own tests
/// cover this.)
pub(super) fn read(mut said: Value) -> Result<NewOrder, Refusal> {
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
    let on_earth = |pos: Option<Pos>| match pos {
        Some(Pos::Geo { lat, lon }) => lat.abs() <= 90.0 && lon.abs() <= 180.0,
        Some(Pos::Plane { .. }) | None => true,
    };
    if !on_earth(order.shop.pos) || !on_earth(order.dropoff.pos) {
        return invalid("a latitude is -90 to 90, a longitude -180 to 180");
    }
    Ok(order)
}

/// Whether an order's size allows taking it in.
pub(super) fn fits(order: &NewOrder) -> Result<(), Refusal> {
    if order.items.len() > ITEMS_MAX || json_bytes(order) > BYTES_MAX {
        return refuse(ErrorCode::Invalid, "the order is too large");
    }
    Ok(())
}

impl Center {
    /// The row of a new order: received, with a number of its own. The commit gives it its revision.
    pub(super) fn received(&mut self, id: DeliveryId, order: NewOrder, at: UtcMillis) -> Delivery {
        // Five digits, from 10000 on; begins again after 90,000 orders.
        let number = 10_000 + self.orders_taken % 90_000;
        self.orders_taken += 1;
        let straight = order.shop.pos.zip(order.dropoff.pos).and_then(|(a, b)| a.distance_m(b));
        Delivery {
            id,
            center: self.id.clone(),
            rev: Rev::ZERO,
            modified_at: at,
            number: number.to_string().into(),
            order_no: if order.order_no.is_empty() {
                Text::from(format!("G{id:09}"))
            } else {
                order.order_no
            },
            status: Status::Received,
            shop: order.shop,
            dropoff: order.dropoff,
            rider: None,
            pickup_target_min: order.pickup_target_min.unwrap_or(PICKUP_TARGET_MIN),
            delivery_target_min: order.delivery_target_min.unwrap_or(DELIVERY_TARGET_MIN),
            // The cast saturates.
            distance_m: order.distance_m.unwrap_or_else(|| straight.unwrap_or(0.0).round() as u32),
            items: order.items,
            price_won: order.price_won,
            request: order.request,
            notes: Vec::new(),
            received_at: at,
            ready_at: order.ready_at,
            waiting_at: None,
            assigned_at: None,
            picked_up_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel: None,
        }
    }
}
