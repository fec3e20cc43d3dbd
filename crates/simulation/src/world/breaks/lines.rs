//! What breaks a seat's connections: a frame lost before a silence, cuts that nobody tells of, refusals, a socket given
//! up.

use super::super::planted::Planted;
use super::super::{Event, World};
use crate::fault::Fault;
use crate::plan::{Break, Way, Work};
use gwanje_sync::{Input, SocketEvent};

/// A silent cut is noticed within this many milliseconds: a ping's interval, its time-out, and what rounding adds.
const SILENCE_MS: u64 = 7_050;

impl World {
    /// Cuts everybody's connections from the hub's side.
    pub(in crate::world) fn cut_all(&mut self, why: &str) {
        let open: Vec<u64> = self.conns.iter().filter(|(_, conn)| conn.hub_open).map(|(id, _)| *id).collect();
        open.into_iter().for_each(|id| self.close_from_hub(id, why));
    }

    pub(super) fn drop_last(&mut self, seat: usize, center: usize) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        if !self.is_calm(index, &center) {
            return;
        }
        self.line(index, |line| line.drop_last = Some(center.clone()));
        self.work(&center, Work::Note, self.now);
        // Silence: nothing else shows what was lost.
        self.hushed.insert(center.clone(), self.now + 9_000);
        let rev = self.hub.board(&center).map_or(gwanje_model::Rev::ZERO, |board| board.standing().rev);
        self.plant(Planted::lost_frame(index, center, rev, self.now));
    }

    /// Makes a seat's sockets fail at its own end.
    pub(super) fn lose_sockets(&mut self, index: usize, why: &str) {
        let Some(seat) = self.seats.get(index) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        let sockets: Vec<_> = app.sockets.iter().map(|(socket, conn)| (*socket, *conn)).collect();
        for (socket, conn) in sockets {
            let lives_on =
                seat_lives_on(self.seats.get(index).map_or(0, |seat| seat.line.old_sockets_until), self.now);
            if let Some(conn) = self.conns.get_mut(&conn) {
                conn.client_open = false;
            }
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.sockets.remove(&socket);
            }
            self.after(lives_on, Event::HungUp(conn));
            self.put(index, Input::Socket(socket, SocketEvent::Closed(why.to_owned())));
        }
    }

    pub(super) fn half_open(&mut self, seat: usize, way: Way, for_ms: u64) {
        let (index, until) = (self.seat_index(seat), self.now + for_ms);
        self.line(index, |line| match way {
            Way::Up => line.cut_up_until = until,
            Way::Down => line.cut_down_until = until,
            Way::Both => (line.cut_up_until, line.cut_down_until) = (until, until),
            Way::Forgotten => {}
        });
        self.line(index, |line| line.cut_idle = way != Way::Forgotten);
        if way == Way::Forgotten {
            let in_use = |id: &&u64| {
                self.is_held(**id)
                    && self.conns.get(id).is_some_and(|conn| conn.seat == index && !conn.centers.is_empty())
            };
            if self.conns.keys().any(|id| in_use(&id)) {
                self.inject(Fault::HalfOpen);
            }
            let of_seat = |conn: &&mut crate::network::Conn| conn.seat == index;
            self.conns.values_mut().filter(of_seat).for_each(|conn| conn.forgotten = true);
            let joined = |conn: &crate::network::Conn| conn.seat == index && !conn.centers.is_empty();
            let dead: Vec<u64> = self
                .conns
                .iter()
                .filter(|(_, conn)| joined(conn) && conn.client_open)
                .map(|(id, _)| *id)
                .collect();
            dead.into_iter().for_each(|id| self.after(SILENCE_MS, Event::KnownDead(id)));
        }
    }

    pub(super) fn flap(&mut self, for_ms: u64, flap_ms: u64, part: u32) {
        if part == 0 {
            self.sockets_refused = (self.now + for_ms, flap_ms);
        }
        let until = self.sockets_refused.0;
        if self.now >= until {
            return;
        }
        let is_cut = |(id, conn): (&u64, &crate::network::Conn)| conn.hub_open && self.is_held(*id);
        if self.conns.iter().any(is_cut) {
            self.inject(Fault::SocketsFlap);
        }
        self.cut_all("sockets are refused");
        let ms = if flap_ms == 0 { until - self.now } else { flap_ms };
        self.after(ms, Event::Then(Box::new(Break::SocketsFlap { for_ms, flap_ms }), part + 1));
    }

    /// The client takes its socket for dead; the hub goes on speaking on it.
    pub(super) fn two_sockets(&mut self, seat: usize, for_ms: u64) {
        let (index, until) = (self.seat_index(seat), self.now + for_ms);
        self.line(index, |line| line.old_sockets_until = until);
        self.lose_sockets(index, "connection reset by peer");
    }
}

fn seat_lives_on(until: u64, now: u64) -> u64 {
    until.saturating_sub(now).max(3)
}
