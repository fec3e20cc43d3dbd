//! Chance that depends on nothing but its keys: the same seed, center and order always throw the same.
//!
//! Keyed streams rather than one generator: what befalls one order does not depend on how many were played before it.
//! So a drill goes on after a restart as it would have gone on without.

use gwanje_model::digest::mix;

/// Step of the SplitMix64 generator (2^64 divided by the golden ratio).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of throws.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of those keys.
    pub fn of(keys: &[u64]) -> Self {
        Self(keys.iter().fold(GOLDEN, |seed, key| mix(mix(seed) ^ key.wrapping_add(GOLDEN))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        // 53 bits: what a float holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with that probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).unsigned_abs() + 1;
        let step = (u128::from(self.next()) * u128::from(span)) >> 64;
        low.saturating_add(step as i64)
    }

    /// A number from `low` to `high`.
    pub fn share(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of them; `None` when there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(of.len()).ok()?.checked_sub(1).filter(|last| *last >= 0)?;
        of.get(usize::try_from(self.between(0, last)).ok()?)
    }

    /// A place around zero, by the normal distribution with deviation 1 (sum of twelve throws; never beyond 6).
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_throw_equal_and_others_do_not() {
        let throws = |keys: &[u64]| {
            let mut dice = Dice::of(keys);
            [dice.between(0, 999), dice.between(0, 999), dice.between(0, 999)]
        };
        assert_eq!(throws(&[1, 2]), throws(&[1, 2]));
        assert_ne!(throws(&[1, 2]), throws(&[2, 1]));
        assert_ne!(throws(&[0]), throws(&[0, 0]));
    }

    #[test]
    fn throws_stay_within_and_reach_both_ends() {
        let mut dice = Dice::of(&[7]);
        let all: Vec<i64> = (0..500).map(|_| dice.between(-2, 2)).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&-2), Some(&2)));
        assert!((0..500).all(|_| (0.0..1.0).contains(&dice.unit())));
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
