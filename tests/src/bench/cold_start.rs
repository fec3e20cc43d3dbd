//! P8: from the start of the app's process to the first painted board out of the cache, with the hub away, against the same
//! binary's window with nobody signed in.

use super::ingest::cached_profile;
use super::report::Measured;
use super::stream::Stream;
use super::{RUNS, median};
use crate::display::Display;
use crate::process::{PATIENCE, Process, binary};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

const ROWS: u64 = 100_000;
const PROFILE: &str = "default";
/// The folder of the app's data within the system's, by its identifier.
const APP_FOLDER: &str = "io.gwanje.desktop";

/// P8, both in turn.
///
/// # Errors
/// When the app is not built, no display comes up, or a window is not painted.
pub async fn cold_start() -> Result<Measured> {
    let app = binary("gwanje").context("the app is not built: cargo build --release -p gwanje")?;
    let folder = tempfile::tempdir().context("making a folder for two profiles")?;
    let (full, empty) = (folder.path().join("full"), folder.path().join("empty"));
    // Dropped before the app starts: the server is away then.
    let stream = Arc::new(Stream::new(ROWS, 1)?);
    let server = cached_profile(&stream, &profile(&full)).await.context("filling a profile's cache")?;
    drop(stream);
    let display = Display::start(folder.path())?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let (board, window) = (
            painted(&display, &app, &full, &server, "board")?,
            painted(&display, &app, &empty, &server, "sign-in")?,
        );
        eprintln!("P8: run {run}: board {board:.0} ms, empty window {window:.0} ms");
        // The first run of each fills the system's file cache and does not count.
        if run > 0 {
            ours.push(board);
            peer.push(window);
        }
    }
    let (ours, peer) = (median(ours), median(peer));
    let ratio = ours / peer;
    Ok(Measured {
        row: "P8",
        what: "start of the process to the first painted board, 100,000 cached rows, hub away",
        goal: "≤ 1.5 × of the empty window",
        ours,
        peers: BTreeMap::from([("the same binary, nobody signed in", peer)]),
        unit: "ms",
        ratio,
        met: ratio <= 1.5,
    })
}

fn profile(data: &Path) -> PathBuf {
    data.join(APP_FOLDER).join("profiles").join(PROFILE)
}

/// Milliseconds from the start of the process until the app says that `what` was painted.
fn painted(display: &Display, app: &Path, data: &Path, server: &str, what: &str) -> Result<f64> {
    std::fs::create_dir_all(data)?;
    let mut command = display.command(app);
    command.args(["--server", server, "--profile", PROFILE]).env("XDG_DATA_HOME", data);
    // The app decides by itself how its webview draws, and that takes time which counts.
    command.env("GWANJE_TRACE_STARTUP", "1").env_remove("WEBKIT_DISABLE_DMABUF_RENDERER");
    let start = Instant::now();
    let mut process = Process::start(&mut command)?;
    let first =
        process.find("the first painted page", |line| line.strip_prefix("painted ").map(str::to_owned))?;
    let took = start.elapsed().as_secs_f64() * 1e3;
    // A clean end, so that the next start finds a cache at rest; a slow one is not waited for beyond that.
    process.signal("TERM")?;
    process.wait().with_context(|| format!("waiting {PATIENCE:?} for the app to end"))?;
    if first != what {
        bail!("the app painted {first:?} where {what:?} was expected; its log:\n{}", process.log());
    }
    Ok(took)
}
