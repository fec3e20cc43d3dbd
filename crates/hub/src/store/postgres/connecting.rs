//! Connections to the database: of several hosts the one that takes writes, and of several such the one with the latest
//! timeline.

use super::encryption::encryption;
use crate::store::StoreError;
use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Config, Host, TargetSessionAttrs};
use tokio_postgres::{Client, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

/// How long a connection may take to be made, and how long a request waits for a free one.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a connection that was idle may take for a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long the database may be silent to what was sent before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a host that is slower is waited for once another has answered: it may be further on.
const GRACE: Duration = Duration::from_millis(200);
/// Settings of each connection: a node that waits for a lock, or freezes while it holds one, keeps nobody waiting for long.
const OPTIONS: &str =
    "-c lock_timeout=3000 -c idle_in_transaction_session_timeout=2000 -c statement_timeout=60000";

/// The connections to the database at an address, so many at the most: those that commit, those that stream boards, and all
/// other reads. With that by which a connection of its own is encrypted.
pub(super) fn pool(url: &str, connections: usize) -> Result<(Pool, MakeRustlsConnect), StoreError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Unusable {
        doing: "reading the address of the database".into(),
        source,
        remedy: "write it as postgres://user:password@host/name",
    };
    let (url, mode, root) = without_encryption(url);
    let mut config: Config = url.parse().map_err(|error: Error| unreadable(error.into()))?;
    let (mode, tls) =
        encryption(mode.as_deref(), root.as_deref()).map_err(|wrong| unreadable(wrong.into()))?;
    config
        .ssl_mode(mode)
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(SILENCE)
        .application_name("gwanje-hub")
        .options(OPTIONS);
    let hosts = Hosts { each: hosts(&config), tls: tls.clone() };
    // Asked for a sign of life before each use: a server that was started anew leaves dead ones behind.
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Verified };
    let pool = Pool::builder(Manager::from_connect(config, hosts, manager))
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(SIGN_OF_LIFE))
        .build()
        .map_err(|source| StoreError::Unusable {
            doing: "preparing connections to the database".into(),
            source: source.into(),
            remedy: "this is a fault of the hub",
        })?;
    Ok((pool, tls))
}

/// An address without what it says of encryption, and that: `sslmode` and `sslrootcert`.
fn without_encryption(url: &str) -> (String, Option<String>, Option<PathBuf>) {
    let Some((place, query)) = url.split_once('?') else { return (url.to_owned(), None, None) };
    let (mut mode, mut root, mut others) = (None, None, Vec::new());
    for pair in query.split('&') {
        // A plus is a plus in these.
        let escaped = pair.replace('+', "%2B");
        match form_urlencoded::parse(escaped.as_bytes()).next() {
            Some((name, value)) if name == "sslmode" => mode = Some(value.into_owned()),
            Some((name, value)) if name == "sslrootcert" => root = Some(PathBuf::from(value.into_owned())),
            _ => others.push(pair),
        }
    }
    let rest = others.join("&");
    let url = if rest.is_empty() { place.to_owned() } else { format!("{place}?{rest}") };
    (url, mode, root)
}

/// The same for each host by itself.
fn hosts(all: &Config) -> Vec<Config> {
    let (ports, addresses) = (all.get_ports(), all.get_hostaddrs());
    let of = |n: usize, host: Option<&Host>| {
        let mut one = Config::new();
        match host {
            Some(Host::Tcp(name)) => _ = one.host(name),
            Some(Host::Unix(folder)) => _ = one.host_path(folder),
            None => {}
        }
        if let Some(address) = addresses.get(n) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(n).or_else(|| ports.first()) {
            one.port(*port);
        }
        if let Some(user) = all.get_user() {
            one.user(user);
        }
        if let Some(password) = all.get_password() {
            one.password(password);
        }
        if let Some(name) = all.get_dbname() {
            one.dbname(name);
        }
        if let Some(options) = all.get_options() {
            one.options(options);
        }
        if let Some(name) = all.get_application_name() {
            one.application_name(name);
        }
        one.ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .target_session_attrs(all.get_target_session_attrs())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(SILENCE);
        one
    };
    let count = all.get_hosts().len().max(addresses.len()).max(1);
    (0..count).map(|n| of(n, all.get_hosts().get(n))).collect()
}

/// The hosts that an address names.
struct Hosts {
    each: Vec<Config>,
    tls: MakeRustlsConnect,
}

/// A connection that takes writes.
struct Connected {
    /// As eight digits; empty where nobody asked.
    timeline: String,
    client: Client,
    running: JoinHandle<()>,
}

impl Connect for Hosts {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(async {
            let Connected { client, running, .. } = self.latest().await?;
            Ok((client, running))
        })
    }
}

impl Hosts {
    /// Asks all at once: one that does not answer keeps nobody from the others.
    async fn latest(&self) -> Result<Connected, Error> {
        let mut asked: FuturesUnordered<_> = self.each.iter().map(|host| self.one(host)).collect();
        let mut latest: Option<Connected> = None;
        let mut refused: Option<Error> = None;
        loop {
            let answered = match &latest {
                None => asked.next().await,
                Some(_) => timeout(GRACE, asked.next()).await.ok().flatten(),
            };
            match (answered, &latest) {
                (Some(Ok(one)), Some(known)) if one.timeline <= known.timeline => {}
                (Some(Ok(one)), _) => latest = Some(one),
                (Some(Err(error)), _) => {
                    // What a server said tells more than that another one is not there.
                    if refused.as_ref().is_none_or(|known| known.as_db_error().is_none()) {
                        refused = Some(error);
                    }
                }
                (None, _) => break,
            }
        }
        match (latest, refused) {
            (Some(latest), _) => Ok(latest),
            (None, Some(refused)) => Err(refused),
            // Without any host, that is said.
            (None, None) => self.one(&Config::new()).await,
        }
    }

    async fn one(&self, host: &Config) -> Result<Connected, Error> {
        let (client, connection) = host.connect(self.tls.clone()).await?;
        let running = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to the database ended");
            }
        });
        let mut timeline = String::new();
        if self.each.len() > 1 {
            for answer in client.simple_query("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)").await?
            {
                if let SimpleQueryMessage::Row(row) = answer {
                    row.get(0).unwrap_or_default().clone_into(&mut timeline);
                }
            }
        }
        Ok(Connected { timeline, client, running })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_an_address_says_of_encryption_is_taken_out_of_it() {
        for (url, rest, mode, root) in [
            ("postgres://a@b/c", "postgres://a@b/c", None, None),
            ("postgres://a@b/c?sslmode=require", "postgres://a@b/c", Some("require"), None),
            (
                "postgres://a@b/c?port=5&sslrootcert=%2Fetc%2Fa+b.pem&sslmode=verify-full",
                "postgres://a@b/c?port=5",
                Some("verify-full"),
                Some("/etc/a+b.pem"),
            ),
        ] {
            let read = without_encryption(url);
            assert_eq!((read.0.as_str(), read.1.as_deref()), (rest, mode));
            assert_eq!(read.2.as_deref(), root.map(Path::new));
        }
    }

    #[test]
    fn each_host_has_its_port_and_all_else_in_common() {
        let all: Config = "postgres://me:secret@one:1,two:2/db".parse().unwrap();
        let each = hosts(&all);
        let told: Vec<_> =
            each.iter().map(|one| (one.get_hosts().to_vec(), one.get_ports().to_vec())).collect();
        let host = |name: &str, port| (vec![Host::Tcp(name.into())], vec![port]);
        assert_eq!(told, [host("one", 1), host("two", 2)]);
        for one in each {
            let said = (one.get_user(), one.get_password(), one.get_dbname());
            assert_eq!(said, (Some("me"), Some(&b"secret"[..]), Some("db")));
        }
    }
}
