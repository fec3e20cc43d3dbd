//! A hub as a process for benchmarks: orders taken in, and changes to them at a pace.

use crate::api::Api;
use crate::hub::Hub;
use crate::nodes::{Shared, gwanje_hub, put_account_of};
use crate::process::{binary, processor_time, size_of};
use crate::watcher::CENTER;
use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use gwanje_wire::batch::BATCH_MAX;
use serde_json::json;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The account that does everything; its password is its name.
pub const ACCOUNT: &str = "supervisor";

/// Orders that are taken in at once while a hub is filled.
const ORDERS_AT_ONCE: usize = 32;

/// The orders of a center.
#[derive(Debug, Clone, Copy)]
pub struct Orders {
    /// How many.
    pub each: usize,
    /// How many are changed by one request, [`BATCH_MAX`] at most.
    pub at_once: usize,
}

/// A running hub whose centers have orders that wait for riders.
pub struct Served {
    /// Its process.
    pub hub: Hub,
    /// Signed in to it.
    pub api: Api,
    /// Its centers.
    pub centers: Vec<String>,
    /// The orders of each.
    orders: Vec<Vec<u64>>,
    /// How many are changed by one request.
    at_once: usize,
    /// Where it keeps a file.
    _data: Option<TempDir>,
}

impl Served {
    /// A hub on a file, with that many centers, each with these orders.
    ///
    /// # Errors
    /// When it does not start, or refuses something.
    pub async fn on_file(centers: u32, orders: Orders) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let names: Vec<String> =
            (0..centers).map(|n| if n == 0 { CENTER.to_owned() } else { format!("{CENTER}-{n}") }).collect();
        let configured: Vec<String> = names.iter().map(|name| format!("{name}=강남")).collect();
        let command = || -> Result<Command> {
            let mut command = Command::new(binary("gwanje-hub")?);
            command.env("GWANJE_DATA", data.path()).env("GWANJE_CENTERS", configured.join(","));
            Ok(command)
        };
        let mut served = Self::start(command, names, orders).await?;
        served._data = Some(data);
        Ok(served)
    }

    /// A hub on what is shared, with one center of these orders.
    ///
    /// # Errors
    /// When it does not start, or refuses something.
    pub async fn on(shared: &Shared, orders: Orders) -> Result<Self> {
        Self::start(|| gwanje_hub(shared), vec![CENTER.to_owned()], orders).await
    }

    async fn start(
        command: impl Fn() -> Result<Command>,
        centers: Vec<String>,
        orders: Orders,
    ) -> Result<Self> {
        put_account_of(command()?, ACCOUNT, "supervisor", &centers.join(","))?;
        let hub = Hub::started(command()?.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0"))?;
        let api = hub.sign_in(ACCOUNT).await?;
        let mut served = Self { hub, api, centers, orders: Vec::new(), at_once: orders.at_once, _data: None };
        for center in &served.centers {
            let ids = served.take_in(center, orders.each).await?;
            served.orders.push(ids);
        }
        Ok(served)
    }

    /// The orders of these centers, to be changed in turn. A center has its place in one circle at most.
    #[must_use]
    pub fn circle(&self, centers: std::ops::Range<usize>) -> Circle<'_> {
        let of_center = |at: usize| {
            let ids = self.orders.get(at).map(|ids| ids.chunks(self.at_once)).into_iter().flatten();
            ids.enumerate().filter_map(move |(n, ids)| Some((n, self.centers.get(at)?.as_str(), ids)))
        };
        let mut turns: Vec<_> = centers.flat_map(of_center).collect();
        // One of each center, then the next of each.
        turns.sort_by_key(|(n, _, _)| *n);
        Circle { served: self, turns, turn: AtomicUsize::new(0) }
    }

    /// Lists a rider, and takes orders in that then wait for one.
    async fn take_in(&self, center: &str, orders: usize) -> Result<Vec<u64>> {
        let rider = json!({"id": "rider", "name": "나사랑", "phone": "010-0000-9856", "status": "idle"});
        self.api.post(&format!("/centers/{center}/riders"), &rider).await?;
        let order = json!({
            "shop": {"id": "shop-1", "name": "공수간 역삼점", "phone": "070-4416-0849", "address": "서울 강남구 역삼동 754-1"},
            "dropoff": {"address": "서울 강남구 대치동 1024", "detail": "702호", "phone": "010-0000-9856"},
            "items": [{"name": "허니콤보", "quantity": 1}, {"name": "콜라 1.25L", "quantity": 1}],
            "priceWon": 23_000, "request": "문 앞에 놓아주세요",
        });
        let path = format!("/centers/{center}/deliveries");
        // Several at once go into one commit.
        let taking = stream::iter(0..orders).map(|_| self.api.post(&path, &order));
        let rows: Vec<_> = taking.buffer_unordered(ORDERS_AT_ONCE).try_collect().await?;
        let ids: Option<Vec<u64>> = rows.iter().map(|row| row["id"].as_u64()).collect();
        let ids = ids.context("the ids of orders")?;
        for ids in ids.chunks(BATCH_MAX) {
            self.act(center, "accept", ids).await?;
        }
        Ok(ids)
    }

    /// One action on several orders, all of which must be done.
    async fn act(&self, center: &str, action: &str, ids: &[u64]) -> Result<()> {
        let body = if action == "assign" { json!({"riderId": "rider"}) } else { json!({}) };
        let named: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        let asked = json!({"action": action, "body": body, "ids": named});
        let reply = self.api.post(&format!("/centers/{center}/deliveries/batch"), &asked).await?;
        let results = reply["results"].as_array().context("results")?;
        let refused = results.iter().find(|result| result["row"].is_null());
        ensure!(refused.is_none(), "{action} is refused: {refused:?}");
        Ok(())
    }

    /// Processor time of the hub so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processor_time(&self) -> Result<Duration> {
        processor_time(&self.hub.process.id().to_string())
    }

    /// Resident size of the hub, KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> Result<u64> {
        size_of(self.hub.process.id(), "VmRSS")
    }
}

/// Orders that are changed in turn.
pub struct Circle<'a> {
    served: &'a Served,
    /// A center's orders that are changed together; by their place among those of the center.
    turns: Vec<(usize, &'a str, &'a [u64])>,
    /// How often it was a turn.
    turn: AtomicUsize,
}

impl Circle<'_> {
    /// Changes orders until that moment, a request at each interval; how many changes there were. Each order is assigned and
    /// at its next turn unassigned, so that rows stay as large as they are.
    ///
    /// # Errors
    /// When the hub refuses one.
    pub async fn change(&self, every: Duration, until: Instant) -> Result<u64> {
        let mut turns = interval(every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changes = 0;
        loop {
            turns.tick().await;
            if Instant::now() >= until {
                return Ok(changes);
            }
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let at = turn % self.turns.len();
            let action = if (turn / self.turns.len()).is_multiple_of(2) { "assign" } else { "unassign" };
            let (_, center, ids) = self.turns[at];
            self.served.act(center, action, ids).await?;
            changes += ids.len() as u64;
        }
    }
}
