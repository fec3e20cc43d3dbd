//! What happens to a session: each input changes what is known, then `settle` decides what follows. Each may leave actions
//! in the queue. [`crate::Client`] drives them.

use super::fetch::{FetchFailure, FetchId, Fetched, SessionAction};
use super::proof::Dating;
use super::{Session, Socket};
use crate::io::{
    AlarmKey, CommandId, CommandOutcome, LinkReason, Mono, Now, Restored, RowChange, State, StoredCommand,
};
use crate::stats::RowSource;
use gwanje_model::{DeliveryId, Epoch};
use gwanje_wire::rest::{AlarmEntry, ReceiptStage};
use gwanje_wire::socket::SubscribeAck;
use gwanje_wire::{ErrorCode, Frame, Head, WireRow};

/// With a cached board the first request waits this long for the socket, whose `subscribe` brings the same.
const SOCKET_GRACE_MS: u64 = 1_000;

impl Session {
    /// What the cache held; from now on the session runs.
    pub fn restored(&mut self, restored: Restored, now: Now) {
        if self.restored {
            return;
        }
        self.restored = true;
        self.reconcile_later(now);
        let Restored {
            rows,
            cursor,
            alarms,
            alarm_seq,
            horizon,
            proven_at: _,
            alarms_skipped,
            commands,
            own,
            names: _,
        } = restored;
        // Before the alarms, which ask whose doing they are.
        self.alarms.own.restore(own, &commands);
        self.alarms.restore(alarms, alarm_seq, alarms_skipped, horizon, &mut self.out);
        self.kept.restore(commands);
        self.take_restored(rows, cursor);
        if self.is_joined() {
            self.subscribe(now);
        }
        self.settle(now);
    }

    /// Sign-in is done: requests may be made. Also ends a refusal.
    pub fn authorised(&mut self, now: Now) {
        self.refused = None;
        if !self.authorised {
            self.authorised = true;
            // Failures so far were of the sign-in.
            self.rest.failures = 0;
            self.rest.poll_due = now.mono.plus_ms(SOCKET_GRACE_MS);
            self.alarms.due = Some(now.mono);
        }
        self.settle(now);
    }

    /// The server could not be reached for a sign-in, a refresh or a ticket: counts like an unanswered request of this
    /// session.
    pub fn unreachable(&mut self, reason: LinkReason, now: Now) {
        self.rest.fail(reason);
        self.settle(now);
    }

    /// The namespace is joined: the session subscribes.
    pub fn socket_joined(&mut self, now: Now) {
        self.refused = None;
        self.answered = true;
        self.dating = Dating::default();
        self.stats.connects += 1;
        let moving = self.socket == Socket::Subscribed;
        self.socket = Socket::Joined { asked: None, again: Mono(u64::MAX), moving };
        self.poll_later(now);
        self.alarms.due = Some(now.mono);
        if self.restored {
            self.subscribe(now);
        }
        self.settle(now);
    }

    /// The answer to `subscribe`.
    pub fn subscribed(&mut self, ack: SubscribeAck, now: Now) {
        self.take_ack(ack, now);
        self.settle(now);
    }

    /// The socket is gone (refused, closed, silent), or could not be opened; with the reason for people.
    pub fn socket_lost(&mut self, reason: LinkReason, now: Now) {
        let had = self.is_joined();
        if had || matches!(self.state, State::Connecting { .. }) && self.rest.failures == 0 {
            // The first poll decides whether REST answers; what failed while the socket was there does not count.
            self.rest.poll_due = now.mono;
        }
        if had {
            self.rest.failures = 0;
        }
        self.socket = Socket::Absent;
        self.socket_reason = reason;
        self.dating = Dating::default();
        self.settle(now);
    }

    /// A `deliveries` event.
    pub fn frame(&mut self, frame: Frame, now: Now) {
        if self.restored {
            self.take_frame(frame, RowSource::Frame, now);
        }
        self.settle(now);
    }

    /// A `head` event.
    pub fn head(&mut self, head: Head, now: Now) {
        if self.restored {
            self.take_head(&head, now);
        }
        self.settle(now);
    }

    /// An `alarm` event.
    pub fn alarm(&mut self, entry: AlarmEntry, now: Now) {
        self.alarms.event(entry, &self.rows, now.mono, &mut self.out);
        self.settle(now);
    }

    /// An `alarm` event could not be read: counted, and `/alarms` says what it was about.
    pub fn alarm_unreadable(&mut self, now: Now) {
        self.stats.malformed += 1;
        self.alarms.due.get_or_insert(now.mono);
        self.settle(now);
    }

    /// Any packet came on the socket (the proof may be late although the socket lives).
    pub fn packet(&mut self, now: Now) {
        self.settle(now);
    }

    /// What may have been a frame or a head of this center could not be read: counted, and treated as a gap.
    pub fn malformed(&mut self, now: Now) {
        self.take_malformed(now);
        self.settle(now);
    }

    /// A request came back.
    pub fn answer(&mut self, id: FetchId, result: Result<Fetched, FetchFailure>, now: Now) {
        self.take_answer(id, result, now);
        self.settle(now);
    }

    /// The cache committed up to that batch.
    pub fn committed(&mut self, seq: u64, now: Now) {
        self.alarms.committed(seq, &mut self.out);
        self.kept.committed(seq, &mut self.out);
        self.time_committed(seq, now);
        self.settle(now);
    }

    /// The cache can't commit that batch for now: what people must hear is told all the same.
    pub fn unwritten(&mut self, seq: u64, now: Now) {
        self.alarms.committed(seq, &mut self.out);
        self.settle(now);
    }

    /// The cache was set aside: everything must be persisted afresh.
    pub fn cache_lost(&mut self, now: Now) {
        if self.restored {
            self.alarms.store_all();
            self.alarms.own.store_all();
            self.kept.store_all();
            self.persist_all(now);
            // Nothing of the former file is left to be read.
            self.check_audited(1, self.rows.sum().count);
        }
        self.settle(now);
    }

    /// What the audit found.
    pub fn audited(&mut self, damaged: Vec<DeliveryId>, digest_fits: bool, now: Now) {
        self.take_audit(damaged, digest_fits, now);
        self.settle(now);
    }

    /// Somebody wants everything compared: all buckets by content, and the cache from disk. [`SessionAction::Checked`]
    /// tells how far it has come; the last one tells that it is over.
    pub fn check(&mut self, now: Now) {
        self.begin_check(now);
        self.settle(now);
    }

    /// Sign-in, account or center refused.
    pub fn refused(&mut self, code: ErrorCode, now: Now) {
        self.refuse(code, now);
        self.settle(now);
    }

    /// A command of this seat was answered with this row (rule 9: an overlay).
    pub fn overlay(&mut self, epoch: Epoch, row: WireRow, now: Now) {
        let held = self.rows.get(row.id()).map(WireRow::rev);
        let reached = self.order.cursor().is_some_and(|c| self.order.is_whole() && c.rev >= row.rev());
        let current = self.order.cursor().is_some_and(|cursor| cursor.epoch == epoch);
        if current && !reached && held < Some(row.rev()) && self.overlays.put(epoch, row.clone()) {
            let cursor = self.order.cursor().cloned();
            self.out.push_back(SessionAction::Changed(vec![RowChange::Upsert(row)], cursor));
        }
        self.settle(now);
    }

    /// A person took note, or the window shows it.
    pub fn receipt(&mut self, key: AlarmKey, stage: ReceiptStage, now: Now) {
        self.alarms.receipt(key, stage, &mut self.out);
        self.settle(now);
    }

    /// The hub has a receipt of this seat, or wants none for that alarm.
    pub fn receipt_taken(&mut self, key: AlarmKey, stage: ReceiptStage, now: Now) {
        self.alarms.receipt_taken(key, stage);
        self.settle(now);
    }

    /// A command of this seat is about to be sent: it is kept first, and [`SessionAction::CommandKept`] says so.
    pub fn keep_command(&mut self, command: StoredCommand, now: Now) {
        self.alarms.own.begin(&command);
        self.kept.begin(command);
        self.settle(now);
    }

    /// A command of this seat has ended.
    pub fn command_ended(&mut self, command: &CommandId, outcome: &CommandOutcome) {
        self.alarms.command_ended(command, outcome, &mut self.out);
    }

    /// A command of this seat is settled and told.
    pub fn forget_command(&mut self, command: CommandId, now: Now) {
        self.kept.settle(command);
        self.settle(now);
    }

    /// A deadline has come.
    pub fn tick(&mut self, now: Now) {
        self.settle(now);
    }
}
