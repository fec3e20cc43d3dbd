//! A rider who moves: along straight legs from place to place, at the pace of the day.

use crate::day::Shift;
use gwanje_model::{CenterId, Pos, Rider, RiderStatus, UtcMillis};
use gwanje_wire::socket::RiderPos;
use std::collections::VecDeque;

/// A way from one place to another. Before it and after it the rider stands at its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leg {
    pub from: Pos,
    pub to: Pos,
    pub leaves_at: UtcMillis,
    pub arrives_at: UtcMillis,
}

impl Leg {
    /// Standing still.
    pub fn rest(at: Pos) -> Self {
        Self { from: at, to: at, leaves_at: UtcMillis(0), arrives_at: UtcMillis(0) }
    }

    /// Where the rider is.
    pub fn pos(&self, now: UtcMillis) -> Pos {
        if now >= self.arrives_at || self.arrives_at <= self.leaves_at {
            return self.to;
        }
        if now <= self.leaves_at {
            return self.from;
        }
        let share = now.since(self.leaves_at) as f64 / self.arrives_at.since(self.leaves_at) as f64;
        self.from.towards(self.to, share)
    }

    /// Degrees clockwise from north; `None` when it leads nowhere.
    fn heading_deg(&self) -> Option<f64> {
        let (east, north) = match (self.from, self.to) {
            (Pos::Geo { lat, lon }, Pos::Geo { lat: lat2, lon: lon2 }) => {
                ((lon2 - lon) * f64::midpoint(lat, lat2).to_radians().cos(), lat2 - lat)
            }
            (Pos::Plane { x, y }, Pos::Plane { x: x2, y: y2 }) => (x2 - x, y2 - y),
            (Pos::Geo { .. }, Pos::Plane { .. }) | (Pos::Plane { .. }, Pos::Geo { .. }) => return None,
        };
        (east != 0.0 || north != 0.0).then(|| east.atan2(north).to_degrees().round().rem_euclid(360.0))
    }
}

/// A rider of the drill.
#[derive(Debug)]
pub(crate) struct Courier {
    /// Place of the home center among the days.
    pub home: usize,
    pub home_id: CenterId,
    pub shift: Shift,
    /// Another center that may use this rider: its place among the days.
    pub lent_to: Option<usize>,
    /// Deliveries to carry, the present one first: places among the tracks.
    pub queue: VecDeque<usize>,
    /// The delivery on whose way the rider is.
    pub under_way: Option<usize>,
    /// Deliveries carried that are not the drill's.
    pub others: u32,
    pub leg: Leg,
    heading_deg: f64,
}

/// Still reports riders for this long after their shift, so that everybody sees them leave.
const LEAVING_MS: i64 = 120_000;

impl Courier {
    /// A rider who has not begun.
    pub fn new(home: usize, home_id: CenterId, shift: Shift, lent_to: Option<usize>) -> Self {
        let leg = Leg::rest(shift.pos);
        Self {
            home,
            home_id,
            shift,
            lent_to,
            queue: VecDeque::new(),
            under_way: None,
            others: 0,
            leg,
            heading_deg: 0.0,
        }
    }

    /// Sets off on another leg.
    pub fn go(&mut self, leg: Leg) {
        self.heading_deg = leg.heading_deg().unwrap_or(self.heading_deg);
        self.leg = leg;
    }

    /// Stops where the rider is.
    pub fn stop(&mut self, now: UtcMillis) {
        self.leg = Leg::rest(self.leg.pos(now));
    }

    /// On shift, with nothing to carry.
    pub fn is_free(&self, now: UtcMillis) -> bool {
        self.load() == 0 && self.on_shift(now)
    }

    fn on_shift(&self, now: UtcMillis) -> bool {
        self.shift.on_at <= now && now < self.shift.off_at
    }

    fn load(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX).saturating_add(self.others)
    }

    fn status(&self, now: UtcMillis) -> RiderStatus {
        match (self.load(), self.on_shift(now)) {
            (0, true) => RiderStatus::Idle,
            (0, false) => RiderStatus::Off,
            (1.., _) => RiderStatus::Busy,
        }
    }

    /// As a position report; `None` when off for longer than a moment.
    pub fn reported(&self, now: UtcMillis) -> Option<RiderPos> {
        let status = self.status(now);
        let leaving = now >= self.shift.off_at && now < self.shift.off_at.plus_ms(LEAVING_MS);
        (status != RiderStatus::Off || leaving).then(|| RiderPos {
            id: self.shift.id.clone(),
            pos: self.leg.pos(now),
            heading_deg: self.heading_deg,
            status,
            seen_at: now,
        })
    }

    /// As listed to a center.
    pub fn listed(&self, now: UtcMillis) -> Rider {
        let status = self.status(now);
        let here = status != RiderStatus::Off;
        Rider {
            id: self.shift.id.clone(),
            name: self.shift.name.clone(),
            phone: self.shift.phone.clone(),
            home: self.home_id.clone(),
            status,
            pos: here.then(|| self.leg.pos(now)),
            seen_at: here.then_some(now),
            load: self.load(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_ridden_at_an_even_pace() {
        let plane = |x, y| Pos::Plane { x, y };
        let leg = Leg {
            from: plane(0.0, 0.0),
            to: plane(100.0, 0.0),
            leaves_at: UtcMillis(1_000),
            arrives_at: UtcMillis(2_000),
        };
        for (now, x) in [(0, 0.0), (1_000, 0.0), (1_250, 25.0), (2_000, 100.0), (9_000, 100.0)] {
            assert_eq!(leg.pos(UtcMillis(now)), plane(x, 0.0), "at {now}");
        }
        assert_eq!(Leg::rest(plane(3.0, 4.0)).pos(UtcMillis(-5)), plane(3.0, 4.0));
    }

    #[test]
    fn headings_go_clockwise_from_north() {
        for (x, y, heading) in [(0.0, 1.0, 0.0), (1.0, 0.0, 90.0), (0.0, -1.0, 180.0), (-1.0, 0.0, 270.0)] {
            let leg = Leg { to: Pos::Plane { x, y }, ..Leg::rest(Pos::Plane { x: 0.0, y: 0.0 }) };
            assert_eq!(leg.heading_deg(), Some(heading));
        }
    }
}
