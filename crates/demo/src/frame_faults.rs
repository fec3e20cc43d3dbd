//! Frames that are lost on purpose on their way to a socket.

use gwanje_hub::socket::FrameLoss;
use gwanje_model::digest::mix;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2^32 stands for every frame.
const ALL: f64 = 4_294_967_296.0;

/// Which frames are lost. Nothing is, unless a drill asks for it.
#[derive(Debug, Default)]
pub struct FrameFaults {
    /// Share of frames that is lost, in 2^-32.
    share: AtomicU64,
    rolls: AtomicU64,
}

impl FrameFaults {
    /// Loses this share of all frames (0 to 1) from now on.
    pub fn set_drop_rate(&self, rate: f64) {
        self.share.store((rate.clamp(0.0, 1.0) * ALL) as u64, Ordering::Relaxed);
    }

    /// The share of frames that is lost.
    #[must_use]
    pub fn drop_rate(&self) -> f64 {
        self.share.load(Ordering::Relaxed) as f64 / ALL
    }
}

impl FrameLoss for FrameFaults {
    fn loses_next(&self) -> bool {
        let share = self.share.load(Ordering::Relaxed);
        // The sequence is the same in every run: a drill can be repeated.
        share > 0 && mix(self.rolls.fetch_add(1, Ordering::Relaxed).wrapping_add(1)) >> 32 < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept() {
        for (rate, low, high) in [(0.0, 0, 0), (0.1, 900, 1_100), (1.0, 10_000, 10_000)] {
            let faults = FrameFaults::default();
            faults.set_drop_rate(rate);
            let lost = (0..10_000).filter(|_| faults.loses_next()).count();
            assert!((low..=high).contains(&lost), "{lost} of 10,000 at {rate}");
        }
    }
}
