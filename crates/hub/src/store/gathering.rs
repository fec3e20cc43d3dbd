//! How long a transaction waits for company. Whoever was answered by the last one asks again within a moment; a transaction
//! that begins with the first of them alone leaves the others to wait for a whole flush to disk.

use std::time::Duration;

/// A transaction that waits costs the first ask at most this share of the last one's time.
const SHARE: u32 = 8;
/// And no longer than this.
const AT_MOST: Duration = Duration::from_millis(2);

/// What the last transaction was like.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    asks: usize,
    took: Duration,
}

impl Gathering {
    /// Notes what a transaction was like.
    pub fn committed(&mut self, asks: usize, took: Duration) {
        (self.asks, self.took) = (asks, took);
    }

    /// How many asks the next one takes before it waits no more.
    pub fn expected(&self, at_most: usize) -> usize {
        self.asks.clamp(1, at_most)
    }

    /// How long the next one waits when it has so many asks. One that came alone after one that came alone waits for nobody.
    pub fn patience(&self, asks: usize) -> Duration {
        if asks < self.asks { (self.took / SHARE).min(AT_MOST) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_transaction_waits_for_as_many_as_the_last_had_and_for_a_small_part_of_its_time() {
        let mut gathering = Gathering::default();
        assert_eq!((gathering.expected(256), gathering.patience(1)), (1, Duration::ZERO));
        gathering.committed(64, 8 * MS);
        assert_eq!((gathering.expected(256), gathering.patience(1)), (64, MS));
        assert_eq!(gathering.patience(64), Duration::ZERO, "all are there");
        gathering.committed(300, 800 * MS);
        assert_eq!((gathering.expected(256), gathering.patience(1)), (256, AT_MOST));
        gathering.committed(1, 800 * MS);
        assert_eq!(gathering.patience(1), Duration::ZERO, "one that comes alone waits for nobody");
    }
}
