//! A process under test: started from the build's own folder, read line by line, and always ended.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Longer than anything that works ever takes here, so that only what is broken runs into it.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The path of a binary of this workspace, beside the running test.
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("finding the running test")?;
    // target/<profile>/deps/<test> and target/<profile>/<bin>
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built: run `cargo build --workspace --bins` first"))
}

/// A number of `/proc/<id>/status`: `VmRSS`, `VmHWM` (kB), `Threads`.
///
/// # Errors
/// When there is no such process or field.
pub fn size_of(id: u32, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))
        .with_context(|| format!("reading the size of process {id}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).with_context(|| format!("{field} of process {id}"))
}

/// The processor time so far, in itself and in the system for it, of a process with all its threads (its id), or of the
/// thread that asks (`thread-self`).
///
/// # Errors
/// When there is no such process.
pub fn processor_time(of: &str) -> Result<Duration> {
    /// Linux tells it in hundredths of a second, on every machine.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat"))
        .with_context(|| format!("reading the processor time of {of}"))?;
    // The name, in brackets, may hold anything.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let mut ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks = ticks.try_fold(0_u32, |sum, field| sum.checked_add(field.parse().ok()?));
    Ok(TICK * ticks.with_context(|| format!("the processor time of {of}"))?)
}

/// Nothing came for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet;

/// A running process whose output is read by a thread each, so that it never blocks on a full pipe.
pub struct Process {
    child: Child,
    name: String,
    lines: Receiver<String>,
    errors: Receiver<String>,
    /// Killed and waited for: its number may be another's by now.
    ended: bool,
}

impl Process {
    /// Starts a command with its output captured.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().rsplit('/').next().unwrap_or("?").to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let lines = read(child.stdout.take());
        let errors = read(child.stderr.take());
        Ok(Self { child, name, lines, errors, ended: false })
    }

    /// The next line of its standard output; `None` at the end of it.
    ///
    /// # Errors
    /// When nothing comes for [`PATIENCE`].
    pub fn line(&self) -> Result<Option<String>> {
        self.line_within(PATIENCE)
    }

    /// The next line of its standard output, if one comes in time; `None` at the end of it.
    ///
    /// # Errors
    /// When nothing comes in time.
    pub fn line_within(&self, patience: Duration) -> Result<Option<String>> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                bail!("{} said nothing more; its log:\n{}", self.name, self.log())
            }
        }
    }

    /// The next line of its standard output, if one comes in time; `None` at the end of it.
    ///
    /// # Errors
    /// When nothing comes in time, which is nothing wrong here.
    pub fn line_soon(&self, patience: Duration) -> Result<Option<String>, Quiet> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(Quiet),
        }
    }

    /// The first line that `wanted` maps to something.
    ///
    /// # Errors
    /// When the output ends, or [`PATIENCE`] does, before it comes.
    pub fn find<T>(&self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> Result<T> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.line_within(left).with_context(|| format!("waiting for {what}"))? {
                Some(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                None => bail!("{} ended before {what}; its log:\n{}", self.name, self.log()),
            }
        }
    }

    /// What it has written to standard error since the last call.
    #[must_use]
    pub fn log(&self) -> String {
        self.errors.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// All of standard error, once the process has ended.
    #[must_use]
    pub fn whole_log(&self) -> String {
        self.errors.iter().collect::<Vec<_>>().join("\n")
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`: no goodbye, nothing flushed.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.kill_group();
        self.ended = true;
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }

    /// Kills its whole group, for what it started itself (a virtual display starts a server, a driver an app). It may
    /// have ended already; either way nothing is left behind.
    fn kill_group(&self) {
        let _ = Command::new("kill")
            .args(["-s", "KILL", "--", &format!("-{}", self.id())])
            .stderr(Stdio::null())
            .status();
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`).
    ///
    /// # Errors
    /// When `kill` fails.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status()?;
        if !status.success() {
            bail!("kill -s {signal} {} failed", self.name);
        }
        Ok(())
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within [`PATIENCE`].
    pub fn wait(&mut self) -> Result<ExitStatus> {
        /// The operating system offers no wait with a time-out; this often is often enough.
        const POLL: Duration = Duration::from_millis(20);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("{} did not end; its log:\n{}", self.name, self.log());
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.kill_group();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver): (Sender<String>, _) = channel();
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}
