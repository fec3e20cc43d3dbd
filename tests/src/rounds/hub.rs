//! The hub, killed again and again, with watchers at it and a clerk that places and cancels orders all the time.

use super::clerk::Clerk;
use super::{DAY, Dice};
use crate::hub::Hub;
use crate::watcher::{CENTER, Watcher};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fmt;
use std::time::{Duration, Instant};

/// Watchers: each is started anew now and then, so that at most kills one of them is live.
const WATCHERS: usize = 2;
/// How long a hub lives at most.
const LATEST_MS: u64 = 1_500;
/// An access token lives for a quarter of an hour.
const SIGN_IN_EVERY: u32 = 50;

/// What rounds of the hub came to.
#[derive(Debug, Default)]
pub struct HubFigures {
    /// Kills.
    pub rounds: u32,
    /// Kills at which a watcher was live.
    pub live: u32,
    /// Changes that the hub had answered, each found in its history.
    pub answered: usize,
    /// Commands that had lost their answer, sent again under their key.
    pub again: u64,
    /// Rows at the end at each watcher, compared with the hub's.
    pub rows: usize,
    /// Cancellations that were told, by all watchers, each once a watcher.
    pub told: usize,
    /// Proofs, each compared with the hub's history.
    pub proofs: usize,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for HubFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "hub: {} kills ({} with a live watcher) in {:.0} s: {} answered changes, 0 lost ({} asked again, 0 done twice); \
             {} rows at {WATCHERS} watchers, 0 lost; {} cancellations told, 0 lost, 0 doubled; {} proofs, all true",
            self.rounds,
            self.live,
            self.took.as_secs_f64(),
            self.answered,
            self.again,
            self.rows,
            self.told,
            self.proofs
        )
    }
}

/// Kills a hub `rounds` times.
///
/// # Errors
/// With the first thing that was lost, doubled or broken.
pub async fn hub(rounds: u32, seed: u64) -> Result<HubFigures> {
    let began = Instant::now();
    let folder = tempfile::tempdir().context("making a folder")?;
    let data = folder.path().join("hub");
    let database = data.join("hub.sqlite");
    // Each restart begins up to three seconds ahead, so the day must be slow to last.
    let mut day = vec!["--data", data.to_str().context("a folder's name")?, "--speed", "10"];
    day.extend(DAY);
    let mut hub = Hub::demo(&day)?;
    let address = hub.address().to_owned();
    day.extend(["--listen", &address]);
    let mut admin = hub.sign_in("admin").await?;
    let clerk = Clerk::at_work(hub.sign_in("callcenter").await?);
    let mut watchers = Vec::new();
    for n in 0..WATCHERS {
        watchers.push(Watcher::start(&hub.url, &folder.path().join(format!("watch{n}")))?);
    }
    for watcher in &mut watchers {
        watcher.until_state("Live")?;
    }
    let (mut dice, mut figures) = (Dice(seed), HubFigures { rounds, ..HubFigures::default() });
    for round in 0..rounds {
        let pause = Duration::from_millis(dice.below(LATEST_MS));
        watchers[round as usize % WATCHERS].for_a_while(pause)?;
        for watcher in &mut watchers {
            ensure!(
                watcher.for_a_while(Duration::from_millis(5))?,
                "a watcher ended:\n{}",
                watcher.process.whole_log()
            );
        }
        figures.live += u32::from(watchers.iter().any(|w| w.states.last().is_some_and(|s| s == "Live")));
        hub.process.kill()?;
        hub =
            Hub::demo(&day).with_context(|| format!("starting the hub after kill {round} of seed {seed}"))?;
        if round % SIGN_IN_EVERY == 0 {
            admin = hub.sign_in("admin").await?;
        }
        let head: Value = admin.get(&format!("/centers/{CENTER}/digest?after=0")).await?;
        let rev = head["head"]["rev"].as_u64().context("the head's revision")?;
        for watcher in &watchers {
            let seen = watcher.rows().values().filter_map(|row| row["rev"].as_u64()).max().unwrap_or(0);
            ensure!(seen <= rev, "round {round} of seed {seed}: {seen} was shown, the hub is back at {rev}");
        }
        // One that was refused for long waits up to half a minute: the next one begins afresh.
        let watcher = &mut watchers[(round as usize + 1) % WATCHERS];
        watcher.kill()?;
        watcher.start_again()?;
    }
    let done = clerk.done().await?;
    let admin = hub.sign_in("admin").await?;
    for watcher in &mut watchers {
        watcher.ends_true(&admin, Some(&database)).await.context("after the last kill")?;
        figures.rows = watcher.rows().len();
        figures.told += watcher.told();
        figures.proofs += watcher.claims().len();
    }
    done.is_kept_in(&database)?;
    (figures.answered, figures.again, figures.took) = (done.answered(), done.again, began.elapsed());
    Ok(figures)
}
