//! Works out plans and offers, all of them or what changes can have touched.

use super::plan::{Run, Start, Stop, Times, at_least, cheapest, waited, walk, with};
use super::{FULL, OFFERS, Offer, RiderEntry, Row, Suggestions, UNSEEN_MS};
use gwanje_model::{DeliveryId, RiderId, RiderStatus, Status};
use rustc_hash::FxHashSet;

impl Suggestions {
    /// Works out what the changes since the last time can have touched.
    pub fn settle(&mut self) {
        let rows = std::mem::take(&mut self.dirty_rows);
        let riders = std::mem::take(&mut self.dirty_riders);
        if std::mem::take(&mut self.all_dirty) {
            self.settle_all();
            return;
        }
        for id in &riders {
            self.plan(id);
        }
        for id in &rows {
            self.offers.remove(id);
            if self.is_waiting(*id) {
                let found = self.best(*id);
                self.offers.insert(*id, found);
            }
        }
        if riders.is_empty() {
            return;
        }
        for (id, mut offers) in std::mem::take(&mut self.offers) {
            if !rows.contains(&id) && !self.touch(id, &riders, &mut offers) {
                offers = self.best(id);
            }
            self.offers.insert(id, offers);
        }
    }

    fn settle_all(&mut self) {
        let ids: Vec<RiderId> = self.riders.keys().cloned().collect();
        for id in &ids {
            self.plan(id);
        }
        let waiting: Vec<DeliveryId> = self.rows.keys().filter(|id| self.is_waiting(**id)).copied().collect();
        self.offers = waiting.into_iter().map(|id| (id, self.best(id))).collect();
    }

    /// Orders a rider's stops: what is on board first, then as it was assigned, each where it fits in best.
    fn plan(&mut self, id: &RiderId) {
        let mut rows: Vec<&Row> = self
            .carried
            .get(id)
            .into_iter()
            .flatten()
            .filter_map(|delivery| self.rows.get(delivery))
            .collect();
        let Some(rider) = self.riders.get_mut(id) else { return };
        rider.stops.clear();
        rider.late_alone.clear();
        rider.alone = Run::default();
        let here = rider.pos.and_then(|pos| self.ground.point(pos));
        rider.start = here.filter(|_| rows.iter().all(|row| row.errand.is_some()));
        let Some(at) = rider.start else { return };
        let start = Start { at, time: self.now };
        rows.sort_unstable_by_key(|row| {
            (row.status != Status::PickedUp, row.assigned_at, row.errand.map(|errand| errand.id))
        });
        for row in rows {
            let Some(errand) = row.errand else { continue };
            if row.status == Status::PickedUp {
                let door = Stop::Dropoff(errand);
                let best = (0..=rider.stops.len())
                    .map(|place| {
                        let (head, tail) = rider.stops.split_at(place);
                        let stops = head.iter().chain([&door]).chain(tail).copied();
                        (walk(&self.pace, start, stops, |_, _, _| {}).cost, place)
                    })
                    .min();
                let place = best.map_or(0, |(_, place)| place);
                rider.stops.insert(place, door);
            } else {
                let Some(place) = cheapest(&self.pace, start, &rider.stops, &[], errand, i64::MAX) else {
                    continue;
                };
                rider.stops = with(&rider.stops, errand, place.pickup, place.dropoff).collect();
            }
        }
        let late = &mut rider.late_alone;
        let tails = &mut rider.tails;
        tails.clear();
        rider.alone = walk(&self.pace, start, rider.stops.iter().copied(), |stop, _, done_at| {
            tails.push(waited(stop, done_at));
            if let Stop::Dropoff(errand) = stop
                && done_at > errand.due_at
            {
                late.push(errand.id);
            }
        });
        let mut sum = 0;
        for tail in tails.iter_mut().rev() {
            sum += *tail;
            *tail = sum;
        }
    }

    /// Whether a rider may be offered at all.
    fn start_of(&self, rider: &RiderEntry) -> Option<Start> {
        let carried = self.carried.get(&rider.id).map_or(0, FxHashSet::len);
        let unseen = rider.seen_at.is_some_and(|seen_at| self.now - seen_at.0 > UNSEEN_MS);
        let may = rider.status != RiderStatus::Off && rider.load.max(carried) < FULL && !unseen;
        rider.start.filter(|_| may).map(|at| Start { at, time: self.now })
    }

    pub(super) fn offer(&self, row: &Row, rider: &RiderEntry) -> Option<Offer> {
        let errand = row.errand?;
        let start = self.start_of(rider)?;
        let place = cheapest(&self.pace, start, &rider.stops, &rider.tails, errand, i64::MAX)?;
        let mut times = Times::default();
        let mut late_for = Vec::new();
        let stops = with(&rider.stops, errand, place.pickup, place.dropoff);
        walk(&self.pace, start, stops, |stop, arrives_at, done_at| match stop {
            Stop::Pickup(other) if other.id == errand.id => {
                (times.arrives_at, times.pickup_at) = (arrives_at, done_at);
            }
            Stop::Dropoff(other) if other.id == errand.id => times.dropoff_at = done_at,
            Stop::Dropoff(other) if done_at > other.due_at => late_for.push(other.id),
            Stop::Pickup(_) | Stop::Dropoff(_) => {}
        });
        // What would be late anyhow is not late by this.
        late_for.retain(|id| !rider.late_alone.contains(id));
        let own_ms = self.pace.travel_ms(start.at, errand.from) + self.pace.travel_ms(errand.from, errand.to);
        Some(Offer::new(rider, row.ready_told, errand, place, times, late_for, own_ms))
    }

    /// The best riders for a delivery.
    fn best(&self, id: DeliveryId) -> Vec<Offer> {
        let mut best: Vec<(i64, &RiderEntry)> = Vec::with_capacity(OFFERS + 1);
        let Some(row) = self.rows.get(&id) else { return Vec::new() };
        let Some(errand) = row.errand else { return Vec::new() };
        let mut likely: Vec<(i64, &RiderEntry, Start)> = self
            .riders
            .values()
            .filter_map(|rider| {
                let start = self.start_of(rider)?;
                Some((at_least(&self.pace, start, &errand), rider, start))
            })
            .collect();
        // The likeliest first: most others are ruled out without a plan being tried.
        likely.sort_unstable_by_key(|(least, ..)| *least);
        for (least, rider, start) in likely {
            let worst =
                (best.len() == OFFERS).then(|| best.last().map(|(cost, rider)| (*cost, &rider.id))).flatten();
            if worst.is_some_and(|(cost, _)| least > cost) {
                break;
            }
            // An equal one may still come first by its id.
            let limit = worst.map_or(i64::MAX, |(cost, _)| cost + rider.alone.cost + 1);
            let Some(place) = cheapest(&self.pace, start, &rider.stops, &rider.tails, errand, limit) else {
                continue;
            };
            let cost = place.run.cost - rider.alone.cost;
            if worst.is_some_and(|worst| (cost, &rider.id) > worst) {
                continue;
            }
            let at = best.partition_point(|(other, at)| (*other, &at.id) < (cost, &rider.id));
            best.insert(at, (cost, rider));
            best.truncate(OFFERS);
        }
        best.into_iter().filter_map(|(_, rider)| self.offer(row, rider)).collect()
    }

    /// Brings what is offered up to date after these riders changed; false: others may have moved up, who are not known.
    fn touch(&self, id: DeliveryId, riders: &FxHashSet<RiderId>, offers: &mut Vec<Offer>) -> bool {
        let Some(row) = self.rows.get(&id) else { return true };
        let Some(errand) = row.errand else { return true };
        let was_full = offers.len() == OFFERS;
        let worst = offers.last().map(|offer| (offer.cost, offer.rider.clone())).filter(|_| was_full);
        let before = offers.len();
        offers.retain(|offer| !riders.contains(&offer.rider));
        let left = before - offers.len();
        for rider in riders {
            let Some(rider) = self.riders.get(rider) else { continue };
            let Some(start) = self.start_of(rider) else { continue };
            if let Some((cost, _)) = &worst
                && at_least(&self.pace, start, &errand) > *cost
            {
                continue;
            }
            let Some(offer) = self.offer(row, rider) else { continue };
            if worst.as_ref().is_some_and(|(cost, rider)| offer.key() > (*cost, rider)) {
                continue;
            }
            let at = offers.partition_point(|other| other.key() < offer.key());
            offers.insert(at, offer);
        }
        // Those who were not offered are no better than the worst who was.
        let known = !was_full || left == 0 || offers.len() >= OFFERS;
        offers.truncate(OFFERS);
        known
    }
}
