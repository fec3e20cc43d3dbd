//! A seat: the engine in this process on a profile of its own, and what it has told.

use crate::process::PATIENCE;
use anyhow::{Context, Result, bail};
use gwanje_engine::sync::State;
use gwanje_engine::{AlarmKey, Engine, EngineConfig, EngineEvent, Events, Stats};
use gwanje_model::{CenterId, DeliveryId};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tokio::time::timeout;

/// A running engine that follows one center.
pub struct Seat {
    /// The engine.
    pub engine: Engine,
    /// The center.
    pub center: CenterId,
    /// Every alarm so far: its key, and whether it was listed again.
    pub alarms: Vec<(AlarmKey, bool)>,
    events: Events,
    profile: PathBuf,
}

impl Seat {
    /// Starts an engine on that profile and signs in, or goes on with what the profile holds.
    ///
    /// # Errors
    /// When it can't be started, or the server refuses.
    pub async fn start(server: &str, profile: &Path, center: &str) -> Result<Self> {
        let config =
            EngineConfig { centers: vec![CenterId::from(center)], ..EngineConfig::new(server, profile) };
        let engine = Engine::start(config).await?;
        let events = engine.events().await?;
        if engine.resume().await?.is_none() {
            engine.sign_in("dispatcher", "dispatcher").await?;
        }
        let profile = profile.to_owned();
        Ok(Self { engine, center: CenterId::from(center), alarms: Vec::new(), events, profile })
    }

    /// The first event that `wanted` maps to something.
    ///
    /// # Errors
    /// When none comes for [`PATIENCE`].
    pub async fn hear<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&EngineEvent) -> Option<T>,
    ) -> Result<T> {
        let search = async {
            while let Some(event) = self.events.next().await {
                if let EngineEvent::Alarm(_, notice) = &event {
                    self.alarms.push((notice.key, notice.relisted));
                }
                if let Some(found) = wanted(&event) {
                    return Ok(found);
                }
            }
            bail!("the engine ended before {what}")
        };
        timeout(PATIENCE, search).await.with_context(|| format!("waiting for {what}"))?
    }

    /// Waits until the board is live.
    ///
    /// # Errors
    /// As [`Seat::hear`].
    pub async fn live(&mut self) -> Result<()> {
        self.hear("a live board", |event| {
            matches!(event, EngineEvent::State(_, State::Live { .. })).then_some(())
        })
        .await
    }

    /// Waits for a proof at that revision or a later one.
    ///
    /// # Errors
    /// As [`Seat::hear`].
    pub async fn proven(&mut self, rev: u64) -> Result<()> {
        self.hear("a proof", |event| {
            matches!(event, EngineEvent::Proved(_, proof) if proof.rev.0 >= rev).then_some(())
        })
        .await
    }

    /// The center's counts.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn stats(&self) -> Result<Stats> {
        let all = self.engine.diagnostics().await?;
        let own = all.centers.into_iter().find(|center| center.freshness.center == self.center.as_str());
        Ok(own.context("the center's diagnostics")?.stats)
    }

    /// A delivery as the board has it, as JSON.
    ///
    /// # Errors
    /// When the engine has stopped, or does not have it.
    pub async fn row(&self, id: DeliveryId) -> Result<serde_json::Value> {
        let row = self.engine.delivery(&self.center, id).await?.context("the row on the board")?;
        Ok(serde_json::to_value(row.as_ref())?)
    }

    /// The cache's file.
    ///
    /// # Errors
    /// When there is none.
    pub fn cache(&self) -> Result<PathBuf> {
        crate::watcher::cache_files(&self.profile)?.into_iter().next().context("the cache's file")
    }

    /// Ends the engine; what it has to write is written.
    pub async fn stop(self) {
        self.engine.stop().await;
    }
}

/// Moves the journal into the file, so that the file is what is read.
///
/// # Errors
/// When SQLite says no.
pub fn into_the_file(cache: &Path) -> Result<()> {
    let db = rusqlite::Connection::open(cache)?;
    db.busy_timeout(PATIENCE)?;
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        bail!("the cache's journal is in use");
    }
    Ok(())
}

/// Finds the only place in a file where that text stands, and flips the lowest bit of its first byte.
///
/// # Errors
/// When it stands nowhere, or in several places.
pub fn flip_byte(file: &Path, text: &str) -> Result<()> {
    let bytes = std::fs::read(file)?;
    let mut places = bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        bail!("{text:?} does not stand in {} exactly once", file.display());
    };
    overwrite(file, at, &[bytes[at] ^ 1])
}

/// Writes over what a file holds there, as decay does: whoever has it open is not told.
///
/// # Errors
/// When it can't be written.
pub fn overwrite(file: &Path, at: usize, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new().write(true).open(file)?;
    Ok(file.write_all_at(bytes, u64::try_from(at)?)?)
}
