//! More changes than any center ever sees, for a minute: the watcher may be late, and is never wrong.

use crate::hub::Hub;
use crate::watcher::{CENTER, Watcher};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fmt;
use std::time::{Duration, Instant};

/// The most orders that a hub takes in one rush.
const RUSH_MAX: u32 = 20_000;
/// Between two looks at how far the hub is.
const LOOK: Duration = Duration::from_millis(500);

/// Over how long the rate is taken.
const WINDOW: Duration = Duration::from_secs(5);

/// What a storm came to.
#[derive(Debug, Default)]
pub struct StormFigures {
    /// How long it blew.
    pub seconds: f64,
    /// Changes that the hub committed in that time.
    pub changes: u64,
    /// The most in a second, over five seconds.
    pub peak: f64,
    /// The most changes that the watcher's proofs were behind the hub.
    pub behind: u64,
    /// Proofs, each compared with the hub's history.
    pub proofs: usize,
    /// Rows at the end, each compared with the hub's.
    pub rows: usize,
    /// Cancellations that were told, each once.
    pub told: usize,
}

impl fmt::Display for StormFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "storm: {} changes in {:.0} s ({:.0} a second over the worst five), at most {} behind: {} rows, 0 lost; {} cancellations, 0 lost, 0 doubled; {} proofs, all true",
            self.changes, self.seconds, self.peak, self.behind, self.rows, self.told, self.proofs
        )
    }
}

/// `orders` orders come in the first third of `time`, as fast as the hub takes them. What becomes of them is watched to
/// the end of it.
///
/// An order changes about twice before it waits for a rider, of whom there are never that many.
///
/// # Errors
/// With the first thing that was lost, doubled or wrong.
pub async fn storm(orders: u32, time: Duration) -> Result<StormFigures> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let data = folder.path().join("hub");
    let data_name = data.to_str().context("a folder's name")?;
    let hub = Hub::demo(&[
        "--data",
        data_name,
        "--centers",
        "1",
        "--start",
        "12:00",
        "--speed",
        "60",
        "--cancel-rate",
        "0.1",
    ])?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    let begun_at = admin.head(CENTER).await?.rev.0;
    // A minute of the day is a second.
    let within_min = u32::try_from(time.as_secs() / 3)?.max(1);
    let mut left = orders;
    while left > 0 {
        let some = left.min(RUSH_MAX);
        admin.post("/drill", &json!({"rush": {"orders": some, "withinMin": within_min}})).await?;
        left -= some;
    }
    let (began, mut figures, mut now) = (Instant::now(), StormFigures::default(), begun_at);
    let mut window = (began, begun_at);
    while began.elapsed() < time {
        ensure!(watcher.for_a_while(LOOK)?, "the watcher ended:\n{}", watcher.process.whole_log());
        now = admin.head(CENTER).await?.rev.0;
        if window.0.elapsed() >= WINDOW {
            figures.peak = figures.peak.max((now - window.1) as f64 / window.0.elapsed().as_secs_f64());
            window = (Instant::now(), now);
        }
        let proven = watcher.claims().last().map_or(0, |claim| claim.rev);
        figures.behind = figures.behind.max(now.saturating_sub(proven));
    }
    (figures.changes, figures.seconds) = (now - begun_at, began.elapsed().as_secs_f64());
    watcher.ends_true(&admin, Some(&data.join("hub.sqlite"))).await.context("after the storm")?;
    figures.proofs = watcher.claims().len();
    (figures.rows, figures.told) = (watcher.rows().len(), watcher.told());
    Ok(figures)
}
