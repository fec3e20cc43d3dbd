//! Several days played on one hub.

use crate::act::{Act, Token};
use crate::day::Day;
use gwanje_model::{CenterId, Delivery, Rider, UtcMillis};
use gwanje_wire::problem::Problem;
use gwanje_wire::socket::RiderPos;

/// How far creations may run ahead of commands while a stretch of the day is caught up: ten minutes of the day. It bounds
/// the number of rounds (about sixty for a day) and how far instants may lie apart within one round.
pub const LOOK_AHEAD_MS: i64 = 600_000;

/// What chance does to a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrillOptions {
    /// The same seed and the same days give the same drill.
    pub seed: u64,
    /// The share of orders that somebody cancels (those that `system` gives up come on top).
    pub cancel_rate: f64,
    /// The share of orders that get another rider after the first.
    pub reassign_rate: f64,
    /// The share of orders that are given to a lent rider of another center when one is near.
    pub lend_rate: f64,
    /// The share of assignments that a rider leaves unconfirmed for more than three minutes.
    pub late_confirm_rate: f64,
}

impl Default for DrillOptions {
    /// Reassignments as in a public log of 450,000 orders (Shadowfax, 2022); 1.16 % of that log were cancelled by the rider,
    /// customers, shops and centers come on top.
    fn default() -> Self {
        Self { seed: 1, cancel_rate: 0.03, reassign_rate: 0.0306, lend_rate: 0.02, late_confirm_rate: 0.04 }
    }
}

/// Days under way.
#[derive(Debug)]
pub struct Drill {
    days: Vec<Day>,
    options: DrillOptions,
}

impl Drill {
    /// Days that have not begun.
    #[must_use]
    pub fn new(days: Vec<Day>, options: DrillOptions) -> Self {
        Self { days, options }
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

    /// Goes on after a restart from the rows on the boards. `done_until` is the last instant up to which `advance` had been
    /// called until it gave nothing more, and everything answered: an order placed by then that is on no board has been archived.
    pub fn resume(&mut self, _rows: &[Delivery], _done_until: UtcMillis) {}

    /// When something falls due next; `None` when nothing will, unless people act.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMillis> {
        None
    }

    /// What falls due until `day_now` and can be done now. Empty: nothing is left to do until then.
    pub fn advance(&mut self, _day_now: UtcMillis) -> Vec<Act> {
        Vec::new()
    }

    /// How the hub answered an act: the row that it made, or why not.
    pub fn answered(&mut self, _token: Token, _outcome: Result<&Delivery, &Problem>) {}

    /// A row that was committed, by whomever. Older and known copies are ignored.
    pub fn observe(&mut self, _row: &Delivery) {}

    /// Adds `orders` orders to every center, spread over the next `within_ms` of the day.
    pub fn rush(&mut self, _orders: u32, _day_now: UtcMillis, _within_ms: i64) {}

    /// Where the riders of a center are who are on shift, carry something, or have just gone off.
    #[must_use]
    pub fn riders_now(&self, _center: &CenterId, _day_now: UtcMillis) -> Vec<RiderPos> {
        Vec::new()
    }

    /// All riders of a center, as they are.
    #[must_use]
    pub fn riders(&self, _center: &CenterId, _day_now: UtcMillis) -> Vec<Rider> {
        Vec::new()
    }

    /// Every order has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.days.iter().all(|day| day.orders.is_empty())
    }
}
