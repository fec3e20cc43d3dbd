//! A new order becomes a row.

use super::{Carried, Deciding, Event, OrRefused, json, no_center, refuse};
use crate::decided::Undecided;
use gwanje_model::{Delivery, Rev, Status, Text, UtcMillis};
use gwanje_wire::{ErrorCode, NewOrder};

/// The most bytes of a new row as JSON: it grows by notes.
const NEW_ROW_MAX_BYTES: usize = 128 * 1024;
/// The most items of an order.
const ITEMS_MAX: usize = 200;
/// Minutes to pick-up when an order names none.
const PICKUP_TARGET_MIN: u32 = 15;
/// Minutes to delivery when an order names none.
const DELIVERY_TARGET_MIN: u32 = 30;
/// The first of the numbers that people call deliveries by.
const FIRST_NUMBER: u64 = 10_000;
/// How many there are: five digits, then six, then from the first on again. No center has as many orders in a day, in which a
/// number must mean one.
const NUMBERS: u64 = 990_000;

/// Takes an order in, or says why not.
pub(super) fn create(
    deciding: &mut Deciding<'_>,
    order: NewOrder,
    by: &Text,
    at: UtcMillis,
) -> Result<OrRefused<Carried>, Undecided> {
    if order.items.len() > ITEMS_MAX {
        return refuse(ErrorCode::Invalid, format!("an order has at most {ITEMS_MAX} items"));
    }
    // What the hub adds to an order has a bound of its own, so the order's size is the row's.
    if json(&order)?.len() > NEW_ROW_MAX_BYTES {
        return refuse(ErrorCode::Invalid, format!("an order has at most {NEW_ROW_MAX_BYTES} bytes as JSON"));
    }
    let loaded = &mut *deciding.loaded;
    let Some(standing) = &mut loaded.standing else {
        return refuse(ErrorCode::NotFound, no_center(&loaded.center));
    };
    let id = loaded.ids.pop_front().ok_or(Undecided::NoId)?;
    let number = (FIRST_NUMBER + standing.take_number() % NUMBERS).to_string();
    let straight = order.shop.pos.zip(order.dropoff.pos).and_then(|(shop, dropoff)| shop.distance_m(dropoff));
    let row = Delivery {
        id,
        center: loaded.center.clone(),
        // Given when it is written.
        rev: Rev::ZERO,
        modified_at: at,
        order_no: if order.order_no.is_empty() { Text::from(format!("G{id:09}")) } else { order.order_no },
        number: number.into(),
        status: Status::Received,
        shop: order.shop,
        dropoff: order.dropoff,
        rider: None,
        pickup_target_min: order.pickup_target_min.unwrap_or(PICKUP_TARGET_MIN),
        delivery_target_min: order.delivery_target_min.unwrap_or(DELIVERY_TARGET_MIN),
        // The cast saturates; no town is 4,000,000 km wide.
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
        unknown: Default::default(),
    };
    deciding.write(row, by, Event { action: "create", from: None, detail: Text::default() })
}
