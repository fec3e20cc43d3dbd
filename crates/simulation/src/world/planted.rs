//! Plants divergences on purpose, and checks that each is found in time (R).

use super::{Event, World};
use gwanje_model::{CenterId, DeliveryId, Rev};

/// A planted divergence, and how to tell that it was found.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    seat: usize,
    center: CenterId,
    what: Lost,
    at_ms: u64,
}

#[derive(Debug, Clone)]
enum Lost {
    /// The frame up to this revision.
    Frame(Rev),
    /// A row at this revision; the number: unequal digests so far.
    Row(DeliveryId, Rev, u64),
}

impl Planted {
    pub(super) fn lost_frame(seat: usize, center: CenterId, to: Rev, at_ms: u64) -> Self {
        Self { seat, center, what: Lost::Frame(to), at_ms }
    }

    pub(super) fn lost_row(
        seat: usize,
        center: CenterId,
        id: DeliveryId,
        rev: Rev,
        mismatches: u64,
        at_ms: u64,
    ) -> Self {
        Self { seat, center, what: Lost::Row(id, rev, mismatches), at_ms }
    }
}

impl World {
    /// Begins to look whether what was planted is found in time.
    pub(super) fn plant(&mut self, planted: Planted) {
        self.after(50, Event::Found(Box::new(planted)));
    }

    /// R: a divergence must be found within two heads and the way of a packet. Looks now and then until it is.
    pub(super) fn found(&mut self, planted: &Planted) {
        let now = self.now;
        let Planted { seat: index, center, what, at_ms } = planted;
        let Some(seat) = self.seats.get(*index) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        if seat.line.disturbed_ms > *at_ms || !self.is_calm_line(*index) {
            return; // Something else came in between.
        }
        let found = match what {
            Lost::Frame(to) => app.cursors.get(center).is_some_and(|cursor| cursor.rev >= *to),
            Lost::Row(id, rev, mismatches) => {
                let held = self.held(*index, center);
                let hub = self.hub.board(center).and_then(|board| board.rows().get(id)).map(|row| row.rev);
                self.mismatches(*index, center) > *mismatches || held.contains_key(id) || hub != Some(*rev)
            }
        };
        let age = now - at_ms;
        if found {
            self.found_after_ms = self.found_after_ms.max(age);
        } else if age > World::two_heads_ms() + 400 {
            self.violate('R', format!("seat {index}, {center}: {what:?} was not found within {age} ms"));
        } else {
            self.after(50, Event::Found(Box::new(planted.clone())));
        }
    }

    fn is_calm_line(&self, index: usize) -> bool {
        let Some(seat) = self.seats.get(index) else { return false };
        let now = self.now;
        let line = &seat.line;
        let clear =
            line.cut_up_until.max(line.cut_down_until).max(line.offline_until) <= now && line.slow.0 <= now;
        clear
            && seat.frozen_until <= now
            && self.store_down_until <= now
            && self.storm.0 <= now
            && self.sockets_refused.0 <= now
            && !self.frozen
            && self.nodes.iter().all(|node| node.is_well(now))
            && seat.app.as_ref().is_some_and(|app| !app.sockets.is_empty())
    }
}
