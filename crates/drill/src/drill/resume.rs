//! Going on after a restart, from nothing but the rows on the boards.

use super::Drill;
use super::follow::Followed;
use crate::courier::Leg;
use crate::day::Order;
use gwanje_model::{Delivery, Pos, Status, UtcMillis};
use rustc_hash::FxHashMap;

impl Drill {
    /// Goes on after a restart from the rows on the boards. `done_until` is the last instant up to which
    /// [`advance`](Self::advance) had been called until it gave nothing more, and everything was answered. An order
    /// placed by then that is on no board has ended and been archived.
    pub fn resume(&mut self, rows: &[Delivery], done_until: UtcMillis) {
        // Commands are played in the order of time, so what they did tells how far the day had come; creations run ahead.
        let done = rows.iter().filter(|row| row.status != Status::Received).map(|row| row.modified_at);
        self.clock = done.chain([self.clock, done_until]).max().unwrap_or(done_until);
        let mut under_way = Vec::new();
        for row in rows {
            match self.own_track(row) {
                Some(track) => {
                    self.note(track, row);
                    under_way.push((row.modified_at, track));
                }
                None => self.observe_other(row),
            }
        }
        self.forget_archived(done_until);
        self.put_riders_where_they_were(rows);
        // In the order of their latest changes, so that riders' queues come out as they were.
        under_way.sort_unstable();
        for (_, track) in under_way {
            self.follow(track, Followed::Hub);
        }
    }

    /// The track of a row of an earlier run; an order that a rush had added gets one.
    fn own_track(&mut self, row: &Delivery) -> Option<usize> {
        let day_ix = self.days.iter().position(|day| day.center == row.center)?;
        let track = self.by_order_no.get(&(day_ix, row.order_no.clone())).copied();
        let track = track.or_else(|| self.adopt(day_ix, row))?;
        let placed_at = self.tracks.get(track)?.placed_at;
        self.arrivals.remove(&(placed_at, track));
        Some(track)
    }

    fn adopt(&mut self, day_ix: usize, row: &Delivery) -> Option<usize> {
        let day = self.days.get_mut(day_ix)?;
        let number = row.order_no.strip_prefix(day.order_prefix.as_str())?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let shop = day.shops.iter().position(|shop| shop.id == row.shop.id).unwrap_or_else(|| {
            day.shops.push(row.shop.clone());
            day.shops.len() - 1
        });
        day.orders.push(Order {
            order_no: row.order_no.clone(),
            placed_at: row.received_at,
            shop,
            dropoff: row.dropoff.clone(),
            ready_at: row.ready_at.unwrap_or(row.received_at),
            distance_m: row.distance_m,
            pickup_target_min: row.pickup_target_min,
            delivery_target_min: row.delivery_target_min,
            items: row.items.clone(),
            price_won: row.price_won,
            request: row.request.clone(),
        });
        let order = day.orders.len() - 1;
        self.expect(day_ix, order)
    }

    /// Forgets orders that were placed by then, or before one that is on the board, and aren't on it: they have been
    /// archived.
    fn forget_archived(&mut self, done_until: UtcMillis) {
        let mut latest: Vec<UtcMillis> = vec![done_until; self.days.len()];
        for track in self.tracks.iter().filter(|track| track.id.is_some()) {
            if let Some(latest) = latest.get_mut(track.day) {
                *latest = track.placed_at.max(*latest);
            }
        }
        let gone: Vec<(UtcMillis, usize)> = self
            .arrivals
            .iter()
            .filter(|(placed_at, ix)| {
                let day = self.tracks.get(*ix).map(|track| track.day);
                day.and_then(|day| latest.get(day))
                    .is_some_and(|latest| placed_at < latest || *placed_at <= done_until)
            })
            .copied()
            .collect();
        for arrival in gone {
            self.arrivals.remove(&arrival);
            if let Some(track) = self.tracks.get_mut(arrival.1) {
                track.over = true;
            }
        }
    }

    /// Each rider stands at the last door, or where the shift began.
    fn put_riders_where_they_were(&mut self, rows: &[Delivery]) {
        let mut last: FxHashMap<usize, (UtcMillis, Pos)> = FxHashMap::default();
        for row in rows.iter().filter(|row| row.status == Status::Delivered) {
            let rider = row.rider.as_ref().and_then(|rider| self.rider_ids.get(&rider.id));
            if let (Some(rider), Some(at), Some(pos)) = (rider, row.delivered_at, row.dropoff.pos) {
                let entry = last.entry(*rider).or_insert((at, pos));
                if entry.0 < at {
                    *entry = (at, pos);
                }
            }
        }
        for (courier, (_, pos)) in last {
            if let Some(courier) = self.couriers.get_mut(courier) {
                courier.leg = Leg::rest(pos);
            }
        }
    }
}
