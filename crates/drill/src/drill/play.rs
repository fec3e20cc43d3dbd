//! The course of a delivery: what happens to it, and what is due after that.

use super::{Drill, InFlight};
use crate::act::{Act, ActKind, Token};
use crate::agenda::{Due, Event};
use crate::courier::Leg;
use crate::track::{Carrier, ride_min};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CancelBy, Status, Text, UtcMillis};
use gwanje_wire::command::{CommandBody, NewOrder};

/// Sends riders out this long before the meal is ready, not at once: five minutes, a usual way to a shop.
const SEND_AHEAD_MIN: i64 = 5;

impl Drill {
    /// Creates the orders that are placed by `until`.
    pub(super) fn place_until(&mut self, until: UtcMillis) {
        while let Some(&(at, track)) = self.arrivals.first().filter(|(at, _)| *at <= until) {
            self.arrivals.pop_first();
            self.place(track, at);
        }
    }

    /// Plays what is due by `until`, in the order of time. False: it waits for an answer of the hub.
    pub(super) fn play_until(&mut self, until: UtcMillis) -> bool {
        while let Some((at, event)) = self.agenda.take(until) {
            match event {
                Event::Delivery { track, due, plan } => {
                    let Some(now) = self.tracks.get(track).filter(|t| !t.over && t.plan == plan) else {
                        continue;
                    };
                    if now.id.is_none() && due != Due::Place {
                        self.agenda.add(at, event);
                        return false;
                    }
                    self.clock = self.clock.max(at);
                    self.happen(track, due, at);
                }
                Event::Shift { courier } => {
                    self.clock = self.clock.max(at);
                    self.look_for(courier, at);
                }
                Event::Look { day } => {
                    self.clock = self.clock.max(at);
                    self.dispatch(day, self.clock);
                }
            }
        }
        true
    }

    fn happen(&mut self, ix: usize, due: Due, at: UtcMillis) {
        match due {
            Due::Place => self.place(ix, at),
            Due::Accept => {
                self.command(ix, at, Action::Accept, CommandBody::default());
                self.wait_for_rider(ix, at, 0);
            }
            Due::Offer => {
                let Some(track) = self.tracks.get(ix) else { return };
                let (day, key) = (track.day, (track.ready_at, ix));
                if let Some(waiting) = self.waiting.get_mut(day) {
                    waiting.insert(key);
                }
                self.agenda.add(at, Event::Look { day });
            }
            Due::Confirm => {
                self.command(ix, at, Action::Confirm, CommandBody::default());
                self.confirmed(ix, at);
            }
            Due::Reassign => self.change_rider(ix, at),
            Due::Cancel => {
                let Some(plan) = self.tracks.get(ix).and_then(|track| track.fate.cancel) else { return };
                self.cancel(ix, at, plan.by, plan.reason);
            }
            Due::Pickup => {
                self.command(ix, at, Action::Pickup, CommandBody::default());
                self.picked_up(ix, at);
            }
            Due::Deliver => {
                self.command(ix, at, Action::Deliver, CommandBody::default());
                self.end(ix, at, Status::Delivered);
            }
            Due::GiveUp => self.cancel(ix, at, CancelBy::System, "시간 내 배차 가능한 라이더 없음"),
        }
    }

    fn place(&mut self, ix: usize, at: UtcMillis) {
        let Some(order) = self.new_order(ix) else { return };
        self.act(ix, at, None, None, ActKind::Create(Box::new(order)));
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(Status::Received);
        self.received(ix, at);
    }

    /// It is taken in: acceptance is due.
    pub(super) fn received(&mut self, ix: usize, at: UtcMillis) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(Status::Received);
        let accept_at = at.plus_ms(track.fate.accept_ms);
        self.due(ix, accept_at, Due::Accept);
        self.maybe_cancel(ix, Status::Received, at, accept_at);
    }

    /// It waits for a rider: the dispatcher looks at it in a moment (`hands_off_ms`: not before that).
    pub(super) fn wait_for_rider(&mut self, ix: usize, at: UtcMillis, hands_off_ms: i64) {
        self.replan(ix);
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(Status::Waiting);
        track.confirmed = false;
        let offer_at = at
            .plus_ms(track.fate.offer_ms.max(hands_off_ms))
            .max(track.ready_at.plus_min(-SEND_AHEAD_MIN).min(track.latest_pickup));
        let give_up_at = track.latest_pickup.max(at);
        self.due(ix, offer_at, Due::Offer);
        self.due(ix, give_up_at, Due::GiveUp);
        self.maybe_cancel(ix, Status::Waiting, at, offer_at.min(give_up_at));
    }

    /// A rider has it: confirmation is due.
    pub(super) fn assigned(&mut self, ix: usize, at: UtcMillis, carrier: Carrier) {
        self.replan(ix);
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(Status::Assigned);
        track.confirmed = false;
        track.attempt += 1;
        track.carrier = Some(carrier);
        let confirm_at = at.plus_ms(track.fate.confirm_ms(track.attempt));
        let courier = track.courier().and_then(|courier| self.couriers.get_mut(courier));
        let from = courier.map(|courier| {
            courier.queue.push_back(ix);
            courier.leg.pos(at)
        });
        let pickup_at = track.pickup_from(from, confirm_at);
        let reassign = track.fate.reassign.take();
        self.due(ix, confirm_at, Due::Confirm);
        if let Some(share) = reassign {
            self.due(ix, part_way(at, pickup_at, share), Due::Reassign);
        }
        self.maybe_cancel(ix, Status::Assigned, at, pickup_at);
    }

    /// Its rider knows of it, and sets off unless something else comes first.
    pub(super) fn confirmed(&mut self, ix: usize, at: UtcMillis) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.confirmed = true;
        match track.courier() {
            Some(courier) => self.set_off(courier, at),
            None => {
                let pickup_at = track.pickup_from(None, at);
                self.due(ix, pickup_at, Due::Pickup);
            }
        }
    }

    /// Its rider has the meal and rides to the door.
    pub(super) fn picked_up(&mut self, ix: usize, at: UtcMillis) {
        self.replan(ix);
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(Status::PickedUp);
        track.confirmed = true;
        let at_door = track.at_door(at);
        let mut interrupted = None;
        if let Some(courier) = track.courier().and_then(|courier| self.couriers.get_mut(courier)) {
            interrupted = courier.under_way.replace(ix).filter(|other| *other != ix);
            courier.queue.retain(|other| *other != ix);
            courier.queue.push_front(ix);
            let here = courier.leg.pos(at);
            courier.go(Leg {
                from: track.shop_pos.unwrap_or(here),
                to: track.door_pos.unwrap_or(here),
                leaves_at: at.plus_ms(track.pace.half_pickup_ms()),
                arrives_at: at_door,
            });
        }
        let deliver_at = at_door.plus_ms(track.pace.dropoff_ms());
        if let Some(other) = interrupted {
            // Somebody picked up out of turn: the rider comes back to the other one after this.
            self.replan(other);
        }
        self.due(ix, deliver_at, Due::Deliver);
        self.maybe_cancel(ix, Status::PickedUp, at, at_door);
    }

    /// It has ended; its rider is free for the next.
    pub(super) fn end(&mut self, ix: usize, at: UtcMillis, status: Status) {
        self.replan(ix);
        self.release(ix, at);
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.status = Some(status);
        track.over = true;
    }

    /// Takes it from its rider, who goes on with the next.
    pub(super) fn release(&mut self, ix: usize, at: UtcMillis) {
        let carrier = self.tracks.get_mut(ix).and_then(|track| track.carrier.take());
        let Some(Carrier::Ours(courier_ix)) = carrier else { return };
        let Some(courier) = self.couriers.get_mut(courier_ix) else { return };
        courier.queue.retain(|other| *other != ix);
        if courier.under_way == Some(ix) {
            courier.under_way = None;
            courier.stop(at);
        }
        self.set_off(courier_ix, at);
        self.look_for(courier_ix, at);
    }

    /// The rider sets off for the first delivery of the queue, unless on the way or not aware of it yet.
    fn set_off(&mut self, courier_ix: usize, at: UtcMillis) {
        let Some(courier) = self.couriers.get_mut(courier_ix).filter(|c| c.under_way.is_none()) else {
            return;
        };
        let Some(&ix) = courier.queue.front() else { return };
        let Some(track) = self.tracks.get(ix) else { return };
        match track.status {
            Some(Status::PickedUp) => self.picked_up(ix, at),
            Some(Status::Assigned) if track.confirmed => {
                courier.under_way = Some(ix);
                let here = courier.leg.pos(at);
                let to = track.shop_pos.unwrap_or(here);
                let arrives_at = at.plus_min(ride_min(&track.pace, Some(here), track.shop_pos));
                courier.go(Leg { from: here, to, leaves_at: at, arrives_at });
                let pickup_at = track.pickup_from(Some(here), at);
                self.due(ix, pickup_at, Due::Pickup);
            }
            _ => {}
        }
    }

    fn cancel(&mut self, ix: usize, at: UtcMillis, by: CancelBy, reason: &str) {
        let body = CommandBody { reason: Some(Text::from(reason)), by: Some(by), ..CommandBody::default() };
        self.command(ix, at, Action::Cancel, body);
        self.end(ix, at, Status::Cancelled);
    }

    /// Plans the cancellation that fate holds for this stage.
    fn maybe_cancel(&mut self, ix: usize, stage: Status, from: UtcMillis, until: UtcMillis) {
        let plan = self.tracks.get(ix).and_then(|track| track.fate.cancel);
        if let Some(plan) = plan.filter(|plan| plan.during == stage) {
            self.due(ix, part_way(from, until, plan.share), Due::Cancel);
        }
    }

    /// Voids what was planned for it.
    pub(super) fn replan(&mut self, ix: usize) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        track.plan = track.plan.wrapping_add(1);
        if let Some(waiting) = self.waiting.get_mut(track.day) {
            waiting.remove(&(track.ready_at, ix));
        }
    }

    pub(super) fn due(&mut self, ix: usize, at: UtcMillis, due: Due) {
        let Some(track) = self.tracks.get(ix) else { return };
        // Never before what has already been played or done to it: instants of one delivery never go back.
        let at = at.max(self.clock).max(track.at).max(track.not_before);
        self.agenda.add(at, Event::Delivery { track: ix, due, plan: track.plan });
    }

    /// The dispatchers who may send this rider look around.
    pub(super) fn look_for(&mut self, courier: usize, at: UtcMillis) {
        let Some(courier) = self.couriers.get(courier) else { return };
        for day in [Some(courier.home), courier.lent_to].into_iter().flatten() {
            self.agenda.add(at, Event::Look { day });
        }
    }

    pub(super) fn command(&mut self, ix: usize, at: UtcMillis, action: Action, body: CommandBody) {
        let courier = body.rider_id.as_ref().and_then(|rider| self.rider_ids.get(rider)).copied();
        let Some(id) = self.tracks.get(ix).and_then(|track| track.id) else { return };
        self.act(ix, at, Some(action), courier, ActKind::Command { id, action, body });
    }

    fn act(
        &mut self,
        ix: usize,
        at: UtcMillis,
        action: Option<Action>,
        courier: Option<usize>,
        kind: ActKind,
    ) {
        let Some(track) = self.tracks.get_mut(ix) else { return };
        let Some(day) = self.days.get(track.day) else { return };
        track.at = track.at.max(at);
        track.pending += 1;
        self.last_token += 1;
        let token = Token(self.last_token);
        self.in_flight.insert(token, InFlight { track: ix, action, courier });
        self.out.push(Act { token, center: day.center.clone(), at: track.at, kind });
    }

    fn new_order(&self, ix: usize) -> Option<NewOrder> {
        let track = self.tracks.get(ix)?;
        let day = self.days.get(track.day)?;
        let order = day.orders.get(track.order)?;
        Some(NewOrder {
            order_no: order.order_no.clone(),
            shop: day.shops.get(order.shop)?.clone(),
            dropoff: order.dropoff.clone(),
            pickup_target_min: Some(order.pickup_target_min),
            delivery_target_min: Some(order.delivery_target_min),
            distance_m: Some(order.distance_m),
            items: order.items.clone(),
            price_won: order.price_won,
            request: order.request.clone(),
            ready_at: Some(order.ready_at),
        })
    }
}

/// The instant after `share` of the time from `from` to `until`.
fn part_way(from: UtcMillis, until: UtcMillis, share: f64) -> UtcMillis {
    from.plus_ms((until.since(from).max(0) as f64 * share) as i64)
}
