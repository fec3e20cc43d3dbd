//! What the world takes note of on the way, so that the invariants know what was right to expect.

use super::World;
use super::rest::is_command;
use crate::tag::Tag;
use gwanje_model::CenterId;
use gwanje_sync::{HttpRequest, HttpResponse};
use serde_json::Value;

/// A head in a text.
const HEAD: &str = "\"head\"";
/// A command is sent within so many milliseconds of the click, or never.
const SENT_WITHIN_MS: u64 = 30_000;

impl World {
    /// A request leaves a seat: commands are known by their key.
    pub(super) fn note_sent(&mut self, request: &HttpRequest) {
        if !is_command(request) {
            return;
        }
        let key = request.headers.iter().find(|(name, _)| *name == "idempotency-key").map(|(_, key)| key);
        let now = self.now;
        if key.is_none() {
            return; // Seen by what it does, if it does anything twice.
        }
        let Some(clicked) = key.and_then(|key| self.clicks.get_mut(key)) else {
            return self.violate('W', format!("a command goes out under a key that nobody clicked: {key:?}"));
        };
        clicked.sent_ms.get_or_insert(now);
        let (age, settled) = (now - clicked.at_ms, clicked.settled.is_some());
        let killed_since = self.seats.get(clicked.seat).is_some_and(|seat| seat.life != clicked.life);
        if age > SENT_WITHIN_MS {
            self.violate('W', format!("command {key:?} goes out {age} ms after the click"));
        } else if settled && !killed_since {
            self.violate('W', format!("command {key:?} goes out after it was settled"));
        }
    }

    /// The hub has answered a request: what it recorded of a command, if it was one.
    pub(super) fn note_recorded(&mut self, request: &HttpRequest, response: &HttpResponse) {
        let mut asks = false;
        let key = if let Some((_, rest)) = request.url.split_once("/commands/") {
            asks = true;
            rest.strip_suffix("/close").map(str::to_owned)
        } else {
            let key = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
            key.map(|(_, key)| key.clone())
        };
        let Some(clicked) = key.as_ref().and_then(|key| self.clicks.get_mut(key)) else { return };
        clicked.hidden |= asks && response.status == 404;
        let Some(seat) = self.seats.get(clicked.seat) else { return };
        if let Some(key) = &key
            && let Some(reply) = self.hub.outcome(&seat.account, &clicked.center, key)
        {
            clicked.record(&reply);
        }
    }

    /// What `subscribe` was told of a cursor.
    pub(super) fn note_resync(&mut self, seat: usize, center: &CenterId, ack: &Value) {
        let ahead = ack.get("resync").and_then(Value::as_str) == Some("ahead");
        self.heard(seat, &if ahead { Tag::Ahead(center.clone()) } else { Tag::Word(center.clone()) });
    }

    /// A seat is told where a center stands, or that it can't go on.
    pub(super) fn heard(&mut self, index: usize, tag: &Tag) {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let app = seat.app.as_mut();
        match tag {
            Tag::Ahead(center) => {
                seat.told.ahead_since.entry(center.clone()).or_insert(now);
            }
            Tag::Word(center) => {
                seat.told.ahead_since.remove(center);
            }
            Tag::Tells(center, epoch) => {
                if let Some(watched) = app.map(|app| app.sessions.entry(center.clone()).or_default()) {
                    watched.newest = watched.newest.take().max(Some(epoch.clone()));
                }
            }
            Tag::Resync(center) => {
                if let Some(watched) = app.map(|app| app.sessions.entry(center.clone()).or_default()) {
                    watched.due = true;
                }
            }
            Tag::By(_) | Tag::Late(_) | Tag::OldEpoch(..) | Tag::Snapshot(..) => {}
        }
    }

    /// A text reaches a seat by socket, which may hold a head.
    pub(super) fn heard_a_head(&mut self, index: usize, text: &str) {
        let Some((_, rest)) = text.split_once("/center/").filter(|_| text.contains(HEAD)) else { return };
        let Some((center, _)) = rest.split_once(',') else { return };
        let center = CenterId::from(center);
        self.heard_of(index, &center, text);
        if text.starts_with("42") {
            self.heard(index, &Tag::Word(center));
        }
    }

    /// What a seat is told holds a head of that center: it has heard of that moment.
    pub(super) fn heard_of(&mut self, index: usize, center: &CenterId, text: &str) {
        let app = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut());
        if let (Some(app), Some(at_ms)) = (app, moment_of_head(text)) {
            let spoken = app.spoken.entry(center.clone()).or_default();
            *spoken = at_ms.max(*spoken);
        }
    }

    /// Whether a seat follows a center with nothing in its way, so that what is planted must be found in time.
    pub(super) fn is_calm(&self, index: usize, center: &CenterId) -> bool {
        let Some(seat) = self.seats.get(index) else { return false };
        let Some(app) = seat.app.as_ref() else { return false };
        let live = app.states.get(center).is_some_and(|state| state.name() == "Live");
        let line = &seat.line;
        let clear = line.cut_up_until.max(line.cut_down_until).max(line.offline_until) <= self.now
            && line.slow.0 <= self.now
            && line.small_buffer_until <= self.now
            && line.late.0 == 0
            && line.drop_events == 0
            && line.garble.is_none()
            && line.pages.is_none()
            && line.stale.is_none();
        let hub = self.store_down_until <= self.now
            && self.storm.0 <= self.now
            && self.sockets_refused.0 <= self.now
            && !self.frozen
            && self.nodes.iter().all(|node| node.is_well(self.now) && node.swaps.is_none());
        live && clear && hub && seat.frozen_until <= self.now
    }
}

/// The moment of which the head in a text speaks.
fn moment_of_head(text: &str) -> Option<u64> {
    let (_, head) = text.split_once(HEAD)?;
    let (_, at) = head.split_once("\"at\":")?;
    let at: i64 = at.split([',', '}']).next()?.parse().ok()?;
    u64::try_from(at - super::BEGINNING).ok()
}
