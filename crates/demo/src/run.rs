//! Sets a demo up, or goes on with the day that is kept, and runs it.

use crate::day::DemoDay;
use crate::drill_api;
use crate::error::DemoFailure;
use crate::frame_faults::FrameFaults;
use crate::runner::{AHEAD_KEY, DONE_KEY, DrillRunner};
use crate::settings::DemoSettings;
use gwanje_drill::{Day, Drill};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::claim::Claim;
use gwanje_hub::config::DATABASE_FILE;
use gwanje_hub::listening::Listening;
use gwanje_hub::logged::LogKept;
use gwanje_hub::purpose::{Purpose, PurposeError, use_for};
use gwanje_hub::serve::{Serving, asked_to_stop};
use gwanje_hub::socket::SocketGate;

use gwanje_hub::store::{After, CenterRecord, DEMO_DAY_KEY, Selection, Store, StoreConfig, StoreError};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Delivery, Role, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::socket::Drain;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// The demo accounts; the password is the account's name.
const ACCOUNTS: [Role; 4] = [Role::Dispatcher, Role::CallCenter, Role::Supervisor, Role::Admin];
/// A demo's clients come back at once: there is nowhere else to go.
const DRAIN: Drain = Drain { within_ms: 1_000 };

/// Runs the demo until it is asked to stop.
///
/// # Errors
/// When a setting can't be used, or something fails while running.
pub async fn run(settings: DemoSettings, log: LogKept) -> Result<(), DemoFailure> {
    let listening = Listening::at(settings.listen).await.map_err(DemoFailure::running)?;
    let sockets_apart = match settings.socket_listen {
        Some(address) => Some(Listening::at(address).await.map_err(DemoFailure::running)?),
        None => None,
    };
    // The clock of operations is set once it is known what day it is.
    let clock = Clock::drill(UtcMillis(0), 0.0);
    let _claim = match &settings.data {
        Some(folder) => Some(Claim::on(folder).await?),
        None => None,
    };
    let store = open(&settings, clock.clone())?;
    let not_used = |error: PurposeError| {
        let folder = settings.data.as_deref().unwrap_or_else(|| Path::new(""));
        let said = format!("the folder {} is not used: {error}", folder.display());
        if error.is_other_store() { DemoFailure::input(said) } else { DemoFailure::running(said) }
    };
    let hub = Hub::open(store, HubConfig { log, ..HubConfig::default() }).await.map_err(|error| {
        // A demo never keeps its secret outside of its store.
        let is_of_real_days = matches!(error, StoreError::SecretApart);
        if is_of_real_days { not_used(PurposeError::IsProduction) } else { DemoFailure::running(error) }
    })?;
    let hub = Arc::new(hub);
    use_for(&hub, Purpose::Demo).await.map_err(not_used)?;
    let drill = prepare(&hub, &settings).await?;
    let address = listening.address();
    if let Some(apart) = &sockets_apart {
        hub.set_socket_urls(vec![format!("http://{}", apart.address())]);
    }
    let faults = Arc::new(FrameFaults::default());
    faults.set_drop_rate(settings.drop_rate);
    let gate = SocketGate::with_loss(hub.clone(), sockets_apart.is_some(), faults.clone());
    let (mut runner, handle) = DrillRunner::new(hub.clone(), drill).map_err(DemoFailure::running)?;
    runner.catch_up().await.map_err(DemoFailure::running)?;
    let done = clock.day_now();
    clock.set_speed(settings.speed);
    runner.note(done).await.map_err(DemoFailure::running)?;
    let (stop_drill, drill_stops) = watch::channel(false);
    let mut drill = tokio::spawn(runner.run(drill_stops));
    let routes = drill_api::router(hub.clone(), gate.clone(), faults, handle);
    announce(address, sockets_apart.as_ref().map(Listening::address)).map_err(DemoFailure::running)?;
    let serving = Serving {
        hub: hub.clone(),
        gate,
        listening,
        sockets_apart,
        parts: gwanje_hub::config::Part::ALL.to_vec(),
        routes,
        drain: DRAIN,
        drain_grace: std::time::Duration::ZERO,
    };
    let mut failed = None;
    serving
        .until(async {
            tokio::select! {
                asked = asked_to_stop() => failed = asked.err().map(|e| format!("signals can't be heard: {e}")),
                ended = &mut drill => failed = Some(match ended {
                    Ok(Ok(())) => "the drill ended by itself".to_owned(),
                    Ok(Err(error)) => format!("the drill can't go on: {error}"),
                    Err(error) => format!("the drill failed: {error}"),
                }),
            }
        })
        .await;
    stop_drill.send_replace(true);
    if !drill.is_finished() {
        match drill.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the drill's last note could not be kept"),
            Err(error) => tracing::error!(%error, "the drill failed at the end"),
        }
    }
    hub.store.close().await;
    match failed {
        Some(failed) => Err(DemoFailure::running(failed)),
        None => Ok(()),
    }
}

fn open(settings: &DemoSettings, clock: Clock) -> Result<Store, DemoFailure> {
    let config = match &settings.data {
        Some(folder) => StoreConfig::at(folder.join(DATABASE_FILE), clock),
        None => StoreConfig::temporary(clock),
    };
    Store::open(config).map_err(DemoFailure::running)
}

/// Sets up centers, riders, accounts and the clock, and brings the drill to where the day stands.
async fn prepare(hub: &Hub, settings: &DemoSettings) -> Result<Drill, DemoFailure> {
    let kept = hub.store.meta_get(DEMO_DAY_KEY).await.map_err(DemoFailure::running)?;
    let day = match &kept {
        Some(kept) => serde_json::from_str(kept).map_err(|e| {
            DemoFailure::running(format!(
                "the day kept in --data can't be read: {e}; begin with another folder"
            ))
        })?,
        None => DemoDay::of(settings),
    };
    let days = day.days().map_err(DemoFailure::input)?;
    let begins_at = day.begins_at(&days);
    let mut drill = Drill::new(days, day.options());
    for center in drill.days() {
        hub.store.ensure_center(record(center)).await.map_err(DemoFailure::running)?;
    }
    list_riders(hub, &drill, begins_at).await?;
    let centers: Vec<CenterId> = drill.days().iter().map(|day| day.center.clone()).collect();
    for role in ACCOUNTS {
        let name = role.as_str();
        if hub.auth.account(name).is_none() {
            let new = NewAccount {
                name: name.into(),
                role,
                centers: centers.clone(),
                rider: None,
                person: None,
                password: name.to_owned(),
            };
            hub.auth.put_account(new).await.map_err(DemoFailure::running)?;
        }
    }
    if kept.is_none() {
        let kept = serde_json::to_string(&day).map_err(DemoFailure::running)?;
        hub.store.meta_set(DEMO_DAY_KEY, kept).await.map_err(DemoFailure::running)?;
        hub.clock.set_day(begins_at);
        return Ok(drill);
    }
    let rows = rows_on_boards(hub, &centers).await?;
    let done = hub.store.meta_get(DONE_KEY).await.map_err(DemoFailure::running)?;
    // Killed before the first note: only what the boards show is known to be done.
    let done = done.and_then(|text| text.parse().ok()).map_or(UtcMillis(0), UtcMillis);
    drill.resume(&rows, done);
    let latest = rows.iter().map(|row| row.modified_at).max().unwrap_or(begins_at);
    let ahead = hub.store.meta_get(AHEAD_KEY).await.map_err(DemoFailure::running)?;
    let ahead = ahead.and_then(|text| text.parse().ok()).map_or(UtcMillis(0), UtcMillis);
    hub.clock.set_day(done.max(latest).max(ahead));
    tracing::info!(rows = rows.len(), "going on with the day that is kept");
    Ok(drill)
}

fn record(day: &Day) -> CenterRecord {
    CenterRecord {
        id: day.center.clone(),
        name: day.name.clone(),
        pos: Some(day.pos),
        time_zone: day.time_zone.clone(),
    }
}

/// Lists to each center the riders who work for it, lent ones too.
async fn list_riders(hub: &Hub, drill: &Drill, now: UtcMillis) -> Result<(), DemoFailure> {
    for day in drill.days() {
        let riders = drill.riders(&day.center, now);
        hub.store.upsert_riders(&day.center, riders).await.map_err(DemoFailure::running)?;
    }
    Ok(())
}

async fn rows_on_boards(hub: &Hub, centers: &[CenterId]) -> Result<Vec<Delivery>, DemoFailure> {
    let mut rows = Vec::new();
    for center in centers {
        let all = Selection::Buckets((0..=u8::MAX).collect());
        let reply = hub.store.rows(center, all, After::default()).await.map_err(DemoFailure::running)?;
        rows.extend(reply.rows.iter().filter_map(WireRow::delivery).map(|row| Delivery::clone(row)));
    }
    Ok(rows)
}

/// Tells people, and scripts that wait for the first line, where the hub is.
fn announce(rest: std::net::SocketAddr, sockets: Option<std::net::SocketAddr>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{rest}")?;
    if let Some(sockets) = sockets {
        writeln!(out, "sockets on http://{sockets}")?;
    }
    let names: Vec<&str> = ACCOUNTS.iter().map(|role| role.as_str()).collect();
    writeln!(out, "accounts: {} (the password is the account's name)", names.join(", "))?;
    writeln!(out, "this is a drill: orders, riders and everybody's names are simulated")?;
    out.flush()
}
