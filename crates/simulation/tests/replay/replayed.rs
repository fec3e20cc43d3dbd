//! Asks the real hub what the model was asked in the simulation's short run.

use crate::real::Real;
use crate::setting::Setting;
use gwanje_simulation::hub::{Call, Question, Setup};
use gwanje_simulation::log_of;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of the short run.
const SEEDS: u64 = 300;

/// Settings made so far: plans share a few.
#[derive(Default)]
struct Settings(Vec<(Setup, Setting)>);

impl Settings {
    async fn of(&mut self, setup: &Setup) -> &Setting {
        let known = self.0.iter().position(|(known, _)| known == setup);
        let nth = match known {
            Some(nth) => nth,
            None => {
                self.0.push((setup.clone(), Setting::of(setup).await));
                self.0.len() - 1
            }
        };
        &self.0[nth].1
    }
}

async fn replay(log: &[Call], settings: &mut Settings) -> Result<(), String> {
    let Some(Call { what: Question::Begin(setup), .. }) = log.first() else {
        return Err("a log begins with what its hub began with".to_owned());
    };
    let mut real = Real::new(settings.of(setup).await).await;
    for (nth, call) in log.iter().enumerate() {
        real.check(call).await.map_err(|found| format!("call {nth} of {}: {found}", log.len()))?;
    }
    Ok(())
}

#[test]
fn every_sequence_of_the_short_run_gets_the_same_answers_from_the_real_hub() {
    let (next, calls, sequences) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let found = Mutex::new(Vec::new());
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut settings = Settings::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                return;
            }
            let Some(log) = log_of(seed) else { continue };
            sequences.fetch_add(1, Ordering::Relaxed);
            calls.fetch_add(u64::try_from(log.len()).unwrap(), Ordering::Relaxed);
            if let Err(drift) = runtime.block_on(replay(&log, &mut settings)) {
                found.lock().unwrap().push(format!("seed {seed}, {drift}"));
            }
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let (found, calls, sequences) = (found.into_inner().unwrap(), calls.into_inner(), sequences.into_inner());
    assert!(found.is_empty(), "model and hub drift apart:\n{}", found.join("\n\n"));
    println!("replay: {sequences} of {SEEDS} sequences, {calls} calls, 0 differences");
    assert!(sequences >= SEEDS / 4 && calls >= 100 * sequences, "{sequences} sequences, {calls} calls");
}
