//! RabbitMQ with STOMP over WebSocket: a node and a port mapper of its own, on loopback, in a temporary folder.

use super::free_port;
use crate::process::Process;
use anyhow::{Context, Result, ensure};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Debian's own start script; the one in `sbin` would change the user.
const START: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// A port is free again this long after its process was killed, at most.
const PORTS_FREE: Duration = Duration::from_secs(20);

/// A running broker. It ends, with its port mapper, when it is dropped.
pub struct Broker {
    node: Option<Process>,
    /// Erlang's port mapper. Started here, since a node would start one that outlives it.
    _mapper: Process,
    folder: TempDir,
    ports: Ports,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    amqp: u16,
    stomp: u16,
    web: u16,
    nodes: u16,
    mapper: u16,
}

impl Broker {
    /// Starts a broker and waits until it serves.
    ///
    /// # Errors
    /// When RabbitMQ is not installed, or does not come up.
    pub fn start() -> Result<Self> {
        ensure!(Path::new(START).is_file(), "rabbitmq-server is not installed: run scripts/deps.sh test");
        let folder = tempfile::tempdir()?;
        let ports = Ports {
            amqp: free_port()?,
            stomp: free_port()?,
            web: free_port()?,
            nodes: free_port()?,
            mapper: free_port()?,
        };
        std::fs::write(folder.path().join("plugins"), "[rabbitmq_web_stomp].\n")?;
        std::fs::write(folder.path().join("rabbitmq.conf"), configuration(ports))?;
        let mapper = ports.mapper.to_string();
        let mapper = Process::start(Command::new("epmd").args(["-port", &mapper, "-address", "127.0.0.1"]))?;
        let mut broker = Self { node: None, _mapper: mapper, folder, ports };
        broker.restart()?;
        Ok(broker)
    }

    /// `HOST:PORT` of STOMP over WebSocket; the path is `/ws`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.web)
    }

    /// `kill -9` of all of it but the port mapper.
    ///
    /// # Errors
    /// When its ports are not free after that.
    pub fn kill(&mut self) -> Result<()> {
        /// Nothing tells when a port is free.
        const POLL: Duration = Duration::from_millis(20);
        // The script that we started waits for the node; dropping ends their whole group.
        drop(self.node.take());
        let until = Instant::now() + PORTS_FREE;
        while TcpStream::connect(("127.0.0.1", self.ports.web)).is_ok() {
            ensure!(Instant::now() < until, "the broker was killed and still listens");
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Starts again with what was there before, on the same ports. Does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if self.node.is_some() {
            return Ok(());
        }
        let folder = self.folder.path();
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
        let node = Process::start(
            Command::new(START)
                .env("HOME", folder)
                .env("ERL_EPMD_PORT", self.ports.mapper.to_string())
                .env("ERL_EPMD_ADDRESS", "127.0.0.1")
                .env("RABBITMQ_NODENAME", format!("gwanje-{}@localhost", self.ports.amqp))
                .env("RABBITMQ_NODE_PORT", self.ports.amqp.to_string())
                .env("RABBITMQ_DIST_PORT", self.ports.nodes.to_string())
                .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback)
                .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
                .env("RABBITMQ_LOG_BASE", folder.join("log"))
                .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
                .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
                .env("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("generated"))
                .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
                .env("RABBITMQ_PID_FILE", folder.join("pid")),
        )
        .context("starting RabbitMQ")?;
        node.find("RabbitMQ to serve", |line| line.contains("Server startup complete").then_some(()))?;
        self.node = Some(node);
        Ok(())
    }
}

fn configuration(ports: Ports) -> String {
    let Ports { amqp, stomp, web, .. } = ports;
    format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         stomp.listeners.tcp.1 = 127.0.0.1:{stomp}\n\
         web_stomp.tcp.ip = 127.0.0.1\n\
         web_stomp.tcp.port = {web}\n\
         log.console = true\n\
         log.file = false\n"
    )
}
