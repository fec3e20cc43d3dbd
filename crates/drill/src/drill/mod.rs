//! Several days played on one hub: what falls due, what was answered, what people did meanwhile.

mod dispatch;
mod follow;
mod play;
mod resume;

use crate::act::{Act, Token};
use crate::agenda::{Agenda, Event};
use crate::courier::Courier;
use crate::day::Day;
use crate::dice::Dice;
use crate::fate::Fate;
use crate::options::DrillOptions;
use crate::track::Track;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, DeliveryId, Pos, Rev, Rider, RiderId, Text, UtcMillis};
use gwanje_wire::socket::RiderPos;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// How far creations may run ahead of commands while a stretch of the day is caught up: ten minutes of the day. It bounds
/// the number of rounds (about sixty for a day) and how far instants may lie apart within one round.
pub const LOOK_AHEAD_MS: i64 = 600_000;

/// The next center may also send one rider in this many.
const LENDABLE: usize = 12;

/// Days under way.
#[derive(Debug)]
pub struct Drill {
    days: Vec<Day>,
    options: DrillOptions,
    /// The instant up to which everything was played.
    clock: UtcMillis,
    tracks: Vec<Track>,
    couriers: Vec<Courier>,
    /// Orders not placed yet, by time: places among the tracks.
    arrivals: BTreeSet<(UtcMillis, usize)>,
    agenda: Agenda,
    /// What waits for a rider on each day, in the order in which it is ready: places among the tracks.
    waiting: Vec<BTreeSet<(UtcMillis, usize)>>,
    /// The riders that each day may send: places among the couriers.
    crews: Vec<Vec<usize>>,
    out: Vec<Act>,
    last_token: u64,
    in_flight: FxHashMap<Token, InFlight>,
    by_id: FxHashMap<DeliveryId, usize>,
    by_order_no: FxHashMap<(usize, Text), usize>,
    rider_ids: FxHashMap<RiderId, usize>,
    /// Deliveries that people created: the newest revision seen, and the rider of the drill who carries it.
    others: FxHashMap<DeliveryId, (Rev, Option<usize>)>,
}

/// An act that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    track: usize,
    /// `None`: its creation.
    action: Option<Action>,
    /// With an assignment: to whom.
    courier: Option<usize>,
}

impl Drill {
    /// Days that have not begun. Centers and riders have ids of their own throughout.
    #[must_use]
    pub fn new(days: Vec<Day>, options: DrillOptions) -> Self {
        let begins_at = days.iter().map(Day::begins_at).min().unwrap_or_default();
        let mut drill = Self {
            options,
            clock: begins_at.plus_ms(-1),
            tracks: Vec::new(),
            couriers: Vec::new(),
            arrivals: BTreeSet::new(),
            agenda: Agenda::default(),
            waiting: vec![BTreeSet::new(); days.len()],
            crews: vec![Vec::new(); days.len()],
            out: Vec::new(),
            last_token: 0,
            in_flight: FxHashMap::default(),
            by_id: FxHashMap::default(),
            by_order_no: FxHashMap::default(),
            rider_ids: FxHashMap::default(),
            others: FxHashMap::default(),
            days,
        };
        for day in 0..drill.days.len() {
            drill.hire(day);
            let orders = drill.days.get(day).map_or(0, |day| day.orders.len());
            for order in 0..orders {
                drill.expect(day, order);
            }
        }
        drill
    }

    /// The days that are played.
    #[must_use]
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// What chance does to them.
    #[must_use]
    pub fn options(&self) -> DrillOptions {
        self.options
    }

    /// When something falls due next; `None` when nothing will, unless people act.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMillis> {
        let out = self.out.first().map(|act| act.at);
        let arrival = self.arrivals.first().map(|(at, _)| *at);
        out.into_iter().chain(arrival).chain(self.agenda.next_at()).min()
    }

    /// What falls due until `day_now` and can be done now. Empty: nothing is left to do until then.
    pub fn advance(&mut self, day_now: UtcMillis) -> Vec<Act> {
        while self.clock < day_now || self.next_due().is_some_and(|due| due <= day_now) {
            let until = self.clock.plus_ms(LOOK_AHEAD_MS).min(day_now).max(self.clock.min(day_now));
            self.place_until(until);
            if !self.play_until(until) {
                break;
            }
            self.clock = self.clock.max(until);
            if until == day_now {
                break;
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Adds `orders` orders to every center, spread over the next `within_ms` of the day.
    pub fn rush(&mut self, orders: u32, day_now: UtcMillis, within_ms: i64) {
        let orders_i64 = i64::from(orders.max(1));
        for day in 0..self.days.len() {
            for nth in 0..i64::from(orders) {
                let at = day_now.max(self.clock).plus_ms(within_ms.max(0) / orders_i64 * nth + 1);
                self.add_copy(day, at);
            }
        }
    }

    /// Where those riders of a center are (lent ones too) who are on shift, carry something, or have just gone off.
    #[must_use]
    pub fn riders_now(&self, center: &CenterId, day_now: UtcMillis) -> Vec<RiderPos> {
        self.crew(center).filter_map(|courier| courier.reported(day_now)).collect()
    }

    /// All riders whom a center may send, as they are: its own, and a few lent by another center.
    #[must_use]
    pub fn riders(&self, center: &CenterId, day_now: UtcMillis) -> Vec<Rider> {
        self.crew(center).map(|courier| courier.listed(day_now)).collect()
    }

    /// Every order has ended, and everything is answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.arrivals.is_empty() && self.in_flight.is_empty() && self.tracks.iter().all(|track| track.over)
    }

    fn crew(&self, center: &CenterId) -> impl Iterator<Item = &Courier> {
        let day = self.days.iter().position(|day| day.center == *center);
        let crew = day.and_then(|day| self.crews.get(day)).map_or(&[][..], Vec::as_slice);
        crew.iter().filter_map(|courier| self.couriers.get(*courier))
    }

    /// Takes a day's riders on, and lends some of them to the next center that lies on the same map.
    fn hire(&mut self, day_ix: usize) {
        let Some(day) = self.days.get(day_ix) else { return };
        let next = (day_ix + 1) % self.days.len();
        let on_one_map = |other: &Day| matches!((day.pos, other.pos), (Pos::Geo { .. }, Pos::Geo { .. }));
        let neighbour = self.days.get(next).filter(|other| next != day_ix && on_one_map(other)).map(|_| next);
        for (nth, shift) in day.riders.iter().enumerate() {
            let courier = self.couriers.len();
            let lent_to = neighbour.filter(|_| nth % LENDABLE == LENDABLE / 2);
            for crew in [Some(day_ix), lent_to].into_iter().flatten() {
                if let Some(crew) = self.crews.get_mut(crew) {
                    crew.push(courier);
                }
            }
            self.agenda.add(shift.on_at, Event::Shift { courier });
            self.rider_ids.insert(shift.id.clone(), courier);
            self.couriers.push(Courier::new(day_ix, day.center.clone(), shift.clone(), lent_to));
        }
    }

    /// Awaits an order of a day; gives its track.
    fn expect(&mut self, day_ix: usize, order_ix: usize) -> Option<usize> {
        let day = self.days.get(day_ix)?;
        let center = day.center.as_str().bytes().fold(0, |key, byte| key * 31 + u64::from(byte) + 1);
        let fate = Fate::of(&self.options, center, order_ix as u64);
        let track = Track::new(day_ix, day, order_ix, fate)?;
        let order_no = day.orders.get(order_ix)?.order_no.clone();
        let ix = self.tracks.len();
        self.arrivals.insert((track.placed_at, ix));
        self.by_order_no.insert((day_ix, order_no), ix);
        self.tracks.push(track);
        Some(ix)
    }

    /// Another order like one of the day's, placed at `at`.
    fn add_copy(&mut self, day_ix: usize, at: UtcMillis) {
        /// Numbers of added orders begin here, beyond any day's own.
        const ADDED_FROM: usize = 500_000;
        let Some(day) = self.days.get_mut(day_ix) else { return };
        let nth = day.orders.len();
        let mut dice = Dice::of(&[self.options.seed, day_ix as u64, nth as u64]);
        let Some(mut order) = dice.pick(&day.orders).cloned() else { return };
        order.ready_at = at.plus_ms(order.ready_at.since(order.placed_at));
        order.placed_at = at;
        order.order_no = Text::from(format!("{}{:06}", day.order_prefix, ADDED_FROM + nth));
        day.orders.push(order);
        self.expect(day_ix, nth);
    }
}
