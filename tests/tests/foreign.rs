//! Three foreign servers, each followed by `gwanje-watch` for a synthetic hour in which everything is killed twice: at
//! the end the watcher holds the server's list, nothing that left came back, and each cancellation was told once.
//!
//! `GWANJE_FOREIGN_SPEED`: day seconds a second (120).

use anyhow::{Context, Result, bail, ensure};
use gwanje_tests::peers::{Kind, Order, Peer, Truth};
use gwanje_tests::process::{PATIENCE, Process, binary};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const MINUTE_MS: i64 = 60_000;
/// Day seconds a second while something is broken.
const SLOW: u32 = 12;
/// How often a server is asked how far it has come.
const POLL: Duration = Duration::from_millis(100);
/// The last events of the hour may be this late, milliseconds of the desk's clock (`LATE_MS` of the servers, and some).
const LATE_MS: i64 = 2_000;

/// What tells the servers apart here, beside their languages.
struct Case {
    kind: Kind,
    /// Its times, in milliseconds.
    time_unit: i64,
    /// Whether its rows tell who cancelled.
    tells_who_cancelled: bool,
}

const CASES: [Case; 3] = [
    Case { kind: Kind::Legacy, time_unit: 1_000, tells_who_cancelled: true },
    Case { kind: Kind::Stomp, time_unit: 1, tells_who_cancelled: true },
    Case { kind: Kind::Websocket, time_unit: 1, tells_who_cancelled: false },
];

/// What a watcher has told, over all its starts.
struct Follower {
    process: Process,
    /// Deliveries by id.
    rows: BTreeMap<u64, Value>,
    /// Since this start.
    gone: BTreeSet<u64>,
    /// Deliveries that left, over all starts.
    left: usize,
    /// Order number and instant of every cancellation that was raised (not listed again).
    raised: Vec<(String, i64)>,
    states: Vec<String>,
    /// Why it polled or was offline.
    reasons: Vec<String>,
    proofs: usize,
}

impl Follower {
    fn start(dialect: &Path, url: &str, cache: &Path) -> Result<Self> {
        Ok(Self {
            process: process(dialect, url, cache)?,
            rows: BTreeMap::new(),
            gone: BTreeSet::new(),
            left: 0,
            raised: Vec::new(),
            states: Vec::new(),
            reasons: Vec::new(),
            proofs: 0,
        })
    }

    /// `kill -9`, and again with the same cache: the board comes from there.
    fn restart(&mut self, dialect: &Path, url: &str, cache: &Path) -> Result<()> {
        self.process.kill()?;
        // What was told before the kill counts as told.
        while let Some(line) = self.process.line()? {
            self.take(&line)?;
        }
        self.process = process(dialect, url, cache)?;
        self.rows.clear();
        self.gone.clear();
        self.states.clear();
        Ok(())
    }

    /// Takes lines in until one is what is waited for.
    fn until(&mut self, what: &str, wanted: impl Fn(&Self, &Value) -> bool) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let line = self
                .process
                .line()
                .with_context(|| format!("waiting for {what}; so far {:?}", self.states))?;
            let Some(line) = line else {
                bail!("the watcher ended before {what}; its log:\n{}", self.process.whole_log());
            };
            let line = self.take(&line)?;
            if wanted(self, &line) {
                return Ok(line);
            }
        }
        bail!("no {what} came; so far {:?} {:?}; its log:\n{}", self.states, self.reasons, self.process.log())
    }

    fn take(&mut self, line: &str) -> Result<Value> {
        let line: Value = serde_json::from_str(line).with_context(|| format!("reading {line:.200}"))?;
        let id = |value: &Value| value.as_u64().with_context(|| format!("an id in {line}"));
        match line["type"].as_str() {
            Some("state") => {
                self.states.push(line["state"].as_str().context("a state")?.to_owned());
                self.reasons.extend(line["reason"].as_str().map(str::to_owned));
            }
            Some("row") => {
                let id = id(&line["row"]["id"])?;
                ensure!(!self.gone.contains(&id), "a delivery that had left came back: {line}");
                self.rows.insert(id, line["row"].clone());
            }
            Some("gone") => {
                let id = id(&line["id"])?;
                self.rows.remove(&id);
                self.gone.insert(id);
                self.left += 1;
            }
            Some("proof") => self.proofs += 1,
            Some("alarm") if line["relisted"] == false && line["kind"] == "cancelled" => {
                let number = line["delivery"]["orderNo"].as_str().context("an alarm names its delivery")?;
                self.raised.push((number.to_owned(), line["raisedAt"].as_i64().context("an instant")?));
            }
            _ => {}
        }
        Ok(line)
    }

    fn until_state(&mut self, states: &[&str]) -> Result<()> {
        let wanted = |state: &Value| state.as_str().is_some_and(|state| states.contains(&state));
        self.until(&states.join(" or "), |_, line| line["type"] == "state" && wanted(&line["state"]))
            .map(|_| ())
    }
}

fn process(dialect: &Path, url: &str, cache: &Path) -> Result<Process> {
    let mut command = Command::new(binary("gwanje-watch")?);
    command.arg("--dialect").arg(dialect).args(["--server", url, "--rows", "--cache"]).arg(cache);
    for (name, value) in
        [("GWANJE_STOMP_LOGIN", "guest"), ("GWANJE_STOMP_PASSCODE", "guest"), ("GWANJE_FEED_TOKEN", "gwanje")]
    {
        command.env(name, value);
    }
    Process::start(&mut command)
}

/// The documented dialect, with the list as often as a day of minutes asks for and the day's own clock.
fn dialect(kind: Kind, folder: &Path) -> Result<PathBuf> {
    let name = format!("{}.toml", kind.name());
    let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialects").join(&name);
    let text = std::fs::read_to_string(&documented).with_context(|| documented.display().to_string())?;
    let mut changed = String::new();
    for line in text.lines() {
        match line {
            line if line.starts_with("pollSeconds") => {
                changed.push_str("pollSeconds = 2\nfallbackPollSeconds = 1")
            }
            "[times]" => changed.push_str("[times]\nclock = \"rows\""),
            line => changed.push_str(line),
        }
        changed.push('\n');
    }
    ensure!(
        changed.lines().count() == text.lines().count() + 2,
        "{name} has one pollSeconds and one [times]"
    );
    let path = folder.join(name);
    std::fs::write(&path, changed)?;
    Ok(path)
}

/// Plays up to a minute of the hour. Outside of this the day goes slowly, so that even on a slow machine what is broken
/// comes back within the hour, while things happen.
async fn play_to(peer: &Peer, begun: i64, minute: i64) -> Result<()> {
    let speed: f64 = match std::env::var("GWANJE_FOREIGN_SPEED") {
        Ok(speed) => speed.parse().context("reading GWANJE_FOREIGN_SPEED")?,
        Err(_) => 120.0,
    };
    peer.control(&json!({"paused": false, "speed": speed})).await?;
    while peer.truth().await?.at < begun + minute * MINUTE_MS {
        tokio::time::sleep(POLL).await;
    }
    peer.control(&json!({"speed": SLOW})).await?;
    Ok(())
}

async fn follows(case: &Case) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (dialect, cache) = (dialect(case.kind, folder.path())?, folder.path().join("cache"));
    let slow = SLOW.to_string();
    let mut peer = Peer::start(case.kind, &["--speed", &slow, "--seed", "3", "--paused", "true"])?;
    let begun = peer.truth().await?;
    let mut follower = Follower::start(&dialect, &peer.url, &cache)?;
    follower.until_state(&["Live"])?;
    holds_the_list(&mut follower, &peer, case).await?;

    play_to(&peer, begun.at, 15).await?;
    peer.kill()?;
    follower.until_state(&["Polling", "Offline"])?;
    peer.restart()?;
    follower.until_state(&["Live"])?;

    play_to(&peer, begun.at, 30).await?;
    peer.control(&json!({"sockets": false})).await?;
    follower.until_state(&["Polling"])?;
    // Five minutes of changes that only the list tells; a list proves when it differs in nothing.
    play_to(&peer, begun.at, 35).await?;
    peer.pause().await?;
    let proofs = follower.proofs;
    follower.until("three proofs while the socket is down", |follower, _| follower.proofs >= proofs + 3)?;
    ensure!(follower.states.iter().rev().take(2).any(|state| state == "Polling"), "{:?}", follower.states);
    peer.control(&json!({"paused": false})).await?;
    peer.control(&json!({"sockets": true})).await?;
    follower.until_state(&["Live"])?;

    play_to(&peer, begun.at, 45).await?;
    peer.kill()?;
    follower.restart(&dialect, &peer.url, &cache)?;
    follower.until("the cached board", |follower, _| !follower.rows.is_empty())?;
    ensure!(follower.states.iter().all(|state| state != "Live"), "a cached board is not live");
    peer.restart()?;
    follower.until_state(&["Live"])?;

    ensure!(!peer.truth().await?.ended, "the hour was over before everything had been killed twice");
    play_to(&peer, begun.at, 60).await?;
    ensure!(peer.truth().await?.ended, "the hour is over");
    let truth = holds_the_list(&mut follower, &peer, case).await?;
    assert!(follower.left >= 50, "{} deletions say nothing", follower.left);
    each_cancellation_was_told_once(&follower, &truth, case);
    println!(
        "{:?}: {} rows, {} left, {} cancellations, {} proofs, states {:?}",
        case.kind,
        follower.rows.len(),
        follower.left,
        follower.raised.len(),
        follower.proofs,
        follower.states
    );
    follower.process.signal("TERM")?;
    ensure!(follower.process.wait()?.success(), "the watcher ends cleanly");
    Ok(())
}

/// While nothing changes: waits for a proof that nothing late can follow, and compares what the lines make with the list.
async fn holds_the_list(follower: &mut Follower, peer: &Peer, case: &Case) -> Result<Truth> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let after = i64::try_from(now.as_millis())? + LATE_MS;
    let proof = follower.until("a proof", |_, line| {
        line["type"] == "proof" && line["at"].as_i64().is_some_and(|at| at >= after)
    })?;
    ensure!(proof["source"] == "snapshot", "what such a server proves is named: {proof}");
    let truth = peer.truth().await?;
    ensure!(proof["count"].as_u64() == Some(truth.orders.len() as u64), "{proof}");
    let held: BTreeMap<&str, &Value> = follower
        .rows
        .values()
        .map(|row| Ok((row["orderNo"].as_str().context("a number")?, row)))
        .collect::<Result<_>>()?;
    let expected: BTreeMap<&str, &Order> =
        truth.orders.iter().map(|order| (order.no.as_str(), order)).collect();
    ensure!(
        held.keys().eq(expected.keys()),
        "other deliveries than the server's: {:?}",
        held.keys()
            .collect::<BTreeSet<_>>()
            .symmetric_difference(&expected.keys().collect())
            .collect::<Vec<_>>()
    );
    for (number, order) in expected {
        assert_eq!(shown(held[number], case), of_the_server(order, case), "{number}");
    }
    Ok(truth)
}

const INSTANTS: [&str; 6] =
    ["receivedAt", "waitingAt", "assignedAt", "pickedUpAt", "deliveredAt", "cancelledAt"];

/// What is compared, as the watcher tells it.
fn shown(row: &Value, case: &Case) -> Value {
    let mut shown = json!({
        "number": row["number"],
        "status": row["status"],
        "shop": [row["shop"]["id"], row["shop"]["name"], row["shop"]["phone"], row["shop"]["address"]],
        "dropoff": [row["dropoff"]["address"], row["dropoff"]["detail"], row["dropoff"]["phone"]],
        "rider": row["rider"].as_object().map(|rider| json!([rider["id"], rider["name"], rider["home"], rider["confirmed"]])),
        "price": row["priceWon"],
        "request": row["request"],
        "distance": row["distanceM"],
        "items": row["items"].as_array().map(Vec::len),
    });
    if case.tells_who_cancelled {
        shown["cancel"] = json!([row["cancel"]["by"], row["cancel"]["reason"]]);
    }
    for instant in INSTANTS {
        shown[instant] = row[instant].clone();
    }
    shown
}

/// The same, as the server holds it to be true.
fn of_the_server(order: &Order, case: &Case) -> Value {
    // A delivery that was given back has no rider, whatever the server goes on showing.
    let rider = order.rider.as_ref().filter(|_| order.status != "waiting");
    let mut expected = json!({
        "number": order.number,
        "status": order.status,
        "shop": [order.shop["id"], order.shop["name"], order.shop["phone"], order.shop["address"]],
        "dropoff": [order.dropoff["address"], order.dropoff["detail"], order.dropoff["phone"]],
        "rider": rider.map(|rider| json!([rider["id"], rider["name"], rider["home"], rider["confirmed"]])),
        "price": order.price,
        "request": order.request,
        "distance": order.distance,
        "items": order.items.len(),
    });
    if case.tells_who_cancelled {
        let cancel = order.cancel.as_ref();
        expected["cancel"] =
            json!([cancel.map(|cancel| &cancel["by"]), cancel.map(|cancel| &cancel["reason"])]);
    }
    let instants = [
        order.received_at,
        order.waiting_at,
        order.assigned_at,
        order.picked_up_at,
        order.delivered_at,
        order.cancelled_at,
    ];
    for (name, at) in INSTANTS.into_iter().zip(instants) {
        expected[name] = json!(at.map(|at| at - at.rem_euclid(case.time_unit)));
    }
    expected
}

fn each_cancellation_was_told_once(follower: &Follower, truth: &Truth, case: &Case) {
    let mut raised = follower.raised.clone();
    raised.sort();
    let mut expected: Vec<(String, i64)> = truth
        .cancellations
        .iter()
        .filter(|cancellation| !cancellation.before)
        .map(|cancellation| {
            (cancellation.no.clone(), cancellation.at - cancellation.at.rem_euclid(case.time_unit))
        })
        .collect();
    expected.sort();
    assert!(expected.len() >= 20, "{} cancellations say nothing", expected.len());
    assert_eq!(raised, expected, "what was raised, and what was cancelled since the hour began");
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy() -> Result<()> {
    follows(&CASES[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn stomp() -> Result<()> {
    follows(&CASES[1]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket() -> Result<()> {
    follows(&CASES[2]).await
}
