//! A real Redis of the tests' own, reached by a socket in a temporary folder alone.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than it ever takes to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Redis. It ends with this process at the latest.
pub struct Redis {
    folder: tempfile::TempDir,
    settings: Vec<String>,
    server: Child,
}

#[allow(dead_code, reason = "not every suite does all of it")]
impl Redis {
    /// Starts one.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with settings of its command line.
    pub fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let server = serve(folder.path().join("redis.sock"), &settings);
        Self { folder, settings, server }
    }

    /// Where it keeps what it has.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Its address for a user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("{}?user={user}&pass={password}", self.url())
    }

    /// Asks it something by its own command line, and gives what it says once it answers at all.
    pub fn ask(&self, words: &[&str]) -> String {
        let asking = Instant::now();
        loop {
            assert!(asking.elapsed() < PATIENCE, "Redis does not answer {words:?}");
            let asked = Command::new("redis-cli").arg("-s").arg(self.socket()).args(words).output().unwrap();
            if asked.status.success() {
                return String::from_utf8_lossy(&asked.stdout).trim().to_owned();
            }
        }
    }

    /// Kills it, as a crash does.
    pub fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        self.server = serve(self.socket(), &self.settings);
    }

    /// Sends it a signal by name (`STOP`, `CONT`).
    pub fn signal(&self, signal: &str) {
        let id = self.server.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success(), "kill -s {signal} {id}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

fn serve(socket: PathBuf, settings: &[String]) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--save", "", "--unixsocket"]);
    command.arg(&socket).arg("--dir").arg(socket.parent().unwrap()).args(settings);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
