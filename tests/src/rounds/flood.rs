//! Ten thousand changes a second, from a feeder that does nothing else: more than a demo hub commits. The watcher may be
//! late, is never wrong, and holds everything at the end.

use crate::bench::feeder::Feeder;
use crate::bench::stream::Stream;
use crate::process::{PATIENCE, Process, binary, size_of};
use crate::watcher::{CENTER, cache_files};
use anyhow::{Context, Result, ensure};
use gwanje_cache::Cache;
use gwanje_model::{Delivery, Rev, RowDigest};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deliveries on the board.
const ROWS: u64 = 10_000;
/// How often a frame of a busy center leaves, from the wire contract.
const FRAME_EVERY: Duration = Duration::from_millis(20);

/// What a flood came to.
#[derive(Debug, Default)]
pub struct FloodFigures {
    /// From the first frame until all was proven.
    pub seconds: f64,
    /// Changes in that time.
    pub changes: u64,
    /// The most changes that a proof was behind what had been sent when it was told.
    pub behind: u64,
    /// Proofs, each compared with what was sent.
    pub proofs: usize,
    /// Cancellations that were told, each once.
    pub told: usize,
    /// Rows in the cache at the end, each compared.
    pub rows: usize,
    /// The most memory that the watcher had, MiB.
    pub memory_mib: u64,
}

impl fmt::Display for FloodFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "flood: {} changes in {:.1} s ({:.0} a second), a proof at most {} behind: {} rows, 0 lost; {} cancellations, 0 lost, 0 doubled; {} proofs, all true; {} MiB",
            self.changes,
            self.seconds,
            self.changes as f64 / self.seconds,
            self.behind,
            self.rows,
            self.told,
            self.proofs,
            self.memory_mib
        )
    }
}

/// Sends `rate` changes a second for `seconds` seconds.
///
/// # Errors
/// With the first thing that was lost, doubled or wrong.
pub async fn flood(rate: u64, seconds: u64) -> Result<FloodFigures> {
    let per_frame = (rate * u64::try_from(FRAME_EVERY.as_millis())? / 1_000).max(1);
    let stream = Arc::new(Stream::in_frames_of(ROWS, rate * seconds, usize::try_from(per_frame)?)?);
    let feeder = Feeder::start(&stream).await?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let url = feeder.url.clone();
    let cache = folder.path().to_owned();
    // A thread of its own waits for lines: the feeder goes on meanwhile.
    tokio::task::spawn_blocking(move || watch(&url, &cache, &feeder, &stream)).await?
}

fn watch(url: &str, cache: &Path, feeder: &Feeder, stream: &Stream) -> Result<FloodFigures> {
    let mut command = Command::new(binary("gwanje-watch")?);
    command.args(["--server", url, "--account", "dispatcher", "--center", CENTER, "--cache"]).arg(cache);
    let mut watcher = Process::start(command.env("GWANJE_PASSWORD", "dispatcher"))?;
    let mut sent: BTreeMap<Rev, RowDigest> = stream.frames.iter().map(|sent| (sent.to, sent.rows)).collect();
    sent.extend([stream.base, (stream.prelude.to, stream.prelude.rows)]);
    let (mut figures, mut told) = (FloodFigures::default(), BTreeSet::new());
    let mut began = None;
    loop {
        let line = watcher.line()?.context("the watcher ended")?;
        let line: Value = serde_json::from_str(&line).context("a line of the watcher's")?;
        match line["type"].as_str() {
            Some("proof") => {
                let rev = Rev(line["rev"].as_u64().context("a proof's revision")?);
                let rows = RowDigest {
                    count: line["count"].as_u64().unwrap_or_default(),
                    digest: serde_json::from_value(line["digest"].clone())?,
                };
                ensure!(sent.get(&rev) == Some(&rows), "what is proven was never sent: {line}");
                figures.proofs += 1;
                figures.behind = figures.behind.max(feeder.sent().0.saturating_sub(rev.0));
                if began.is_none() {
                    feeder.prelude();
                    feeder.flood(FRAME_EVERY);
                    began = Some(Instant::now());
                }
                if rev == stream.end() {
                    break;
                }
            }
            Some("alarm") => {
                let key = (line["id"].as_u64(), line["kind"].to_string(), line["raisedAt"].as_i64());
                ensure!(told.insert(key), "told twice: {line}");
            }
            _ => {}
        }
        let since = began.map_or(Duration::ZERO, |began: Instant| began.elapsed());
        ensure!(since < PATIENCE * 2, "the flood is not over after {since:?}: {figures:?}");
    }
    figures.seconds = began.context("no proof came")?.elapsed().as_secs_f64();
    figures.changes = stream.changes;
    figures.memory_mib = size_of(watcher.id(), "VmHWM")? / 1_024;
    watcher.signal("TERM")?;
    ensure!(watcher.wait()?.success(), "the watcher did not end well:\n{}", watcher.whole_log());
    while let Some(line) = watcher.line()? {
        let line: Value = serde_json::from_str(&line)?;
        if line["type"] == "alarm" {
            let key = (line["id"].as_u64(), line["kind"].to_string(), line["raisedAt"].as_i64());
            ensure!(told.insert(key), "told twice: {line}");
        }
    }
    let cancelled = told.iter().filter(|(_, kind, _)| kind.contains("cancelled"));
    let cancelled: BTreeSet<u64> = cancelled.filter_map(|(id, ..)| *id).collect();
    ensure!(stream.cancelled().is_subset(&cancelled), "cancellations that nobody was told of");
    figures.told = cancelled.len();
    figures.rows = kept(cache, stream)?;
    Ok(figures)
}

/// Checks that the cache holds what was sent last of each row; gives how many there are.
fn kept(cache: &Path, stream: &Stream) -> Result<usize> {
    let files = cache_files(cache)?;
    let file = files.first().context("a cache file")?;
    let loaded = Cache::open(file)?.cache.load(&CENTER.into())?.context("the center in the cache")?;
    let rows: BTreeMap<_, _> = loaded.rows.iter().map(|row| (row.id, row)).collect();
    let digest = RowDigest::of(rows.values().map(|row| (row.id, row.rev)));
    let end = stream.frames.last().map_or(stream.prelude.rows, |sent| sent.rows);
    ensure!(digest == end, "the cache holds {digest:?}, what was sent comes to {end:?}");
    for last in &stream.distinct {
        let delivery: Delivery = serde_json::from_str(&last.body)?;
        let held = rows.get(&last.id).and_then(|row| row.delivery.as_deref());
        ensure!(held == Some(&delivery), "delivery {} is not as it was sent", last.id);
    }
    Ok(rows.len())
}
