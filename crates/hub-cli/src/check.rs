//! `gwanje-hub check`: what is wrong with configuration, files, database, Redis and mail, and how to mend it.

use crate::args::ConfigArgs;
use crate::commands::{coming, load, no_folder, open, other_store, say};
use crate::exit_error::ExitError;
use gwanje_hub::Hub;
use gwanje_hub::claim::make_folder;
use gwanje_hub::config::ServeConfig;
use gwanje_hub::listening::Listening;
use gwanje_hub::logged::LogKept;
use gwanje_hub::mail::try_mail;
use gwanje_hub::purpose::{Purpose, PurposeError, purpose_of};
use gwanje_hub::store::StorePlace;
use gwanje_model::CenterId;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long Redis may take until it is known to serve: it is tried each second.
const REDIS_WITHIN: Duration = Duration::from_secs(4);
/// Between two looks at it.
const REDIS_LOOK: Duration = Duration::from_millis(50);

/// Says what is good, and all that is wrong.
///
/// # Errors
/// When something is wrong: with status 2 what is written, with status 1 what does not work.
pub async fn check(args: &ConfigArgs) -> Result<(), ExitError> {
    let config = load(args)?;
    say("configuration: good")?;
    for address in std::iter::once(config.listen).chain(config.socket_listen) {
        match Listening::at(address).await {
            Ok(listening) => say(&format!("address {}: free", listening.address()))?,
            Err(error) => say(&format!("{error} (a running hub uses it, perhaps)"))?,
        }
    }
    files(args, &config)?;
    let mut wrong = Vec::new();
    if let StorePlace::File(file) = config.kept()
        && !file.exists()
    {
        say(&format!("database: {} is not there yet; `gwanje-hub serve` makes it", file.display()))?;
    } else {
        let hub = open(&config, LogKept::default()).await?;
        database(&hub, &config).await?;
        wrong.extend(redis(&hub, &config).await?);
        hub.store.close().await;
    }
    wrong.extend(mail(&config).await?);
    if wrong.is_empty() { Ok(()) } else { Err(ExitError::running(wrong.join("; "))) }
}

/// Who else reads what only the hub should.
fn files(args: &ConfigArgs, config: &ServeConfig) -> Result<(), ExitError> {
    let holds_secrets =
        !config.database.is_empty() || !config.redis.is_empty() || config.mail.smtp.contains('@');
    if let Some(file) = args.config.as_deref().filter(|_| holds_secrets) {
        own(file, "600")?;
    }
    if let StorePlace::File(file) = config.kept() {
        make_folder(&config.data).map_err(|error| no_folder(config, &error))?;
        // What lies in a folder that nobody else enters is read by nobody else.
        if file.exists() && own(&config.data, "700").is_err() {
            own(&file, "600")?;
        }
    }
    say("files: good")
}

fn own(path: &Path, mode: &str) -> Result<(), ExitError> {
    let name = path.display();
    let found =
        path.metadata().map_err(|error| ExitError::input(format!("{name} can't be read: {error}")))?;
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(ExitError::input(format!("{name} can be read by others than its owner; `chmod {mode}` it")))
}

async fn database(hub: &Hub, config: &ServeConfig) -> Result<(), ExitError> {
    if purpose_of(hub).await.map_err(|error| other_store(config, error))? == Some(Purpose::Demo) {
        return Err(other_store(config, PurposeError::IsDemo));
    }
    let centers = hub.store.centers().await.map_err(ExitError::running)?;
    for center in &centers {
        let head = hub.store.head(&center.id).await.map_err(ExitError::running)?;
        say(&format!(
            "center {} ({}): {} rows at revision {}",
            center.id, center.name, head.count, head.rev
        ))?;
    }
    let coming: Vec<CenterId> = coming(hub, config).collect();
    for center in &coming {
        say(&format!("center {center}: not in the database yet; `gwanje-hub serve` adds it"))?;
    }
    if centers.is_empty() && coming.is_empty() {
        say("database: no center yet; add [[centers]] to the configuration")
    } else {
        say("database: good")
    }
}

/// What is wrong with it, once said.
async fn redis(hub: &Hub, config: &ServeConfig) -> Result<Option<String>, ExitError> {
    if config.redis.is_empty() {
        return Ok(None);
    }
    let until = Instant::now() + REDIS_WITHIN;
    loop {
        match hub.store.fanout().trouble() {
            None => return said("redis", Ok(())),
            Some(trouble) if Instant::now() >= until => return said("redis", Err(trouble.to_string())),
            Some(_) => sleep(REDIS_LOOK).await,
        }
    }
}

/// What is wrong with it, once said.
async fn mail(config: &ServeConfig) -> Result<Option<String>, ExitError> {
    match config.mail.mailing() {
        Ok(Some(mailing)) => {
            let tried = try_mail(&mailing).await;
            said(
                "mail",
                tried.map_err(|error| format!("{error}; see `smtp` in [mail], and the server's own log")),
            )
        }
        // Looked at when the configuration was read.
        Ok(None) | Err(_) => Ok(None),
    }
}

fn said(what: &str, tried: Result<(), String>) -> Result<Option<String>, ExitError> {
    match tried {
        Ok(()) => say(&format!("{what}: good")).map(|()| None),
        Err(error) => {
            say(&format!("{what}: {error}"))?;
            Ok(Some(format!("{what}: {error}")))
        }
    }
}
