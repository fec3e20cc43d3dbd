//! The configuration of a production hub: one TOML file, every key also as a `GWANJE_…` environment variable.

use crate::host::is_host_name;
use crate::mail::{MailLevel, MailSettings};
use crate::node_url::NodeUrl;
use crate::public_url::PublicUrl;
use crate::store::{CONNECTIONS, Replication, StorePlace};
use gwanje_model::{CenterId, Pos, Text};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What is wrong with a configuration, and how to mend it.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the configuration {} can't be read: {source}; name a readable file with --config", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what a configuration looks like.
    #[error("the configuration {}, line {line}, column {column}: {what}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A value can't be used.
    #[error("the configuration's {key}: {what}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong, and what it should be.
        what: String,
    },
}

/// A center to serve.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterConfig {
    /// Its id, as in paths.
    pub id: CenterId,
    /// Its name, for people.
    pub name: Text,
    /// Latitude, degrees.
    #[serde(default)]
    pub lat: Option<f64>,
    /// Longitude, degrees.
    #[serde(default)]
    pub lon: Option<f64>,
    /// IANA name.
    #[serde(default = "seoul")]
    pub time_zone: Text,
}

impl CenterConfig {
    /// Where it is, if that was said.
    #[must_use]
    pub fn pos(&self) -> Option<Pos> {
        self.lat.zip(self.lon).map(|(lat, lon)| Pos::Geo { lat, lon })
    }
}

/// What a node can serve: several nodes on one database may share the work by parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Requests.
    Rest,
    /// Sockets.
    Sockets,
}

impl Part {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Sockets];

    fn parse(name: &str) -> Option<Self> {
        match name {
            "rest" => Some(Self::Rest),
            "sockets" => Some(Self::Sockets),
            _ => None,
        }
    }
}

/// Everything that `gwanje-hub serve` needs to know.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    /// Where REST, and sockets too, are served.
    pub listen: SocketAddr,
    /// Where sockets are served, when that is a port of their own.
    pub socket_listen: Option<SocketAddr>,
    /// What this node serves. The balancer, or `socket_urls`, leads to the others.
    pub parts: Vec<Part>,
    /// Where clients find sockets, in order of preference; empty: at the address they signed in at.
    pub socket_urls: Vec<String>,
    /// The folder of the database's file, where there is no `database`.
    pub data: PathBuf,
    /// A PostgreSQL database that several hubs share: `postgres://user:password@host/name`, or several hosts with commas
    /// between them, of which the one that takes writes is used. Empty: a file in `data`.
    pub database: String,
    /// The most connections of this hub to the `database`.
    pub database_pool: usize,
    /// How the database's standbys follow it: whether one that is promoted may lack commits that were told.
    pub replication: Replication,
    /// A file with the secret that tokens are signed with, 32 bytes or more, the same for every hub on a database. None: in
    /// `data`, where a hub alone makes it.
    pub token_secret_file: Option<PathBuf>,
    /// By which several hubs hear of each other's commits at once: `redis://user:password@host`. Empty: within two seconds.
    pub redis: String,
    /// Where the other hubs reach the sockets of this one: `http://10.0.0.1:7400`. Empty: they do not, and sockets that poll must
    /// come back to the hub that they began at.
    pub node_url: String,
    /// Its name among the hubs on the database. Empty: its host and port.
    pub node: String,
    /// Addresses that may read `/metrics` without signing in, beside this machine.
    pub metrics_from: Vec<IpAddr>,
    /// Proxies before this hub, which are believed for whom they ask (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpAddr>,
    /// The names that it may be asked by (`Host`). Empty: any, but browsers' foreign ones.
    pub hosts: Vec<String>,
    /// Where clients find it, for links that leave it: `https://hub.example`. Empty: links are paths.
    pub public_url: String,
    /// Who is told of errors by mail.
    pub mail: MailSettings,
    /// Browser origins that may call.
    pub origins: Vec<String>,
    /// Asks clients to reconnect within this many milliseconds when the hub stops.
    pub drain_within_ms: u64,
    /// How many milliseconds a balancer may take to see that a hub takes nothing new, before its sockets are told.
    pub drain_grace_ms: u64,
    /// Hours that an ended delivery stays on the board.
    pub retention_hours: u32,
    /// Days that a delivery and its history are kept once it has left the board.
    pub history_days: u32,
    /// Days that a line of the audit is kept.
    pub audit_days: u32,
    /// The centers that must exist.
    pub centers: Vec<CenterConfig>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7400)),
            socket_listen: None,
            parts: Part::ALL.to_vec(),
            socket_urls: Vec::new(),
            data: PathBuf::from("gwanje-data"),
            database: String::new(),
            database_pool: CONNECTIONS,
            replication: Replication::default(),
            token_secret_file: None,
            redis: String::new(),
            node_url: String::new(),
            node: String::new(),
            metrics_from: Vec::new(),
            trusted_proxies: Vec::new(),
            hosts: Vec::new(),
            public_url: String::new(),
            mail: MailSettings::default(),
            origins: Vec::new(),
            drain_within_ms: 3_000,
            drain_grace_ms: 0,
            retention_hours: 24,
            history_days: 30,
            audit_days: 365,
            centers: Vec::new(),
        }
    }
}

fn seoul() -> Text {
    "Asia/Seoul".into()
}

/// Four that commit, boards, and other reads.
const POOL_MIN: usize = 8;
/// A database takes a hundred, usually.
const POOL_MAX: usize = 1_000;
/// Outcomes are kept for a day, and what was decided in it may be asked for.
const HISTORY_DAYS_MIN: u32 = 2;
/// The prefix of the environment variables: `GWANJE_LISTEN` is `listen`.
const ENV_PREFIX: &str = "GWANJE_";

impl ServeConfig {
    /// Reads the file (none: only defaults) and lays the environment over it.
    ///
    /// # Errors
    /// When the file can't be read or understood, or a value can't be used.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = match path {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix(ENV_PREFIX) {
                config.set(&key.to_ascii_lowercase(), &value)?;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Where the hub keeps what must outlive it.
    #[must_use]
    pub fn kept(&self) -> StorePlace {
        if self.database.is_empty() { self.file() } else { StorePlace::Postgres(self.database.clone()) }
    }

    /// Where a hub without a `database` keeps it.
    #[must_use]
    pub fn file(&self) -> StorePlace {
        StorePlace::File(self.data.join(DATABASE_FILE))
    }

    /// Where the secret that tokens are signed with is kept: for a hub alone in its folder, where nothing else is said.
    ///
    /// # Errors
    /// When hubs share a database, which each of them must be given it for.
    pub fn secret_file(&self) -> Result<PathBuf, ConfigError> {
        match &self.token_secret_file {
            Some(file) => Ok(file.clone()),
            None if self.database.is_empty() => Ok(self.data.join(SECRET_FILE)),
            None => Err(ConfigError::Value {
                key: "token_secret_file".into(),
                what: "hubs that share a `database` sign with one secret; make it with \
                       `(umask 077; openssl rand -hex 32 > token-secret)` and name the file for each"
                    .into(),
            }),
        }
    }

    /// Where the other hubs reach this one.
    #[must_use]
    pub fn node_url(&self) -> Option<NodeUrl> {
        NodeUrl::parse(&self.node_url).ok()
    }

    /// What is said at the start of a hub that other machines reach without encryption; none: none do, or a proxy encrypts.
    #[must_use]
    pub fn open_wire_warning(&self) -> Option<String> {
        let listens = [Some(self.listen), self.socket_listen].into_iter().flatten();
        let open: Vec<String> =
            listens.filter(|at| !at.ip().to_canonical().is_loopback()).map(|at| at.to_string()).collect();
        let is_behind_proxy = self.public_url.starts_with("https://") && !self.trusted_proxies.is_empty();
        (!open.is_empty() && !is_behind_proxy).then(|| {
            format!(
                "plain HTTP at {}: passwords and customers' data travel readable for everybody on the way; listen at \
                 127.0.0.1 behind a proxy that encrypts, or name it in `trusted_proxies` and its https address in \
                 `public_url`",
                open.join(", ")
            )
        })
    }

    /// Where clients find it.
    #[must_use]
    pub fn public_url(&self) -> Option<PublicUrl> {
        PublicUrl::parse(&self.public_url).ok()
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let before = text.get(..at).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |n| n + 1);
            ConfigError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
                what: error.message().replace('\n', " "),
            }
        })
    }

    /// Sets one key from text, as the environment does. Lists are separated by commas; centers read `id=name,…`.
    /// A variable that is no key belongs to somebody else and is left alone.
    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let list = || value.split(',').map(str::trim).filter(|s| !s.is_empty());
        match key {
            "listen" => self.listen = parse(key, value, "an address such as 127.0.0.1:7400")?,
            "socket_listen" => {
                self.socket_listen = if value.is_empty() {
                    None
                } else {
                    Some(parse(key, value, "an address such as 127.0.0.1:7401")?)
                };
            }
            "parts" => {
                self.parts = list()
                    .map(|name| Part::parse(name).ok_or_else(|| unusable(key, name, "one of rest, sockets")))
                    .collect::<Result<_, _>>()?;
            }
            "socket_urls" => self.socket_urls = list().map(str::to_owned).collect(),
            "data" => self.data = PathBuf::from(value),
            "database" => value.clone_into(&mut self.database),
            "database_pool" => self.database_pool = parse(key, value, "a number of connections")?,
            "replication" => {
                self.replication = Replication::parse(value)
                    .ok_or_else(|| unusable(key, value, "asynchronous or synchronous"))?;
            }
            "token_secret_file" => self.token_secret_file = (!value.is_empty()).then(|| PathBuf::from(value)),
            "redis" => value.clone_into(&mut self.redis),
            "node_url" => value.clone_into(&mut self.node_url),
            "node" => value.clone_into(&mut self.node),
            "metrics_from" => {
                self.metrics_from = list()
                    .map(|one| parse(key, one, "an address such as 10.0.0.9"))
                    .collect::<Result<_, _>>()?;
            }
            "trusted_proxies" => {
                self.trusted_proxies = list()
                    .map(|one| parse(key, one, "an address such as 10.0.0.2"))
                    .collect::<Result<_, _>>()?;
            }
            "hosts" => self.hosts = list().map(str::to_owned).collect(),
            "public_url" => value.clone_into(&mut self.public_url),
            "mail_smtp" => value.clone_into(&mut self.mail.smtp),
            "mail_from" => value.clone_into(&mut self.mail.from),
            "mail_to" => value.clone_into(&mut self.mail.to),
            "mail_min_level" => {
                self.mail.min_level =
                    MailLevel::parse(value).ok_or_else(|| unusable(key, value, "one of warn, error"))?;
            }
            "mail_per" => value.clone_into(&mut self.mail.per),
            "origins" => self.origins = list().map(str::to_owned).collect(),
            "drain_within_ms" => self.drain_within_ms = parse(key, value, "milliseconds")?,
            "drain_grace_ms" => self.drain_grace_ms = parse(key, value, "milliseconds")?,
            "history_days" => self.history_days = parse(key, value, "days")?,
            "audit_days" => self.audit_days = parse(key, value, "days")?,
            "retention_hours" => self.retention_hours = parse(key, value, "hours")?,
            "centers" => {
                self.centers = list()
                    .map(|entry| {
                        let (id, name) = entry.split_once('=').unwrap_or((entry, entry));
                        CenterConfig {
                            id: id.into(),
                            name: name.into(),
                            lat: None,
                            lon: None,
                            time_zone: seoul(),
                        }
                    })
                    .collect();
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: String| Err(ConfigError::Value { key: key.to_owned(), what });
        for url in &self.socket_urls {
            let usable =
                url::Url::parse(url).is_ok_and(|u| matches!(u.scheme(), "http" | "https" | "ws" | "wss"));
            if !usable {
                return wrong("socket_urls", format!("{url:?} is not an http(s) or ws(s) address"));
            }
        }
        if self.parts.is_empty() {
            return wrong("parts", "at least one of rest, sockets".into());
        }
        if self.socket_listen.is_some() && !self.parts.contains(&Part::Sockets) {
            return wrong("socket_listen", "this node's `parts` have no sockets".into());
        }
        if self.socket_urls.is_empty()
            && self.socket_listen.is_some_and(|listen| listen.ip().is_unspecified())
        {
            return wrong(
                "socket_urls",
                "say where clients find the port of `socket_listen`, which is every address".into(),
            );
        }
        if Part::ALL.iter().any(|part| !self.parts.contains(part)) && self.database.is_empty() {
            return wrong(
                "parts",
                "a hub alone serves all; the other part needs a `database` to share".into(),
            );
        }
        let is_postgres =
            ["postgres://", "postgresql://"].iter().any(|start| self.database.starts_with(start));
        if !self.database.is_empty() && !is_postgres {
            return wrong("database", "it is no address like postgres://user:password@host/name".into());
        }
        if !(POOL_MIN..=POOL_MAX).contains(&self.database_pool) {
            return wrong("database_pool", format!("from {POOL_MIN} to {POOL_MAX} connections"));
        }
        let is_redis = ["redis://", "redis+unix://"].iter().any(|start| self.redis.starts_with(start));
        if !self.redis.is_empty() && !is_redis {
            return wrong("redis", "it is no address like redis://user:password@host".into());
        }
        if !self.redis.is_empty() && self.database.is_empty() {
            return wrong("redis", "it joins hubs that share a `database`; a hub alone needs none".into());
        }
        if !self.node_url.is_empty() {
            if let Err(error) = NodeUrl::parse(&self.node_url) {
                return wrong("node_url", error.to_string());
            }
            if self.redis.is_empty() {
                return wrong(
                    "node_url",
                    "hubs find it in the `redis` that they share; set that, too".into(),
                );
            }
        }
        if !self.node.is_empty() && !is_node_name(&self.node) {
            return wrong("node", "a name has 1 to 64 letters, digits and . _ : -".into());
        }
        if !self.public_url.is_empty()
            && let Err(error) = PublicUrl::parse(&self.public_url)
        {
            return wrong("public_url", error.to_string());
        }
        if let Some(host) = self.hosts.iter().find(|host| !is_host_name(host)) {
            return wrong("hosts", format!("{host:?} is no name such as hub.example, without a port"));
        }
        if let Err((key, what)) = self.mail.mailing() {
            return wrong(&format!("mail.{key}"), what);
        }
        let mut seen = std::collections::BTreeSet::new();
        for center in &self.centers {
            let id = center.id.as_str();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || !id.chars().all(plain) {
                return wrong("centers", format!("the id {id:?} may only hold letters, digits, - and _"));
            }
            if !seen.insert(id) {
                return wrong("centers", format!("the id {id:?} is there twice"));
            }
            if jiff::tz::TimeZone::get(&center.time_zone).is_err() {
                return wrong("centers", format!("{id}'s time zone {:?} is unknown", center.time_zone));
            }
            if center.lat.is_some() != center.lon.is_some() {
                return wrong("centers", format!("{id} has only one of lat and lon"));
            }
        }
        if self.retention_hours == 0 {
            return wrong("retention_hours", "at least 1".into());
        }
        if self.history_days < HISTORY_DAYS_MIN {
            return wrong(
                "history_days",
                format!("at least {HISTORY_DAYS_MIN}: what was answered within a day is read from it"),
            );
        }
        if self.audit_days == 0 {
            return wrong("audit_days", "at least 1".into());
        }
        Ok(())
    }
}

fn is_node_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    name.len() <= 64 && name.chars().all(plain)
}

/// A store as people name it: `postgres://…`, or the file or the folder of one in a file, with or without `sqlite://`.
///
/// # Errors
/// In words.
pub fn named_place(name: &str) -> Result<StorePlace, String> {
    if ["postgres://", "postgresql://"].iter().any(|start| name.starts_with(start)) {
        return Ok(StorePlace::Postgres(name.to_owned()));
    }
    let path = ["sqlite://", "sqlite:", "file://", "file:"].iter().find_map(|start| name.strip_prefix(start));
    let path = path.unwrap_or(name);
    if path.is_empty() || path.contains("://") {
        return Err(format!(
            "{name:?} names no store; write postgres://user:password@host/name, or a folder or file"
        ));
    }
    let path = PathBuf::from(path);
    let is_file = path.is_file() || path.extension().is_some_and(|extension| extension == "sqlite");
    Ok(StorePlace::File(if is_file { path } else { path.join(DATABASE_FILE) }))
}

/// The name of the secret's file in the data folder.
const SECRET_FILE: &str = "token-secret";

/// The name of the database in the data folder.
pub const DATABASE_FILE: &str = "hub.sqlite";

fn parse<T: std::str::FromStr>(key: &str, value: &str, expected: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| unusable(key, value, expected))
}

/// A variable of the environment that can't be used.
fn unusable(key: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::Value {
        key: format!("{key} ({ENV_PREFIX}{})", key.to_ascii_uppercase()),
        what: format!("{value:?} is not {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str, env: &[(&str, &str)]) -> Result<ServeConfig, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.toml");
        std::fs::write(&path, text).unwrap();
        ServeConfig::load(Some(&path), env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_full_file_and_the_environment_over_it() {
        let text = r#"
            listen = "0.0.0.0:8000"
            data = "/var/lib/gwanje"
            origins = ["https://ops.example"]
            [[centers]]
            id = "gangnam"
            name = "강남"
            lat = 37.5
            lon = 127.0
        "#;
        let config =
            from_text(text, &[("GWANJE_LISTEN", "127.0.0.1:9"), ("GWANJE_PASSWORD", "x"), ("HOME", "y")])
                .unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:9");
        assert_eq!(config.centers[0].time_zone, "Asia/Seoul");
        assert_eq!(config.centers[0].pos(), Some(Pos::Geo { lat: 37.5, lon: 127.0 }));
        assert_eq!(config.kept(), StorePlace::File(PathBuf::from("/var/lib/gwanje/hub.sqlite")));
        let shared =
            from_text("", &[("GWANJE_DATABASE", "postgres://hub:s3cret@db1,db2/gwanje?sslmode=disable")]);
        let shared = shared.unwrap();
        assert_eq!(shared.kept().to_string(), "postgres://db1,db2/gwanje", "no password is shown");
        let config = from_text("", &[("GWANJE_CENTERS", "gangnam=강남, mapo")]).unwrap();
        assert_eq!(config.centers[0].name, "강남");
        assert_eq!(config.centers[1].name, "mapo");
    }

    #[test]
    fn a_hub_alone_has_its_secret_in_its_folder_and_hubs_that_share_are_given_one() {
        let alone = ServeConfig::default();
        assert_eq!(alone.secret_file().unwrap(), PathBuf::from("gwanje-data/token-secret"));
        let shared = from_text("database = 'postgres://x'", &[]).unwrap();
        let said = shared.secret_file().unwrap_err().to_string();
        assert!(said.contains("token_secret_file: ") && said.contains("openssl rand -hex 32"), "{said}");
        let shared =
            from_text("database = 'postgres://x'", &[("GWANJE_TOKEN_SECRET_FILE", "/etc/s")]).unwrap();
        assert_eq!(shared.secret_file().unwrap(), PathBuf::from("/etc/s"));
    }

    #[test]
    fn plain_http_that_other_machines_reach_is_warned_of() {
        let warning = |text: &str| from_text(text, &[]).unwrap().open_wire_warning();
        assert_eq!(warning(""), None);
        assert_eq!(warning("listen = '[::1]:7400'"), None);
        for open in ["listen = '0.0.0.0:7400'", "listen = '10.0.0.7:7400'", "socket_listen = '10.0.0.7:7400'"]
        {
            assert!(warning(open).unwrap().contains(":7400: passwords"), "{open}");
        }
        let proxied =
            "listen = '10.0.0.7:7400'\ntrusted_proxies = ['10.0.0.2']\npublic_url = 'https://hub.example'";
        assert_eq!(warning(proxied), None);
        assert!(warning(&proxied.replace("https", "http")).is_some());
    }

    #[test]
    fn a_store_is_named_by_address_folder_or_file() {
        let file = |path: &str| Ok(StorePlace::File(path.into()));
        assert_eq!(named_place("/var/lib/gwanje"), file("/var/lib/gwanje/hub.sqlite"));
        assert_eq!(named_place("sqlite:///var/lib/gwanje/old.sqlite"), file("/var/lib/gwanje/old.sqlite"));
        assert_eq!(named_place("file:data"), file("data/hub.sqlite"));
        let postgres = StorePlace::Postgres("postgres://hub:s3cret@db/gwanje".into());
        assert_eq!(postgres.to_string(), "postgres://db/gwanje", "no password is shown");
        assert_eq!(named_place("postgres://hub:s3cret@db/gwanje"), Ok(postgres));
        assert!(named_place("mysql://db/gwanje").unwrap_err().contains("names no store"));
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, env, expected) in [
            ("listen = 3", &[][..], "line 1, column 10"),
            ("\n  lisen = 'x'", &[], "line 2, column 3: unknown field `lisen`"),
            ("", &[("GWANJE_LISTEN", "nowhere")], "listen (GWANJE_LISTEN): \"nowhere\" is not an address"),
            ("database_pool = 7", &[], "database_pool: from 8 to 1000 connections"),
            ("replication = 'some'", &[], "line 1, column 15: unknown variant `some`"),
            ("", &[("GWANJE_REPLICATION", "x")], "\"x\" is not asynchronous or synchronous"),
            ("history_days = 1", &[], "history_days: at least 2"),
            ("audit_days = 0", &[], "audit_days: at least 1"),
            ("", &[("GWANJE_HISTORY_DAYS", "x")], "history_days (GWANJE_HISTORY_DAYS): \"x\" is not days"),
            ("database = 'mysql://x'", &[], "database: it is no address like postgres://"),
            (
                "",
                &[("GWANJE_PARTS", "rest,radio")],
                "parts (GWANJE_PARTS): \"radio\" is not one of rest, sockets",
            ),
            ("socket_listen = '0.0.0.0:7401'", &[], "socket_urls: say where clients find the port"),
            ("parts = ['rest']", &[], "parts: a hub alone serves all"),
            (
                "parts = ['rest']\ndatabase = 'postgres://x'\nsocket_listen = '127.0.0.1:1'",
                &[],
                "socket_listen: this node's `parts` have no sockets",
            ),
            ("redis = 'redis://x'", &[], "redis: it joins hubs that share a `database`"),
            ("node_url = 'hub-1:7400'", &[], "node_url: \"hub-1:7400\" is no address at which other hubs"),
            ("", &[("GWANJE_NODE_URL", "http://10.0.0.1:7400")], "node_url: hubs find it in the `redis`"),
            ("node = 'a b'", &[], "node: a name has 1 to 64 letters"),
            ("", &[("GWANJE_METRICS_FROM", "10.0.0.9,prom")], "\"prom\" is not an address such as"),
            ("", &[("GWANJE_TRUSTED_PROXIES", "10.0.0.2,proxy")], "\"proxy\" is not an address such as"),
            ("public_url = 'hub.example'", &[], "public_url: \"hub.example\" is no address at which clients"),
            ("hosts = ['http://hub.example']", &[], "is no name such as hub.example"),
            ("[mail]\nsmtp = 'mail.example'", &[], "mail.from: \"\" is no address"),
            ("", &[("GWANJE_MAIL_MIN_LEVEL", "all")], "is not one of warn, error"),
            ("", &[("GWANJE_CENTERS", "a,a")], "centers: the id \"a\" is there twice"),
            ("", &[("GWANJE_CENTERS", "a/b")], "may only hold letters"),
            ("socket_urls = ['ftp://x']", &[], "socket_urls: \"ftp://x\" is not"),
            ("[[centers]]\nid='a'\nname='b'\ntime_zone='Mars/One'", &[], "\"Mars/One\" is unknown"),
        ] {
            let error = from_text(text, env).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} should contain {expected:?}");
            assert!(!error.contains('\n'), "one line: {error:?}");
        }
        let missing = ServeConfig::load(Some(Path::new("/nonexistent/hub.toml")), []).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/hub.toml can't be read"), "{missing}");
    }
}
