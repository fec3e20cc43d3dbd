//! The app's engine, killed again and again: whatever moment it was, its cache opens whole, and the next start goes on from it.

use super::{DAY, Dice};
use crate::hub::Hub;
use crate::watcher::{CENTER, Watcher};
use anyhow::{Context, Result, ensure};
use gwanje_cache::Cache;
use gwanje_model::CenterId;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The latest moment of a kill after the start: by then it has been live for a while.
const LATEST_MS: u64 = 1_500;
/// The latest moment of an early one: while the cache is opened and read.
const EARLY_MS: u64 = 250;
/// How long to wait for something particular before it is killed anyway.
const AT_MOST: Duration = Duration::from_millis(2_500);

/// What rounds of the app came to.
#[derive(Debug, Default)]
pub struct AppFigures {
    /// Kills.
    pub rounds: u32,
    /// By what it was doing: starting, anything, telling an alarm, having just proven.
    pub moments: [u32; 4],
    /// Rows at the end, each compared with the hub's.
    pub rows: usize,
    /// Cancellations that were told, each once.
    pub told: usize,
    /// Of these: committed before a kill and told by the start after it.
    pub told_late: usize,
    /// Proofs, each compared with the hub's history.
    pub proofs: usize,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for AppFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [starting, anywhen, alarm, proof] = self.moments;
        write!(
            f,
            "app: {} kills ({starting} while starting, {anywhen} at any moment, {alarm} at an alarm, {proof} at a proof) in {:.0} s: \
             {} rows, 0 lost; {} cancellations, 0 lost, 0 doubled ({} told by the start after the kill); {} proofs, all true; every cache opened",
            self.rounds,
            self.took.as_secs_f64(),
            self.rows,
            self.told,
            self.told_late,
            self.proofs
        )
    }
}

/// Kills a watcher `rounds` times.
///
/// # Errors
/// With the first thing that was lost, doubled or broken.
pub async fn app(rounds: u32, seed: u64) -> Result<AppFigures> {
    let began = Instant::now();
    let folder = tempfile::tempdir().context("making a folder")?;
    let data = folder.path().join("hub");
    let mut day = vec!["--data", data.to_str().context("a folder's name")?, "--speed", "60"];
    day.extend(DAY);
    let hub = Hub::demo(&day)?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    // The first start signs in with the password; killed before that, it would only do so again.
    watcher.until_state("Live")?;
    let (mut dice, mut figures) = (Dice(seed), AppFigures { rounds, ..AppFigures::default() });
    for round in 0..rounds {
        let kind = dice.below(4) as usize;
        figures.moments[kind] += 1;
        let doing =
            |error: anyhow::Error| error.context(format!("round {round} of seed {seed}, moment {kind}"));
        live_until(&mut watcher, kind, &mut dice).map_err(doing)?;
        watcher.kill().map_err(doing)?;
        cache_is_whole(&watcher.cache_file()?, &folder.path().join("copy")).map_err(doing)?;
        watcher.start_again()?;
    }
    watcher.until_state("Live")?;
    watcher.ends_true(&admin, Some(&data.join("hub.sqlite"))).await.context("after the last kill")?;
    figures.rows = watcher.rows().len();
    (figures.told, figures.told_late) = (watcher.told(), watcher.told_late());
    figures.proofs = watcher.claims().len();
    figures.took = began.elapsed();
    Ok(figures)
}

fn live_until(watcher: &mut Watcher, kind: usize, dice: &mut Dice) -> Result<()> {
    let runs = match kind {
        0 => watcher.for_a_while(Duration::from_millis(dice.below(EARLY_MS)))?,
        1 => watcher.for_a_while(Duration::from_millis(dice.below(LATEST_MS)))?,
        2 => watcher.until_or(AT_MOST, |line| line["type"] == "alarm" && line["relisted"] == false)?,
        _ => watcher.until_or(AT_MOST, |line| line["type"] == "proof")?,
    };
    ensure!(runs, "it ended by itself:\n{}", watcher.process.whole_log());
    Ok(())
}

/// Opens a copy, so that the next start finds the file as the kill left it.
fn cache_is_whole(cache: &Path, copy: &Path) -> Result<()> {
    std::fs::create_dir_all(copy)?;
    let to = copy.join("cache.sqlite");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        match std::fs::copy(name(cache), name(&to)) {
            Ok(_) => {}
            Err(error) if suffix == "-wal" && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("copying the cache"),
        }
    }
    let opened = Cache::open(&to)?;
    ensure!(opened.set_aside.is_none(), "the cache did not open: {:?}", opened.set_aside);
    let audit = opened.cache.audit(&CenterId::from(CENTER))?;
    ensure!(audit.damaged.is_empty() && audit.digest_fits, "rows and cursor disagree on disk: {audit:?}");
    drop(opened);
    std::fs::remove_dir_all(copy)?;
    Ok(())
}
