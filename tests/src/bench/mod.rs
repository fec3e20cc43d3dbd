//! Benchmarks: ratios taken in one run, ours and the peer in turn. They report and never assert.

pub mod audience;
pub mod bare;
pub mod board_groups;
pub mod board_rows;
pub mod cold_start;
pub mod commit_floor;
pub mod commits;
pub mod fanout;
pub mod feeder;
pub mod floors;
pub mod ingest;
pub mod namespaces;
pub mod polling;
pub mod reconcile;
pub mod reconnects;
pub mod report;
pub mod sample;
pub mod served;
pub mod stream;
pub mod suggestions;

use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Runs of each side; the median decides.
pub const RUNS: usize = 5;

/// A size of a benchmark, which the environment may set for a machine that bears less: `GWANJE_BENCH_` and this name.
///
/// # Errors
/// When what it says is no number above 0.
pub fn sized(name: &str, usual: u32) -> Result<u32> {
    let name = format!("GWANJE_BENCH_{name}");
    match std::env::var(&name) {
        Err(std::env::VarError::NotPresent) => Ok(usual),
        Err(error) => Err(error).context(name),
        Ok(said) => {
            let number = said.parse().ok().filter(|number| *number > 0);
            number.with_context(|| format!("{name} is {said:?}; it has to be a number above 0"))
        }
    }
}

/// Runs of each side that count, of the rows about the hub: `GWANJE_BENCH_RUNS`, else [`RUNS`].
///
/// # Errors
/// When what the environment says is no number above 0.
pub fn runs() -> Result<u32> {
    sized("RUNS", u32::try_from(RUNS)?)
}

/// How long each run counts, of the rows about the hub: `GWANJE_BENCH_SECONDS`, else this.
///
/// # Errors
/// When what the environment says is no number above 0.
pub fn window(usual: Duration) -> Result<Duration> {
    Ok(Duration::from_secs(u64::from(sized("SECONDS", u32::try_from(usual.as_secs())?)?)))
}

/// How many files this process may have open.
///
/// # Errors
/// When the system does not tell.
pub fn descriptors() -> Result<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).context("the limit of open files")?;
    // "unlimited" is more than any benchmark needs.
    Ok(soft.parse().unwrap_or(u32::MAX))
}

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
