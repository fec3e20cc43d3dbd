//! The short run of the simulation: seeds, kept plans, and that the same seed gives the same day.

use gwanje_simulation::fault::Fault;
use gwanje_simulation::plan::Plan;
use gwanje_simulation::{Report, draw, run};
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of the short run; `gwanje-faults` runs as many as it is told to.
const SEEDS: u64 = 300;

/// Runs seeds on all cores; returns their reports in order.
fn run_all(count: u64) -> Vec<(Plan, Report)> {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let mut all: Vec<(Plan, Report)> = std::thread::scope(|scope| {
        let work = || {
            let mut reports = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= count {
                    return reports;
                }
                let plan = draw(seed);
                let report = run(&plan);
                reports.push((plan, report));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    assert_eq!(u64::try_from(all.len()), Ok(count), "a run panicked");
    all.sort_by_key(|(plan, _)| plan.seed);
    all
}

#[test]
fn every_invariant_holds_under_every_fault() {
    let mut injected = [0; Fault::COUNT];
    let mut failed = Vec::new();
    for (plan, report) in run_all(SEEDS) {
        for (sum, count) in injected.iter_mut().zip(report.injected) {
            *sum += u64::from(count > 0);
        }
        failed.extend(report.violations.first().map(|first| format!("seed {}: {first:?}", plan.seed)));
    }
    assert!(failed.is_empty(), "{} seeds: {:#?}", failed.len(), &failed[..failed.len().min(5)]);
    for (fault, seeds) in Fault::ALL.into_iter().zip(injected) {
        assert!(seeds >= 3, "{fault:?} came to pass in {seeds} of {SEEDS} seeds only");
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    for seed in [1, 2, 3, 40, 41] {
        let (first, again) = (run(&draw(seed)), run(&draw(seed)));
        assert_eq!((first.trace, first.steps), (again.trace, again.steps), "seed {seed}");
        assert_ne!(first.trace, run(&draw(seed + 1)).trace, "seed {seed}");
    }
}

/// Plans that once broke something. They stay.
#[test]
fn kept_plans_hold() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds");
    let mut kept = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let plan: Plan = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let report = run(&plan);
        assert!(report.violations.is_empty(), "{}: {:?}", path.display(), report.violations);
        kept += 1;
    }
    assert!(kept > 0, "no plan is kept in {folder}");
}
