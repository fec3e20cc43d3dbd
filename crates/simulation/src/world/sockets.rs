//! Texts between a seat and a node: what is lost, doubled, late or spoilt on the way, and what the node makes of them.

use super::{Event, World, namespace};
use crate::fault::Fault;
use crate::network::{BUFFER_PACKETS, Follower, SMALL_BUFFER_PACKETS};
use crate::plan::Garble;
use crate::seat::Arrival;
use crate::tag::Tag;
use gwanje_model::{CenterId, Rev};
use gwanje_sync::{SocketEvent, SocketId};
use gwanje_wire::sio::{Handshake, Packet, Transport};
use gwanje_wire::socket::{HEAD_INTERVAL_MS, PING_INTERVAL_MS, PING_TIMEOUT_MS};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Only a node of a newer version writes this field.
const NEWER: &str = "\"newer\":";

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
    Head(&'a CenterId),
    Alarm,
    Control,
}

impl<'a> Kind<'a> {
    /// The center whose history the text tells of.
    fn history(self) -> Option<&'a CenterId> {
        match self {
            Kind::Frame(center) | Kind::Head(center) => Some(center),
            Kind::Alarm | Kind::Control => None,
        }
    }
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
            return self.deliver(id, away, cut, vec![Tag::By(Fault::ReconnectStorm)]);
        }
        if !self.accepts_sockets(node) {
            if self.flaps() && self.is_held(id) {
                self.inject(Fault::SocketsFlap);
            }
            return self.close_from_hub(id, "refused");
        }
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.hub_open = true;
        }
        self.deliver(id, SocketEvent::Opened, cut, Vec::new());
        let handshake = Handshake {
            sid: format!("e{id}"),
            ping_interval: PING_INTERVAL_MS,
            ping_timeout: PING_TIMEOUT_MS,
            max_payload: 1_000_000,
        };
        self.send(id, &Transport::Open(handshake).to_text(), Kind::Control);
        self.after(PING_INTERVAL_MS, Event::Ping(id));
    }

    /// Whether sockets are refused just now.
    fn flaps(&self) -> bool {
        let (until, flap_ms) = self.sockets_refused;
        until > self.now && (flap_ms == 0 || ((until - self.now) / flap_ms).is_multiple_of(2))
    }

    fn accepts_sockets(&self, node: usize) -> bool {
        let stormy = self.storm.0 > self.now;
        !self.flaps() && !stormy && self.nodes.get(node).is_some_and(|node| node.down_until <= self.now)
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

    /// Closes a connection from the node's side. The client hears of it unless the line says otherwise.
    pub(super) fn close_from_hub(&mut self, id: u64, why: &str) {
        self.hub_end_gone(id);
        let cut = self
            .conns
            .get(&id)
            .and_then(|conn| self.seats.get(conn.seat))
            .map_or(0, |s| s.line.cut_down_until);
        self.deliver(id, SocketEvent::Closed(why.to_owned()), cut, Vec::new());
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
        let free = (self.now + ms + slow).max(conn.last_up_ms);
        let at = free.max(blocked);
        conn.last_up_ms = at;
        let is_joined = conn.hub_open && !conn.centers.is_empty();
        if at > free && is_joined {
            self.held_back(index);
        }
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
                let node = self.conns.get(&id).map_or(0, |conn| conn.node);
                let joined = if self.is_store_away(node) {
                    Err(json!({ "code": "unavailable" }))
                } else {
                    self.hub.join(id, namespace, &auth, at)
                };
                match joined {
                    Ok(who) => {
                        let center = who.center.clone();
                        let follower = Follower {
                            who,
                            subscribed: false,
                            told: Rev::ZERO,
                            behind_since: None,
                            lost: false,
                        };
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
        let mut answer = if self.is_store_away(node) {
            json!({ "ok": false, "code": "unavailable" })
        } else {
            self.hub.use_node(node);
            self.hub.look(center);
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
        }
        let mut tags = match answer.get("resync").and_then(Value::as_str) {
            Some("floor") => vec![Tag::By(Fault::UnderFloor), Tag::Resync(center.clone())],
            Some("epoch") => vec![Tag::Resync(center.clone())],
            Some(_) | None => Vec::new(),
        };
        let board = self.hub.board(center);
        tags.extend(board.map(|board| Tag::Tells(center.clone(), board.standing().epoch.clone())));
        let data = raw(&answer);
        let text = Packet::Ack { namespace: &namespace(center), id: ack, data: &data }.to_text();
        self.send_tagged(id, &text, Kind::Control, tags);
    }

    /// Sends a text to a client, as far as its buffer and the faults of its line let it.
    pub(super) fn send(&mut self, id: u64, text: &str, kind: Kind<'_>) -> Sent {
        self.send_tagged(id, text, kind, Vec::new())
    }

    fn send_tagged(&mut self, id: u64, text: &str, kind: Kind<'_>, mut tags: Vec<Tag>) -> Sent {
        let now = self.now;
        let is_held = self.is_held(id);
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.hub_open) else { return Sent::Gone };
        let Some(seat) = self.seats.get_mut(conn.seat) else { return Sent::Gone };
        let small = seat.line.small_buffer_until > now;
        if conn.in_flight >= if small { SMALL_BUFFER_PACKETS } else { BUFFER_PACKETS } {
            // Counts the fault once, however often the send is tried again.
            if !std::mem::replace(&mut conn.full, true) && is_held {
                self.inject(Fault::FullBuffer);
            }
            return Sent::Full;
        }
        conn.full = false;
        let cut = seat.line.cut_down_until;
        let line = &mut seat.line;
        if let Kind::Frame(center) = kind {
            let is_last = line.drop_last.as_ref() == Some(center);
            if is_last || line.drop_events > 0 {
                if is_last {
                    line.drop_last = None;
                } else {
                    line.drop_events -= 1;
                    line.disturbed_ms = now;
                }
                if let Some(follower) = conn.centers.get_mut(center) {
                    follower.lost = true;
                }
                return Sent::Yes;
            }
        }
        let epoch = kind
            .history()
            .and_then(|center| Some((center, self.hub.board(center)?.standing().epoch.clone())));
        if let Some((center, epoch)) = &epoch {
            tags.push(Tag::Tells(CenterId::clone(center), epoch.clone()));
        }
        if self.two_versions && text.contains(NEWER) {
            tags.push(Tag::By(Fault::TwoVersions));
        }
        if kind != Kind::Control {
            if line.late.0 > 0 {
                line.late.0 -= 1;
                line.disturbed_ms = now;
                tags.push(Tag::Late(conn.sent));
                tags.extend(epoch.map(|(center, epoch)| Tag::OldEpoch(center.clone(), epoch)));
                let by = line.late.1;
                self.deliver_late(id, text, by, tags);
                return Sent::Yes;
            }
            if let Some((how, count)) = line.garble {
                line.garble = (count > 1).then_some((how, count - 1));
                line.disturbed_ms = now;
                // Each session of the connection may have lost something.
                seat.told.spoilt += u64::try_from(conn.centers.len()).unwrap_or(1);
                self.deliver_spoilt(id, text, how, cut, tags);
                return Sent::Yes;
            }
            if let Some(follower) = kind.history().and_then(|center| conn.centers.get_mut(center))
                && std::mem::take(&mut follower.lost)
            {
                // What reveals the loss tells its kind: another frame, or a head in the silence.
                let is_frame = matches!(kind, Kind::Frame(_));
                tags.push(Tag::By(if is_frame { Fault::DropEvent } else { Fault::DropLast }));
            }
            if line.duplicate > 0 {
                line.duplicate -= 1;
                let first = std::mem::replace(&mut tags, vec![Tag::By(Fault::Duplicate)]);
                self.deliver(id, SocketEvent::Text(text.to_owned()), cut, first);
            }
        }
        self.deliver(id, SocketEvent::Text(text.to_owned()), cut, tags);
        Sent::Yes
    }

    /// Puts an event on its way to a client.
    fn deliver(&mut self, id: u64, event: SocketEvent, not_before: u64, tags: Vec<Tag>) {
        let ms = self.draw(1, 30);
        let now = self.now;
        let is_held = self.is_held(id);
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.forgotten) else { return };
        let (seat, life) = (conn.seat, conn.life);
        let slow = self.seats.get(seat).map_or((0, 0), |seat| seat.line.slow);
        let slow = if slow.0 > now { slow.1 } else { 0 };
        // Keeps the order in which they were sent.
        let free = (now + ms + slow).max(conn.last_down_ms);
        let at = free.max(not_before);
        conn.last_down_ms = at;
        let is_text = matches!(event, SocketEvent::Text(_));
        conn.in_flight += usize::from(is_text || matches!(event, SocketEvent::Unreadable));
        conn.sent += u64::from(is_text);
        if at > free && is_held && is_text && !conn.centers.is_empty() {
            self.held_back(seat);
        }
        self.at_ms(at, Event::Arrives { seat, life, arrival: Arrival::Socket(id, event, tags) });
    }

    /// A cut has kept something from a connection that was in use.
    fn held_back(&mut self, index: usize) {
        let line = self.seats.get_mut(index).map(|seat| &mut seat.line);
        if line.is_some_and(|line| std::mem::take(&mut line.cut_idle)) {
            self.inject(Fault::HalfOpen);
        }
    }

    fn deliver_late(&mut self, id: u64, text: &str, by_ms: u64, tags: Vec<Tag>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.in_flight += 1;
        let (seat, life) = (conn.seat, conn.life);
        let arrival = Arrival::Socket(id, SocketEvent::Text(text.to_owned()), tags);
        self.after(by_ms, Event::Arrives { seat, life, arrival });
    }

    fn deliver_spoilt(&mut self, id: u64, text: &str, how: Garble, cut: u64, told: Vec<Tag>) {
        let tags = vec![Tag::By(Fault::Garbled)];
        match how {
            Garble::Truncated => {
                let half = text.chars().take(text.chars().count() / 2).collect();
                self.deliver(id, SocketEvent::Text(half), cut, tags);
            }
            Garble::Nonsense => {
                // What was read past its own end.
                let text = text.replacen("\"from\":", "\"from\":9", 1).replacen("\"rev\":", "\"rev\":\"x", 1);
                self.deliver(id, SocketEvent::Text(text), cut, tags);
            }
            Garble::Oversized => {
                self.deliver(id, SocketEvent::Unreadable, cut, tags);
            }
            Garble::Unknown => {
                let center = self.conns.get(&id).and_then(|conn| conn.centers.keys().next().cloned());
                let name = center.map_or_else(|| "/".to_owned(), |center| namespace(&center));
                let unknown = format!("42{name},[\"fleet:weather\",{{\"sky\":\"rain\"}},7]");
                self.deliver(id, SocketEvent::Text(unknown), cut, tags);
                self.deliver(id, SocketEvent::Text(text.to_owned()), cut, told);
            }
        }
    }

    /// How long a client may go without a head before it counts as remarkable, milliseconds.
    pub(super) const fn two_heads_ms() -> u64 {
        2 * HEAD_INTERVAL_MS
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
