//! A demo hub as a process.

use crate::api::Api;
use crate::process::{Process, binary};
use anyhow::{Context, Result};
use std::process::Command;

/// A running `gwanje-hub demo`.
pub struct Hub {
    /// Its process.
    pub process: Process,
    /// Where REST is served: `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Hub {
    /// Starts `gwanje-hub demo` with these arguments, on any free port unless they name one, and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn demo(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary("gwanje-hub")?);
        command.arg("demo");
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::started(command.args(arguments))
    }

    /// Starts any command that says where it listens as a hub does, and waits until it has.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn started(command: &mut Command) -> Result<Self> {
        let process = Process::start(command)?;
        let url = process
            .find("the hub to listen", |line| line.strip_prefix("listening on ").map(str::to_owned))?;
        let url = url.split_whitespace().next().context("an address after `listening on`")?.to_owned();
        Ok(Self { process, url })
    }

    /// `127.0.0.1:PORT`, for a restart on the same port.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Signs in with a demo account, whose password is its name.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn sign_in(&self, account: &str) -> Result<Api> {
        Api::sign_in(&self.url, account, account).await
    }
}
