//! Snapshots: verified before the swap, never an older board for a newer one, except as rules 1 and 5 allow.

use super::Session;
use super::job::Job;
use super::order::ADOPT_OLDER_MS;
use super::publish::Delta;
use super::rows::Rows;
use crate::io::{Mono, Now, RowChange};
use crate::mutation::{Mutation, is_mutated};
use crate::session::fetch::SessionAction;
use crate::stats::RowSource;
use gwanje_model::Epoch;
use gwanje_wire::rest::Snapshot;
use gwanje_wire::socket::Cursor;
use gwanje_wire::{Head, ResyncReason, WireRow};
use std::collections::BTreeSet;

impl Session {
    /// A snapshot is needed; at a random moment soon, because many seats may need one at once.
    pub(super) fn want_snapshot_soon(&mut self, now: Now) {
        if self.snapshot.is_none() {
            let due = self.soon(now);
            self.want_snapshot(due);
        }
    }

    /// A snapshot is needed; whatever else is asked for is dropped.
    pub(super) fn want_snapshot(&mut self, due: Mono) {
        self.snapshot = Some(self.snapshot.map_or(due, |other| other.min(due)));
        self.repair.stop();
        self.gap = None;
        self.rest.drop_unless(&mut self.out, |job| matches!(job, Job::Snapshot));
    }

    /// The hub can't go on from the cursor: it says so to a request that was sent then.
    pub(super) fn resync(&mut self, reason: ResyncReason, sent: Now, now: Now) {
        match reason {
            ResyncReason::Epoch | ResyncReason::Floor => self.want_snapshot_soon(now),
            ResyncReason::Ahead => {
                let believed = self.is_ahead_for_long(sent, now);
                self.poll_later(now);
                if self.gap.is_some() {
                    self.gap = Some(self.rest.poll_due);
                }
                // A comparison that is under way would be told the same at once.
                self.repair.not_before = self.repair.not_before.max(self.rest.poll_due);
                if believed {
                    self.want_snapshot_soon(now);
                }
            }
        }
    }

    /// An answer says that the hub is behind the cursor: whether all have said so for long enough to be believed.
    fn is_ahead_for_long(&mut self, sent: Now, now: Now) -> bool {
        let since = *self.ahead.get_or_insert(now.mono);
        self.adopt_older |= sent.mono >= since && now.mono.since(since) >= ADOPT_OLDER_MS;
        self.adopt_older
    }

    /// A head of this epoch has reached the cursor: whoever said that the cursor is ahead was behind. What was said
    /// before it counts for nothing. Otherwise a replica that lags once more hours later would be believed at once.
    pub(super) fn not_ahead(&mut self, head: &Head) {
        if self.order.cursor().is_some_and(|cursor| cursor.epoch == head.epoch && cursor.rev <= head.rev) {
            self.ahead = None;
            self.adopt_older = false;
        }
    }

    /// An answer came from an older epoch than the board's. True: it has to be adopted.
    pub(super) fn is_old_epoch_to_adopt(&mut self, epoch: &Epoch, sent: Now, now: Now) -> bool {
        if is_mutated(Mutation::SwapEpochsBack) {
            return true;
        }
        match &self.old_epoch {
            Some((old, since)) if old == epoch => {
                sent.mono >= *since && now.mono.since(*since) >= ADOPT_OLDER_MS
            }
            Some(_) | None => {
                self.old_epoch = Some((epoch.clone(), now.mono));
                false
            }
        }
    }

    /// The answer to a snapshot.
    pub(super) fn take_snapshot(&mut self, reply: Snapshot, sent: Now, now: Now) {
        let cursor = Cursor { epoch: reply.epoch, rev: reply.rev };
        let total = reply.rows.len();
        let sound = reply.rows.iter().all(|row| row.rev() <= cursor.rev);
        let rows = Rows::of(reply.rows);
        let (count, digest) = (rows.sum().count, rows.sum().digest);
        if !sound || count != reply.count || digest != reply.digest || u64::try_from(total) != Ok(count) {
            return self.fail_malformed(now);
        }
        if !self.may_take(&cursor, sent, now) {
            self.snapshot = Some(self.rest.poll_due);
            return;
        }
        self.swap(rows, cursor, now);
        self.drain(now);
        // The snapshot carries no head: ask for one, it proves the board at once.
        self.rest.poll_due = now.mono;
    }

    fn may_take(&mut self, cursor: &Cursor, sent: Now, now: Now) -> bool {
        let Some(held) = self.order.cursor() else { return true };
        match cursor.epoch.cmp(&held.epoch) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => {
                cursor.rev >= self.order.held()
                    // A snapshot may be wanted for another reason; then it alone shows that the hub went back.
                    || self.is_ahead_for_long(sent, now)
                    || is_mutated(Mutation::AcceptOlderSnapshot)
            }
            std::cmp::Ordering::Less => self.is_old_epoch_to_adopt(&cursor.epoch, sent, now),
        }
    }

    /// Puts the snapshot in the place of all rows; the board hears of differences only.
    fn swap(&mut self, rows: Rows, cursor: Cursor, now: Now) {
        // The windows still hold a row that memory has lost: then what they hold must not be reckoned from memory.
        self.recount();
        let new_epoch = self.order.cursor().is_some_and(|old| old.epoch != cursor.epoch);
        let mut touched: BTreeSet<_> = self.rows.revs().map(|(id, _)| id).collect();
        touched.extend(rows.revs().map(|(id, _)| id));
        touched.retain(|id| self.rows.get(*id) != rows.get(*id));
        self.stats.rows_from.take(RowSource::Snapshot, touched.len());
        let mut delta = Delta::default();
        for &id in &touched {
            match rows.get(id) {
                Some(row) => self.put(row.clone(), &mut delta),
                None => self.take(id, cursor.rev, &mut delta),
            }
        }
        let rev = cursor.rev;
        if new_epoch || self.adopt_older {
            // One that went back within an epoch may have lost what it decided in it.
            let settled_in = (!self.adopt_older).then(|| cursor.epoch.clone());
            self.out.push_back(SessionAction::HistoryChanged { epoch: cursor.epoch.clone(), settled_in });
        }
        self.order.set(cursor);
        if self.adopt_older {
            self.order.forget_target();
        }
        if new_epoch {
            touched.extend(self.overlays.clear());
        }
        if new_epoch || self.adopt_older {
            // An answer under way speaks of the other history's alarms and would undo this.
            self.rest.drop_alarms(&mut self.out);
            self.alarms.reread(now.mono);
        }
        let mut changes: Vec<RowChange> = Vec::with_capacity(touched.len());
        for id in touched {
            if !self.overlays.hides(id, self.rows.get(id).map_or(rev, WireRow::rev)) {
                changes.push(self.shown(id, rev));
            }
        }
        if std::mem::take(&mut self.rows_lost) {
            // The board may show something else than what was in memory.
            let shown = self.rows.iter().chain(self.overlays.rows()).cloned().map(RowChange::Upsert);
            changes = std::iter::once(RowChange::Clear).chain(shown).collect();
        }
        self.forget_doubts();
        // What was proven before was another board, and a replica that lags may have proven it. The next head proves
        // this one.
        self.proven.take_unequal();
        self.stats.snapshots += 1;
        self.persist_all(now);
        self.show(changes);
    }

    /// After a swap nothing older counts.
    fn forget_doubts(&mut self) {
        self.snapshot = None;
        self.suspect = None;
        self.gap = None;
        self.old_epoch = None;
        self.ahead = None;
        self.adopt_older = false;
        self.repair.stop();
    }

    /// What the cache held is shown at once.
    pub(super) fn take_restored(&mut self, rows: Vec<WireRow>, cursor: Option<Cursor>) {
        self.rows = Rows::of(rows);
        for row in self.rows.iter() {
            self.unread.see(row);
            self.alarms.overdue.see(row);
        }
        self.alarms.overdue.restored();
        let count = usize::try_from(self.rows.sum().count).unwrap_or(usize::MAX);
        self.stats.rows_from.take(RowSource::Cache, count);
        if let Some(cursor) = cursor {
            self.order.set(cursor);
        }
        let changes = self.rows.iter().cloned().map(RowChange::Upsert).collect();
        self.out.push_back(SessionAction::Changed(changes, self.order.cursor().cloned()));
    }
}
