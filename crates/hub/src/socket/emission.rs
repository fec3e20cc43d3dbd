//! What one center's followers are sent, given commits and the time: contiguous frames, proven by heads.
//!
//! It holds no socket and no timer: words of connections, commits and moments come in, texts leave by outlets. The first
//! frame of a quiet spell leaves at once, then one per 20 ms at most; whatever was committed in between is read from the
//! store, so nothing is missed. `emitter` runs it as a task; a replay calls it with moments of its own.

mod beside;

use super::alarms_told::AlarmsTold;
use super::followers::{Followers, Outlet};
use super::frame_loss::FrameLoss;
use super::seats::SeatsTold;
use crate::hub::Hub;
use crate::store::StoreError;
use engineioxide::Str;
use gwanje_model::{CenterId, Epoch, Rev};
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::sio::server as packet;
use gwanje_wire::socket::{Drain, HEAD_INTERVAL_MS, SeatEntry, SeatState, Stream, center_namespace};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// Between two frames of one center, from the wire contract.
const FRAME_INTERVAL: Duration = Duration::from_millis(20);
/// Between two heads, from the wire contract.
const HEAD_INTERVAL: Duration = Duration::from_millis(HEAD_INTERVAL_MS);
/// Between two `riders`: the contract allows five a second.
const LATEST_INTERVAL: Duration = Duration::from_millis(200);
/// Between two `seats:changed`, from the wire contract.
const SEATS_INTERVAL: Duration = Duration::from_millis(500);
/// Between two tellings of alarms; the first goes at once. When an alarm goes up, every seat gives word of it within a
/// moment, and each word would tell it to every seat again. Of several words only the last entry goes out.
const ALARMS_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks at those who are behind.
const BEHIND_INTERVAL: Duration = Duration::from_millis(100);
/// Waits this long after a failed read of the store.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// What connections tell the emitter of a center.
pub enum Word<O> {
    /// A socket joined the namespace.
    Enter {
        /// The connection.
        connection: String,
        /// Where its texts go.
        outlet: O,
        /// Who it is.
        seat: SeatEntry,
    },
    /// It follows these streams; answered when every later frame will reach it.
    Subscribe {
        /// The connection.
        connection: String,
        /// Which streams.
        streams: Vec<Stream>,
        /// Told the revision from which frames come; dropped when the socket is gone.
        joined: oneshot::Sender<Rev>,
    },
    /// What its seat does now.
    Seat {
        /// The connection.
        connection: String,
        /// What.
        state: SeatState,
    },
    /// It left.
    Leave {
        /// The connection.
        connection: String,
    },
    /// All are to reconnect within that time.
    Drain(Drain),
}

/// See the module's doc.
pub struct Emission<O> {
    hub: Arc<Hub>,
    loss: Arc<dyn FrameLoss>,
    center: CenterId,
    namespace: String,
    followers: Followers<O>,
    committed: watch::Receiver<Rev>,
    alarm_written: watch::Receiver<u64>,
    moved: watch::Receiver<u64>,
    seats_of_others: watch::Receiver<u64>,
    riders_told: u64,
    /// The history that is told of.
    epoch: Epoch,
    /// The revision up to which frames were made. Meaningless while nobody follows deliveries.
    emitted: Rev,
    alarms_told: u64,
    next_frame: Instant,
    next_head: Instant,
    next_alarms: Instant,
    next_riders: Instant,
    next_seats: Instant,
    next_behind: Instant,
    riders_due: bool,
    seats_due: bool,
    seats_told: SeatsTold,
    words: AlarmsTold,
}

impl<O: Outlet> Emission<O> {
    /// Nobody follows yet.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn new(
        hub: Arc<Hub>,
        loss: Arc<dyn FrameLoss>,
        center: CenterId,
        now: Instant,
    ) -> Result<Self, StoreError> {
        let epoch = hub.store.epoch(&center)?;
        let committed = hub.store.committed(&center)?;
        let alarm_written = hub.store.alarm_written(&center)?;
        let (moved, seats_of_others) = (hub.positions.moved(&center), hub.presence.moved(&center));
        let (emitted, alarms_told) = (*committed.borrow(), *alarm_written.borrow());
        Ok(Self {
            namespace: center_namespace(&center),
            followers: Followers::default(),
            epoch,
            emitted,
            alarms_told,
            committed,
            alarm_written,
            moved,
            seats_of_others,
            hub,
            loss,
            center,
            next_frame: now,
            next_head: now + HEAD_INTERVAL,
            next_alarms: now,
            next_riders: now,
            next_seats: now,
            next_behind: now,
            riders_told: 0,
            riders_due: false,
            seats_due: false,
            seats_told: SeatsTold::default(),
            words: AlarmsTold::new(now),
        })
    }

    /// The center.
    #[must_use]
    pub fn center(&self) -> &CenterId {
        &self.center
    }

    /// Returns at the next commit, alarm, move of a rider or change of another hub's seats. False: the center is served no more.
    pub async fn changed(&mut self) -> bool {
        tokio::select! {
            changed = self.committed.changed() => changed.is_ok(),
            changed = self.alarm_written.changed() => changed.is_ok(),
            changed = self.moved.changed() => { self.riders_due = true; changed.is_ok() }
            changed = self.seats_of_others.changed() => { self.seats_due = true; changed.is_ok() }
        }
    }

    /// When there is something to do without being told.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Instant> {
        let deliveries = self.followers.any_in(Stream::Deliveries);
        [
            (deliveries && self.emitted < *self.committed.borrow()).then_some(self.next_frame),
            deliveries.then_some(self.next_head.max(self.next_frame)),
            (deliveries && self.alarms_told < *self.alarm_written.borrow()).then_some(self.next_alarms),
            (self.riders_due && self.followers.any_in(Stream::Riders)).then_some(self.next_riders),
            self.are_seats_due().then_some(self.next_seats),
            self.words.next().filter(|_| deliveries).map(|at| at.max(self.next_alarms)),
            self.followers.any_behind().then_some(self.next_behind),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes a connection's word.
    pub fn hear(&mut self, word: Word<O>, now: Instant) {
        match word {
            Word::Enter { connection, outlet, seat } => {
                self.hub.presence.enter(&self.center, &connection, seat.clone());
                self.followers.enter(connection, outlet, seat);
                self.seats_due = true;
            }
            Word::Subscribe { connection, streams, joined } => {
                self.subscribe(&connection, streams, joined, now);
            }
            Word::Seat { connection, state } => {
                self.hub.presence.set(&self.center, &connection, state);
                self.seats_due |= self.followers.set_seat(&connection, state);
            }
            Word::Leave { connection } => {
                self.hub.presence.leave(&self.center, &connection);
                self.seats_due |= self.followers.leave(&connection);
            }
            Word::Drain(drain) => {
                if let Some(text) = self.event("drain", &drain) {
                    self.followers.tell_all(&text);
                }
            }
        }
    }

    fn subscribe(
        &mut self,
        connection: &str,
        streams: Vec<Stream>,
        joined: oneshot::Sender<Rev>,
        now: Instant,
    ) {
        if !self.followers.any_in(Stream::Deliveries) {
            // Nobody was told anything: frames go on from here.
            self.emitted = *self.committed.borrow_and_update();
            self.next_head = now + HEAD_INTERVAL;
            self.alarms_told = *self.alarm_written.borrow_and_update();
            _ = self.hub.store.told(&self.center);
        }
        // Whoever is in a stream already has its list and hears of what changes in it.
        let enters = |stream| streams.contains(&stream) && !self.followers.is_in(connection, stream);
        let (riders, seats) = (enters(Stream::Riders), enters(Stream::Seats));
        let is_first = !self.followers.any_in(Stream::Seats);
        if self.followers.subscribe(connection, streams, self.emitted) {
            // The connection may have closed meanwhile; its leave follows.
            joined.send(self.emitted).ok();
            if riders && let Some(text) = self.event("riders", &self.hub.positions.of(&self.center)) {
                self.followers.tell_one(connection, text);
            }
            let present = if seats { self.seats() } else { Vec::new() };
            if seats && let Some(text) = self.event("seats", &present) {
                if is_first {
                    self.seats_told.begin(&present);
                } else {
                    self.seats_told.newcomer(&present);
                }
                self.followers.tell_one(connection, text);
            }
        }
    }

    /// Does what is due now. After an error it is due again in half a second.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn act(&mut self, now: Instant) -> Result<(), StoreError> {
        let done = self.act_on(now).await;
        if done.is_err() {
            self.next_frame = now + RETRY_INTERVAL;
            self.next_head = self.next_frame;
            self.next_alarms = self.next_frame;
        }
        done
    }

    async fn act_on(&mut self, now: Instant) -> Result<(), StoreError> {
        self.follow_epoch(now)?;
        if self.followers.any_in(Stream::Deliveries) {
            if now >= self.next_frame {
                if now >= self.next_head {
                    self.head(now).await?;
                } else if self.emitted < *self.committed.borrow_and_update() {
                    self.frame(now).await?;
                }
            }
            if now >= self.next_alarms {
                self.alarms(now).await?;
            }
        }
        if self.followers.any_behind() && now >= self.next_behind {
            self.next_behind = now + BEHIND_INTERVAL;
            self.behind(now).await?;
        }
        if self.riders_due && now >= self.next_riders {
            self.riders_due = false;
            self.next_riders = now + LATEST_INTERVAL;
            let (version, places) = self.hub.positions.since(&self.center, self.riders_told);
            self.riders_told = version;
            if self.followers.any_in(Stream::Riders)
                && !places.is_empty()
                && let Some(text) = self.event("riders", &places)
            {
                self.followers.tell(Stream::Riders, &text);
            }
        }
        if self.are_seats_due() && now >= self.next_seats {
            self.next_seats = now + SEATS_INTERVAL;
            self.tell_seats();
        }
        Ok(())
    }

    /// Goes on in a history that has begun, wherever that stands: its head is told at once, and no cursor goes on from it.
    fn follow_epoch(&mut self, now: Instant) -> Result<(), StoreError> {
        let epoch = self.hub.store.epoch(&self.center)?;
        if epoch != self.epoch {
            self.epoch = epoch;
            self.emitted = *self.committed.borrow_and_update();
            self.alarms_told = *self.alarm_written.borrow_and_update();
            self.followers.begin_at(self.emitted);
            self.next_head = now;
        }
        Ok(())
    }

    /// One frame of what was committed since the last.
    async fn frame(&mut self, now: Instant) -> Result<(), StoreError> {
        let from = self.emitted;
        let frame = match self.hub.store.frame(&self.center, from, FRAME_MAX_ENTRIES).await {
            Ok(frame) => frame,
            Err(StoreError::Resync(reason)) => {
                // It would start below the floor, say: nobody may be fed from there.
                self.emitted = *self.committed.borrow();
                let put_out = self.followers.put_out_all();
                tracing::warn!(center = %self.center, ?reason, put_out, "no frame may start here; all followers resync");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if frame.epoch != self.epoch {
            // The next look at the store finds it, too.
            self.next_frame = now + FRAME_INTERVAL;
            return Ok(());
        }
        if frame.to > from {
            if let Some(text) = self.event("deliveries", &frame) {
                let delay = self.hub.store.told(&self.center).map(|since| since.elapsed());
                let sockets = self.followers.frame(from, frame.to, &text, &*self.loss, now);
                self.hub.meters.framed(sockets, delay);
            }
            self.emitted = frame.to;
            self.next_frame = now + FRAME_INTERVAL;
        }
        Ok(())
    }

    /// Reads the head, flushes up to it, and sends it when both are at the same revision; else at the next frame.
    async fn head(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.emitted < *self.committed.borrow_and_update() {
            self.frame(now).await?;
        }
        let head = self.hub.store.head_to_tell(&self.center).await?;
        if head.epoch != self.epoch || head.rev != self.emitted {
            // More was committed in between, or there is more than a frame holds: the next frame brings it nearer.
            self.next_frame = now + FRAME_INTERVAL;
            return Ok(());
        }
        self.next_head = now + HEAD_INTERVAL;
        self.hub.roster.lag(&self.namespace, self.followers.lags(head.rev), now);
        if let Some(text) = self.event("head", &head) {
            self.followers.tell_head(head.rev, &text);
        }
        Ok(())
    }

    async fn behind(&mut self, now: Instant) -> Result<(), StoreError> {
        let put_out = self.followers.put_out(now);
        if put_out > 0 {
            tracing::warn!(center = %self.center, put_out, "clients that can't keep up are disconnected");
        }
        for from in self.followers.ready_again() {
            match self.hub.store.frame(&self.center, from, FRAME_MAX_ENTRIES).await {
                Ok(frame) => {
                    if let Some(text) = self.event("deliveries", &frame) {
                        self.followers.catch_up(from, frame.to, self.emitted, &text);
                    }
                }
                Err(StoreError::Resync(_)) => {
                    self.followers.put_out_at(from);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn event<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Option<Str> {
        match packet::event(&self.namespace, name, data) {
            Ok(text) => Some(text.into()),
            Err(error) => {
                tracing::error!(center = %self.center, name, %error, "an event can't be written as JSON");
                None
            }
        }
    }
}
