//! A proxy on the loopback that breaks things on purpose, while it runs: bytes, socket messages and REST answers.
//!
//! Bytes (`Proxy::to`): each connection is a socket's or REST's, told apart by its first request, and each of its two
//! ways can be silenced, slowed, cut, damaged. Messages and answers (`Proxy::reading`): a rule of the test sees each
//! socket message and each REST call and decides what becomes of it.

mod answers;
mod line;
mod messages;

pub use answers::{Answer, Asked};
pub use line::{Ending, Line};
pub use messages::{Event, Way};

use answers::Shared;
use anyhow::{Context, Result};
use line::{Lines, Switches};
use messages::Relay;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A WebSocket.
    Socket,
    /// REST calls.
    Rest,
}

/// A running proxy; ends, with all that goes through it, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    switches: watch::Sender<Switches>,
    relay: Arc<Relay>,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// Where the bytes of either kind go.
#[derive(Clone)]
struct Targets {
    socket: String,
    rest: String,
}

impl Proxy {
    /// A proxy of bytes to `target` (`host:port`) on any free port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(target: &str) -> Result<Self> {
        Self::start(target, false).await
    }

    /// One that reads messages and calls too.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn reading(target: &str) -> Result<Self> {
        Self::start(target, true).await
    }

    async fn start(target: &str, reads: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for a proxy")?;
        let address = listener.local_addr()?;
        let (relay, shared) = (Arc::new(Relay::default()), Arc::new(Shared::to(target)?));
        let mut targets = Targets { socket: target.to_owned(), rest: target.to_owned() };
        let mut tasks = Vec::new();
        if reads {
            let (at, task) = messages::serve(relay.clone(), target.to_owned()).await?;
            targets.socket = at;
            tasks.push(task);
            let (at, task) = answers::serve(shared.clone()).await?;
            targets.rest = at;
            tasks.push(task);
        }
        let (switches, seen) = watch::channel(Switches::default());
        tasks.push(tokio::spawn(accept(listener, targets, seen)));
        Ok(Self { address, switches, relay, shared, tasks })
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All present connections fall silent, for good; new ones work.
    pub fn silence(&self) {
        for kind in [Kind::Socket, Kind::Rest] {
            for way in [Way::Up, Way::Down] {
                self.half_open(kind, way);
            }
        }
    }

    /// Present connections of that kind carry nothing that way any more, for good; new ones work.
    pub fn half_open(&self, kind: Kind, way: Way) {
        self.switches.send_modify(|switches| switches.lines_mut(kind).of_mut(way).silenced += 1);
    }

    /// What becomes of bytes of that kind that way, on present and new connections.
    pub fn set(&self, kind: Kind, way: Way, line: Line) {
        self.switches.send_modify(|switches| switches.lines_mut(kind).of_mut(way).line = line);
    }

    /// Ends all present connections of that kind; new ones work.
    pub fn cut(&self, kind: Kind, ending: Ending) {
        self.switches.send_modify(|switches| {
            let lines = switches.lines_mut(kind);
            lines.cuts += 1;
            lines.ending = ending;
        });
    }

    /// New connections of that kind are closed at once (or served again).
    pub fn refuse(&self, kind: Kind, refuses: bool) {
        self.switches.send_modify(|switches| switches.lines_mut(kind).refuses = refuses);
    }

    /// How many connections of that kind there were.
    #[must_use]
    pub fn connections(&self, kind: Kind) -> u64 {
        self.switches.borrow().lines(kind).opened.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// From now on the rule decides what is sent on for each socket message: nothing, the same, others.
    pub fn on_message(&self, rule: impl FnMut(Way, &str) -> Vec<String> + Send + 'static) {
        self.relay.set_rule(Some(Box::new(rule)));
    }

    /// From now on the rule decides what becomes of each REST call.
    pub fn on_call(&self, rule: impl FnMut(&Asked) -> Answer + Send + 'static) {
        self.shared.set_rule(Some(Box::new(rule)));
    }

    /// Messages and calls go through as they are again.
    pub fn pass(&self) {
        self.relay.set_rule(None);
        self.shared.set_rule(None);
    }

    /// How many REST calls of that name (the last word of the path) came so far. Only on a reading proxy.
    #[must_use]
    pub fn asked(&self, name: &str) -> u64 {
        self.shared.asked(name)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, targets: Targets, switches: watch::Receiver<Switches>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((near, _)) = accepted else { return };
                connections.spawn(connection(near, targets.clone(), switches.clone()));
            }
            // Ended ones are forgotten.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(near: TcpStream, targets: Targets, switches: watch::Receiver<Switches>) {
    let Some(kind) = kind_of(&near).await else { return };
    let lines: Lines = switches.borrow().lines(kind).clone();
    if lines.refuses {
        return;
    }
    lines.opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let target = match kind {
        Kind::Socket => targets.socket,
        Kind::Rest => targets.rest,
    };
    // A target that refuses is passed on as a closed connection.
    if let Ok(far) = TcpStream::connect(&target).await {
        line::carry(near, far, kind, switches).await;
    }
}

/// Tells the kind by the first request, which is looked at and left where it is.
async fn kind_of(near: &TcpStream) -> Option<Kind> {
    const SOCKET_REQUEST: &[u8] = b"GET /socket.io/";
    let mut first = [0; SOCKET_REQUEST.len()];
    loop {
        let length = near.peek(&mut first).await.ok()?;
        if length == 0 {
            return None;
        }
        if first[..length] != SOCKET_REQUEST[..length] {
            return Some(Kind::Rest);
        }
        if length == SOCKET_REQUEST.len() {
            return Some(Kind::Socket);
        }
        // The rest of the line is on its way; a peek at what is there already does not wait for it.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
