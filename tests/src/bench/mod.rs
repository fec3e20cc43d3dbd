//! Benchmarks: ratios taken in one run, ours and the peer in turn. They report and never assert.

pub mod board_groups;
pub mod board_rows;
pub mod cold_start;
pub mod feeder;
pub mod floors;
pub mod ingest;
pub mod reconcile;
pub mod report;
pub mod sample;
pub mod stream;

use std::time::{Duration, Instant};

/// Runs of each side; the median decides.
pub const RUNS: usize = 5;

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// The middle of some figures (the lower of two middles). 0 for none.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// Runs both in turn, A B A B …, after one run of each that does not count; the medians of what they return.
pub fn in_turn(mut ours: impl FnMut() -> f64, mut peer: impl FnMut() -> f64) -> (f64, f64) {
    ours();
    peer();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        a.push(ours());
        b.push(peer());
    }
    (median(a), median(b))
}
