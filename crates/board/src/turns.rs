//! The instants of the day's clock at which a row turns late, at risk, unconfirmed for too long, or old news. Decides
//! which rows belong to *Act now*.
//!
//! All of a row's turns follow from the row and its center's settings, not from the clock. So the clock may go on or
//! back: it changes just the rows with a turn between the two instants.

use crate::record::{is_unconfirmed, is_under_way};
use gwanje_model::{Delivery, Status, UtcMillis};

/// A rider should confirm within this many minutes of operations time, as for the alarm.
const UNCONFIRMED_MIN: i64 = 3;
/// Minutes of operations time after which nobody needs to look at a cancellation any more.
const CANCELLED_MIN: i64 = 30;

/// The turns of a row; `None`: the row never comes to this turn.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turns {
    /// The instant from which it is late.
    late: Option<UtcMillis>,
    /// The instant from which it is at risk, until it is late.
    at_risk: Option<UtcMillis>,
    /// The instant by which its rider should have confirmed.
    silent: Option<UtcMillis>,
    /// The instant until which its cancellation is looked at.
    cancelled: Option<UtcMillis>,
}

/// What is known about a cancellation beside the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CancellationFacts {
    /// A person acknowledged the cancellation.
    pub(crate) acknowledged: bool,
    /// Nobody carries the order in vain: it had no rider, or the rider knows.
    pub(crate) rider_knows: bool,
}

impl Turns {
    pub(crate) fn of(row: &Delivery, at_risk_min: u32) -> Self {
        let cancelled_at = row.cancelled_at.filter(|_| row.status == Status::Cancelled);
        let cancelled = cancelled_at.map(|at| at.plus_min(CANCELLED_MIN));
        if !is_under_way(row) {
            return Self { cancelled, ..Self::default() };
        }
        let late_at = row.late_at();
        // "Under five minutes left" begins after the instant at which five are left.
        let short = late_at.plus_min(-i64::from(at_risk_min)).plus_ms(1);
        let pickup = row.received_at.plus_min(row.pickup_target_min.into());
        let at_risk = if row.status == Status::PickedUp { short } else { short.min(pickup) };
        let since = row.assigned_at.filter(|_| is_unconfirmed(row));
        Self {
            late: Some(late_at),
            at_risk: Some(at_risk).filter(|&at| at < late_at),
            silent: since.map(|at| at.plus_min(UNCONFIRMED_MIN)),
            cancelled,
        }
    }

    /// All of them.
    pub(crate) fn instants(self) -> impl Iterator<Item = UtcMillis> {
        let Self { late, at_risk, silent, cancelled } = self;
        [late, at_risk, silent, cancelled].into_iter().flatten()
    }

    /// The instant from which it is at risk.
    pub(crate) fn at_risk_from(self) -> Option<UtcMillis> {
        self.at_risk
    }

    pub(crate) fn is_late(self, day_at: UtcMillis) -> bool {
        has_come(self.late, day_at)
    }

    pub(crate) fn is_at_risk(self, day_at: UtcMillis) -> bool {
        has_come(self.at_risk, day_at) && !self.is_late(day_at)
    }

    /// Whether the row belongs to *Act now*. Only this function decides.
    pub(crate) fn is_act_now(self, day_at: UtcMillis, facts: CancellationFacts) -> bool {
        let is_settled = facts.acknowledged && facts.rider_knows;
        self.is_late(day_at)
            || self.is_at_risk(day_at)
            || has_come(self.silent, day_at)
            || (self.cancelled.is_some_and(|until| day_at < until) && !is_settled)
    }
}

fn has_come(at: Option<UtcMillis>, day_at: UtcMillis) -> bool {
    at.is_some_and(|at| at <= day_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn when_a_row_is_at_risk_and_late() {
        let turns = Turns {
            late: Some(UtcMillis(40 * MINUTE)),
            at_risk: Some(UtcMillis(35 * MINUTE + 1)),
            ..Turns::default()
        };
        for (at, is_at_risk, is_late) in [
            (35 * MINUTE, false, false),
            (35 * MINUTE + 1, true, false),
            (40 * MINUTE - 1, true, false),
            (40 * MINUTE, false, true),
        ] {
            let at = UtcMillis(at);
            assert_eq!((turns.is_at_risk(at), turns.is_late(at)), (is_at_risk, is_late), "{at:?}");
        }
    }

    #[test]
    fn what_belongs_to_act_now() {
        let minutes = |min: i64| Some(UtcMillis(min * MINUTE));
        let facts = |acknowledged, rider_knows| CancellationFacts { acknowledged, rider_knows };
        let cancelled = Turns { cancelled: minutes(30), ..Turns::default() };
        let open = Turns { late: minutes(40), at_risk: minutes(35), silent: None, cancelled: None };
        let silent = Turns { silent: minutes(13), ..open };
        for (turns, min, facts, belongs) in [
            (Turns::default(), 1_000, facts(false, false), false),
            (open, 34, facts(false, false), false),
            (open, 35, facts(false, false), true),
            (open, 40, facts(true, true), true),
            (silent, 12, facts(false, false), false),
            (silent, 13, facts(false, false), true),
            (cancelled, 0, facts(false, false), true),
            (cancelled, 29, facts(true, false), true),
            (cancelled, 29, facts(false, true), true),
            (cancelled, 29, facts(true, true), false),
            (cancelled, 30, facts(false, false), false),
        ] {
            let is = turns.is_act_now(UtcMillis(min * MINUTE), facts);
            assert_eq!(is, belongs, "{turns:?} at minute {min}, {facts:?}");
        }
    }
}
