//! What the subcommands of a production hub do.

use crate::args::{ConfigArgs, KeyAction, MoveArgs, ServeArgs, UserAction};
use crate::exit_error::ExitError;
use crate::secret::secret;
use gwanje_hub::auth::{ACCOUNT_MAX, ApiKey, NewAccount, Scope};
use gwanje_hub::claim::{Claim, make_folder};
use gwanje_hub::config::{ServeConfig, named_place};
use gwanje_hub::listening::Listening;
use gwanje_hub::logged::LogKept;
use gwanje_hub::purpose::{Purpose, PurposeError, use_for};
use gwanje_hub::retention::KeptFor;
use gwanje_hub::serve::{Serving, asked_to_stop};
use gwanje_hub::socket::SocketGate;
use gwanje_hub::store::{
    CenterRecord, DEMO_DAY_KEY, MoveError, Moved, Store, StoreConfig, StorePlace, move_store,
};
use gwanje_hub::{Clock, Hub, HubConfig, retention};
use gwanje_model::text::cleaned_name;
use gwanje_model::{CenterId, Role, Text};
use gwanje_wire::socket::Drain;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Takes a password shorter than this many characters with a warning: the operator decides who may use which
/// (NIST SP 800-63B asks for 8).
const PASSWORD_ADVISED: usize = 8;

/// The most characters of what people call somebody.
const NAME_MAX: usize = 100;

/// `gwanje-hub serve`: runs a production hub until it is asked to stop.
///
/// # Errors
/// When the configuration can't be used, or something fails while running.
pub async fn serve(args: &ServeArgs, log: LogKept) -> Result<(), ExitError> {
    let config = load(&args.config)?;
    let listening = Listening::at(config.listen).await.map_err(ExitError::running)?;
    let sockets_apart = match config.socket_listen {
        Some(address) => Some(Listening::at(address).await.map_err(ExitError::running)?),
        None => None,
    };
    let _claim = match config.kept() {
        StorePlace::File(_) => Some(Claim::on(&config.data).await?),
        StorePlace::Postgres(_) => None,
    };
    if let Some(warning) = config.open_wire_warning() {
        tracing::warn!("{warning}");
    }
    let hub = Arc::new(open_to_use(&config, log).await?);
    set_up_centers(&hub, &config).await?;
    if args.new_epoch {
        begin_epochs(&hub).await?;
    }
    let mut urls = config.socket_urls.clone();
    if let Some(apart) = sockets_apart.as_ref().filter(|_| urls.is_empty()) {
        urls.push(format!("http://{}", apart.address()));
    }
    hub.set_socket_urls(urls);
    let gate = SocketGate::new(hub.clone(), sockets_apart.is_some());
    let kept = KeptFor { retention_hours: config.retention_hours, history_days: config.history_days };
    let retention = tokio::spawn(retention::watch(hub.clone(), kept));
    let following = tokio::spawn({
        let hub = hub.clone();
        async move { hub.auth.follow_store().await }
    });
    say(&format!("listening on http://{}", listening.address()))?;
    let serving = Serving {
        hub: hub.clone(),
        gate,
        listening,
        sockets_apart,
        parts: config.parts,
        routes: axum::Router::new(),
        drain: Drain { within_ms: config.drain_within_ms },
        drain_grace: Duration::from_millis(config.drain_grace_ms),
    };
    let mut failed = None;
    serving.until(async { failed = asked_to_stop().await.err() }).await;
    retention.abort();
    following.abort();
    hub.store.close().await;
    failed.map_or(Ok(()), |error| Err(ExitError::running(format!("signals can't be heard: {error}"))))
}

/// `gwanje-hub user add`: makes an account, or replaces the one of that name.
///
/// # Errors
/// When role, centers or password can't be used, or the database can't be written.
pub async fn user(action: UserAction) -> Result<(), ExitError> {
    let UserAction::Add { name, person, role, centers, config } = action;
    let role = Role::parse(&role).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        ExitError::input(format!("the role {role:?} is none of {}", known.join(", ")))
    })?;
    if name.len() > ACCOUNT_MAX {
        return Err(ExitError::input(format!("an account's name has at most {ACCOUNT_MAX} bytes")));
    }
    let person = person.map(|person| Text::from(cleaned_name(&person).trim()));
    if person.as_ref().is_some_and(|person| person.is_empty() || person.chars().count() > NAME_MAX) {
        return Err(ExitError::input(format!("a name has 1 to {NAME_MAX} characters")));
    }
    let config = load(&config)?;
    let hub = open_to_use(&config, LogKept::default()).await?;
    let centers = known_centers(&hub, &config, centers)?;
    if centers.is_empty() && !role.sees_all_centers() {
        return Err(ExitError::input(format!(
            "a {role} needs --centers: without any, the account sees nothing"
        )));
    }
    let password = read_password()?;
    let new = NewAccount { name: name.as_str().into(), role, centers, rider: None, person, password };
    hub.auth.put_account(new).await.map_err(ExitError::running)?;
    hub.store.close().await;
    say(&format!("{name} may sign in as {role}"))
}

/// `gwanje-hub key add`: makes an API key and shows it once.
///
/// # Errors
/// When scopes or centers can't be used, or the database can't be written.
pub async fn key(action: KeyAction) -> Result<(), ExitError> {
    let KeyAction::Add { name, scopes, centers, config } = action;
    let scopes = scopes
        .iter()
        .map(|scope| {
            serde_json::from_value::<Scope>(scope.as_str().into()).map_err(|_| {
                ExitError::input(format!("the scope {scope:?} is none of read, create, cancel, publish"))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let config = load(&config)?;
    let hub = open_to_use(&config, LogKept::default()).await?;
    let mut centers = known_centers(&hub, &config, centers)?;
    if centers.is_empty() {
        centers = hub.store.center_ids();
        centers.extend(coming(&hub, &config));
    }
    let key = ApiKey { name: name.as_str().into(), centers, scopes };
    let shown = hub.auth.put_key(key).await.map_err(ExitError::running)?;
    hub.store.close().await;
    say(&shown)
}

/// `gwanje-hub move`: moves what one store keeps to another, where it goes on; without names from the file in `data` to
/// `database`.
///
/// # Errors
/// When a hub runs on one of them, either can't be used, or the target is not empty.
pub async fn move_to(args: &MoveArgs) -> Result<(), ExitError> {
    let config = load(&args.config)?;
    let place = |named: &Option<String>, usual: StorePlace| {
        named.as_deref().map_or(Ok(usual), |named| named_place(named).map_err(ExitError::input))
    };
    let from = place(&args.from, config.file())?;
    let to = place(&args.to, config.kept())?;
    if from == to {
        return Err(ExitError::input("there is nowhere to move to; set `database`, or name a store by --to"));
    }
    if let StorePlace::File(file) = &from
        && !file.exists()
    {
        return Err(ExitError::input(format!("there is nothing to move: {} is not there", file.display())));
    }
    let mut claims = Vec::new();
    for place in [&from, &to] {
        if let StorePlace::File(file) = place {
            claims.push(Claim::on(folder_of(file)).await?);
        }
    }
    if let StorePlace::File(file) = &from {
        take_secret_out(file, &config).await?;
    }
    let Moved { rows, cleaned, before } = move_store(&from, &to).await.map_err(|error| {
        let said = format!("{from} is not moved: {error}");
        if matches!(error, MoveError::Store(_) | MoveError::Unsettled(_)) {
            ExitError::running(said)
        } else {
            ExitError::input(said)
        }
    })?;
    if before {
        return say(&format!("{to} had it all already; {from} serves no more"));
    }
    for (table, count) in rows {
        say(&format!("{table}: {count}"))?;
    }
    if cleaned > 0 {
        say(&format!("{cleaned} texts held a NUL, which PostgreSQL does not keep: it was taken out"))?;
    }
    say(&format!("moved to {to}; {from} serves no more"))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

/// The secret of tokens does not go along: it stays in a file, beside what is moved.
async fn take_secret_out(file: &Path, config: &ServeConfig) -> Result<(), ExitError> {
    let store = Store::open(StoreConfig::at(file, Clock::wall())).map_err(ExitError::running)?;
    let is_demo = store.meta_get(DEMO_DAY_KEY).await.map_err(ExitError::running)?.is_some();
    if !is_demo {
        let mut alone = ServeConfig { data: folder_of(file).to_owned(), ..ServeConfig::default() };
        if !alone.secret_file().is_ok_and(|file| file.exists()) {
            alone.token_secret_file.clone_from(&config.token_secret_file);
        }
        secret(&alone, &store).await?.leave_store(&store).await.map_err(ExitError::running)?;
        let kept = alone.secret_file().map_err(ExitError::input)?;
        say(&format!("sign-ins go on with the secret in {}; name it as token_secret_file", kept.display()))?;
    }
    store.close().await;
    Ok(())
}

pub(crate) fn load(args: &ConfigArgs) -> Result<ServeConfig, ExitError> {
    // A variable that is no text can't be a setting.
    let environment =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    ServeConfig::load(args.config.as_deref(), environment).map_err(ExitError::input)
}

/// Opens the database as it is, beside a running hub too: that hub would not learn of a center added here.
pub(crate) async fn open(config: &ServeConfig, log: LogKept) -> Result<Hub, ExitError> {
    let store = match config.kept() {
        StorePlace::File(file) => {
            make_folder(&config.data).map_err(|e| no_folder(config, &e))?;
            Store::open(StoreConfig::at(file, Clock::wall()))
        }
        StorePlace::Postgres(address) => {
            let redis = Some(config.redis.as_str()).filter(|redis| !redis.is_empty());
            let settings = StoreConfig {
                connections: config.database_pool,
                replication: config.replication,
                ..StoreConfig::temporary(Clock::wall())
            };
            Store::connect(&address, redis, settings).await
        }
    };
    let store = store.map_err(ExitError::running)?;
    let secret = Some(secret(config, &store).await?);
    let settings = HubConfig {
        origins: config.origins.clone(),
        secret,
        node_url: config.node_url(),
        node: Some(config.node.clone()).filter(|node| !node.is_empty()),
        metrics_from: config.metrics_from.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        hosts: config.hosts.clone(),
        public_url: config.public_url(),
        log,
        mail: config.mail.mailing().ok().flatten(),
    };
    Hub::open(store, settings).await.map_err(ExitError::running)
}

/// The same for real days, which it is kept for from now on.
pub(crate) async fn open_to_use(config: &ServeConfig, log: LogKept) -> Result<Hub, ExitError> {
    let hub = open(config, log).await?;
    use_for(&hub, Purpose::Production).await.map_err(|error| other_store(config, error))?;
    // The secret is in its file by now.
    secret(config, &hub.store).await?.leave_store(&hub.store).await.map_err(ExitError::running)?;
    Ok(hub)
}

pub(crate) fn other_store(config: &ServeConfig, error: PurposeError) -> ExitError {
    let said = format!("the database {} is not used: {error}", config.kept());
    if error.is_other_store() { ExitError::input(said) } else { ExitError::running(said) }
}

async fn set_up_centers(hub: &Hub, config: &ServeConfig) -> Result<(), ExitError> {
    for center in &config.centers {
        let record = CenterRecord {
            id: center.id.clone(),
            name: cleaned_name(&center.name).into(),
            pos: center.pos(),
            time_zone: center.time_zone.clone(),
        };
        hub.store.ensure_center(record).await.map_err(ExitError::running)?;
    }
    Ok(())
}

/// Tells clients to fetch anew what they hold: it can't be continued from a database that was put back.
async fn begin_epochs(hub: &Hub) -> Result<(), ExitError> {
    let centers = hub.store.center_ids();
    for center in &centers {
        hub.store.begin_epoch(center).await.map_err(ExitError::running)?;
    }
    tracing::warn!("a new epoch begins in {} centers: every client fetches its boards anew", centers.len());
    Ok(())
}

/// The centers of the configuration that the next start adds.
pub(crate) fn coming(hub: &Hub, config: &ServeConfig) -> impl Iterator<Item = CenterId> {
    config.centers.iter().map(|center| &center.id).filter(|id| !hub.store.has_center(id)).cloned()
}

pub(crate) fn no_folder(config: &ServeConfig, error: &std::io::Error) -> ExitError {
    let folder = config.data.display();
    ExitError::input(format!("the folder {folder} can't be made: {error}; choose another `data`"))
}

fn known_centers(hub: &Hub, config: &ServeConfig, names: Vec<String>) -> Result<Vec<CenterId>, ExitError> {
    names
        .into_iter()
        .map(|name| CenterId::from(name.trim()))
        .map(|center| {
            if hub.store.has_center(&center) || config.centers.iter().any(|coming| coming.id == center) {
                return Ok(center);
            }
            Err(ExitError::input(format!(
                "there is no center {center}; add it to [[centers]] of the configuration"
            )))
        })
        .collect()
}

/// One line of stdin: a password on the command line would show in process lists.
fn read_password() -> Result<String, ExitError> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| ExitError::running(format!("the password can't be read from stdin: {e}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(ExitError::input("there is no password: write it as one line on stdin".to_owned()));
    }
    if password.chars().count() < PASSWORD_ADVISED {
        tracing::warn!(
            "the password is shorter than {PASSWORD_ADVISED} characters; a longer one is harder to guess"
        );
    }
    Ok(password.to_owned())
}

pub(crate) fn say(line: &str) -> Result<(), ExitError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|e| ExitError::running(format!("stdout can't be written: {e}")))
}
