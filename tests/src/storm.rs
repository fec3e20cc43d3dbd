//! A storm: many seats in one process, all live; their hub is killed and restarted, and all come back. It counts what
//! they ask meanwhile, second by second, so that a herd would show.

use crate::api::Api;
use crate::hub::Hub;
use crate::process::{processor_time, size_of};
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use gwanje_engine::ipc::{CenterFreshness, FreshnessState};
use gwanje_engine::{Engine, EngineConfig, EngineError, Stats};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The center that is followed.
const CENTER: &str = "gangnam";
/// Sign-ins at once: the hub checks two passwords at a time, and people don't sign in together.
const SIGN_INS: usize = 8;
/// Tries of a seat to sign in, before the storm.
const SIGN_IN_TRIES: usize = 10;
/// What is counted is read this often.
const SAMPLE: Duration = Duration::from_millis(500);
/// Longer than any storm that ends.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a storm is like.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Seats.
    pub sessions: usize,
    /// For how long the hub is away, beside the time that its start takes.
    pub away: Duration,
}

/// What was asked up to a moment, by all seats together.
#[derive(Debug, Default, Clone, Copy)]
struct Asked {
    /// Tickets: one for each attempt at a socket.
    tickets: u64,
    /// All requests.
    requests: u64,
    /// Those of them that were refused or not answered.
    failed: u64,
    /// Sockets that opened.
    sockets: u64,
}

impl Asked {
    fn of(stats: &Stats) -> Self {
        let by = &stats.rest_by;
        let all = [
            by.sign_in,
            by.tickets,
            by.centers,
            by.probes,
            by.changes,
            by.snapshots,
            by.comparing,
            by.repairing,
            by.alarms,
            by.receipts,
            by.commands,
        ];
        Self {
            tickets: by.tickets.calls,
            requests: all.iter().map(|calls| calls.calls).sum(),
            failed: all.iter().map(|calls| calls.failed).sum(),
            sockets: stats.connects,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            tickets: self.tickets + other.tickets,
            requests: self.requests + other.requests,
            failed: self.failed + other.failed,
            sockets: self.sockets + other.sockets,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            tickets: self.tickets - before.tickets,
            requests: self.requests - before.requests,
            failed: self.failed - before.failed,
            sockets: self.sockets - before.sockets,
        }
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Outcome {
    sessions: usize,
    /// From nothing to all live.
    first_live: Duration,
    /// From the cut until the hub listened again.
    away: Duration,
    /// From then until all were live, on the hub's revision.
    back_live: Duration,
    /// Since the cut, at each moment.
    series: Vec<(Duration, Asked)>,
    /// The greatest number of requests of one seat since the cut.
    most_requests: u64,
    /// The greatest number of tickets of one seat since the cut.
    most_tickets: u64,
    /// The greatest number of requests of one seat that were refused since the hub listened again.
    most_refused: u64,
    /// The greatest share of a core that the hub took from one sample to the next, since it listened again: 1 is one core.
    hub_peak: f64,
    /// Of this process, while all are live: resident MiB and threads.
    memory_mib: u64,
    threads: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.series.last().map(|(_, asked)| *asked).unwrap_or_default();
        let (tickets, requests) = self.peaks();
        writeln!(f, "sessions {}", self.sessions)?;
        writeln!(f, "all live at first after {} ms", self.first_live.as_millis())?;
        writeln!(
            f,
            "hub away {} ms, all live again {} ms after it listened",
            self.away.as_millis(),
            self.back_live.as_millis()
        )?;
        writeln!(f, "attempts within the first second {} of {}", self.first_second(), self.sessions)?;
        writeln!(f, "peaks a second: {tickets} attempts at a socket, {requests} requests")?;
        writeln!(
            f,
            "since the cut: {} attempts, {} requests ({} failed), {} sockets; of one seat at most {} attempts, {} requests",
            last.tickets, last.requests, last.failed, last.sockets, self.most_tickets, self.most_requests
        )?;
        writeln!(
            f,
            "since the hub listened: at most {} requests of one seat refused, the hub took at most {:.2} cores",
            self.most_refused, self.hub_peak
        )?;
        write!(f, "{} MiB and {} threads for all seats together", self.memory_mib, self.threads)
    }
}

impl Outcome {
    /// From the moment at which the hub listened again until all seats were live, on its revision.
    #[must_use]
    pub fn back_live(&self) -> Duration {
        self.back_live
    }

    /// The greatest number of requests of one seat that were refused since the hub listened again.
    #[must_use]
    pub fn most_refused(&self) -> u64 {
        self.most_refused
    }

    /// The most that the hub took between two samples since it listened again, in cores.
    #[must_use]
    pub fn hub_peak(&self) -> f64 {
        self.hub_peak
    }

    fn at(&self, moment: Duration) -> Asked {
        let before = self.series.iter().take_while(|(at, _)| *at <= moment).last();
        before.map(|(_, asked)| *asked).unwrap_or_default()
    }

    fn first_second(&self) -> u64 {
        self.at(Duration::from_secs(1)).tickets
    }

    /// The most attempts at a socket, and the most requests, within a second.
    fn peaks(&self) -> (u64, u64) {
        let within = |at: Duration, asked: Asked| {
            let before =
                at.checked_sub(Duration::from_secs(1)).map(|before| self.at(before)).unwrap_or_default();
            asked.since(before)
        };
        let each: Vec<Asked> = self.series.iter().map(|(at, asked)| within(*at, *asked)).collect();
        let most = |count: fn(&Asked) -> u64| each.iter().map(count).max().unwrap_or_default();
        (most(|asked| asked.tickets), most(|asked| asked.requests))
    }

    /// Checks that there was no herd. The bounds follow from the design (`sync`'s link and rest), not from a machine's
    /// speed: the first pause is drawn evenly from 0.5 s to 1.5 s, so that half of the seats try within the first
    /// second; the next ones grow threefold at most; a board without a socket polls every 3 s ± 20 %, and once at once.
    ///
    /// # Errors
    /// When there was one.
    pub fn check(&self) -> Result<()> {
        let seats = u64::try_from(self.sessions)?;
        let last = self.series.last().map(|(_, asked)| *asked).unwrap_or_default();
        let first = self.first_second();
        ensure!(first * 100 <= seats * 60, "{first} of {seats} came back within the first second");
        let seconds = (self.away + self.back_live).as_secs() + 1;
        // A poll every 2.4 s; alarms as often at most; what a board asks when it is back; tickets, counted below.
        let polls = seconds.div_ceil(2) * 2 + 12;
        let allowed = seats * polls + last.tickets;
        ensure!(last.requests <= allowed, "{} requests of {seats} seats in {seconds} s", last.requests);
        // Attempts of one seat: pauses from half a second on, whose mean doubles until it is a quarter of a minute.
        let attempts = 4 + u64::from(seconds.ilog2()) + seconds / 4;
        ensure!(
            last.tickets <= seats * attempts,
            "{} attempts of {seats} seats in {seconds} s",
            last.tickets
        );
        ensure!(last.sockets <= seats * 2, "{} sockets opened by {seats} seats", last.sockets);
        Ok(())
    }
}

/// What a hub takes of the processors, sample by sample.
struct Load {
    hub: String,
    last: (Instant, Duration),
    /// The most between two samples, in cores.
    peak: f64,
}

impl Load {
    fn of(hub: &Hub) -> Result<Self> {
        let id = hub.process.id().to_string();
        Ok(Self { last: (Instant::now(), processor_time(&id)?), hub: id, peak: 0.0 })
    }

    fn sample(&mut self) -> Result<()> {
        let (now, took) = (Instant::now(), processor_time(&self.hub)?);
        let (before, took_before) = self.last;
        // Samples that lie too close tell nothing: time is told in hundredths of a second.
        if now - before >= SAMPLE / 2 {
            let share = (took - took_before).as_secs_f64() / (now - before).as_secs_f64();
            self.peak = self.peak.max(share);
            self.last = (now, took);
        }
        Ok(())
    }
}

/// Runs one.
///
/// # Errors
/// When the hub does not start, a seat can't sign in, or not all come back.
pub async fn run(plan: Plan, folder: &Path) -> Result<Outcome> {
    let data = folder.join("hub");
    let data = data.to_str().context("a folder whose name is text")?;
    let demo = ["--data", data, "--speed", "0", "--centers", "1", "--start", "12:00", "--orders", "60"];
    let mut hub = Hub::demo(&demo)?;
    let begin = Instant::now();
    let engines = sign_in_all(plan.sessions, &hub.url, folder).await?;
    let sampled = |engines: &[Engine]| {
        let engines = engines.to_vec();
        async move { each_asked(&engines).await }
    };
    all_live(&engines, &hub.sign_in("callcenter").await?).await?;
    let first_live = begin.elapsed();
    let before = sampled(&engines).await?;
    let (memory_mib, threads) = own_size()?;

    let address = hub.address().to_owned();
    hub.process.kill()?;
    let cut = Instant::now();
    let mut series = Vec::new();
    while cut.elapsed() < plan.away {
        tokio::time::sleep(SAMPLE).await;
        series.push((cut.elapsed(), since(&sampled(&engines).await?, &before)));
    }
    let mut again = demo.to_vec();
    again.extend(["--listen", &address]);
    // A thread of its own waits for its start: the seats go on meanwhile.
    let again: Vec<String> = again.into_iter().map(str::to_owned).collect();
    let starting =
        tokio::task::spawn_blocking(move || Hub::demo(&again.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut starting = Box::pin(starting);
    let hub = loop {
        tokio::select! {
            started = &mut starting => break started??,
            () = tokio::time::sleep(SAMPLE) => {
                series.push((cut.elapsed(), since(&sampled(&engines).await?, &before)));
            }
        }
    };
    let away = cut.elapsed();
    let listened = sampled(&engines).await?;
    let mut load = Load::of(&hub)?;
    // All on one revision that is newer than the cut.
    let api = hub.sign_in("callcenter").await?;
    let snapshot = api.snapshot(CENTER).await?;
    let id = snapshot.rows.iter().filter_map(|row| row.delivery()).find(|row| !row.status.is_final());
    let id = id.context("an open delivery")?.id;
    api.post(&format!("/centers/{CENTER}/deliveries/{id}/note"), &serde_json::json!({"text": "after"}))
        .await?;
    let back = Instant::now();
    let mut sample = |asked: &[Asked]| {
        series.push((cut.elapsed(), since(asked, &before)));
        load.sample()
    };
    watched_until_live(&engines, &api, &mut sample).await?;
    let back_live = back.elapsed();
    let after = sampled(&engines).await?;
    sample(&after)?;
    let most = |before: &[Asked], count: fn(&Asked) -> u64| {
        let since = after.iter().zip(before).map(|(after, before)| count(&after.since(*before)));
        since.max().unwrap_or_default()
    };
    let outcome = Outcome {
        sessions: plan.sessions,
        first_live,
        away,
        back_live,
        most_requests: most(&before, |asked| asked.requests),
        most_tickets: most(&before, |asked| asked.tickets),
        most_refused: most(&listened, |asked| asked.failed),
        hub_peak: load.peak,
        series,
        memory_mib,
        threads,
    };
    for engine in engines {
        engine.stop().await;
    }
    Ok(outcome)
}

/// Signs that many seats in, each with a profile of its own in `folder`.
///
/// # Errors
/// When one can't.
pub async fn sign_in_all(sessions: usize, server: &str, folder: &Path) -> Result<Vec<Engine>> {
    let turns = Arc::new(Semaphore::new(SIGN_INS));
    let seats = (0..sessions).map(|seat| {
        let (turns, profile) = (turns.clone(), folder.join(format!("seat-{seat}")));
        async move {
            let _turn = turns.acquire().await?;
            let engine = Engine::start(EngineConfig::new(server, profile)).await?;
            // A machine that hashes for so many may need longer than a sign-in waits; a person tries again.
            for _ in 1..SIGN_IN_TRIES {
                match engine.sign_in("dispatcher", "dispatcher").await {
                    Ok(_) => return Ok(engine),
                    Err(EngineError::Unreachable(_)) => {}
                    Err(error) => return Err(error).with_context(|| format!("seat {seat}")),
                }
            }
            engine.sign_in("dispatcher", "dispatcher").await.with_context(|| format!("seat {seat}"))?;
            anyhow::Ok(engine)
        }
    });
    try_join_all(seats).await
}

/// Waits until every seat is live on the hub's revision.
///
/// # Errors
/// When that takes too long.
pub async fn all_live(engines: &[Engine], api: &Api) -> Result<()> {
    watched_until_live(engines, api, |_| Ok(())).await
}

/// The same; each look at what they have asked so far is a sample.
async fn watched_until_live(
    engines: &[Engine],
    api: &Api,
    mut sample: impl FnMut(&[Asked]) -> Result<()>,
) -> Result<()> {
    let begin = Instant::now();
    loop {
        let rev = api.snapshot(CENTER).await?.rev.0;
        let centers = try_join_all(engines.iter().map(Engine::freshness)).await?;
        let is_there = |centers: &Vec<CenterFreshness>| {
            let own = centers.iter().find(|of| of.center == CENTER);
            own.is_some_and(|of| of.state == FreshnessState::Live && of.rev >= rev)
        };
        let there = centers.iter().filter(|centers| is_there(centers)).count();
        if there == engines.len() {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "only {there} of {} are live after {PATIENCE:?}", engines.len());
        sample(&each_asked(engines).await?)?;
        tokio::time::sleep(SAMPLE).await;
    }
}

async fn each_asked(engines: &[Engine]) -> Result<Vec<Asked>> {
    let stats = try_join_all(engines.iter().map(Engine::stats)).await?;
    Ok(stats.iter().map(Asked::of).collect())
}

fn since(now: &[Asked], before: &[Asked]) -> Asked {
    now.iter().zip(before).map(|(now, before)| now.since(*before)).fold(Asked::default(), Asked::plus)
}

/// Resident MiB and threads of this process.
fn own_size() -> Result<(u64, u64)> {
    let own = std::process::id();
    Ok((size_of(own, "VmRSS")? / 1_024, size_of(own, "Threads")?))
}
