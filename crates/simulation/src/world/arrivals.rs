//! What comes to an app from outside: at once, or when it thaws.

use super::World;
use crate::fault::Fault;
use crate::seat::{Arrival, Reach};
use crate::tag::Tag;
use gwanje_sync::{Input, SocketEvent};

impl World {
    /// Something comes to an app: at once, or when it thaws.
    pub(super) fn arrives(&mut self, index: usize, life: u32, arrival: Arrival) {
        if !self.is_life(index, life) {
            return;
        }
        let Some(seat) = self.seats.get_mut(index) else { return };
        if seat.frozen_until > self.now || !seat.deferred.is_empty() {
            let is_text = matches!(arrival, Arrival::Socket(_, SocketEvent::Text(_), _));
            seat.deferred.push_back(arrival);
            if is_text && seat.frozen_by.take_if(|by| *by == Fault::StopsReading).is_some() {
                self.inject(Fault::StopsReading);
            }
            return;
        }
        self.take_in(index, arrival);
    }

    /// An app goes on where it stopped.
    pub(super) fn thaw(&mut self, index: usize) {
        if self.seats.get(index).is_none_or(|seat| seat.frozen_until > self.now) {
            return;
        }
        let slept = self.seats.get_mut(index).and_then(|seat| seat.frozen_by.take());
        if slept == Some(Fault::Clock) && self.is_running(index) {
            self.inject(Fault::Clock);
        }
        self.thread_soon(index, 1);
        // After a sleep, a core first hears what waits at its sockets, or that time has passed.
        while let Some(arrival) = self.seats.get_mut(index).and_then(|seat| seat.deferred.pop_front()) {
            self.take_in(index, arrival);
        }
        self.put(index, Input::Tick);
    }

    fn take_in(&mut self, index: usize, arrival: Arrival) {
        match arrival {
            Arrival::Socket(id, event, tags) => {
                let is_held = self.is_held(id);
                let Some(conn) = self.conns.get_mut(&id) else { return };
                let (socket, taken) = (conn.socket, conn.taken);
                match &event {
                    SocketEvent::Text(text) => {
                        conn.in_flight = conn.in_flight.saturating_sub(1);
                        if conn.forgotten {
                            return;
                        }
                        let is_late = tags.iter().any(|tag| matches!(tag, Tag::Late(_)));
                        conn.taken += u64::from(!is_late);
                        let is_old = !conn.client_open;
                        if text.starts_with("42") || text.starts_with("43") {
                            self.heard_a_head(index, text);
                        }
                        if is_old && self.has_open_socket(index) {
                            self.inject(Fault::TwoSockets);
                        }
                    }
                    SocketEvent::Closed(_) | SocketEvent::TurnedAway { .. } => {
                        conn.client_open = false;
                        if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                            app.sockets.remove(&socket);
                        }
                    }
                    SocketEvent::Unreadable => conn.in_flight = conn.in_flight.saturating_sub(1),
                    SocketEvent::Opened => {}
                }
                if is_held {
                    self.note(index, taken, &tags);
                }
                self.put(index, Input::Socket(socket, event));
            }
            Arrival::Http(id, result, tags) => {
                let app = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut());
                let Some(app) = app.filter(|app| app.requests.contains(&id)) else { return };
                app.requests.remove(&id);
                if result.is_ok() {
                    app.reach = Reach::Something;
                }
                self.note(index, 0, &tags);
                let about =
                    tags.iter().find_map(|tag| if let Tag::Word(center) = tag { Some(center) } else { None });
                if let (Some(center), Ok(response)) = (about, &result) {
                    self.heard_of(index, center, &String::from_utf8_lossy(&response.body));
                }
                self.put(index, Input::Http(id, result));
            }
        }
    }

    /// Whether a connection of an app is open at both ends.
    fn has_open_socket(&self, index: usize) -> bool {
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        let mut conns =
            app.into_iter().flat_map(|app| app.sockets.values()).filter_map(|id| self.conns.get(id));
        conns.any(|conn| conn.hub_open && conn.client_open)
    }
}
