//! How long to wait before trying again: decorrelated jitter, so that clients cut at once don't come back at once.
//!
//! Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// A growing, random pause between tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    base_ms: u64,
    cap_ms: u64,
    last_ms: u64,
}

impl Backoff {
    /// Pauses from `base_ms` to `cap_ms`.
    pub(crate) fn new(base_ms: u64, cap_ms: u64) -> Self {
        Self { base_ms, cap_ms, last_ms: base_ms }
    }

    /// The next pause: anything from the base to three times the last one, at most the cap.
    pub(crate) fn next_ms(&mut self, rng: &mut ChaCha8Rng) -> u64 {
        let upper = self.last_ms.saturating_mul(3).clamp(self.base_ms, self.cap_ms);
        self.last_ms = rng.random_range(self.base_ms..=upper);
        self.last_ms
    }

    /// What was tried worked: the next pause is short again.
    pub(crate) fn reset(&mut self) {
        self.last_ms = self.base_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng as _;

    #[test]
    fn pauses_stay_within_bounds_grow_and_differ() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut backoff = Backoff::new(500, 30_000);
        let first = backoff.next_ms(&mut rng);
        assert!((500..=1_500).contains(&first));
        let later: Vec<u64> = (0..200).map(|_| backoff.next_ms(&mut rng)).collect();
        assert!(later.iter().all(|ms| (500..=30_000).contains(ms)));
        assert!(later.iter().any(|ms| *ms > 10_000), "it never grew");
        backoff.reset();
        assert!(backoff.next_ms(&mut rng) <= 1_500);
    }
}
