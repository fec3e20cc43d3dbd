//! P1: socket bytes → rows, proof, alarms, cache and one open view, by a real engine, against what the machine can do at all.

use super::feeder::Feeder;
use super::report::Measured;
use super::sample::CENTER;
use super::stream::Stream;
use super::{RUNS, floors, median};
use anyhow::{Context, Result, ensure};
use gwanje_engine::board::{SortKey, SortOrder};
use gwanje_engine::{DeliveryId, Engine, EngineConfig, EngineEvent, Events, Patch, ViewSpec};
use gwanje_model::Rev;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

const ROWS: u64 = 100_000;
const CHANGES: u64 = 200_000;
/// Longer than any run that works takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// P1, all sides in turn.
///
/// # Errors
/// When a side fails, or the engine did not take the stream as it was sent.
pub async fn ingest() -> Result<Measured> {
    let stream = Arc::new(Stream::new(ROWS, CHANGES)?);
    eprintln!(
        "P1: {} frames, {:.0} MB, {} distinct rows",
        stream.frames.len(),
        stream.bytes() as f64 / 1e6,
        stream.distinct.len()
    );
    let (mut ours, mut raw, mut sqlite) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let rates = [
            rate(engine(&stream).await.context("the engine's run")?),
            rate(timeout(PATIENCE, floors::raw(&stream)).await.context("the raw floor takes too long")??),
            rate(floors::sqlite(&stream).context("SQLite's run")?),
        ];
        eprintln!(
            "P1: run {run}: ours {:.0}, raw floor {:.0}, SQLite {:.0} changes/s",
            rates[0], rates[1], rates[2]
        );
        // The first run of each warms the machine and does not count.
        if run > 0 {
            let [a, b, c] = rates;
            ours.push(a);
            raw.push(b);
            sqlite.push(c);
        }
    }
    let (ours, raw, sqlite) = (median(ours), median(raw), median(sqlite));
    let ratio = ours / raw.min(sqlite);
    Ok(Measured {
        row: "P1",
        what: "ingest of 200,000 changes over 100,000 rows: rows, proof, alarms, cache, one view",
        goal: "≥ 0.7 of the slower peer",
        ours,
        peers: BTreeMap::from([
            ("receive + parse + map", raw),
            ("SQLite upserts of the distinct rows", sqlite),
        ]),
        unit: "changes/s",
        ratio,
        met: ratio >= 0.7,
    })
}

fn rate(took: Duration) -> f64 {
    CHANGES as f64 / took.as_secs_f64()
}

/// One run of a fresh engine: from the order to send until the last revision is committed to the cache, its alarm told,
/// and the board proven there.
async fn engine(stream: &Arc<Stream>) -> Result<Duration> {
    let feeder = Feeder::start(stream).await?;
    let folder = tempfile::tempdir().context("making a profile's folder")?;
    let engine = follow(&feeder, folder.path()).await?;
    let mut events = engine.events().await?;
    let (patches, mut shown) = mpsc::unbounded_channel();
    let sort = vec![SortOrder { key: SortKey::Number, descending: true }];
    let spec = ViewSpec { sort, len: 40, ..ViewSpec::default() };
    let sink = move |patch: Patch| {
        // The page ends with the run.
        let _ = patches.send(patch.seq);
    };
    let view = engine.open_view(spec, Arc::new(sink)).await?;
    let page = tokio::spawn({
        let engine = engine.clone();
        async move {
            let mut count = 0_u64;
            while let Some(seq) = shown.recv().await {
                count += 1;
                if engine.ack(view, seq).await.is_err() {
                    break;
                }
            }
            count
        }
    });
    cached(&feeder, stream, &mut events).await?;
    let start = Instant::now();
    feeder.go();
    until(&mut events, Some(stream.end()), stream.last_id).await?;
    let took = start.elapsed();
    let stats = engine.stats().await?;
    engine.stop().await;
    let patches = page.await.context("the page's task")?;
    ensure!(patches > 1, "the view was shown nothing");
    ensure!(
        stats.gaps == 0 && stats.repairs == 0 && stats.snapshots == 1,
        "the engine did not take the stream as it was sent: {stats:?}"
    );
    Ok(took)
}

/// A signed-in engine.
async fn follow(feeder: &Feeder, profile: &Path) -> Result<Engine> {
    let engine = Engine::start(EngineConfig::new(&feeder.url, profile)).await?;
    timeout(PATIENCE, engine.sign_in("dispatcher", "dispatcher")).await.context("signing in")??;
    Ok(engine)
}

/// Waits until the snapshot, and one change after it, are proven or cached.
async fn cached(feeder: &Feeder, stream: &Stream, events: &mut Events) -> Result<()> {
    let proven = async {
        while let Some(event) = events.next().await {
            if matches!(&event, EngineEvent::Proved(_, proof) if proof.rev == stream.base.0) {
                return Ok(());
            }
        }
        anyhow::bail!("the engine ended before the snapshot was proven")
    };
    timeout(PATIENCE, proven).await.context("waiting for the snapshot to be proven")??;
    feeder.prelude();
    until(events, None, stream.prelude_id).await
}

/// Waits for the alarm of a delivery, which is told after the commit that holds it, and for the proof at a revision.
async fn until(events: &mut Events, proven: Option<Rev>, alarmed: DeliveryId) -> Result<()> {
    let (mut proven, mut alarmed) = (proven, Some(alarmed));
    let both = async {
        while proven.is_some() || alarmed.is_some() {
            let event = events.next().await.context("the engine ended")?;
            if matches!(&event, EngineEvent::Proved(_, proof) if Some(proof.rev) == proven) {
                proven = None;
            }
            if matches!(&event, EngineEvent::Alarm(_, notice) if Some(notice.key.id) == alarmed) {
                alarmed = None;
            }
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, both).await.context("waiting for the last revision's commit and proof")?
}

/// Leaves a profile signed in at a server that is gone, with all rows of the stream's snapshot in its cache.
///
/// # Errors
/// When the engine does not get there.
pub async fn cached_profile(stream: &Arc<Stream>, profile: &Path) -> Result<String> {
    let feeder = Feeder::start(stream).await?;
    let engine = follow(&feeder, profile).await?;
    let mut events = engine.events().await?;
    cached(&feeder, stream, &mut events).await?;
    let centers = engine.freshness().await?;
    ensure!(centers.iter().any(|of| of.center == CENTER), "the engine follows no center");
    engine.stop().await;
    Ok(feeder.url.clone())
}
