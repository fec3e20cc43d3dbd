//! What is still to happen, by time. At equal times the order is that of [`Event`], so a drill is reproducible.

use gwanje_model::UtcMillis;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens next to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// It is placed (again, after the hub could not take it).
    Place,
    /// The center accepts it.
    Accept,
    /// The dispatcher looks at it.
    Offer,
    /// Its rider confirms.
    Confirm,
    /// It changes riders.
    Reassign,
    /// Somebody cancels it.
    Cancel,
    /// Its rider has the meal.
    Pickup,
    /// Its rider hands it over.
    Deliver,
    /// No rider can pick it up in time any more.
    GiveUp,
}

/// Something to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// To a delivery, unless its plan has changed since.
    Delivery {
        /// Place among the tracks.
        track: usize,
        /// What.
        due: Due,
        /// The plan that it belongs to.
        plan: u32,
    },
    /// A rider's shift begins or ends.
    Shift {
        /// Place among the couriers.
        courier: usize,
    },
    /// The dispatcher of a center looks for free riders.
    Look {
        /// Place among the days.
        day: usize,
    },
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Agenda(BinaryHeap<Reverse<(UtcMillis, Event)>>);

impl Agenda {
    /// Adds an event.
    pub fn add(&mut self, at: UtcMillis, event: Event) {
        self.0.push(Reverse((at, event)));
    }

    /// When the next one is.
    pub fn next_at(&self) -> Option<UtcMillis> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next one that happens by `until`.
    pub fn take(&mut self, until: UtcMillis) -> Option<(UtcMillis, Event)> {
        if self.next_at()? > until {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }
}
