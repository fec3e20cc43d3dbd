//! P10c: a supervisor's socket over thirty centers, against a socket over one with the same changes.

use super::audience::Audience;
use super::report::Measured;
use super::served::{Circle, Orders, Served};
use super::{median, runs, window};
use anyhow::{Result, ensure};
use gwanje_wire::socket::center_namespace;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const CENTERS: usize = 30;
/// Changed one at a time; as many at both hubs.
const ORDERS: usize = 300;
/// Fifty changes a second.
const CHANGE: Duration = Duration::from_millis(20);
const WINDOW: Duration = Duration::from_secs(8);

/// P10c, both in turn.
///
/// # Errors
/// When a hub fails, or the socket lacks a frame.
pub async fn namespaces() -> Result<Measured> {
    let (many, one) = (Followed::start(CENTERS).await?, Followed::start(1).await?);
    let (at_many, at_one) = (many.served.circle(0..CENTERS), one.served.circle(0..1));
    let (mut of_many, mut of_one) = (Vec::new(), Vec::new());
    for run in 0..=runs()? {
        let (a, b) = (many.us_a_change(&at_many).await?, one.us_a_change(&at_one).await?);
        eprintln!("P10c: run {run}: µs of a core a change: {CENTERS} namespaces {a:.0}, one {b:.0}");
        if run > 0 {
            of_many.push(a);
            of_one.push(b);
        }
    }
    let (ours, peer) = (median(of_many), median(of_one));
    let (mib, peers_mib) = (many.mib()?, one.mib()?);
    let (ratio, of_memory) = (ours / peer, mib / peers_mib);
    Ok(Measured {
        row: "P10c",
        what: "one socket over 30 namespaces, 50 changes a second over all: processor time of the hub a change, against one namespace with as many",
        goal: "≤ 1.5 × of one namespace, and its memory",
        ours,
        peers: BTreeMap::from([
            ("one namespace", peer),
            ("MiB of ours", mib),
            ("MiB, one namespace", peers_mib),
            ("ratio of memory", of_memory),
        ]),
        unit: "µs",
        ratio,
        met: ratio <= 1.5 && of_memory <= 1.5,
    })
}

/// A hub with a socket over all its centers.
struct Followed {
    follower: Audience,
    served: Served,
}

impl Followed {
    async fn start(centers: usize) -> Result<Self> {
        let orders = Orders { each: ORDERS / centers, at_once: 1 };
        let served = Served::on_file(u32::try_from(centers)?, orders).await?;
        let namespaces: Vec<_> =
            served.centers.iter().map(|center| center_namespace(&center.as_str().into())).collect();
        let follower = Audience::join(&served.hub.url, Some(&served.api), &namespaces, 1).await?;
        Ok(Self { served, follower })
    }

    /// Processor time of the hub a change that was told, microseconds.
    async fn us_a_change(&self, orders: &Circle<'_>) -> Result<f64> {
        let (before, counted) = (self.served.processor_time()?, self.follower.counted()?);
        orders.change(CHANGE, Instant::now() + window(WINDOW)?).await?;
        let took = self.served.processor_time()? - before;
        let changes = self.follower.counted()?.since(counted).changes;
        ensure!(changes > 0, "the hub told nothing");
        Ok(took.as_secs_f64() * 1e6 / changes as f64)
    }

    fn mib(&self) -> Result<f64> {
        Ok(self.served.resident_kib()? as f64 / 1_024.0)
    }
}
