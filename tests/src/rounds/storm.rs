//! More changes than any center ever sees, for a minute: the watcher may be late, and is never wrong.

use crate::hub::Hub;
use crate::watcher::{CENTER, Watcher};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// The most orders that a hub takes in one rush.
const RUSH_MAX: u32 = 20_000;
/// Between two looks at how far the hub is.
const LOOK: Duration = Duration::from_millis(500);

/// What a storm came to.
#[derive(Debug, Default)]
pub struct StormFigures {
    /// How long it blew.
    pub seconds: f64,
    /// Changes that the hub committed in that time.
    pub changes: u64,
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
            "storm: {} changes in {:.0} s ({:.0} a second), at most {} behind: {} rows, 0 lost; {} cancellations, 0 lost, 0 doubled; {} proofs, all true",
            self.changes,
            self.seconds,
            self.changes as f64 / self.seconds.max(0.001),
            self.behind,
            self.rows,
            self.told,
            self.proofs
        )
    }
}

/// So many orders within the hour, a minute of the day a second, watched for so long.
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
    let begun_at = rev(&admin).await?;
    let within_min = u32::try_from(time.as_secs())?.max(1);
    let mut left = orders;
    while left > 0 {
        let some = left.min(RUSH_MAX);
        admin.post("/drill", &json!({"rush": {"orders": some, "withinMin": within_min}})).await?;
        left -= some;
    }
    let (began, mut figures, mut now) = (Instant::now(), StormFigures::default(), begun_at);
    while began.elapsed() < time {
        ensure!(watcher.for_a_while(LOOK)?, "the watcher ended:\n{}", watcher.process.whole_log());
        now = rev(&admin).await?;
        let proven = watcher.claims().last().map_or(0, |claim| claim.rev);
        figures.behind = figures.behind.max(now.saturating_sub(proven));
    }
    (figures.changes, figures.seconds) = (now - begun_at, began.elapsed().as_secs_f64());
    watcher.ends_true(&admin, Some(&data.join("hub.sqlite"))).await.context("after the storm")?;
    figures.proofs = watcher.claims().len();
    (figures.rows, figures.told) = (watcher.rows().len(), watcher.told());
    Ok(figures)
}

async fn rev(admin: &crate::api::Api) -> Result<u64> {
    let centers: Vec<Value> = admin.get("/centers").await?;
    let center = centers.iter().find(|center| center["id"] == CENTER).context("the center")?;
    center["head"]["rev"].as_u64().with_context(|| format!("the head in {center}"))
}
