//! The counts of a center, kept with every change, and their sum over the centers of a view.

use crate::patch::Counters;
use crate::record::{Record, is_noted, is_unconfirmed};
use crate::turns::Turns;
use gwanje_model::{Delivery, Status, UtcMillis};
use std::collections::BTreeMap;

/// Half an hour in milliseconds.
const HALF_HOUR_MS: i64 = 30 * 60 * 1000;
/// Half hours in six hours: as many as the small chart shows.
const HALF_HOURS_SHOWN: usize = 12;

/// Counts of one center.
#[derive(Debug, Default, Clone)]
pub(crate) struct CenterCounts {
    by_status: [u64; Status::ALL.len()],
    late: u64,
    at_risk: u64,
    unconfirmed: u64,
    noted: u64,
    unreadable: u64,
    picked_up: Lasting,
    delivered: Lasting,
    in_time: u64,
    by_half_hour: BTreeMap<i64, u64>,
}

/// How many rows reached a step, and how long all of them together took from receipt.
#[derive(Debug, Default, Clone, Copy)]
struct Lasting {
    count: u64,
    /// Wide enough to sum any milliseconds of the contract, and to subtract them again exactly.
    total_ms: i128,
}

/// Whether a row comes into the counts or leaves them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    In,
    Out,
}

impl Step {
    fn apply(self, count: &mut u64) {
        *count = match self {
            Self::In => count.saturating_add(1),
            Self::Out => count.saturating_sub(1),
        };
    }
}

impl CenterCounts {
    /// Counts a row as it is at operations time `day_at`.
    pub(crate) fn count(&mut self, record: &Record, turns: Turns, day_at: UtcMillis, step: Step) {
        match record {
            Record::Unreadable { .. } => step.apply(&mut self.unreadable),
            Record::Read { row, .. } => {
                self.count_row(row, step);
                self.count_turned(turns, day_at, step);
            }
        }
    }

    /// Counts what time alone changes.
    pub(crate) fn count_turned(&mut self, turns: Turns, day_at: UtcMillis, step: Step) {
        if turns.is_late(day_at) {
            step.apply(&mut self.late);
        }
        if turns.is_at_risk(day_at) {
            step.apply(&mut self.at_risk);
        }
    }

    fn count_row(&mut self, row: &Delivery, step: Step) {
        if let Some(count) = self.by_status.get_mut(row.status as usize) {
            step.apply(count);
        }
        if is_noted(row) {
            step.apply(&mut self.noted);
        }
        if is_unconfirmed(row) {
            step.apply(&mut self.unconfirmed);
        }
        if let Some(at) = row.picked_up_at {
            self.picked_up.count(at.since(row.received_at), step);
        }
        if let Some(at) = row.delivered_at {
            self.delivered.count(at.since(row.received_at), step);
            if at < row.late_at() {
                step.apply(&mut self.in_time);
            }
        }
        let start = row.received_at.0.div_euclid(HALF_HOUR_MS).saturating_mul(HALF_HOUR_MS);
        let received = self.by_half_hour.entry(start).or_default();
        step.apply(received);
        if *received == 0 {
            self.by_half_hour.remove(&start);
        }
    }
}

impl Lasting {
    fn count(&mut self, ms: i64, step: Step) {
        step.apply(&mut self.count);
        match step {
            Step::In => self.total_ms += i128::from(ms),
            Step::Out => self.total_ms -= i128::from(ms),
        }
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.total_ms += other.total_ms;
    }

    /// Mean minutes × 10, rounded towards zero. A foreign server's clock may make it negative; a negative mean is shown
    /// as 0.
    fn mean_min10(self) -> Option<u64> {
        const MS_IN_MIN10: i128 = 6_000;
        let mean = self.total_ms.checked_div(i128::from(self.count))?;
        Some(u64::try_from(mean / MS_IN_MIN10).unwrap_or(0))
    }
}

/// The counters of some centers together.
pub(crate) fn sum<'a>(centers: impl Iterator<Item = &'a CenterCounts>) -> Counters {
    let mut all = CenterCounts::default();
    for center in centers {
        for (total, count) in all.by_status.iter_mut().zip(center.by_status) {
            *total += count;
        }
        all.late += center.late;
        all.at_risk += center.at_risk;
        all.unconfirmed += center.unconfirmed;
        all.noted += center.noted;
        all.unreadable += center.unreadable;
        all.picked_up.add(center.picked_up);
        all.delivered.add(center.delivered);
        all.in_time += center.in_time;
        // The latest half hours of all centers are among the latest of each.
        for (&start, count) in center.by_half_hour.iter().rev().take(HALF_HOURS_SHOWN) {
            *all.by_half_hour.entry(start).or_default() += count;
        }
    }
    let by_status = Status::ALL.iter().zip(all.by_status);
    let older = all.by_half_hour.len().saturating_sub(HALF_HOURS_SHOWN);
    Counters {
        by_status: by_status.map(|(status, count)| (status.as_str().to_owned(), count)).collect(),
        late: all.late,
        at_risk: all.at_risk,
        unconfirmed: all.unconfirmed,
        noted: all.noted,
        unreadable: all.unreadable,
        mean_pickup_min10: all.picked_up.mean_min10(),
        mean_delivery_min10: all.delivered.mean_min10(),
        on_time_permille: (all.in_time * 1000).checked_div(all.delivered.count),
        by_half_hour: all.by_half_hour.into_iter().skip(older).collect(),
    }
}
