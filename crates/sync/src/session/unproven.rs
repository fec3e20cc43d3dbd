//! A center that was not proven for thirty seconds: one alarm per spell, of this seat alone (rule 10).

use super::Session;
use super::proof::Instant;
use crate::io::{AlarmKey, Mono, Now};
use gwanje_model::DeliveryId;
use gwanje_wire::rest::AlarmKind;

/// After this long without a proof, somebody must know that the board can't be relied on.
const UNPROVEN_MS: u64 = 30_000;
/// A look that comes this much after the deadline finds that the desk was asleep. Nobody could have proven anything
/// meanwhile, so the thirty seconds count from the awakening.
const ASLEEP_MS: u64 = 10_000;

/// The present spell without a proof.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    /// From when on a proof could be expected; none while the center isn't followed.
    from: Option<Instant>,
    /// Raised in this spell.
    raised: Option<AlarmKey>,
}

impl Session {
    /// Raises when a proof is missing for too long, settles when it has come.
    pub(super) fn watch_proof(&mut self, now: Now) {
        if !self.restored || !self.authorised || self.refused.is_some() {
            self.unproven.from = None;
            return self.end_spell();
        }
        let from = *self.unproven.from.get_or_insert(now.into());
        let last = self.proven.last().filter(|last| last.mono >= from.mono).unwrap_or(from);
        let age = now.mono.since(last.mono);
        if age < UNPROVEN_MS {
            return self.end_spell();
        }
        if self.unproven.raised.is_some() {
            return;
        }
        if age > UNPROVEN_MS + ASLEEP_MS {
            self.unproven.from = Some(now.into());
            return;
        }
        let raised_at = last.wall.plus_ms(UNPROVEN_MS.cast_signed());
        let key = AlarmKey { id: DeliveryId(0), kind: AlarmKind::Unproven, raised_at };
        self.unproven.raised = Some(key);
        self.alarms.overdue.raise(key, None);
    }

    /// When [`Session::watch_proof`] has something to say.
    pub(super) fn unproven_at(&self) -> Option<Mono> {
        let from = self.unproven.from.filter(|_| self.unproven.raised.is_none())?;
        let last = self.proven.last().map_or(from.mono, |last| last.mono.max(from.mono));
        Some(last.plus_ms(UNPROVEN_MS))
    }

    fn end_spell(&mut self) {
        if let Some(key) = self.unproven.raised.take() {
            self.alarms.overdue.settle(key);
        }
    }
}
