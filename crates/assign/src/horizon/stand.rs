//! What it is worth that a rider stands where they stand: how much longer the orders to come would wait without them.
//!
//! The orders of the last while stand for those to come. Each would be served by the rider who is there first, and when that
//! one is taken by the next; what is late by that counts, what fits into the time of cooking does not.

use super::Horizon;
use crate::ground::MINUTE_MS;

/// So many of the last orders stand for those to come.
const SAMPLES: usize = 150;

/// Riders looked at for an order: the first to be there.
const RANKS: usize = 8;

/// How likely the first of them is taken by something else when the order comes; so the second, and so on.
const TAKEN: f64 = 0.85;

/// A rider who is free within this time counts as standing there already.
const SOON_MS: i64 = 15 * MINUTE_MS;

/// For so many minutes a rider who leaves is missed: after that, others have come free nearby.
const AWAY_MIN: f64 = 10.0;

/// Orders of so many minutes say how many are to come.
const RECENT_MIN: i64 = 30;

/// Nobody near is as bad as somebody who comes so late.
const TOO_LATE_MS: i64 = 30 * MINUTE_MS;

impl Horizon {
    pub(super) fn value_stands(&mut self) {
        let mut worth = vec![0.0_f64; self.riders.len()];
        let from = self.meals.len().saturating_sub(SAMPLES);
        let samples = self.meals.get(from..).unwrap_or_default();
        for meal in samples {
            let cooking = meal.ready_at - meal.placed_at;
            let mut first: [(i64, usize); RANKS] = [(i64::MAX, usize::MAX); RANKS];
            for (nth, rider) in self.riders.iter().enumerate() {
                let wait = (rider.free_at - self.now).max(0);
                if wait > SOON_MS || self.now + wait >= rider.off_at {
                    continue;
                }
                let there = wait + self.pace.travel_ms(rider.place, meal.from) + self.pace.before_pickup_ms;
                if self.now + there > rider.off_at || first.last().is_some_and(|last| there >= last.0) {
                    continue;
                }
                let at = first.iter().position(|(other, _)| there < *other).unwrap_or(RANKS - 1);
                if let Some(tail) = first.get_mut(at..) {
                    tail.rotate_right(1);
                }
                if let Some(slot) = first.get_mut(at) {
                    *slot = (there, nth);
                }
            }
            let late =
                |rank: usize| first.get(rank).map_or(0, |(there, _)| (there - cooking).clamp(0, TOO_LATE_MS));
            // Rank by rank: taken away, everybody behind moves up.
            let mut share = 1.0 - TAKEN;
            let mut losses = [0.0_f64; RANKS];
            for rank in 0..RANKS - 1 {
                let loss = share * (late(rank + 1) - late(rank)) as f64;
                for at in losses.iter_mut().take(rank + 1) {
                    *at += loss;
                }
                share *= TAKEN;
            }
            for ((_, nth), loss) in first.iter().zip(losses) {
                if let Some(worth) = worth.get_mut(*nth) {
                    *worth += loss;
                }
            }
        }
        // Orders that come while a rider is away.
        let recent = samples.iter().filter(|meal| self.now - meal.placed_at <= RECENT_MIN * MINUTE_MS).count()
            as f64
            / RECENT_MIN as f64;
        let coming = recent * AWAY_MIN;
        let scale = self.weights.wait as f64 * coming / samples.len().max(1) as f64;
        for (rider, worth) in self.riders.iter_mut().zip(worth) {
            rider.stand = (worth * scale) as i64;
        }
    }
}
