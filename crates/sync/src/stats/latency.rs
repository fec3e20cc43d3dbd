//! A histogram of milliseconds with fixed bounds: bounded memory, no floating point, sums without loss.

use super::Tally;
use serde::{Serialize, Serializer};
use ts_rs::TS;

/// The upper bounds of the steps, milliseconds, inclusive: about three per factor of ten, from what nobody notices to
/// what everybody does. Beyond the last there is one more step.
pub const LATENCY_BOUNDS_MS: [u64; 24] = [
    0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 2_000, 3_000, 5_000,
    10_000, 30_000,
];
const STEPS: usize = LATENCY_BOUNDS_MS.len() + 1;

/// How often something took how long.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    steps: [u64; STEPS],
    max_ms: u64,
}

/// A histogram in five numbers. A percentile is the upper bound of the step that it falls into, at most the maximum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LatencySummary {
    /// How many there were.
    pub count: u64,
    /// Half took at most this long, milliseconds.
    pub p50_ms: u64,
    /// 95 of a hundred.
    pub p95_ms: u64,
    /// 99 of a hundred.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Latency {
    /// One more that took `ms` milliseconds.
    pub fn take(&mut self, ms: u64) {
        let step = LATENCY_BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(STEPS - 1);
        if let Some(count) = self.steps.get_mut(step) {
            *count += 1;
        }
        self.max_ms = self.max_ms.max(ms);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.steps.iter().sum()
    }

    /// `hundredths` of all took at most this long, milliseconds; 0 when there were none.
    #[must_use]
    pub fn percentile_ms(&self, hundredths: u64) -> u64 {
        let rank = self.count().saturating_mul(hundredths).div_ceil(100);
        let mut seen = 0;
        for (step, count) in self.steps.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= rank {
                return LATENCY_BOUNDS_MS.get(step).map_or(self.max_ms, |bound| self.max_ms.min(*bound));
            }
        }
        self.max_ms
    }

    /// In five numbers.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            count: self.count(),
            p50_ms: self.percentile_ms(50),
            p95_ms: self.percentile_ms(95),
            p99_ms: self.percentile_ms(99),
            max_ms: self.max_ms,
        }
    }
}

impl Tally for Latency {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(other.steps) {
            *mine += theirs;
        }
        self.max_ms = self.max_ms.max(other.max_ms);
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_the_bounds_of_their_steps_and_never_more_than_the_longest() {
        let mut latency = Latency::default();
        assert_eq!(latency.summary(), LatencySummary::default());
        for ms in [0, 1, 4, 4, 4, 6, 8, 9, 12, 60_000] {
            latency.take(ms);
        }
        let expected =
            LatencySummary { count: 10, p50_ms: 5, p95_ms: 60_000, p99_ms: 60_000, max_ms: 60_000 };
        assert_eq!(latency.summary(), expected);
        assert_eq!(latency.percentile_ms(90), 15);
        let mut one = Latency::default();
        one.take(11);
        assert_eq!(one.percentile_ms(50), 11, "not the bound, 15");
    }

    proptest! {
        /// A sum equals what was taken together, and a percentile is off by one step at most.
        #[test]
        fn sums_lose_nothing(mine in prop::collection::vec(0_u64..100_000, 0..50), theirs in prop::collection::vec(0_u64..100_000, 1..50)) {
            let of = |all: &[u64]| {
                let mut latency = Latency::default();
                all.iter().for_each(|ms| latency.take(*ms));
                latency
            };
            let mut sum = of(&mine);
            sum.add(&of(&theirs));
            let mut all = [mine, theirs].concat();
            prop_assert_eq!(sum, of(&all));
            all.sort_unstable();
            for hundredths in [50, 95, 99] {
                let exact = all[(all.len() * hundredths).div_ceil(100) - 1];
                let told = sum.percentile_ms(hundredths as u64);
                prop_assert!(told >= exact, "{told} for {exact}");
                let below = LATENCY_BOUNDS_MS.iter().rev().find(|bound| **bound < told).copied();
                prop_assert!(below.is_none_or(|below| exact > below), "{told} for {exact}");
            }
        }
    }
}
