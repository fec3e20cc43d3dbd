//! Foreign servers as processes: each plays the same synthetic hour in its own language (`tests/peers`).

pub mod broker;

use crate::process::Process;
use anyhow::{Context, Result, ensure};
use broker::Broker;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Socket.IO, partial rows, times without a zone.
    Legacy,
    /// A topic of a STOMP broker.
    Stomp,
    /// JSON rows over a plain WebSocket.
    Websocket,
}

impl Kind {
    /// The name of its script, and of its dialect file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Stomp => "stomp",
            Self::Websocket => "websocket",
        }
    }
}

/// A running foreign server.
pub struct Peer {
    /// Where its list and its socket are: `http://127.0.0.1:PORT`.
    pub url: String,
    process: Option<Process>,
    broker: Option<Broker>,
    kind: Kind,
    arguments: Vec<String>,
    folder: TempDir,
}

/// What a server itself holds to be true.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// The day's clock, UTC milliseconds.
    pub at: i64,
    /// The hour is over.
    pub ended: bool,
    /// What it has done so far, since its last start.
    pub counts: Value,
    /// All there ever were.
    pub cancellations: Vec<Cancellation>,
    /// Its list, in terms that no server uses on the wire.
    pub orders: Vec<Order>,
}

/// A cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cancellation {
    /// The order's number, `TBIYHG000005`.
    pub no: String,
    /// When, UTC milliseconds.
    pub at: i64,
    /// Earlier than the hour: nobody is to be alarmed.
    pub before: bool,
}

/// A delivery as the server knows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// `TBIYHG000005`.
    pub no: String,
    /// What people call it.
    pub number: String,
    /// `waiting`.
    pub status: String,
    /// Id, name …
    pub shop: Value,
    /// Address, detail …
    pub dropoff: Value,
    /// Also of a delivery that was given back.
    pub rider: Option<Value>,
    /// What was ordered.
    pub items: Vec<Value>,
    /// Won.
    pub price: u64,
    /// The customer's request.
    pub request: String,
    /// Metres.
    pub distance: u64,
    /// Reason and by whom.
    pub cancel: Option<Value>,
    /// UTC milliseconds, as all below.
    pub received_at: Option<i64>,
    /// The first acceptance.
    pub waiting_at: Option<i64>,
    /// The last assignment.
    pub assigned_at: Option<i64>,
    /// The pickup.
    pub picked_up_at: Option<i64>,
    /// The end.
    pub delivered_at: Option<i64>,
    /// The other end.
    pub cancelled_at: Option<i64>,
}

impl Peer {
    /// Starts a server with these arguments, and its broker where it needs one.
    ///
    /// # Errors
    /// When either does not come up.
    pub fn start(kind: Kind, arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let broker = match kind {
            Kind::Stomp => Some(Broker::start()?),
            Kind::Legacy | Kind::Websocket => None,
        };
        let state = folder.path().join("state.json");
        let mut all = vec!["--port".to_owned(), free_port()?.to_string()];
        all.extend(["--state".to_owned(), state.to_string_lossy().into_owned()]);
        if let Some(broker) = &broker {
            all.extend(["--broker".to_owned(), broker.address()]);
        }
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut peer = Self { url: String::new(), process: None, broker, kind, arguments: all, folder };
        peer.restart()?;
        Ok(peer)
    }

    /// `kill -9`, of the broker too.
    ///
    /// # Errors
    /// When they can't be waited for.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(broker) = &mut self.broker {
            broker.kill()?;
        }
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Starts again where it was, on the same port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(broker) = &mut self.broker {
            broker.restart()?;
        }
        let (process, url) = start_script(self.kind.name(), &self.arguments)?;
        self.url = url;
        self.process = Some(process);
        Ok(())
    }

    /// What it holds to be true now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn truth(&self) -> Result<Truth> {
        let answer = reqwest::get(format!("{}/control", self.url)).await.context("asking for the truth")?;
        answer.json().await.context("reading the truth")
    }

    /// Changes how it plays: `{paused, sockets, speed, lost, late, twice, failing}`, any of them.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn control(&self, asked: &Value) -> Result<Truth> {
        let client = reqwest::Client::new();
        let answer = client.post(format!("{}/control", self.url)).json(asked).send().await?;
        ensure!(answer.status().is_success(), "the server refused {asked}: {}", answer.text().await?);
        answer.json().await.context("reading the truth")
    }

    /// Nothing happens any more, and every event is told from here on.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn pause(&self) -> Result<Truth> {
        self.control(&json!({"paused": true})).await
    }

    /// What it and its broker have logged, for a failed test.
    #[must_use]
    pub fn log(&self) -> String {
        let own = self.process.as_ref().map(Process::log).unwrap_or_default();
        format!("{} {}: {own}", self.kind.name(), self.folder.path().display())
    }
}

/// Starts a script of the servers' folder with these arguments, and waits until it says where it listens.
///
/// # Errors
/// When it does not come up.
pub fn start_script(name: &str, arguments: &[String]) -> Result<(Process, String)> {
    let script = folder().join(format!("{name}.mjs"));
    ensure!(
        folder().join("node_modules").is_dir(),
        "the foreign servers' packages are missing: run scripts/deps.sh test"
    );
    let process = Process::start(Command::new("node").arg(script).args(arguments))?;
    let url =
        process.find("the server to listen", |line| line.strip_prefix("listening on ").map(str::to_owned))?;
    Ok((process, url))
}

/// Where the servers are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// A port of loopback that was free a moment ago, to be kept over restarts.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("finding a free port")?.local_addr()?.port())
}
