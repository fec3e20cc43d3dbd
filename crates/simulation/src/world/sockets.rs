//! Texts between a seat and a node: what is lost, doubled, late or spoilt on the way, and what the node makes of them.

use super::{Event, World, namespace};
use crate::fault::Fault;
use crate::network::{BUFFER_PACKETS, Follower, SMALL_BUFFER_PACKETS};
use crate::plan::Garble;
use crate::seat::Arrival;
use gwanje_model::{CenterId, Rev};
use gwanje_sync::{SocketEvent, SocketId};
use gwanje_wire::sio::{Handshake, Packet, Transport};
use gwanje_wire::socket::{HEAD_INTERVAL_MS, PING_INTERVAL_MS, PING_TIMEOUT_MS};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What became of a text on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    Full,
    Gone,
}

/// What a text is, for the faults that ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Frame(&'a CenterId),
    Head,
    Alarm,
    Control,
}

impl World {
    /// A connection reaches its node.
    pub(super) fn dialled(&mut self, id: u64) {
        let Some(conn) = self.conns.get(&id) else { return };
        let (seat, node) = (conn.seat, conn.node);
        let cut = self.seats.get(seat).map_or(0, |seat| seat.line.cut_up_until.max(seat.line.cut_down_until));
        if self.storm.0 > self.now && self.nodes.get(node).is_some_and(|node| node.down_until <= self.now) {
            let reason = format!("status {}", self.storm.1);
            let away = SocketEvent::TurnedAway { reason, retry_after_s: Some(1 + self.now % 3) };
            return self.deliver(id, away, cut);
        }
        if !self.accepts_sockets(node) {
            return self.close_from_hub(id, "refused");
        }
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.hub_open = true;
        }
        self.deliver(id, SocketEvent::Opened, cut);
        let handshake = Handshake {
            sid: format!("e{id}"),
            ping_interval: PING_INTERVAL_MS,
            ping_timeout: PING_TIMEOUT_MS,
            max_payload: 1_000_000,
        };
        self.send(id, &Transport::Open(handshake).to_text(), Kind::Control);
        self.after(PING_INTERVAL_MS, Event::Ping(id));
    }

    fn accepts_sockets(&self, node: usize) -> bool {
        let (until, flap_ms) = self.sockets_refused;
        let refused = until > self.now && (flap_ms == 0 || ((until - self.now) / flap_ms).is_multiple_of(2));
        let stormy = self.storm.0 > self.now;
        !refused && !stormy && self.nodes.get(node).is_some_and(|node| node.down_until <= self.now)
    }

    pub(super) fn ping(&mut self, id: u64) {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.hub_open) else { return };
        conn.ponged = false;
        if self.send(id, "2", Kind::Control) == Sent::Full {
            return self.close_from_hub(id, "ping found no room");
        }
        self.after(PING_TIMEOUT_MS, Event::PongDue(id));
        self.after(PING_INTERVAL_MS, Event::Ping(id));
    }

    pub(super) fn pong_due(&mut self, id: u64) {
        if self.conns.get(&id).is_some_and(|conn| conn.hub_open && !conn.ponged) {
            self.close_from_hub(id, "ping timeout");
        }
    }

    /// The node closes a connection, and the client hears of it unless the line says otherwise.
    pub(super) fn close_from_hub(&mut self, id: u64, why: &str) {
        self.hub_end_gone(id);
        let cut = self
            .conns
            .get(&id)
            .and_then(|conn| self.seats.get(conn.seat))
            .map_or(0, |s| s.line.cut_down_until);
        self.deliver(id, SocketEvent::Closed(why.to_owned()), cut);
    }

    /// The hub's end of a connection is gone.
    pub(super) fn hub_end_gone(&mut self, id: u64) {
        let at = self.at();
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if std::mem::take(&mut conn.hub_open) {
            conn.centers.clear();
            self.hub.connection_ended(id, at);
        }
    }

    /// A client gives a socket up.
    pub(super) fn close(&mut self, index: usize, socket: SocketId) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(id) = seat.app.as_mut().and_then(|app| app.sockets.remove(&socket)) else { return };
        let lives_on = seat.line.old_sockets_until.max(seat.line.cut_up_until);
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.client_open = false;
        }
        let ms = self.draw(1, 30);
        self.at_ms((self.now + ms).max(lives_on), Event::HungUp(id));
    }

    /// A client sends a text.
    pub(super) fn say(&mut self, index: usize, socket: SocketId, text: String) {
        let ms = self.draw(1, 30);
        let Some(seat) = self.seats.get(index) else { return };
        let Some(id) = seat.app.as_ref().and_then(|app| app.sockets.get(&socket)).copied() else { return };
        let slow = if seat.line.slow.0 > self.now { seat.line.slow.1 } else { 0 };
        let blocked = seat.line.cut_up_until;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.forgotten) else { return };
        let at = (self.now + ms + slow).max(blocked).max(conn.last_up_ms);
        conn.last_up_ms = at;
        self.at_ms(at, Event::Says(id, text));
    }

    /// A node hears a client's text.
    pub(super) fn hears(&mut self, id: u64, text: &str) {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.hub_open && !conn.forgotten) else {
            return;
        };
        match Transport::parse(text) {
            Ok(Transport::Pong(_)) => conn.ponged = true,
            Ok(Transport::Message(payload)) => {
                if let Ok(packet) = Packet::parse(payload) {
                    self.packet(id, packet);
                }
            }
            Ok(
                Transport::Open(_)
                | Transport::Close
                | Transport::Ping(_)
                | Transport::Upgrade
                | Transport::Noop,
            )
            | Err(_) => {}
        }
    }

    fn packet(&mut self, id: u64, packet: Packet<'_>) {
        let at = self.at();
        match packet {
            Packet::Connect { namespace, data } => {
                let auth = data.and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or(Value::Null);
                let joined = if self.store_down_until > self.now {
                    Err(json!({ "code": "unavailable" }))
                } else {
                    self.hub.join(id, namespace, &auth, at)
                };
                match joined {
                    Ok(who) => {
                        let center = who.center.clone();
                        let follower =
                            Follower { who, subscribed: false, told: Rev::ZERO, behind_since: None };
                        if let Some(conn) = self.conns.get_mut(&id) {
                            conn.centers.insert(center, follower);
                        }
                        let sid = raw(&json!({ "sid": format!("s{id}") }));
                        self.send(
                            id,
                            &Packet::Connect { namespace, data: Some(&sid) }.to_text(),
                            Kind::Control,
                        );
                    }
                    Err(refusal) => {
                        let data = raw(&refusal);
                        self.send(
                            id,
                            &Packet::ConnectError { namespace, data: &data }.to_text(),
                            Kind::Control,
                        );
                    }
                }
            }
            Packet::Event { namespace, ack: Some(ack), name, data } => {
                let center = CenterId::from(namespace.strip_prefix("/center/").unwrap_or_default());
                let Ok(data) = serde_json::from_str::<Value>(data.get()) else { return };
                if name == "subscribe" {
                    self.subscribe(id, &center, ack, &data);
                }
            }
            Packet::Disconnect { namespace } => {
                let center = CenterId::from(namespace.strip_prefix("/center/").unwrap_or_default());
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.centers.remove(&center);
                }
            }
            Packet::Event { ack: None, .. } | Packet::Ack { .. } | Packet::ConnectError { .. } => {}
        }
    }

    fn subscribe(&mut self, id: u64, center: &CenterId, ack: u64, body: &Value) {
        let at = self.at();
        let Some(conn) = self.conns.get(&id) else { return };
        let (node, seat) = (conn.node, conn.seat);
        let Some(who) = conn.centers.get(center).map(|follower| follower.who.clone()) else { return };
        let mut answer = if self.store_down_until > self.now {
            json!({ "ok": false, "code": "unavailable" })
        } else {
            let told = self.follow(node, center);
            if let Some(follower) = self.conns.get_mut(&id).and_then(|conn| conn.centers.get_mut(center)) {
                if !follower.subscribed {
                    follower.told = told;
                }
                follower.subscribed = true;
            }
            self.hub.subscribe(&who, body, at)
        };
        self.note_resync(seat, center, &answer);
        if self.is_newer(node) {
            super::rest::dress(&mut answer);
            self.inject(Fault::TwoVersions);
        }
        let data = raw(&answer);
        let text = Packet::Ack { namespace: &namespace(center), id: ack, data: &data }.to_text();
        self.send(id, &text, Kind::Control);
    }

    /// Sends a text to a client, as far as its buffer and the faults of its line let it.
    pub(super) fn send(&mut self, id: u64, text: &str, kind: Kind<'_>) -> Sent {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.hub_open) else { return Sent::Gone };
        let Some(seat) = self.seats.get_mut(conn.seat) else { return Sent::Gone };
        let small = seat.line.small_buffer_until > now;
        if conn.in_flight >= if small { SMALL_BUFFER_PACKETS } else { BUFFER_PACKETS } {
            if small || seat.frozen_until > now {
                self.inject(Fault::FullBuffer);
            }
            return Sent::Full;
        }
        let cut = seat.line.cut_down_until;
        let line = &mut seat.line;
        if let Kind::Frame(center) = kind {
            if line.drop_last.as_ref() == Some(center) {
                line.drop_last = None;
                self.inject(Fault::DropLast);
                return Sent::Yes;
            }
            if line.drop_events > 0 {
                line.drop_events -= 1;
                line.disturbed_ms = now;
                self.inject(Fault::DropEvent);
                return Sent::Yes;
            }
        }
        if kind != Kind::Control {
            if line.late.0 > 0 {
                line.late.0 -= 1;
                line.disturbed_ms = now;
                let by = line.late.1;
                self.inject(Fault::Reorder);
                self.deliver_late(id, text, by);
                return Sent::Yes;
            }
            if let Some((how, count)) = line.garble {
                line.garble = (count > 1).then_some((how, count - 1));
                line.disturbed_ms = now;
                seat.told.spoilt = true;
                self.inject(Fault::Garbled);
                self.deliver_spoilt(id, text, how, cut);
                return Sent::Yes;
            }
            if line.duplicate > 0 {
                line.duplicate -= 1;
                self.inject(Fault::Duplicate);
                self.deliver(id, SocketEvent::Text(text.to_owned()), cut);
            }
        }
        self.deliver(id, SocketEvent::Text(text.to_owned()), cut);
        Sent::Yes
    }

    /// Puts an event on its way to a client.
    fn deliver(&mut self, id: u64, event: SocketEvent, not_before: u64) {
        let ms = self.draw(1, 30);
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.forgotten) else { return };
        let (seat, life) = (conn.seat, conn.life);
        let slow = self.seats.get(seat).map_or((0, 0), |seat| seat.line.slow);
        let slow = if slow.0 > now { slow.1 } else { 0 };
        // In the order in which they were sent.
        let at = (now + ms + slow).max(not_before).max(conn.last_down_ms);
        conn.last_down_ms = at;
        conn.in_flight += usize::from(matches!(event, SocketEvent::Text(_) | SocketEvent::Unreadable));
        self.at_ms(at, Event::Arrives { seat, life, arrival: Arrival::Socket(id, event) });
    }

    fn deliver_late(&mut self, id: u64, text: &str, by_ms: u64) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.in_flight += 1;
        let (seat, life) = (conn.seat, conn.life);
        let arrival = Arrival::Socket(id, SocketEvent::Text(text.to_owned()));
        self.after(by_ms, Event::Arrives { seat, life, arrival });
    }

    fn deliver_spoilt(&mut self, id: u64, text: &str, how: Garble, cut: u64) {
        match how {
            Garble::Truncated => {
                let half = text.chars().take(text.chars().count() / 2).collect();
                self.deliver(id, SocketEvent::Text(half), cut);
            }
            Garble::Nonsense => {
                // What was read past its own end.
                let text = text.replacen("\"from\":", "\"from\":9", 1).replacen("\"rev\":", "\"rev\":\"x", 1);
                self.deliver(id, SocketEvent::Text(text), cut);
            }
            Garble::Oversized => {
                self.deliver(id, SocketEvent::Unreadable, cut);
            }
            Garble::Unknown => {
                let center = self.conns.get(&id).and_then(|conn| conn.centers.keys().next().cloned());
                let name = center.map_or_else(|| "/".to_owned(), |center| namespace(&center));
                let unknown = format!("42{name},[\"fleet:weather\",{{\"sky\":\"rain\"}},7]");
                self.deliver(id, SocketEvent::Text(unknown), cut);
                self.deliver(id, SocketEvent::Text(text.to_owned()), cut);
            }
        }
    }

    /// How long a client may go without a head before that is remarkable, milliseconds.
    pub(super) const fn two_heads_ms() -> u64 {
        2 * HEAD_INTERVAL_MS
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
