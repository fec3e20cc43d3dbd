//! Following the socket: joining, frames in their order, heads that prove, and gaps (rules 1, 2, 3 and 12).

use super::job::Job;
use super::order::{Place, is_sound};
use super::proof::{Instant, ProvenBy};
use super::publish::Delta;
use super::{Session, Socket};
use crate::io::{Mono, Now, Proof};
use crate::mutation::{Mutation, is_mutated};
use crate::session::fetch::SessionAction;
use crate::stats::RowSource;
use gwanje_model::{RowDigest, UtcMillis};
use gwanje_wire::socket::SubscribeAck;
use gwanje_wire::{ErrorCode, Frame, Head};

/// `changes` after a gap waits a random moment up to this, so that many seats with the same gap don't ask at once
/// (rule 2); a frame that was only overtaken closes the gap meanwhile.
const GAP_JITTER_MS: u64 = 200;
/// Events whose commit is waited for, for their latency: those of some seconds. Beyond it they are not timed.
const UNCOMMITTED_MAX: usize = 512;
/// Without an answer to `subscribe` for this long it is sent again.
const SUBSCRIBE_TIMEOUT_MS: u64 = 10_000;
/// A `subscribe` that was refused for now is sent again after this.
const SUBSCRIBE_AGAIN_MS: u64 = 3_000;

impl Session {
    /// Subscribes on a joined namespace.
    pub(super) fn subscribe(&mut self, now: Now) {
        let asked = self.order.cursor().cloned();
        self.dating.ask(now.mono);
        self.out.push_back(SessionAction::Subscribe(asked.clone()));
        let moving = match self.socket {
            Socket::Joined { moving, .. } => moving,
            Socket::Subscribed | Socket::Absent => false,
        };
        self.socket = Socket::Joined { asked, again: now.mono.plus_ms(SUBSCRIBE_TIMEOUT_MS), moving };
    }

    /// The answer to `subscribe`.
    pub(super) fn take_ack(&mut self, ack: SubscribeAck, now: Now) {
        let Socket::Joined { asked, again, .. } = &mut self.socket else { return self.take_time(&ack, now) };
        if !ack.ok {
            *again = now.mono.plus_ms(SUBSCRIBE_AGAIN_MS);
            if let Some(code @ (ErrorCode::NotFound | ErrorCode::Forbidden)) = ack.code {
                self.refuse(code, now);
            }
            return;
        }
        // A cursor that was replaced since it was sent is not judged by the answer to it.
        let judged = asked.is_some() && asked.as_ref() == self.order.cursor();
        self.socket = Socket::Subscribed;
        self.poll_later(now);
        if let Some(reason) = ack.resync.filter(|_| judged) {
            self.resync(reason, now, now);
        }
        if let Some(missed) = ack.missed {
            self.take_frame(missed, RowSource::Missed, now);
        }
        if let Some(head) = ack.head {
            self.dating.answered(head.at, now.mono);
            self.take_head(&head, now);
        }
    }

    /// The answer to a `subscribe` that only asked for the head.
    fn take_time(&mut self, ack: &SubscribeAck, now: Now) {
        let Some(head) = ack.head.as_ref().filter(|_| ack.ok && self.socket == Socket::Subscribed) else {
            return;
        };
        self.dating.answered(head.at, now.mono);
        self.take_head(head, now);
    }

    /// Asks the hub for its head, which says what time it is there, when that is not known well enough.
    fn ask_time(&mut self, now: Now) {
        if self.socket == Socket::Subscribed && self.dating.is_due(now.mono) {
            self.dating.ask(now.mono);
            self.out.push_back(SessionAction::AskHead);
        }
    }

    /// A frame by socket.
    pub(super) fn take_frame(&mut self, frame: Frame, source: RowSource, now: Now) {
        if !is_sound(&frame) {
            return self.take_malformed(now);
        }
        match self.order.place(&frame) {
            Place::Duplicate | Place::OldEpoch => self.stats.duplicates += 1,
            Place::NewEpoch => {
                self.order.note_newer(&frame.epoch, now.mono);
                self.order.keep(frame, now.mono);
                self.want_snapshot_soon(now);
            }
            Place::Next if !self.holds_frames() => {
                self.apply(&frame, source, now);
                self.drain(now);
            }
            Place::Next => self.order.keep(frame, now.mono),
            Place::Beyond => {
                self.order.keep(frame, now.mono);
                self.open_gap(now);
            }
        }
    }

    /// A head by socket.
    pub(super) fn take_head(&mut self, head: &Head, now: Now) {
        let at = self.dating.date(head.at, now);
        self.ask_time(now);
        self.stats.heads += 1;
        let Some(cursor) = self.order.cursor() else {
            self.order.note_newer(&head.epoch, now.mono);
            self.note_head(head, at, now);
            return self.want_snapshot_soon(now);
        };
        match head.epoch.cmp(&cursor.epoch) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Greater => {
                self.order.note_newer(&head.epoch, now.mono);
                self.note_head(head, at, now);
                self.want_snapshot_soon(now);
            }
            std::cmp::Ordering::Equal => {
                self.old_epoch = None;
                self.not_ahead(head);
                self.order.note_head(head, now.mono);
                self.note_head(head, at, now);
                if self.order.is_behind() {
                    self.open_gap(now);
                }
                if self.snapshot.is_none() {
                    self.compare(head, at, ProvenBy::Socket, now);
                }
            }
        }
    }

    /// Something that could not be read may have been a frame: what it held is fetched.
    pub(super) fn take_malformed(&mut self, now: Now) {
        self.stats.malformed += 1;
        if self.order.cursor().is_some() {
            self.suspect = Some(now.mono);
            self.open_gap(now);
        }
    }

    /// Applies a frame whose place is next.
    pub(super) fn apply(&mut self, frame: &Frame, source: RowSource, now: Now) {
        let mut delta = Delta::default();
        for row in &frame.rows {
            if self.rows.is_newer(row) {
                self.put(row.clone(), &mut delta);
            }
        }
        for gone in frame.gone.iter().filter(|_| !is_mutated(Mutation::ForgetTombstones)) {
            if self.rows.get(gone.id).is_none_or(|row| row.rev() < gone.rev) {
                self.take(gone.id, gone.rev, &mut delta);
            }
        }
        self.order.advance(frame);
        self.stats.frames += 1;
        self.stats.rows_from.take(source, delta.len());
        self.publish(delta, now);
        if source == RowSource::Frame && frame.entries() > 0 {
            self.time_event(frame.at, now);
        }
    }

    /// How long an event took from the hub to the board; its way to the disk ends with the batch that was just made.
    fn time_event(&mut self, at: UtcMillis, now: Now) {
        let Some(age_ms) = self.dating.age_ms(at, now) else { return };
        self.stats.latency.event_applied.take(age_ms);
        if self.uncommitted.len() < UNCOMMITTED_MAX {
            self.uncommitted.push_back((self.batch, Mono(now.mono.0.saturating_sub(age_ms))));
        }
    }

    /// The cache committed up to that batch: the events in it have come to the disk.
    pub(super) fn time_committed(&mut self, batch: u64, now: Now) {
        while let Some((_, at)) = self.uncommitted.pop_front_if(|(of, _)| *of <= batch) {
            self.stats.latency.event_committed.take(now.mono.since(at));
        }
    }

    /// Applies the frames that waited for what has now come.
    pub(super) fn drain(&mut self, now: Now) {
        while let Some(frame) = self.order.next_waiting() {
            self.apply(&frame, RowSource::Frame, now);
        }
    }

    /// Frames wait while rows are being fetched that are true at one exact revision only.
    pub(super) fn holds_frames(&self) -> bool {
        let exact = self.rest.flight.as_ref().is_some_and(|flight| match flight.job {
            Job::Changes(_) => false,
            Job::Snapshot | Job::Digest | Job::Revs(_) | Job::Rows(_) | Job::Content(_) | Job::Unread(_) => {
                true
            }
        });
        exact || self.snapshot.is_some()
    }

    /// What a head says of the day and of alarms.
    pub(super) fn note_head(&mut self, head: &Head, at: Instant, now: Now) {
        self.alarms.head(head.day_at, head.alarm_seq, &self.rows, now.mono, &mut self.out);
        if self.day_clock.is_none_or(|last| at.mono >= last) {
            self.day_clock = Some(at.mono);
            self.out.push_back(SessionAction::DayClock { day_at: head.day_at, wall: at.wall });
        }
    }

    /// Compares the board with a head of its own revision: equal proves it, unequal is repaired.
    pub(super) fn compare(&mut self, head: &Head, at: Instant, by: ProvenBy, now: Now) {
        let here = self.order.cursor().is_some_and(|c| c.rev == head.rev && c.epoch == head.epoch);
        if !here || !(self.order.is_whole() || is_mutated(Mutation::CompareCutCursor)) {
            return;
        }
        let rows = self.recount();
        if rows != head.rows() && !is_mutated(Mutation::IgnoreMismatch) {
            return self.take_unequal(now);
        }
        if self.order.knew_more(at.mono) {
            return; // Whoever says this lags: it proves nothing of that moment.
        }
        self.not_ahead(head);
        if self.proven.take(at) {
            self.stats.proofs += 1;
            match by {
                ProvenBy::Socket => self.stats.proofs_by.socket += 1,
                ProvenBy::Rest => self.stats.proofs_by.rest += 1,
            }
            self.repair.take_proof();
            let proof =
                Proof { epoch: head.epoch.clone(), rev: head.rev, rows, at: at.wall, day_at: head.day_at };
            self.proof_unstored = true;
            self.out.push_back(SessionAction::Proved(proof.clone()));
            self.last_proof = Some(proof);
        }
    }

    /// Count and digest of what is really in memory.
    pub(super) fn recount(&mut self) -> RowDigest {
        let believed = self.rows.sum();
        let rows = self.rows.recount();
        self.rows_lost |= rows != believed;
        rows
    }

    /// A gap was seen; while one is open it is the same gap.
    pub(super) fn open_gap(&mut self, now: Now) {
        if self.gap.is_none() && !self.holds_frames() {
            self.stats.gaps += 1;
            self.gap = Some(self.soon(now));
        }
    }

    /// A random moment within the gap's jitter.
    pub(super) fn soon(&mut self, now: Now) -> Mono {
        now.mono.plus_ms(self.draw(0, GAP_JITTER_MS))
    }
}
