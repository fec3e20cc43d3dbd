//! Nodes. Each center has one emitter, which turns commits into contiguous frames and proves them with heads. A node
//! also looks after those who are behind.

use super::sockets::{Kind, Sent};
use super::{Event, World, namespace};
use crate::fault::Fault;
use crate::hub::Signal;
use gwanje_model::{CenterId, Rev};
use gwanje_wire::sio::event;
use gwanje_wire::socket::HEAD_INTERVAL_MS;
use serde::Serialize;
use std::collections::BTreeMap;

/// Between two frames of a center, milliseconds, from the wire contract.
const FRAME_MS: u64 = 20;
/// Milliseconds between two looks at those who are behind.
const BEHIND_EVERY_MS: u64 = 100;
/// How long a follower may be behind, milliseconds.
const BEHIND_MAX_MS: u64 = 5_000;
/// Waits this long after a failed read of the store, milliseconds.
const RETRY_MS: u64 = 500;

/// A node of the hub.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) down_until: u64,
    /// Until then it learns of commits only by its heads.
    pub(crate) deaf_until: u64,
    /// Until then it neither hears signals nor is it heard.
    pub(crate) cut_signals_until: u64,
    /// Until then it does not reach the store.
    pub(crate) cut_store_until: u64,
    /// Until when it hears late, and by how many milliseconds.
    pub(crate) lags: (u64, u64),
    /// How many of the next signals are lost, and how many come twice.
    pub(crate) loses: u32,
    pub(crate) doubles: u32,
    /// The next two signals change places; the first of them, once it has come.
    pub(crate) swaps_signals: bool,
    pub(crate) first: Option<Box<Signal>>,
    /// Until then it is of a newer version.
    pub(crate) newer_until: u64,
    /// It dies after telling half of this center's followers of the next frame, for this long.
    pub(crate) dies_at_frame: Option<(CenterId, u64)>,
    /// Its next two frames of this center change places.
    pub(crate) swaps: Option<CenterId>,
    pub(super) emitters: BTreeMap<CenterId, Emitter>,
}

impl Node {
    /// Whether it runs, hears and reaches the store.
    pub(super) fn is_well(&self, now: u64) -> bool {
        let until = [self.down_until, self.cut_signals_until, self.cut_store_until, self.lags.0];
        until.into_iter().all(|until| until <= now) && self.loses == 0 && self.first.is_none()
    }
}

/// Tells the followers of one center at one node.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    emitted: Rev,
    alarms_told: u64,
    next_frame: u64,
    flush_at: Option<u64>,
    beats: bool,
    looks_behind: bool,
    /// A frame held back until its successor has gone out.
    held: Option<String>,
    /// The fault that kept a commit from the node, until the node learns of it.
    pub(super) missed: Option<Fault>,
}

impl World {
    pub(super) fn is_newer(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| node.newer_until > self.now)
    }

    /// A node knows more of a center: it flushes if anybody follows.
    pub(super) fn wake_node(&mut self, node: usize, center: &CenterId) {
        if !self.followers(node, center).is_empty() {
            self.flush_soon(node, center);
        }
    }

    fn flush_soon(&mut self, node: usize, center: &CenterId) {
        let now = self.now;
        let Some(emitter) =
            self.nodes.get_mut(node).map(|node| node.emitters.entry(center.clone()).or_default())
        else {
            return;
        };
        if emitter.flush_at.is_none_or(|at| at < now) {
            let at = now.max(emitter.next_frame);
            emitter.flush_at = Some(at);
            self.at_ms(at, Event::Flush(node, center.clone()));
        }
    }

    /// The connections that follow a center at a node.
    pub(super) fn followers(&self, node: usize, center: &CenterId) -> Vec<u64> {
        let follows = self.conns.iter().filter(|(_, conn)| {
            conn.node == node && conn.hub_open && conn.centers.get(center).is_some_and(|f| f.subscribed)
        });
        follows.map(|(id, _)| *id).collect()
    }

    /// Somebody follows a center from now on; returns the revision from which frames come.
    pub(super) fn follow(&mut self, node: usize, center: &CenterId) -> Rev {
        let first = self.followers(node, center).is_empty();
        let (rev, seq) = self.known(node, center);
        let Some(at) = self.nodes.get_mut(node) else { return rev };
        let emitter = at.emitters.entry(center.clone()).or_default();
        if first {
            emitter.emitted = rev;
            emitter.alarms_told = seq;
            emitter.held = None;
        }
        let told = emitter.emitted;
        if !std::mem::replace(&mut emitter.beats, true) {
            self.after(HEAD_INTERVAL_MS, Event::Beat(node, center.clone()));
        }
        told
    }

    /// Sends one frame of what was committed since the last, and the alarms.
    pub(super) fn flush(&mut self, node: usize, center: &CenterId) {
        let now = self.now;
        let Some(at) = self.nodes.get_mut(node) else { return };
        let down = at.down_until > now;
        let Some(emitter) = at.emitters.get_mut(center) else { return };
        emitter.flush_at = None;
        let followers = self.followers(node, center);
        if down || followers.is_empty() {
            return;
        }
        if self.is_store_away(node) {
            self.store_missed(&followers);
            if let Some(emitter) = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center)) {
                emitter.next_frame = now + RETRY_MS;
            }
            return self.flush_soon(node, center);
        }
        self.frame(node, center, &followers);
        self.alarms(node, center, &followers);
        if self.emitted(node, center) < self.known(node, center).0 {
            self.flush_soon(node, center);
        }
    }

    /// The store is away: followers are not told what they would otherwise be told.
    fn store_missed(&mut self, followers: &[u64]) {
        if followers.iter().any(|id| self.is_held(*id)) {
            let all = self.store_down_until > self.now;
            self.inject(if all { Fault::StoreRestarted } else { Fault::StoreCut });
        }
    }

    pub(super) fn emitted(&self, node: usize, center: &CenterId) -> Rev {
        let emitter = self.nodes.get(node).and_then(|node| node.emitters.get(center));
        emitter.map_or(Rev::ZERO, |emitter| emitter.emitted)
    }

    fn frame(&mut self, node: usize, center: &CenterId, followers: &[u64]) {
        let (at, from) = (self.at(), self.emitted(node, center));
        if self.known(node, center).0 <= from {
            return;
        }
        let Some(frame) = self.hub.flush(center, from, at) else {
            // No frame may start there: every follower has to come back with a cursor.
            let (rev, _) = self.known(node, center);
            if let Some(emitter) = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center)) {
                emitter.emitted = rev;
            }
            followers.iter().for_each(|id| self.close_from_hub(*id, "no frame may start here"));
            return;
        };
        let to = frame.to;
        if to == from {
            return;
        }
        let text = self.told(node, center, "deliveries", &frame);
        let now = self.now;
        let Some(here) = self.nodes.get_mut(node) else { return };
        let dies = here.dies_at_frame.take_if(|(of, _)| of == center);
        let swaps = here.swaps.as_ref() == Some(center);
        let Some(emitter) = here.emitters.get_mut(center) else { return };
        emitter.emitted = to;
        emitter.next_frame = now + FRAME_MS;
        if let Some((_, for_ms)) = dies {
            let half = followers.len().div_ceil(2);
            for id in followers.iter().take(half) {
                self.hand_frame(*id, center, from, to, &text);
            }
            let (told, untold) = followers.split_at(half);
            if told.iter().any(|id| self.is_held(*id)) && untold.iter().any(|id| self.is_held(*id)) {
                self.inject(Fault::HubKilled);
            }
            return self.kill_node(node, for_ms);
        }
        let held = emitter.held.take();
        if swaps && held.is_none() {
            emitter.held = Some(text);
            for id in followers {
                self.tell_to(*id, center, from, to);
            }
            return self.after(400, Event::ReleaseHeld(node, center.clone()));
        }
        for id in followers {
            self.hand_frame(*id, center, from, to, &text);
        }
        if let Some(held) = held {
            if let Some(here) = self.nodes.get_mut(node) {
                here.swaps = None;
            }
            let mut swapped = false;
            for id in followers {
                swapped |= self.send(*id, &held, Kind::Frame(center)) == Sent::Yes && self.is_held(*id);
            }
            if swapped {
                self.inject(Fault::SwappedOrder);
            }
        }
    }

    /// Sends a frame that was held back for its successor, which did not come.
    pub(super) fn release_held(&mut self, node: usize, center: &CenterId) {
        let emitter = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center));
        let Some(held) = emitter.and_then(|emitter| emitter.held.take()) else { return };
        for id in self.followers(node, center) {
            self.send(id, &held, Kind::Frame(center));
        }
    }

    /// Counts a follower as told, although the frame is still held back.
    fn tell_to(&mut self, id: u64, center: &CenterId, from: Rev, to: Rev) {
        let follower = self.conns.get_mut(&id).and_then(|conn| conn.centers.get_mut(center));
        if let Some(follower) = follower.filter(|f| f.told >= from && f.told < to && f.behind_since.is_none())
        {
            follower.told = to;
        }
    }

    /// Hands the frame (from, to] to a follower who lacks something of it.
    fn hand_frame(&mut self, id: u64, center: &CenterId, from: Rev, to: Rev, text: &str) {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let node = conn.node;
        let Some(follower) = conn.centers.get_mut(center) else { return };
        if follower.told >= to || follower.behind_since.is_some() {
            return;
        }
        if follower.told < from {
            follower.behind_since = Some(now);
            return self.look_at_behind(node, center);
        }
        match self.send(id, text, Kind::Frame(center)) {
            Sent::Yes => self.tell_to(id, center, from, to),
            Sent::Full => {
                if let Some(f) = self.conns.get_mut(&id).and_then(|conn| conn.centers.get_mut(center)) {
                    f.behind_since = Some(now);
                }
                self.look_at_behind(node, center);
            }
            Sent::Gone => {}
        }
    }

    fn look_at_behind(&mut self, node: usize, center: &CenterId) {
        let emitter = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center));
        if emitter.is_some_and(|emitter| !std::mem::replace(&mut emitter.looks_behind, true)) {
            self.after(BEHIND_EVERY_MS, Event::Behind(node, center.clone()));
        }
    }

    /// Feeds those behind one wider frame when there is room. Puts out those for whom it takes too long.
    pub(super) fn look_behind(&mut self, node: usize, center: &CenterId) {
        let now = self.now;
        if let Some(emitter) = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center)) {
            emitter.looks_behind = false;
        }
        let whole = self.emitted(node, center);
        let mut any = false;
        for id in self.followers(node, center) {
            let Some(conn) = self.conns.get(&id) else { continue };
            let Some(follower) = conn.centers.get(center) else { continue };
            let (Some(since), told) = (follower.behind_since, follower.told) else { continue };
            if now - since >= BEHIND_MAX_MS {
                self.close_from_hub(id, "cannot keep up");
                continue;
            }
            if self.is_store_away(node) {
                any = true;
                continue;
            }
            let at = self.at();
            self.hub.use_node(node);
            let Some(frame) = self.hub.flush(center, told, at) else {
                self.close_from_hub(id, "no frame may start here");
                continue;
            };
            let text = self.told(node, center, "deliveries", &frame);
            let sent = if frame.to == told { Sent::Yes } else { self.send(id, &text, Kind::Frame(center)) };
            let Some(follower) = self.conns.get_mut(&id).and_then(|conn| conn.centers.get_mut(center)) else {
                continue;
            };
            if sent == Sent::Yes {
                follower.told = frame.to;
                if frame.to >= whole {
                    follower.behind_since = None;
                }
            }
            any |= follower.behind_since.is_some();
        }
        if any {
            self.look_at_behind(node, center);
        }
    }

    fn alarms(&mut self, node: usize, center: &CenterId, followers: &[u64]) {
        let at = self.at();
        let told =
            self.nodes.get(node).and_then(|node| node.emitters.get(center)).map_or(0, |e| e.alarms_told);
        if self.known(node, center).1 <= told {
            return;
        }
        let alarms = self.hub.alarms_since(center, told, at);
        let latest = alarms.iter().map(|alarm| alarm.seq).max().unwrap_or(told);
        if let Some(emitter) = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center)) {
            emitter.alarms_told = latest;
        }
        for alarm in alarms {
            let text = self.told(node, center, "alarm", &alarm);
            for id in followers {
                let follower = self.conns.get(id).and_then(|conn| conn.centers.get(center));
                if follower.is_some_and(|follower| follower.behind_since.is_none()) {
                    self.send(*id, &text, Kind::Alarm);
                }
            }
        }
    }

    /// Every two seconds: flushes, then sends the head of that same revision.
    pub(super) fn beat(&mut self, node: usize, center: &CenterId) {
        let now = self.now;
        let followers = self.followers(node, center);
        let down = self.nodes.get(node).is_none_or(|node| node.down_until > now);
        if followers.is_empty() || down {
            if let Some(emitter) = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center)) {
                emitter.beats = false;
            }
            return;
        }
        if self.is_store_away(node) {
            self.store_missed(&followers);
            return self.after(RETRY_MS, Event::Beat(node, center.clone()));
        }
        self.reads_standing(node, center);
        self.frame(node, center, &followers);
        self.alarms(node, center, &followers);
        let at = self.at();
        let Some(head) = self.hub.head(center, at) else { return };
        if head.rev != self.emitted(node, center) {
            return self.after(FRAME_MS, Event::Beat(node, center.clone()));
        }
        self.after(HEAD_INTERVAL_MS, Event::Beat(node, center.clone()));
        let text = self.told(node, center, "head", &head);
        for id in self.followers(node, center) {
            let follower = self.conns.get(&id).and_then(|conn| conn.centers.get(center));
            if follower.is_some_and(|f| f.behind_since.is_none() && f.told == head.rev) {
                self.send(id, &text, Kind::Head(center));
            }
        }
    }

    /// The text of an event, in this node's version.
    fn told<T: Serialize>(&mut self, node: usize, center: &CenterId, name: &str, data: &T) -> String {
        if self.is_newer(node) {
            let mut value = serde_json::to_value(data).unwrap_or_default();
            super::rest::dress(&mut value);
            return event(&namespace(center), None, name, &value).unwrap_or_default();
        }
        event(&namespace(center), None, name, data).unwrap_or_default()
    }

    /// A node dies: its sockets are reset, and it is away for a while.
    pub(super) fn kill_node(&mut self, node: usize, for_ms: u64) {
        let now = self.now;
        self.hub.begin_node(node);
        if let Some(node) = self.nodes.get_mut(node) {
            node.down_until = now + for_ms;
            node.emitters.values_mut().for_each(|emitter| emitter.held = None);
        }
        let open: Vec<u64> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.node == node && conn.hub_open)
            .map(|(id, _)| *id)
            .collect();
        open.into_iter().for_each(|id| self.close_from_hub(id, "connection reset"));
    }

    /// Takes sockets of those who may no longer be here out of their centers.
    pub(super) fn put_out_revoked(&mut self) {
        let out: Vec<(u64, CenterId)> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.hub_open)
            .flat_map(|(id, conn)| conn.centers.values().map(move |follower| (*id, &follower.who)))
            .filter(|(_, who)| !self.hub.still_may(who))
            .map(|(id, who)| (id, who.center.clone()))
            .collect();
        for (id, center) in out {
            self.send(id, &format!("41{},", namespace(&center)), Kind::Control);
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.centers.remove(&center);
            }
        }
    }
}
