//! How changes reach cache, board and person, and which of the six states holds.

use super::super::fetch::SessionAction;
use super::super::proof::Instant;
use super::super::publish::Delta;
use super::super::state::{Comparison, Facts, SocketFact, is_told_otherwise};
use super::listing::Asked;
use super::{AUDIT_EVERY_MS, CLOCK_EVERY_MS, ForeignSession};
use crate::io::{AlarmKey, Batch, LinkReason, Mono, Now, Proof, RowChange, State};
use gwanje_dialect::ClockSource;
use gwanje_model::{DeliveryId, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::rest::AlarmKind;

/// A comparison counts as of the present for the list's interval, its time-out and this, milliseconds.
const MARGIN_MS: u64 = 5_000;
/// Somebody must know when a comparison was due for this long, milliseconds, and none came.
const UNPROVEN_MS: u64 = 30_000;
/// A look that comes this much after the deadline, milliseconds, finds that the desk was asleep.
const ASLEEP_MS: u64 = 10_000;

/// The present spell without a comparison.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    from: Option<Instant>,
    raised: Option<AlarmKey>,
}

impl ForeignSession {
    /// Tells cache and board.
    pub(super) fn publish(&mut self, delta: Delta) {
        if delta.is_empty() {
            return;
        }
        let (mut upserts, mut removes, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for (id, rev) in delta.into_touched() {
            match self.rows.get(id) {
                Some(row) => {
                    upserts.push(row.clone());
                    changes.push(RowChange::Upsert(row.clone()));
                }
                None => {
                    removes.push(id);
                    changes.push(RowChange::Remove(id, rev));
                }
            }
        }
        self.persist(false, upserts, removes);
        self.out.push_back(SessionAction::Changed(changes, Some(self.cursor.clone())));
    }

    /// Writes everything afresh.
    pub(super) fn persist_all(&mut self) {
        self.names.store_all();
        let rows = self.rows.iter().cloned().collect();
        self.persist(true, rows, Vec::new());
    }

    fn persist(&mut self, replace: bool, upserts: Vec<WireRow>, removes: Vec<DeliveryId>) {
        self.batch += 1;
        let alarms = self.alarms.store(self.batch);
        self.proof_unstored = false;
        self.out.push_back(SessionAction::Persist(Box::new(Batch {
            center: self.dialect.center.id.clone(),
            seq: self.batch,
            replace,
            upserts,
            removes,
            cursor: Some(self.cursor.clone()),
            rows: self.rows.sum(),
            alarms: alarms.stored,
            alarm_seq: None,
            proven_at: self.last_proof.as_ref().map(|proof| proof.at),
            alarms_skipped: None,
            commands: Vec::new(),
            settled: Vec::new(),
            own: Vec::new(),
            names: self.names.store(),
        })));
    }

    /// The rows are equal to a list.
    pub(super) fn prove(&mut self, asked: &Asked, now: Now) {
        self.stats.proofs += 1;
        self.stats.proofs_by.rest += 1;
        let proof = Proof {
            epoch: self.cursor.epoch.clone(),
            rev: self.cursor.rev,
            // Recomputed from the rows, as at each head of a hub.
            rows: self.rows.recount(),
            at: asked.at.wall,
            day_at: self.day_at(now),
        };
        self.last_proof = Some(proof.clone());
        self.proof_unstored = true;
        self.out.push_back(SessionAction::Proved(proof));
    }

    /// Cancellations from before the first list are old news. The list's newest change is the server's own word on what
    /// time it was.
    pub(super) fn begin_horizon(&mut self, newest: UtcMillis, now: Now) {
        if self.has_horizon {
            return;
        }
        self.has_horizon = true;
        let horizon = match self.dialect.clock {
            // Nothing there yet: what is cancelled from now on is news.
            ClockSource::Wall if newest == UtcMillis::default() => now.wall,
            ClockSource::Wall | ClockSource::Rows => newest,
        };
        self.alarms.head(horizon, 0, &self.rows, now.mono, &mut self.out);
    }

    /// After every input: what is due, what to write, and the state.
    pub(super) fn settle(&mut self, now: Now) {
        if self.restored {
            self.watch_check(now);
            self.watch_clock(now);
            self.watch_proof(now);
            self.alarms.overdue.tell(&mut self.out);
            if now.mono >= self.audit_due {
                self.audit_due = now.mono.plus_ms(AUDIT_EVERY_MS);
                self.out.push_back(SessionAction::Audit);
                self.names.forget_old(now.wall);
            }
            if self.alarms.has_changes() || self.proof_unstored {
                self.persist(false, Vec::new(), Vec::new());
            }
        }
        let state = self.facts(now).state(&self.state, now.wall);
        if is_told_otherwise(&self.state, &state) {
            self.out.push_back(SessionAction::State(state.clone()));
        }
        self.state = state;
    }

    /// When `Live` ends for want of a comparison.
    pub(super) fn stale_at(&self) -> Option<Mono> {
        match self.state {
            State::Live { .. } => {
                self.compared.map(|compared| compared.at().mono.plus_ms(self.fresh_ms() + 1))
            }
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Polling { .. }
            | State::Offline { .. }
            | State::Refused { .. } => None,
        }
    }

    fn facts(&self, now: Now) -> Facts {
        let socket = match self.joined {
            None => SocketFact::Absent(self.socket_reason.clone()),
            Some(joined) => SocketFact::Joined(self.fresh(joined, now)),
        };
        Facts {
            refused: self.refused,
            socket,
            rest_failing: (self.failures >= 2).then(|| self.failure.clone()),
            answered: self.answered,
        }
    }

    /// The instant of the comparison, while it speaks of the present.
    fn fresh(&self, joined: Mono, now: Now) -> Result<Comparison, LinkReason> {
        let last = self.compared.filter(|compared| compared.at().mono >= joined);
        if let Some((_, why)) =
            self.suspect.as_ref().filter(|(at, _)| last.is_none_or(|last| last.at().mono < *at))
        {
            let failing = (self.failures > 0).then(|| self.failure.clone());
            return Err(failing.unwrap_or_else(|| LinkReason::clone(why)));
        }
        match last {
            Some(last) if now.mono.since(last.at().mono) <= self.fresh_ms() => Ok(last.proven()),
            _ if self.failures > 0 => Err(self.failure.clone()),
            _ if self.newer > 0 => {
                let rows = if self.newer == 1 { "row" } else { "rows" };
                Err(format!("{} {rows} newer than the list", self.newer).into())
            }
            None => Err("the list has not come since the socket was joined".into()),
            Some(_) => Err("the last comparison with the list is too old".into()),
        }
    }

    fn fresh_ms(&self) -> u64 {
        self.dialect.snapshot.poll_ms + self.dialect.server.timeout_ms + MARGIN_MS
    }

    fn day_at(&self, now: Now) -> UtcMillis {
        match self.dialect.clock {
            ClockSource::Wall => now.wall,
            ClockSource::Rows => self.newest,
        }
    }

    fn watch_clock(&mut self, now: Now) {
        if now.mono < self.clock_due {
            return;
        }
        self.clock_due = now.mono.plus_ms(CLOCK_EVERY_MS);
        if self.has_horizon {
            let day_at = self.day_at(now);
            self.alarms.head(day_at, 0, &self.rows, now.mono, &mut self.out);
            self.out.push_back(SessionAction::DayClock { day_at, wall: now.wall });
        }
    }

    /// Raises when no comparison comes for too long, settles when one has come.
    fn watch_proof(&mut self, now: Now) {
        let from = *self.unproven.from.get_or_insert(now.into());
        let last = self.compared.map(|of| of.at()).filter(|at| at.mono >= from.mono).unwrap_or(from);
        let (age, limit) = (now.mono.since(last.mono), self.fresh_ms() + UNPROVEN_MS);
        if age < limit {
            if let Some(key) = self.unproven.raised.take() {
                self.alarms.overdue.settle(key);
            }
        } else if self.unproven.raised.is_none() && age > limit + ASLEEP_MS {
            self.unproven.from = Some(now.into());
        } else if self.unproven.raised.is_none() {
            let raised_at = last.wall.plus_ms(limit.cast_signed());
            let key = AlarmKey { id: DeliveryId(0), kind: AlarmKind::Unproven, raised_at };
            self.unproven.raised = Some(key);
            self.alarms.overdue.raise(key, None);
        }
    }
}
