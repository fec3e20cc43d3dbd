//! `gwanje-watch` against a real hub that is killed, cut and silenced: what a watcher shows afterwards is the hub's board.

use anyhow::{Context, Result, bail, ensure};
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::process::{Process, binary};
use gwanje_tests::proxy::Proxy;
use gwanje_wire::rest::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const CENTER: &str = "gangnam";

/// What a watcher has told so far.
struct Watcher {
    process: Process,
    /// Revisions by id.
    rows: BTreeMap<u64, u64>,
    states: Vec<String>,
    /// The latest counts.
    stats: Value,
    /// The key of every alarm that was raised (not listed again), in order.
    alarms: Vec<(u64, i64)>,
}

impl Watcher {
    fn start(server: &str, cache: &Path) -> Result<Self> {
        let mut command = Command::new(binary("gwanje-watch")?);
        command
            .args(["--server", server, "--account", "dispatcher", "--center", CENTER, "--rows", "--cache"])
            .arg(cache)
            .env("GWANJE_PASSWORD", "dispatcher");
        Ok(Self {
            process: Process::start(&mut command)?,
            rows: BTreeMap::new(),
            states: Vec::new(),
            stats: Value::Null,
            alarms: Vec::new(),
        })
    }

    /// Takes lines in until one of them is what is waited for.
    fn until(&mut self, what: &str, wanted: impl Fn(&Self, &Value) -> bool) -> Result<Value> {
        loop {
            let line = self
                .process
                .line()
                .with_context(|| format!("waiting for {what}; so far {:?}", self.states))?;
            let Some(line) = line else {
                bail!("the watcher ended before {what}; its log:\n{}", self.process.whole_log());
            };
            let line: Value = serde_json::from_str(&line).with_context(|| format!("reading {line:.200}"))?;
            self.take(&line)?;
            if wanted(self, &line) {
                return Ok(line);
            }
        }
    }

    fn take(&mut self, line: &Value) -> Result<()> {
        let number = |value: &Value| value.as_u64().with_context(|| format!("a number in {line}"));
        match line["type"].as_str() {
            Some("state") => self.states.push(line["state"].as_str().context("a state")?.to_owned()),
            Some("row") => {
                self.rows.insert(number(&line["row"]["id"])?, number(&line["row"]["rev"])?);
            }
            Some("gone") => {
                self.rows.remove(&number(&line["id"])?);
            }
            Some("stats") => self.stats = line.clone(),
            Some("alarm") if line["relisted"] == false && line["kind"] == "cancelled" => {
                self.alarms.push((number(&line["id"])?, line["raisedAt"].as_i64().context("an instant")?));
            }
            _ => {}
        }
        Ok(())
    }

    fn until_state(&mut self, state: &str) -> Result<()> {
        self.until(state, |_, line| line["type"] == "state" && line["state"] == state).map(|_| ())
    }

    fn until_stats(&mut self) -> Result<()> {
        self.until("counts", |_, line| line["type"] == "stats").map(|_| ())
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.stats[name].as_u64()
    }

    /// With the day stopped: waits until a proof is at the hub's own revision, and compares what the lines make with it.
    async fn holds_the_board_of(&mut self, admin: &Api) -> Result<Snapshot> {
        admin.post("/drill", &json!({"speed": 0})).await?;
        loop {
            let proof = self.until("a proof", |_, line| line["type"] == "proof")?;
            let hub = admin.snapshot(CENTER).await?;
            // What was under way when the day was stopped is still being committed.
            if proof["rev"].as_u64() != Some(hub.rev.0) {
                continue;
            }
            ensure!(proof["epoch"].as_str() == Some(hub.epoch.as_str()), "another epoch: {proof}");
            ensure!(proof["count"].as_u64() == Some(hub.count), "another count: {proof}, not {}", hub.count);
            ensure!(proof["digest"].as_str() == Some(&hub.digest.to_string()), "another digest: {proof}");
            let expected: BTreeMap<u64, u64> = hub.rows.iter().map(|row| (row.id().0, row.rev().0)).collect();
            ensure!(self.rows == expected, "the lines make another board than the hub's");
            return Ok(hub);
        }
    }

    /// The states since a moment, as one text.
    fn states_since(&self, mark: usize) -> String {
        self.states.get(mark..).unwrap_or_default().join(" ")
    }
}

fn each_raised_once(watcher: &Watcher, hub: &Snapshot) {
    let mut keys = watcher.alarms.clone();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), watcher.alarms.len(), "an alarm was raised twice");
    for row in hub.rows.iter().filter_map(|row| row.delivery()) {
        if let (Some((first, _)), Some(at)) = (watcher.alarms.first(), row.cancelled_at) {
            let raised = keys.contains(&(row.id.0, at.0));
            let since_first = hub.rows.iter().filter_map(|row| row.delivery()).any(|other| {
                other.id.0 == *first && other.cancelled_at.is_some_and(|first_at| at >= first_at)
            });
            assert!(raised || !since_first, "{} was cancelled and nobody was told", row.id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_comes_back_and_no_row_is_lost() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("hub");
    let data = data.to_str().context("a folder's name")?.to_owned();
    let day =
        ["--data", &data, "--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.2"];
    let mut hub = Hub::demo(&day)?;
    let address = hub.address().to_owned();
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    watcher.until_stats()?;
    let (snapshots, mark) = (watcher.count("snapshots"), watcher.states.len());

    hub.process.kill()?;
    watcher
        .until("the loss of the hub", |_, line| line["state"] == "Offline" || line["state"] == "Polling")?;
    let mut restarted = vec!["--listen", &address];
    restarted.extend(day);
    let hub = Hub::demo(&restarted)?;
    watcher.until_state("Live")?;

    let states = watcher.states_since(mark);
    let expected = ["Polling", "Offline"].iter().any(|first| states.starts_with(first));
    assert!(expected && states.ends_with("CatchingUp Live"), "{states}");
    let board = watcher.holds_the_board_of(&hub.sign_in("admin").await?).await?;
    each_raised_once(&watcher, &board);
    watcher.until_stats()?;
    assert_eq!(watcher.count("snapshots"), snapshots, "the cursor was good; no snapshot was due");
    assert_eq!((watcher.count("mismatches"), watcher.count("repairs")), (Some(0), Some(0)));
    watcher.process.signal("TERM")?;
    assert!(watcher.process.wait()?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_refused_while_rest_stays_are_polled_around() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&[
        "--speed",
        "60",
        "--centers",
        "1",
        "--start",
        "18:00",
        "--socket-listen",
        "127.0.0.1:0",
    ])?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    let mark = watcher.states.len();

    admin.post("/drill", &json!({"sockets": "off"})).await?;
    watcher.until_state("Polling")?;
    // Polling goes on proving, and the board with it.
    for _ in 0..3 {
        watcher.until("a proof by REST", |_, line| line["type"] == "proof")?;
    }
    assert!(watcher.states_since(mark).ends_with("Polling"), "{}", watcher.states_since(mark));
    admin.post("/drill", &json!({"sockets": "on"})).await?;
    watcher.until_state("Live")?;
    assert!(
        watcher.states_since(mark).ends_with("Polling CatchingUp Live"),
        "{}",
        watcher.states_since(mark)
    );
    watcher.holds_the_board_of(&admin).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cut_is_seen_and_healed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:00"])?;
    let admin = hub.sign_in("admin").await?;
    let proxy = Proxy::to(hub.address()).await?;
    let mut watcher = Watcher::start(&proxy.url(), &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    let mark = watcher.states.len();

    // What is connected falls silent; nothing is closed, and new connections work.
    proxy.silence();
    watcher.until("the loss of the socket", |_, line| {
        line["state"] == "CatchingUp" || line["state"] == "Polling"
    })?;
    watcher.until_state("Polling")?;
    watcher.until_state("Live")?;
    assert!(
        watcher.states_since(mark).ends_with("Polling CatchingUp Live"),
        "{}",
        watcher.states_since(mark)
    );
    watcher.holds_the_board_of(&admin).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watcher_goes_on_from_its_cache() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("watch");
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.2"])?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &cache)?;
    watcher.until_state("Live")?;
    watcher.until("an alarm", |watcher, _| !watcher.alarms.is_empty())?;
    watcher.process.kill()?;

    let first = watcher.alarms;
    let mut watcher = Watcher::start(&hub.url, &cache)?;
    // The cached board comes before anything of the hub's.
    watcher.until("the cached board", |watcher, _| !watcher.rows.is_empty())?;
    assert_eq!(watcher.states_since(0), "Connecting");
    watcher.until_state("Live")?;
    watcher.holds_the_board_of(&admin).await?;
    let twice: Vec<_> = watcher.alarms.iter().filter(|key| first.contains(key)).collect();
    assert!(twice.is_empty(), "raised again instead of listed again: {twice:?}");
    watcher.until_stats()?;
    assert_eq!(watcher.count("snapshots"), Some(0), "the cursor was good; no snapshot was due");
    Ok(())
}
