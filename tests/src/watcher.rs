//! `gwanje-watch` under test: one seat over all its restarts, and what it must show in the end.

use crate::api::Api;
use crate::process::{Process, Quiet, binary};
use crate::said::Said;
use crate::truth::{AlarmKey, History};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The center that is watched.
pub const CENTER: &str = "gangnam";
/// One seat: a running watcher and all it ever told.
pub struct Watcher {
    /// The process that runs at present, or that ran last.
    pub process: Process,
    server: String,
    cache: PathBuf,
    /// Put before the watcher's own command line: what runs it (`faketime`, `prlimit`).
    through: Vec<String>,
    environment: Vec<(String, String)>,
    said: Said,
}

impl std::ops::Deref for Watcher {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

impl Watcher {
    /// Starts one, on a cache that may have been used before.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(server: &str, cache: &Path) -> Result<Self> {
        Self::start_through(server, cache, &[], &[])
    }

    /// Starts one through another command, with further variables of the environment.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_through(
        server: &str,
        cache: &Path,
        through: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let through: Vec<String> = through.iter().map(|&word| word.to_owned()).collect();
        let environment: Vec<_> = environment.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        Ok(Self {
            process: run(server, cache, &through, &environment)?,
            server: server.to_owned(),
            cache: cache.to_owned(),
            through,
            environment,
            said: Said::default(),
        })
    }

    /// `kill -9`, and takes in what it had still told.
    ///
    /// # Errors
    /// When it can't be killed, or told what can't be read.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.take_rest()
    }

    /// Ends it as a person does.
    ///
    /// # Errors
    /// When it does not end, or not with success.
    pub fn end(&mut self) -> Result<()> {
        self.process.signal("TERM")?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the watcher ended with {status}:\n{}", self.process.whole_log());
        self.take_rest()
    }

    /// Starts it again on its cache, once it has ended.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_again(&mut self) -> Result<()> {
        self.said.ends_here();
        self.said.rows.clear();
        self.said.stats = Value::Null;
        self.process = run(&self.server, &self.cache, &self.through, &self.environment)?;
        Ok(())
    }

    /// From the next start on it runs through another command.
    pub fn through(&mut self, through: &[&str]) {
        self.through = through.iter().map(|&word| word.to_owned()).collect();
    }

    /// From now on the instants that it tells are not compared: its clock or the process itself is tampered with.
    pub fn untimed(&mut self) {
        self.said.untimed = true;
    }

    /// Its folder.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The file of its cache.
    ///
    /// # Errors
    /// When there is none.
    pub fn cache_file(&self) -> Result<PathBuf> {
        cache_files(&self.cache)?.into_iter().next().context("the cache's file")
    }

    /// Takes lines in until one of them is what is waited for.
    ///
    /// # Errors
    /// When it ends before that, or nothing comes any more.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Self, &Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        loop {
            let line = self
                .process
                .line()
                .with_context(|| format!("waiting for {what}; so far {:?}", self.states))?;
            let Some(line) = line else {
                bail!("the watcher ended before {what}; its log:\n{}", self.process.whole_log());
            };
            let line = self.said.take(&line)?;
            if wanted(self, &line) {
                return Ok(line);
            }
            // Lines go on coming, but never that one.
            if began.elapsed() > crate::process::PATIENCE {
                bail!("no {what}; states {:?}, {}; log:\n{}", self.states, self.stats, self.process.log());
            }
        }
    }

    /// Until it says that state. One that it is in already must be said again.
    ///
    /// # Errors
    /// As [`Watcher::until`].
    pub fn until_state(&mut self, state: &str) -> Result<()> {
        self.until(state, |_, line| line["type"] == "state" && line["state"] == state).map(drop)
    }

    /// Until the next proof.
    ///
    /// # Errors
    /// As [`Watcher::until`].
    pub fn until_proof(&mut self) -> Result<Value> {
        self.until("a proof", |_, line| line["type"] == "proof")
    }

    /// Until the next counts: those of now, not older than the call.
    ///
    /// # Errors
    /// As [`Watcher::until`].
    pub fn until_stats(&mut self) -> Result<()> {
        self.until("counts", |_, line| line["type"] == "stats").map(drop)
    }

    /// Takes in whatever comes within that time; gives whether it still runs.
    ///
    /// # Errors
    /// When a line can't be read.
    pub fn for_a_while(&mut self, time: Duration) -> Result<bool> {
        self.until_or(time, |_| false)
    }

    /// Takes lines in until one is `wanted`, or the time is over; gives whether it still runs.
    ///
    /// # Errors
    /// When a line can't be read.
    pub fn until_or(&mut self, time: Duration, wanted: impl Fn(&Value) -> bool) -> Result<bool> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.process.line_soon(left) {
                Ok(Some(line)) => {
                    if wanted(&self.said.take(&line)?) {
                        break;
                    }
                }
                Ok(None) => return Ok(false),
                Err(Quiet) => break,
            }
        }
        Ok(true)
    }

    /// With the day stopped: until it holds the hub's board, content and all, and has told each cancellation once.
    /// Nothing that it ever said was wrong.
    ///
    /// # Errors
    /// When that does not come, or something else is shown.
    pub async fn ends_true(&mut self, admin: &Api, history: Option<&Path>) -> Result<()> {
        admin.post("/drill", &json!({"speed": 0})).await?;
        self.holds_the_board(admin).await?;
        self.told_each_cancellation_once(admin).await?;
        self.never_lied()?;
        if let Some(database) = history {
            History::read(database, CENTER)?.confirms(&self.claims)?;
        }
        Ok(())
    }

    /// Nothing that it ever said was wrong.
    ///
    /// # Errors
    /// When it said so.
    pub fn never_lied(&self) -> Result<()> {
        ensure!(self.lies.is_empty(), "shown live without a proof: {:?}", self.lies);
        Ok(())
    }

    /// Until a proof is at the hub's own revision; then compares the rows that the lines make with the hub's.
    ///
    /// # Errors
    /// When another board is shown.
    pub async fn holds_the_board(&mut self, admin: &Api) -> Result<()> {
        loop {
            let proof = self.until_proof()?;
            // The head first: a board of a hundred thousand rows takes a while to read.
            let stands = |epoch: &str, rev: u64| {
                proof["rev"].as_u64() == Some(rev) && proof["epoch"].as_str() == Some(epoch)
            };
            let head = admin.head(CENTER).await?;
            // What was under way when the day was stopped is still being committed.
            if !stands(head.epoch.as_str(), head.rev.0) {
                continue;
            }
            let hub = admin.snapshot(CENTER).await?;
            if !stands(hub.epoch.as_str(), hub.rev.0) {
                continue;
            }
            ensure!(proof["count"].as_u64() == Some(hub.count), "another count: {proof}, not {}", hub.count);
            ensure!(proof["digest"].as_str() == Some(&hub.digest.to_string()), "another digest: {proof}");
            ensure!(self.rows.len() as u64 == hub.count, "{} rows, not {}", self.rows.len(), hub.count);
            for row in &hub.rows {
                let (held, expected) = (self.rows.get(&row.id().0), serde_json::to_value(row)?);
                ensure!(held == Some(&expected), "{}: {held:?}, not {expected}", row.id());
            }
            return Ok(());
        }
    }

    /// Until every cancellation after this seat's horizon has been told; none twice, and none that never was.
    ///
    /// # Errors
    /// When one does not come, or comes twice.
    pub async fn told_each_cancellation_once(&mut self, admin: &Api) -> Result<()> {
        let horizon = self.horizon()?;
        let mut at_hub = BTreeSet::new();
        let mut page = Some(0);
        while let Some(after) = page {
            let read: Value = admin.get(&format!("/centers/{CENTER}/alarms?after={after}")).await?;
            for alarm in read["alarms"].as_array().context("alarms")? {
                at_hub.extend(AlarmKey::of(alarm)?);
            }
            page = read["next"].as_u64();
        }
        // Older ones are told too when their delivery was seen alive before.
        let due: BTreeSet<_> = at_hub.iter().filter(|key| key.raised_at > horizon).copied().collect();
        let missing = |watcher: &Self| -> Vec<AlarmKey> {
            let told = |key: &AlarmKey| watcher.raised.contains_key(key) || watcher.relisted.contains(key);
            due.iter().filter(|key| !told(key)).copied().collect()
        };
        while !missing(self).is_empty() {
            self.until("each cancellation's alarm", |_, _| true)
                .with_context(|| format!("never told: {:?} of {}", missing(self), due.len()))?;
        }
        // A second telling would have come by now, or comes with the next proof.
        self.until_proof()?;
        let twice: Vec<_> = self.raised.iter().filter(|(_, times)| **times > 1).collect();
        ensure!(twice.is_empty(), "raised more than once: {twice:?}");
        let invented: Vec<_> =
            self.raised.keys().chain(&self.relisted).filter(|key| !at_hub.contains(key)).collect();
        ensure!(invented.is_empty(), "the hub knows nothing of {invented:?}");
        Ok(())
    }

    /// Operations time of this seat's first use of the center.
    fn horizon(&self) -> Result<i64> {
        let path = self.cache.join("horizons.json");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let kept: BTreeMap<String, i64> = serde_json::from_str(&text)?;
        let found = kept.iter().find(|(key, _)| key.ends_with(CENTER));
        Ok(*found.with_context(|| format!("the horizon of {CENTER} in {text}"))?.1)
    }

    fn take_rest(&mut self) -> Result<()> {
        // The pipe is read to its end; a line that was cut off by the kill was never told to anybody.
        while let Ok(Some(line)) = self.process.line() {
            if line.ends_with('}') && serde_json::from_str::<Value>(&line).is_ok() {
                self.said.take(&line)?;
            }
        }
        self.said.ends_here();
        Ok(())
    }
}

/// The cache files in a profile, damaged ones too.
///
/// # Errors
/// When the folder can't be read.
pub fn cache_files(profile: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(profile).with_context(|| format!("reading {}", profile.display()))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("cache-") && name.ends_with(".sqlite") {
            found.push(path);
        }
    }
    Ok(found)
}

fn run(server: &str, cache: &Path, through: &[String], environment: &[(String, String)]) -> Result<Process> {
    let watch = binary("gwanje-watch")?;
    let mut command = match through.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(watch);
            command
        }
        None => Command::new(watch),
    };
    command
        .args(["--server", server, "--account", "dispatcher", "--center", CENTER, "--rows", "--cache"])
        .arg(cache)
        .env("GWANJE_PASSWORD", "dispatcher")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    Process::start(&mut command)
}
