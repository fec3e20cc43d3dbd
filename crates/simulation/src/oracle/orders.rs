//! A new order: what it needs, and the row that it becomes.

use super::center::{Naive, json_bytes};
use super::refuse;
use gwanje_model::{Delivery, DeliveryId, Rev, Status, Text, UtcMillis};
use gwanje_wire::{ErrorCode, NewOrder, Problem};

/// The most items of an order.
const ITEMS_MAX: usize = 200;
/// The largest size of a new row as JSON, bytes.
const BYTES_MAX: usize = 128 * 1024;
/// Minutes to pick-up when an order names none.
const PICKUP_TARGET_MIN: u32 = 15;
/// Minutes to delivery when an order names none.
const DELIVERY_TARGET_MIN: u32 = 30;

/// Whether an order's size allows taking it in.
pub(super) fn fits(order: &NewOrder) -> Result<(), Problem> {
    if order.items.len() > ITEMS_MAX || json_bytes(order) > BYTES_MAX {
        return refuse(ErrorCode::Invalid, "the order is too large");
    }
    Ok(())
}

impl Naive {
    /// The row of a new order: received, with a number of its own. The commit gives it its revision.
    pub(super) fn received(&mut self, id: DeliveryId, order: NewOrder, at: UtcMillis) -> Delivery {
        // Five digits, from 10000 on; then six. Begins again after 990,000 orders.
        let number = 10_000 + self.orders_taken % 990_000;
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
            unknown: Default::default(),
        }
    }
}
