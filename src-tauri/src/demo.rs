//! A demo hub beside the app: found, started, listened to, and ended with the app.

use std::path::PathBuf;
use std::process::Stdio;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Day seconds a second: quick enough to see deliveries come and go, slow enough to act on one.
pub const SPEED: f64 = 20.0;
/// The demo account that has the most to do.
pub const ACCOUNT: &str = "dispatcher";

/// Why there is no demo.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The hub's binary is missing.
    #[error("the demo needs gwanje-hub, which is neither beside the app nor in PATH")]
    Missing,
    /// It could not be started.
    #[error("starting the demo hub ({path}): {source}")]
    Start {
        /// What was started.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It ended before it listened.
    #[error("the demo hub ended before it was ready: {0}")]
    Ended(String),
}

/// A running demo hub; ends when dropped.
#[derive(Debug)]
pub struct DemoHub {
    _process: Child,
    /// Where it serves.
    pub url: String,
}

impl DemoHub {
    /// Starts a hub on any free port, in the middle of a day's dinner, and waits until it listens.
    pub async fn start() -> Result<Self, DemoError> {
        let path = find()?;
        let mut process = Command::new(&path)
            .args(["demo", "--listen", "127.0.0.1:0", "--start", "17:30", "--speed", &SPEED.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DemoError::Start { path, source })?;
        let Some(stdout) = process.stdout.take() else {
            return Err(DemoError::Ended("its output could not be read".to_owned()));
        };
        let mut lines = BufReader::new(stdout).lines();
        let mut last = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(url) =
                line.strip_prefix("listening on ").and_then(|rest| rest.split_whitespace().next())
            {
                let url = url.to_owned();
                // Goes on reading, so that the hub never blocks on a full pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { _process: process, url });
            }
            last = line;
        }
        Err(DemoError::Ended(last))
    }
}

/// Beside the app first: the two are built and installed together.
fn find() -> Result<PathBuf, DemoError> {
    let name = format!("gwanje-hub{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().and_then(|app| Some(app.parent()?.join(&name)));
    let in_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).map(|folder| folder.join(&name)).collect::<Vec<_>>())
        .unwrap_or_default();
    beside.into_iter().chain(in_path).find(|path| path.is_file()).ok_or(DemoError::Missing)
}
