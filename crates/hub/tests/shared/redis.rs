//! A real Redis of the tests' own, reached by a socket in a temporary folder alone.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running Redis. It ends with this process at the latest.
pub struct Redis {
    folder: tempfile::TempDir,
    server: Child,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path().join("redis.sock"));
        Self { folder, server }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// Kills it, as a crash does.
    pub fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        self.server = serve(self.folder.path().join("redis.sock"));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

fn serve(socket: PathBuf) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--save", "", "--unixsocket"]);
    command.arg(socket).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
