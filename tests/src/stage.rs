//! A stage for a fault: a hub on which a day with cancellations runs, a proxy before it, a watcher that follows through it.

use crate::api::Api;
use crate::hub::Hub;
use crate::proxy::Proxy;
use crate::watcher::{CENTER, Watcher};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use tempfile::TempDir;

/// The evening, a minute a second, with a cancellation every few seconds.
const DAY: [&str; 8] = ["--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.3"];

/// A hub, a proxy and a watcher.
pub struct Stage {
    /// Who watches.
    pub watcher: Watcher,
    /// What lies between the two.
    pub proxy: Proxy,
    /// Who is watched.
    pub hub: Hub,
    /// An admin at the hub itself.
    pub admin: Api,
    more: Vec<String>,
    folder: TempDir,
}

impl Stage {
    /// Sets the stage up, with further arguments for the hub; the watcher has just been started.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn open(more: &[&str]) -> Result<Self> {
        Self::with(more, |_| {}).await
    }

    /// The same, with the proxy prepared before the watcher starts.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn with(more: &[&str], prepare: impl FnOnce(&Proxy)) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        let more: Vec<String> = more.iter().map(|&word| word.to_owned()).collect();
        let hub = Hub::demo(&arguments(&folder, &more, &[]))?;
        let admin = hub.sign_in("admin").await?;
        let proxy = Proxy::reading(hub.address()).await?;
        prepare(&proxy);
        let watcher = Watcher::start(&proxy.url(), &folder.path().join("watch"))?;
        Ok(Self { watcher, proxy, hub, admin, more, folder })
    }

    /// Sets the stage up and waits until the watcher is live.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn live(more: &[&str]) -> Result<Self> {
        let mut stage = Self::open(more).await?;
        stage.watcher.until_state("Live")?;
        Ok(stage)
    }

    /// The hub's folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    /// The hub's database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data().join("hub.sqlite")
    }

    /// A name in the stage's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the hub again, where it was, on what it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_hub_again(&mut self) -> Result<()> {
        let address = self.hub.address().to_owned();
        self.hub = Hub::demo(&arguments(&self.folder, &self.more, &["--listen", &address]))?;
        Ok(())
    }

    /// Changes the running day.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn drill(&self, change: &Value) -> Result<()> {
        self.admin.post("/drill", change).await.map(drop)
    }

    /// Takes lines in until so many cancellations have been told since the start.
    ///
    /// # Errors
    /// When they don't come.
    pub fn until_told(&mut self, cancellations: usize) -> Result<()> {
        if self.watcher.told() < cancellations {
            self.watcher.until("cancellations", |watcher, _| watcher.told() >= cancellations)?;
        }
        Ok(())
    }

    /// Takes lines in until a condition of the test's own holds.
    ///
    /// # Errors
    /// When it does not come to hold.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        /// How often conditions beside the lines are looked at.
        const LOOK: Duration = Duration::from_millis(100);
        let end = std::time::Instant::now() + crate::process::PATIENCE;
        while !holds(self) {
            ensure!(self.watcher.for_a_while(LOOK)?, "the watcher ended before {what}");
            if std::time::Instant::now() > end {
                bail!("no {what}; states {:?}; log:\n{}", self.watcher.states, self.watcher.process.log());
            }
        }
        Ok(())
    }

    /// The end of every fault: the watcher holds the board, told each cancellation once, and never said anything wrong.
    ///
    /// # Errors
    /// When that is not so.
    pub async fn ends_true(&mut self) -> Result<()> {
        // A day in which nobody cancelled would say nothing of alarms.
        self.until_told(1)?;
        let database = self.database();
        self.watcher.ends_true(&self.admin, Some(&database)).await?;
        if self.watcher.states.last().is_none_or(|state| state != "Live") {
            self.watcher.until_state("Live")?;
        }
        Ok(())
    }

    /// The hub's head.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn head(&self) -> Result<Value> {
        let digest: Value = self.admin.get(&format!("/centers/{CENTER}/digest?after=0")).await?;
        Ok(digest["head"].clone())
    }

    /// Stops the day and waits until nothing changes any more.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn stop_the_day(&self) -> Result<Value> {
        self.drill(&json!({"speed": 0})).await?;
        let mut head = self.head().await?;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let next = self.head().await?;
            if next["rev"] == head["rev"] {
                return Ok(head);
            }
            head = next;
        }
    }
}

fn arguments<'a>(folder: &TempDir, more: &'a [String], last: &[&'a str]) -> Vec<&'a str> {
    // Lives as long as the test's process: a few bytes a stage.
    let data: &'static str = Box::leak(folder.path().join("hub").display().to_string().into_boxed_str());
    let mut all = vec!["--data", data];
    // An argument that is given again replaces the usual one.
    for pair in DAY.chunks(2).filter(|pair| !more.iter().any(|word| word == pair[0])) {
        all.extend(pair);
    }
    all.extend(more.iter().map(String::as_str).chain(last.iter().copied()));
    all
}

/// What happens to a stage.
pub type Act = for<'a> fn(&'a mut Stage) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// A case and its name.
pub type Case = (&'static str, Box<dyn FnOnce() -> Result<()> + Send>);

/// Runs cases side by side, each on a thread and a runtime of its own: they mostly wait. Fails with all that failed.
///
/// # Panics
/// When a case fails.
pub fn side_by_side(cases: Vec<Case>) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let run = |(name, case): Case| (name, scope.spawn(case));
        let running: Vec<_> = cases.into_iter().map(run).collect();
        let ended = running.into_iter().map(|(name, case)| (name, case.join()));
        ended
            .filter_map(|(name, ended)| match ended {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{name}: {error:#}")),
                Err(_) => Some(format!("{name}: panicked")),
            })
            .collect()
    });
    assert!(failed.is_empty(), "{} failed\n\n{}", failed.len(), failed.join("\n\n"));
}

/// Sets a stage up for each fault, lets it happen to a live watcher, and demands the end that every fault must have.
///
/// # Panics
/// When one ends otherwise.
pub fn each_heals(faults: &[(&'static str, Act)]) {
    let case = |&(name, act): &(&'static str, Act)| -> Case { (name, Box::new(move || alone(heals(act)))) };
    side_by_side(faults.iter().map(case).collect());
}

async fn heals(act: Act) -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    act(&mut stage).await?;
    stage.ends_true().await
}

/// Runs a case on a runtime of its own.
///
/// # Errors
/// What the case fails with.
pub fn alone(case: impl Future<Output = Result<()>>) -> Result<()> {
    // Two threads, since a test that waits for a line holds up the one it is on, and the proxy must go on.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(case)
}
