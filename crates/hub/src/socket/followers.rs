//! The sockets of one center, and how far each was told: never a hole that it can't see.
//!
//! A follower whose buffer is full is *behind*: it gets nothing until there is room, and then one wider frame from where
//! it stands. Whoever stays behind for too long is put out and comes back with its cursor.

use super::frame_loss::FrameLoss;
use engineioxide::Str;
use gwanje_model::Rev;
use gwanje_wire::socket::{SeatEntry, SeatState, Stream};
use rustc_hash::FxHashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a follower may be behind before it is put out.
pub const BEHIND_MAX: Duration = Duration::from_secs(5);

/// What became of a text on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is in the socket's buffer.
    Yes,
    /// The buffer is full.
    Full,
    /// The socket is gone.
    Gone,
}

/// Where texts for one socket go.
pub trait Outlet {
    /// Hands a text over, without waiting.
    fn send(&self, text: Str) -> Sent;
    /// Whether a text would be taken now.
    fn has_room(&self) -> bool;
    /// Closes the connection.
    fn close(&self);
    /// It has joined a namespace, and waits at the door no more.
    fn joined(&self) {}
    /// By which way it comes: `websocket` or `polling`.
    fn transport(&self) -> &'static str {
        "websocket"
    }
}

#[derive(Debug)]
struct Follower<O> {
    outlet: O,
    seat: SeatEntry,
    streams: Vec<Stream>,
    /// The revision up to which it was told of deliveries.
    told: Rev,
    behind_since: Option<Instant>,
    /// A change of seats did not reach it: it is told all of them when there is room.
    lacks_seats: bool,
}

impl<O: Outlet> Follower<O> {
    fn is_in(&self, stream: Stream) -> bool {
        self.streams.contains(&stream)
    }
}

/// The sockets of one center, by connection.
#[derive(Debug)]
pub struct Followers<O>(FxHashMap<String, Follower<O>>);

impl<O> Default for Followers<O> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<O: Outlet> Followers<O> {
    /// A socket joined the center's namespace.
    pub fn enter(&mut self, connection: String, outlet: O, seat: SeatEntry) {
        let follower = Follower {
            outlet,
            seat,
            streams: Vec::new(),
            told: Rev::ZERO,
            behind_since: None,
            lacks_seats: false,
        };
        self.0.insert(connection, follower);
    }

    /// A socket left it. True when it was there.
    pub fn leave(&mut self, connection: &str) -> bool {
        self.0.remove(connection).is_some()
    }

    /// It follows these streams from now on, deliveries from `told` on. False when it is not (or no longer) here.
    pub fn subscribe(&mut self, connection: &str, streams: Vec<Stream>, told: Rev) -> bool {
        let Some(follower) = self.0.get_mut(connection) else { return false };
        if !follower.is_in(Stream::Deliveries) {
            follower.told = told;
        }
        follower.streams = streams;
        true
    }

    /// Whether it follows that stream.
    #[must_use]
    pub fn is_in(&self, connection: &str, stream: Stream) -> bool {
        self.0.get(connection).is_some_and(|follower| follower.is_in(stream))
    }

    /// What a seat does now. False when it is not here.
    pub fn set_seat(&mut self, connection: &str, state: SeatState) -> bool {
        let Some(follower) = self.0.get_mut(connection) else { return false };
        follower.seat.state = state;
        true
    }

    /// Everybody's seat, in any order.
    #[must_use]
    pub fn seats(&self) -> Vec<SeatEntry> {
        self.0.values().map(|f| f.seat.clone()).collect()
    }

    /// Whether anybody follows a stream.
    #[must_use]
    pub fn any_in(&self, stream: Stream) -> bool {
        self.0.values().any(|f| f.is_in(stream))
    }

    /// All who follow deliveries are told from that revision on: a history has begun that nobody knows anything of yet.
    pub fn begin_at(&mut self, told: Rev) {
        for f in self.0.values_mut().filter(|f| f.is_in(Stream::Deliveries)) {
            f.told = told;
        }
    }

    /// Hands the frame (from, to] to everyone who lacks something of it, except where `loss` has it lost. To how many.
    pub fn frame(&mut self, from: Rev, to: Rev, text: &Str, loss: &dyn FrameLoss, now: Instant) -> usize {
        let mut sent = 0;
        self.0.retain(|_, f| {
            if !f.is_in(Stream::Deliveries) || f.told >= to || f.behind_since.is_some() {
                return true;
            }
            if f.told < from {
                f.behind_since = Some(now);
                return true;
            }
            if loss.loses_next() {
                f.told = to;
                return true;
            }
            match f.outlet.send(text.clone()) {
                Sent::Yes => {
                    f.told = to;
                    sent += 1;
                }
                Sent::Full => f.behind_since = Some(now),
                Sent::Gone => return false,
            }
            true
        });
        sent
    }

    /// How many revisions each who follows deliveries lacks of those up to `rev`.
    pub fn lags(&self, rev: Rev) -> impl Iterator<Item = (&str, Rev)> {
        let followers = self.0.iter().filter(|(_, f)| f.is_in(Stream::Deliveries));
        followers.map(move |(connection, f)| (connection.as_str(), Rev(rev.0.saturating_sub(f.told.0))))
    }

    /// Hands a text to everyone in the stream who is not behind; what does not fit is not sent again.
    pub fn tell(&mut self, stream: Stream, text: &Str) {
        self.0.retain(|_, f| {
            !f.is_in(stream) || f.behind_since.is_some() || f.outlet.send(text.clone()) != Sent::Gone
        });
    }

    /// The same for those who follow deliveries and were told all up to `rev`: a head speaks of that revision.
    pub fn tell_head(&mut self, rev: Rev, text: &Str) {
        self.0.retain(|_, f| {
            !f.is_in(Stream::Deliveries)
                || f.behind_since.is_some()
                || f.told != rev
                || f.outlet.send(text.clone()) != Sent::Gone
        });
    }

    /// Hands a change of seats to everyone who follows them; to those whom one before did not reach, all of them, which `whole`
    /// makes.
    pub fn tell_seats(&mut self, change: Option<&Str>, whole: impl Fn() -> Option<Str>) {
        let mut all = None;
        self.0.retain(|_, f| {
            if !f.is_in(Stream::Seats) {
                return true;
            }
            let text = if f.lacks_seats { all.get_or_insert_with(&whole).as_ref() } else { change };
            let Some(text) = text else { return true };
            let sent = if f.behind_since.is_some() { Sent::Full } else { f.outlet.send(text.clone()) };
            f.lacks_seats = sent == Sent::Full;
            sent != Sent::Gone
        });
    }

    /// Whether a change of seats did not reach somebody.
    #[must_use]
    pub fn any_lacks_seats(&self) -> bool {
        self.0.values().any(|f| f.lacks_seats)
    }

    /// Hands a text to everyone in the namespace.
    pub fn tell_all(&mut self, text: &Str) {
        self.0.retain(|_, f| f.outlet.send(text.clone()) != Sent::Gone);
    }

    /// Hands a text to one of them.
    pub fn tell_one(&mut self, connection: &str, text: Str) {
        if let Some(f) = self.0.get(connection) {
            f.outlet.send(text);
        }
    }

    /// Whether anybody is behind.
    #[must_use]
    pub fn any_behind(&self) -> bool {
        self.0.values().any(|f| f.behind_since.is_some())
    }

    /// Puts out whoever has been behind for too long; returns how many.
    pub fn put_out(&mut self, now: Instant) -> usize {
        self.put_out_where(|f| f.behind_since.is_some_and(|since| now.duration_since(since) >= BEHIND_MAX))
    }

    /// Closes everyone who follows deliveries; returns how many.
    pub fn put_out_all(&mut self) -> usize {
        self.put_out_where(|f| f.is_in(Stream::Deliveries))
    }

    /// Closes those behind who stand at `at`, where no frame may start any more; returns how many.
    pub fn put_out_at(&mut self, at: Rev) -> usize {
        self.put_out_where(|f| f.behind_since.is_some() && f.told == at)
    }

    fn put_out_where(&mut self, is_out: impl Fn(&Follower<O>) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|_, f| {
            let out = is_out(f);
            if out {
                f.outlet.close();
            }
            !out
        });
        before - self.0.len()
    }

    /// Where those followers stand who were behind and have room again.
    #[must_use]
    pub fn ready_again(&self) -> Vec<Rev> {
        let mut at: Vec<Rev> = self
            .0
            .values()
            .filter(|f| f.behind_since.is_some() && f.outlet.has_room())
            .map(|f| f.told)
            .collect();
        at.sort_unstable();
        at.dedup();
        at
    }

    /// Hands a wider frame to those behind at `from`. At `whole` they are behind no more.
    pub fn catch_up(&mut self, from: Rev, to: Rev, whole: Rev, text: &Str) {
        self.0.retain(|_, f| {
            if f.behind_since.is_none() || f.told != from {
                return true;
            }
            // Nothing new since it fell behind: having room is all it takes.
            let sent = if from == to { Sent::Yes } else { f.outlet.send(text.clone()) };
            match sent {
                Sent::Yes => {
                    f.told = to;
                    if to >= whole {
                        f.behind_since = None;
                    }
                }
                Sent::Full => {}
                Sent::Gone => return false,
            }
            true
        });
    }
}

#[cfg(test)]
mod tests;
