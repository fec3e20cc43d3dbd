//! P11: commands that the hub commits and tells of, against a bare loop that commits the same rows to the same database.

use super::audience::Audience;
use super::commit_floor as floor;
use super::report::Measured;
use super::sample::{CENTER, DAY_START, delivery};
use super::served::ACCOUNT;
use super::{median, runs, window};
use crate::api::Api;
use crate::nodes::postgres::Cluster;
use anyhow::{Context, Result, anyhow};
use axum::Router;
use futures_util::future::try_join_all;
use gwanje_hub::auth::NewAccount;
use gwanje_hub::config::Part;
use gwanje_hub::listening::Listening;
use gwanje_hub::serve::Serving;
use gwanje_hub::socket::SocketGate;
use gwanje_hub::store::{Ask, CenterRecord, Command, Intent, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Delivery, Rider, RiderStatus, Role};
use gwanje_wire::NewOrder;
use gwanje_wire::socket::{Drain, center_namespace};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Tasks that ask at once: also the most commands of a transaction, and as many as the floor puts into one.
const ASKING: u64 = 64;
/// Deliveries on the board before.
const BEFORE: u64 = 2_000;
const WINDOW: Duration = Duration::from_secs(5);
/// For frames that are on their way.
const PATIENCE: Duration = Duration::from_secs(30);
const RIDER: &str = "rider";

/// P11 on a file.
///
/// # Errors
/// When a side fails, or the follower was not told of every change.
pub async fn on_sqlite() -> Result<Measured> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for run in 0..=runs()? {
        let folder = tempfile::tempdir()?;
        let (file, empty) = (folder.path().join("hub.sqlite"), folder.path().join("floor.sqlite"));
        let rate = committed(open(&file).await?).await?;
        let rows = floor::rows_of_file(&file)?;
        open(&empty).await?.close().await;
        noted(run, &mut ours, &mut bare, rate, floor::sqlite(&empty, &rows, ASKING)?);
    }
    let what = "commands committed on SQLite (WAL, synchronous=FULL), 64 at once, with frames out; the bare loop commits 64 a transaction";
    Ok(measured("P11-sqlite", what, median(ours), median(bare)))
}

/// P11 in a database whose commits are on disk.
///
/// # Errors
/// As that on a file.
pub async fn on_postgres() -> Result<Measured> {
    let cluster = Cluster::start_durable();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for run in 0..=runs()? {
        let (name, empty) = (format!("hub{run}"), format!("floor{run}"));
        for database in [&name, &empty] {
            floor::make_database(&cluster.url("postgres"), database).await?;
        }
        let (url, empty) = (cluster.url(&name), cluster.url(&empty));
        let rate = committed(connect(&url).await?).await?;
        let rows = floor::rows_of_database(&url).await?;
        connect(&empty).await?.close().await;
        noted(run, &mut ours, &mut bare, rate, floor::postgres(&empty, &rows, ASKING).await?);
    }
    let what = "the same on PostgreSQL (fsync on); the bare loop sends the rows of a transaction as arrays";
    Ok(measured("P11-postgres", what, median(ours), median(bare)))
}

fn noted(run: u32, ours: &mut Vec<f64>, bare: &mut Vec<f64>, rate: f64, of_floor: f64) {
    eprintln!("P11: run {run}: {rate:.0} commands/s, floor {of_floor:.0}");
    // The first run warms the machine and does not count.
    if run > 0 {
        ours.push(rate);
        bare.push(of_floor);
    }
}

fn measured(row: &'static str, what: &'static str, ours: f64, bare: f64) -> Measured {
    let ratio = ours / bare;
    Measured {
        row,
        what,
        goal: "≥ 0.6 of the bare loop",
        ours,
        peers: BTreeMap::from([("bare loop", bare)]),
        unit: "commands/s",
        ratio,
        met: ratio >= 0.6,
    }
}

fn usual() -> StoreConfig {
    StoreConfig::temporary(Clock::drill(DAY_START, 0.0))
}

async fn open(file: &std::path::Path) -> Result<Store> {
    with_center(Store::open(StoreConfig { path: Some(file.to_owned()), ..usual() })?).await
}

async fn connect(url: &str) -> Result<Store> {
    with_center(Store::connect(url, None, usual()).await?).await
}

async fn with_center(store: Store) -> Result<Store> {
    let time_zone = "Asia/Seoul".into();
    store
        .ensure_center(CenterRecord { id: CENTER.into(), name: "강남".into(), pos: None, time_zone })
        .await?;
    Ok(store)
}

/// Commands a second that are committed and answered, while a real socket follows. Closes the store.
async fn committed(store: Store) -> Result<f64> {
    fill(&store).await?;
    let (hub, url, serving) = serve(store.clone()).await?;
    let api = Api::sign_in(&url, ACCOUNT, ACCOUNT).await?;
    let namespaces = [center_namespace(&CENTER.into())];
    let follower = Audience::join(&url, Some(&api), &namespaces, 1).await?;
    let begin = Instant::now();
    let until = begin + window(WINDOW)?;
    let asking = (0..ASKING).map(|task| {
        let store = store.clone();
        let task = tokio::spawn(async move { ask_until(&store, task, until).await });
        async move { task.await.context("a task that asks")? }
    });
    let count: u64 = try_join_all(asking).await?.iter().sum();
    let took = begin.elapsed();
    let told = async {
        while follower.counted()?.changes < count {
            sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, told).await.context("the follower was not told of every change")??;
    drop(follower);
    serving.abort();
    drop(hub);
    store.close().await;
    Ok(count as f64 / took.as_secs_f64())
}

/// The hub over that store, served as ever; where, and its task.
async fn serve(store: Store) -> Result<(Arc<Hub>, String, JoinHandle<()>)> {
    let hub = Arc::new(Hub::open(store, HubConfig::default()).await?);
    let account = NewAccount {
        name: ACCOUNT.into(),
        role: Role::Supervisor,
        centers: vec![CENTER.into()],
        rider: None,
        person: None,
        password: ACCOUNT.to_owned(),
    };
    hub.auth.put_account(account).await?;
    let listening = Listening::at("127.0.0.1:0".parse()?).await?;
    let url = format!("http://{}", listening.address());
    let serving = Serving {
        hub: hub.clone(),
        gate: SocketGate::new(hub.clone(), false),
        listening,
        sockets_apart: None,
        parts: Part::ALL.to_vec(),
        routes: Router::new(),
        drain: Drain { within_ms: 0 },
        drain_grace: Duration::ZERO,
    };
    Ok((hub, url, tokio::spawn(serving.until(std::future::pending()))))
}

async fn fill(store: &Store) -> Result<()> {
    let center = CenterId::from(CENTER);
    let rider = Rider {
        id: RIDER.into(),
        name: "나사랑".into(),
        phone: "".into(),
        home: center.clone(),
        status: RiderStatus::Idle,
        pos: None,
        seen_at: None,
        load: 0,
    };
    store.upsert_riders(&center, vec![rider]).await?;
    let ids: Vec<u64> = (1..=BEFORE).collect();
    for ids in ids.chunks(500) {
        let orders = ids.iter().map(|id| command(order(*id))).collect();
        for outcome in store.execute_many(orders).await? {
            outcome.result.map_err(|problem| anyhow!("an order is refused: {problem:?}"))?;
        }
    }
    Ok(())
}

fn command(intent: Intent) -> Command {
    Command::new(CENTER.into(), intent, ACCOUNT, DAY_START)
}

fn order(id: u64) -> Intent {
    let row = delivery(id, id);
    Intent::Create(Box::new(NewOrder {
        order_no: row.order_no,
        shop: row.shop,
        dropoff: row.dropoff,
        pickup_target_min: Some(row.pickup_target_min),
        delivery_target_min: Some(row.delivery_target_min),
        distance_m: Some(row.distance_m),
        items: row.items,
        price_won: row.price_won,
        request: row.request,
        ready_at: row.ready_at,
    }))
}

/// Takes orders in and carries each through its life, one command after the other; how many there were.
async fn ask_until(store: &Store, task: u64, until: Instant) -> Result<u64> {
    let asks = [Ask::Accept, Ask::Assign(RIDER.into()), Ask::Confirm, Ask::Pickup, Ask::Deliver];
    let mut count = 0;
    for order_of_task in 0.. {
        let id = BEFORE + 1 + task + order_of_task * ASKING;
        let row = execute(store, order(id)).await?;
        count += 1;
        for ask in &asks {
            if Instant::now() >= until {
                return Ok(count);
            }
            execute(store, Intent::Act(row.id, ask.clone())).await?;
            count += 1;
        }
    }
    Ok(count)
}

async fn execute(store: &Store, intent: Intent) -> Result<Arc<Delivery>> {
    let outcome = store.execute(command(intent)).await?.result;
    Ok(outcome.map_err(|problem| anyhow!("a command is refused: {problem:?}"))?.row)
}
