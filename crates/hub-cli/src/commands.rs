//! What the subcommands of a production hub do.

use crate::args::{ConfigArgs, MoveArgs, ServeArgs};
use crate::exit_error::ExitError;
use crate::secret::secret;
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
use gwanje_model::CenterId;
use gwanje_model::text::cleaned_name;
use gwanje_wire::socket::Drain;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
    let kept = KeptFor {
        retention_hours: config.retention_hours,
        history_days: config.history_days,
        audit_days: config.audit_days,
    };
    let retention = tokio::spawn(retention::watch(hub.clone(), kept));
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
    hub.store.close().await;
    failed.map_or(Ok(()), |error| Err(ExitError::running(format!("signals can't be heard: {error}"))))
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

pub(crate) fn folder_of(file: &Path) -> &Path {
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

pub(crate) fn say(line: &str) -> Result<(), ExitError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|e| ExitError::running(format!("stdout can't be written: {e}")))
}
