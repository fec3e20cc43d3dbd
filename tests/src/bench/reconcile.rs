//! P7: a board of which some rows differ is made equal again: by digest, revisions and rows, against a full snapshot.

use super::report::Measured;
use super::sample::{CENTER, DAY_START, delivery, scramble};
use super::{RUNS, median};
use anyhow::{Context, Result, ensure};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::listening::Listening;
use gwanje_hub::store::{CenterRecord, Command, Intent, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig, api};
use gwanje_model::digest::BucketDigests;
use gwanje_model::{CenterId, DeliveryId, Rev, Role};
use gwanje_wire::rest::{API_ROOT, DigestReply, LoginReply, LoginRequest, RevsReply, RowsReply, Snapshot};
use gwanje_wire::{NewOrder, WireRow};
use reqwest::Client;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const ROWS: u64 = 100_000;
/// Rows whose copy at the client is another revision than the hub's.
const DIFFERING: u64 = 10;
/// Orders in one transaction while the hub is filled.
const ORDERS_A_WRITE: u64 = 1_000;
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// P7: bytes on the wire (bodies, as compressed as the hub sends them) and time, on a real hub over HTTP.
///
/// # Errors
/// When the hub fails, or the repair did not find exactly what differs.
pub async fn reconcile() -> Result<Measured> {
    let hub = TestHub::start().await.context("filling a hub")?;
    let client = hub.client(Client::builder().gzip(true)).await?;
    let whole: Snapshot = client.read("deliveries").await?;
    let mut mine = Board::of(whole);
    ensure!(mine.rows.len() as u64 == ROWS, "the hub has {} rows", mine.rows.len());
    let (mut repairs, mut snapshots) = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        mine.spoil();
        let start = Instant::now();
        let repaired = mine.repair(&client).await?;
        let took = start.elapsed();
        ensure!(repaired as u64 == DIFFERING, "{repaired} rows were repaired");
        let start = Instant::now();
        let board = Board::of(client.read("deliveries").await?);
        let full = start.elapsed();
        ensure!(board.buckets == mine.buckets, "the repaired board is not the hub's");
        eprintln!("P7: run {run}: repair {took:.1?}, snapshot {full:.1?}");
        // The first run warms the hub and does not count.
        if run > 0 {
            repairs.push(took.as_secs_f64() * 1e3);
            snapshots.push(full.as_secs_f64() * 1e3);
        }
    }
    // The same requests once more by a client that does not decompress, so that their bytes can be counted.
    let counting = hub.client(Client::builder().no_gzip()).await?;
    mine.spoil();
    let steps = mine.steps(&client).await?;
    let mut repair_bytes = 0;
    for path in &steps {
        repair_bytes += counting.compressed(path).await?;
    }
    let snapshot_bytes = counting.compressed("deliveries").await?;
    let (repair, snapshot) = (median(repairs), median(snapshots));
    let (ratio, time_ratio) = (repair_bytes as f64 / snapshot_bytes as f64, repair / snapshot);
    Ok(Measured {
        row: "P7",
        what: "reconcile: 10 of 100,000 rows differ; bytes against a full snapshot, and the times of both",
        goal: "≤ 0.01 of the bytes, ≤ 0.05 of the time",
        ours: repair_bytes as f64,
        peers: BTreeMap::from([
            ("full snapshot", snapshot_bytes as f64),
            ("repair, ms", repair),
            ("snapshot, ms", snapshot),
            ("ratio of times", time_ratio),
        ]),
        unit: "bytes",
        ratio,
        met: ratio <= 0.01 && time_ratio <= 0.05,
    })
}

/// A client's rows, with what it keeps to compare them.
struct Board {
    rev: Rev,
    rows: FxHashMap<DeliveryId, WireRow>,
    buckets: BucketDigests,
}

impl Board {
    fn of(snapshot: Snapshot) -> Self {
        let rows: FxHashMap<_, _> = snapshot.rows.into_iter().map(|row| (row.id(), row)).collect();
        let buckets = BucketDigests::of(rows.values().map(|row| (row.id(), row.rev())));
        Self { rev: snapshot.rev, rows, buckets }
    }

    fn put(&mut self, row: WireRow) {
        if let Some(before) = self.rows.get(&row.id()) {
            self.buckets.remove(before.id(), before.rev());
        }
        self.buckets.add(row.id(), row.rev());
        self.rows.insert(row.id(), row);
    }

    /// Some rows, far apart, become older copies.
    fn spoil(&mut self) {
        let ids: BTreeSet<_> =
            (0..DIFFERING).map(|n| n * (ROWS / DIFFERING) + 1 + scramble(n) % 100).collect();
        for id in ids {
            // The hub counts ids from 1; revisions here are those of the rows' creation, so that 0 is always older.
            self.put(WireRow::Unreadable { id: DeliveryId(id), rev: Rev(0) });
        }
    }

    /// The repair of crates/sync: buckets by digest, revisions of those that differ, then the rows.
    async fn repair(&mut self, client: &HubClient) -> Result<usize> {
        let after = self.rev;
        let digest: DigestReply = client.read(&digest_path(after)).await?;
        let differing = self.buckets.differing(&digest.buckets);
        let revs: RevsReply = client.read(&revs_path(&differing, after)).await?;
        let ids = self.differing(&revs);
        let reply: RowsReply = client.read(&rows_path(&ids, after)).await?;
        let count = reply.rows.len();
        for row in reply.rows {
            self.put(row);
        }
        Ok(count)
    }

    /// The paths that a repair asks for.
    async fn steps(&self, client: &HubClient) -> Result<[String; 3]> {
        let after = self.rev;
        let digest: DigestReply = client.read(&digest_path(after)).await?;
        let buckets = revs_path(&self.buckets.differing(&digest.buckets), after);
        let ids = self.differing(&client.read(&buckets).await?);
        Ok([digest_path(after), buckets, rows_path(&ids, after)])
    }

    fn differing(&self, revs: &RevsReply) -> Vec<DeliveryId> {
        let mine = |id: &DeliveryId| self.rows.get(id).map(WireRow::rev);
        revs.rows.iter().filter(|(id, rev)| mine(id) != Some(*rev)).map(|(id, _)| *id).collect()
    }
}

fn digest_path(after: Rev) -> String {
    format!("digest?after={after}")
}

fn revs_path(buckets: &[u8], after: Rev) -> String {
    format!("deliveries?buckets={}&fields=rev&after={after}", joined(buckets))
}

fn rows_path(ids: &[DeliveryId], after: Rev) -> String {
    format!("deliveries?ids={}&after={after}", joined(ids))
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A hub within this process, with its store on disk; it ends with this handle.
struct TestHub {
    url: String,
    serving: JoinHandle<()>,
}

impl TestHub {
    async fn start() -> Result<Self> {
        let center = CenterId::from(CENTER);
        let store = Store::open(StoreConfig::temporary(Clock::drill(DAY_START, 0.0)))?;
        let record = CenterRecord {
            id: center.clone(),
            name: "강남".into(),
            pos: None,
            time_zone: "Asia/Seoul".into(),
        };
        store.ensure_center(record).await?;
        let start = Instant::now();
        for first in (0..ROWS).step_by(usize::try_from(ORDERS_A_WRITE)?) {
            let orders = (first + 1..=first + ORDERS_A_WRITE).map(|id| order(&center, id)).collect();
            for outcome in store.execute_many(orders).await? {
                outcome.result.map_err(|problem| anyhow::anyhow!("an order is refused: {problem:?}"))?;
            }
        }
        let took = start.elapsed();
        eprintln!("P7: the hub took {ROWS} orders in {took:.1?}");
        let hub = Arc::new(Hub::open(store, HubConfig::default()).await?);
        let account = NewAccount {
            name: "dispatcher".into(),
            role: Role::Dispatcher,
            centers: vec![center],
            rider: None,
            person: None,
            password: "dispatcher".to_owned(),
        };
        hub.auth.put_account(account).await?;
        let listening = Listening::at("127.0.0.1:0".parse()?).await?;
        let url = format!("http://{}{API_ROOT}", listening.address());
        let router = api::router(hub);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listening, router).await {
                eprintln!("the hub ended: {error}");
            }
        });
        Ok(Self { url, serving })
    }

    async fn client(&self, builder: reqwest::ClientBuilder) -> Result<HubClient> {
        let client = builder.no_proxy().timeout(PATIENCE).build()?;
        let body = LoginRequest { account: "dispatcher".to_owned(), password: "dispatcher".to_owned() };
        let request = client.post(format!("{}/login", self.url)).json(&body);
        let reply =
            Client::builder().no_proxy().build()?.execute(request.build()?).await?.error_for_status()?;
        let LoginReply { access_token, .. } = serde_json::from_slice(&reply.bytes().await?)?;
        Ok(HubClient { client, center: format!("{}/centers/{CENTER}", self.url), token: access_token })
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn order(center: &CenterId, id: u64) -> Command {
    let row = delivery(id, id);
    let order = NewOrder {
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
    };
    Command::new(center.clone(), Intent::Create(Box::new(order)), "portal", row.received_at)
}

/// A signed-in client.
struct HubClient {
    client: Client,
    center: String,
    token: String,
}

impl HubClient {
    /// An answer, decompressed and parsed, as the engine does it.
    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = self.client.get(format!("{}/{path}", self.center)).bearer_auth(&self.token);
        let mut response = request.send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).with_context(|| format!("reading the answer to {path}"))
    }

    /// Bytes of an answer's body as it travels.
    async fn compressed(&self, path: &str) -> Result<usize> {
        let request = self.client.get(format!("{}/{path}", self.center)).bearer_auth(&self.token);
        let response = request.header("accept-encoding", "gzip").send().await?.error_for_status()?;
        Ok(response.bytes().await?.len())
    }
}
