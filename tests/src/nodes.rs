//! Several hubs as processes: what they share (a PostgreSQL, a Redis), and a balancer before them.

use crate::api::Api;
use crate::hub::Hub;
use crate::process::{Process, binary};
use crate::watcher::CENTER;
use anyhow::{Context, Result, ensure};
use postgres::Cluster;
use redis::Redis;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[allow(missing_docs, reason = "what is said of it is where it is")]
#[path = "../../crates/hub/tests/shared/poller.rs"]
pub mod poller;
#[allow(missing_docs, reason = "what is said of it is where it is")]
#[path = "../../crates/hub/tests/shared/postgres.rs"]
pub mod postgres;
#[allow(missing_docs, reason = "what is said of it is where it is")]
#[path = "../../crates/hub/tests/shared/redis.rs"]
pub mod redis;

/// What hubs share.
pub struct Shared {
    /// Their database.
    pub cluster: Cluster,
    /// By which they hear of each other.
    pub redis: Redis,
    /// Holds the secret that they sign with.
    folder: tempfile::TempDir,
}

impl Shared {
    /// Starts both.
    ///
    /// # Panics
    /// When there is no temporary folder.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let secret = folder.path().join("token-secret");
        std::fs::write(&secret, "7f".repeat(32)).expect("a file in it");
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("its own");
        Self { cluster: Cluster::start(), redis: Redis::start(), folder }
    }
}

/// The hub's command line on what is shared.
///
/// # Errors
/// When it is not built.
pub fn gwanje_hub(shared: &Shared) -> Result<Command> {
    Ok(on(shared, Command::new(binary("gwanje-hub")?)))
}

/// The same of the version before this one; none where it was not built (`scripts/previous.sh`), which is said.
#[must_use]
pub fn previous_gwanje_hub(shared: &Shared) -> Option<Command> {
    let hub = std::env::var_os("GWANJE_PREVIOUS_HUB").filter(|hub| !hub.is_empty());
    if hub.is_none() {
        eprintln!("not run: GWANJE_PREVIOUS_HUB names no hub of the version before (scripts/previous.sh)");
    }
    Some(on(shared, Command::new(hub?)))
}

fn on(shared: &Shared, mut command: Command) -> Command {
    let database = shared.cluster.url_of_both("postgres");
    command
        .env("GWANJE_DATABASE", database)
        .env("GWANJE_REDIS", shared.redis.url())
        .env("GWANJE_TOKEN_SECRET_FILE", shared.folder.path().join("token-secret"))
        .env("GWANJE_DRAIN_GRACE_MS", "2500")
        .env("GWANJE_CENTERS", format!("{CENTER}=강남"));
    command
}

/// Makes an account whose password is its name, by that command line.
///
/// # Errors
/// When the hub refuses.
pub fn put_account(command: Command, name: &str, role: &str) -> Result<()> {
    put_account_of(command, name, role, CENTER)
}

/// The same, of these centers: ids with commas between them.
///
/// # Errors
/// When the hub refuses.
pub fn put_account_of(mut command: Command, name: &str, role: &str, centers: &str) -> Result<()> {
    command.args(["user", "add", name, "--role", role, "--centers", centers]);
    let mut adding = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    adding.stdin.take().context("its input")?.write_all(name.as_bytes())?;
    let ended = adding.wait_with_output()?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

/// Makes an account whose password is its name.
///
/// # Errors
/// When the hub refuses.
pub fn account(shared: &Shared, name: &str, role: &str) -> Result<()> {
    put_account(gwanje_hub(shared)?, name, role)
}

/// A node of the hub, at an address.
///
/// # Errors
/// When it does not come up.
pub fn node(shared: &Shared, listen: &str) -> Result<Hub> {
    Hub::started(gwanje_hub(shared)?.arg("serve").env("GWANJE_LISTEN", listen))
}

/// The same, at an address at which the other nodes reach it.
///
/// # Errors
/// When it does not come up.
pub fn reachable_node(shared: &Shared, listen: &str) -> Result<Hub> {
    let mut command = gwanje_hub(shared)?;
    let command = command.arg("serve").env("GWANJE_LISTEN", listen);
    Hub::started(command.env("GWANJE_NODE_URL", format!("http://{listen}")))
}

/// A path of the center's deliveries.
#[must_use]
pub fn path(rest: &str) -> String {
    format!("/centers/{CENTER}/deliveries{rest}")
}

/// Takes an order in, and gives its id.
///
/// # Errors
/// When it is refused.
pub async fn order(api: &Api) -> Result<u64> {
    let order = json!({"shop": {"id": "s", "name": "한솥"}, "dropoff": {"address": "역삼동 1"}});
    api.post(&path(""), &order).await?["id"].as_u64().context("an id")
}

/// A real HAProxy with the configuration that is shipped. It ends with this value.
pub struct Balancer {
    /// Where clients find it.
    pub url: String,
    /// Where it is asked and told: a socket.
    pub socket: PathBuf,
    /// Where it tells how it sees the hubs.
    statistics: String,
    process: Process,
    _folder: tempfile::TempDir,
}

/// An address of this machine that nobody listens at, just now.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

impl Balancer {
    /// Starts one before these: `("blue1", "127.0.0.1:7401")`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn before<'a>(hubs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy.cfg");
        let (bind, statistics) = (free_address()?, free_address()?);
        let folder = tempfile::tempdir()?;
        let (beside, socket) = (folder.path().join("statistics.cfg"), folder.path().join("balancer.sock"));
        std::fs::write(
            &beside,
            format!("frontend statistics\n    bind {statistics}\n    stats enable\n    stats uri /\n"),
        )?;
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f", shipped, "-f"]).arg(beside);
        command.env("GWANJE_BIND", &bind).env("GWANJE_BALANCER", &socket);
        // Those that are not named are nobody's.
        for name in ["BLUE_1", "BLUE_2", "GREEN_1", "GREEN_2"] {
            command.env(format!("GWANJE_{name}"), "127.0.0.1:1");
        }
        for (name, address) in hubs {
            let (colour, number) = name.split_at(name.len() - 1);
            command.env(format!("GWANJE_{}_{number}", colour.to_uppercase()), address);
        }
        let process = Process::start(&mut command)?;
        Ok(Self {
            url: format!("http://{bind}"),
            socket,
            statistics: format!("http://{statistics}/;csv"),
            process,
            _folder: folder,
        })
    }

    /// Waits until it sends requests to both hubs of a colour.
    ///
    /// # Errors
    /// When it ends.
    pub async fn uses(&mut self, colour: &str) -> Result<()> {
        let hub = format!("hubs,{colour}");
        let up = |line: &str| line.starts_with(&hub) && line.split(',').nth(17) == Some("UP");
        loop {
            if let Ok(told) = reqwest::get(&self.statistics).await
                && let Ok(text) = told.text().await
                && text.lines().filter(|line| up(line)).count() == 2
            {
                return Ok(());
            }
            ensure!(!self.process.has_ended()?, "HAProxy ended: {}", self.process.log());
            tokio::task::yield_now().await;
        }
    }
}
