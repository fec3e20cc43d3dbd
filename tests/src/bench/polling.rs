//! P14: clients without sockets, which poll what has changed: what a thousand of them cost the database, against ten.

use super::report::Measured;
use super::served::{Circle, Orders, Served};
use super::{median, runs, sized, window};
use crate::nodes::Shared;
use crate::watcher::CENTER;
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use gwanje_model::{Epoch, Rev};
use gwanje_wire::Head;
use gwanje_wire::rest::API_ROOT;
use reqwest::Client;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_postgres::NoTls;

/// A board without a socket polls this often.
const POLL: Duration = Duration::from_secs(3);
/// Twenty changes a second.
const CHANGE: Duration = Duration::from_millis(50);
const ORDERS: Orders = Orders { each: 200, at_once: 1 };
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// P14, many and few in turn.
///
/// # Errors
/// When PostgreSQL, the hub or a poll fails.
pub async fn polling() -> Result<Measured> {
    let (many, few) = (sized("P14_CLIENTS", 1_000)?, 10);
    let counted = window(Duration::from_secs(20))?;
    let shared = Shared::start();
    let served = Served::on(&shared, ORDERS).await?;
    let orders = served.circle(0..1);
    let database = Database::watched(&shared).await?;
    let (mut of_many, mut of_few, mut polls) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..=runs()? {
        let (a, polled) = transactions(&served, &orders, &database, many, counted).await?;
        let (b, _) = transactions(&served, &orders, &database, few, counted).await?;
        eprintln!(
            "P14: run {run}: {a:.1} transactions/s with {many} clients ({polled:.0} polls/s), {b:.1} with {few}"
        );
        // The first run warms the hub and does not count.
        if run > 0 {
            of_many.push(a);
            of_few.push(b);
            polls.push(polled);
        }
    }
    let (ours, peer, polls) = (median(of_many), median(of_few), median(polls));
    let ratio = ours / peer;
    Ok(Measured {
        row: "P14",
        what: "sockets unused, 1,000 clients polling `changes`, 20 changes a second: transactions of the database, against 10 clients",
        goal: "≤ 1.2 × of 10 clients",
        ours,
        peers: BTreeMap::from([
            ("10 clients", peer),
            ("clients of ours", f64::from(many)),
            ("polls of ours, a second", polls),
        ]),
        unit: "transactions/s",
        ratio,
        met: ratio <= 1.2,
    })
}

/// Transactions of the database, and polls, each second, while that many clients poll and changes go on.
async fn transactions(
    served: &Served,
    orders: &Circle<'_>,
    database: &Database,
    clients: u32,
    counted: Duration,
) -> Result<(f64, f64)> {
    let url = format!("{}{API_ROOT}/centers/{CENTER}/changes", served.hub.url);
    // A connection is kept for the next poll.
    let http = Client::builder().no_proxy().gzip(true).timeout(PATIENCE).build()?;
    let begin = Instant::now();
    // Each has polled once before anything counts.
    let (from, until) = (begin + POLL, begin + POLL + counted);
    let head = served.api.head(CENTER).await?;
    let polling = (0..clients).map(|n| {
        let client = Poller {
            http: http.clone(),
            url: url.clone(),
            token: served.api.login.access_token.clone(),
            epoch: head.epoch.clone(),
            after: head.rev,
        };
        // They have come at moments of their own.
        let first = begin + POLL.mul_f64(f64::from(n) / f64::from(clients));
        let task = tokio::spawn(client.poll(first, from, until));
        async move { task.await.context("a poller")? }
    });
    let count = async {
        sleep_until(from).await;
        let before = database.transactions().await?;
        sleep_until(until).await;
        anyhow::Ok((database.transactions().await? - before) as f64)
    };
    let (count, polls, changes) =
        tokio::try_join!(count, try_join_all(polling), orders.change(CHANGE, until))?;
    let (seconds, changed) = (counted.as_secs_f64(), changes as f64 / (until - begin).as_secs_f64());
    ensure!(
        changed >= 0.75 / CHANGE.as_secs_f64(),
        "{changed:.1} changes a second with {clients} clients: this machine can't serve so many"
    );
    Ok((count / seconds, polls.iter().sum::<u64>() as f64 / seconds))
}

/// A board without a socket.
struct Poller {
    http: Client,
    url: String,
    token: String,
    epoch: Epoch,
    after: Rev,
}

/// What a poller has to know of an answer.
#[derive(Deserialize)]
struct Polled {
    frame: Reach,
    head: Head,
}

#[derive(Deserialize)]
struct Reach {
    from: Rev,
    to: Rev,
}

impl Poller {
    /// Polls on from its cursor, whole; how often from `from` on.
    async fn poll(mut self, first: Instant, from: Instant, until: Instant) -> Result<u64> {
        let (mut next, mut count) = (first, 0);
        while next < until {
            sleep_until(next).await;
            let url = format!("{}?epoch={}&after={}", self.url, self.epoch, self.after);
            let answer = self.http.get(url).bearer_auth(&self.token).send().await?.error_for_status()?;
            let Polled { frame, head } = serde_json::from_slice(&answer.bytes().await?)?;
            ensure!(frame.from == self.after && frame.to == head.rev, "a poll lacks something");
            self.after = frame.to;
            count += u64::from(next >= from);
            next += POLL;
        }
        Ok(count)
    }
}

/// The hub's database as its server counts for it, seen from another one.
struct Database {
    client: tokio_postgres::Client,
}

impl Database {
    async fn watched(shared: &Shared) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(&shared.cluster.url("template1"), NoTls).await?;
        // It ends with the client.
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// Transactions so far, also of those that were rolled back. The server's processes tell at most a second late.
    async fn transactions(&self) -> Result<i64> {
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'";
        Ok(self.client.query_one(sql, &[]).await?.get(0))
    }
}
