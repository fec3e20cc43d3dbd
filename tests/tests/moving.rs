//! A hub's file moves to PostgreSQL while a seat looks on: its board goes on from its cursor.

use anyhow::{Context, Result, ensure};
use gwanje_tests::hub::Hub;
use gwanje_tests::nodes::{Shared, gwanje_hub, order, path, put_account};
use gwanje_tests::process::binary;
use gwanje_tests::watcher::{CENTER, Watcher};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// The command line of a hub that keeps its day in a folder.
fn alone(data: &Path) -> Result<Command> {
    let mut command = Command::new(binary("gwanje-hub")?);
    command.env("GWANJE_DATA", data).env("GWANJE_CENTERS", format!("{CENTER}=강남"));
    Ok(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_moves_to_postgres_under_the_eyes_of_a_seat() -> Result<()> {
    let shared = Shared::start();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        put_account(alone(&data)?, name, role)?;
    }
    let mut hub = Hub::started(alone(&data)?.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0"))?;
    let clerk = hub.sign_in("supervisor").await?;
    let mut orders = Vec::new();
    for _ in 0..60 {
        orders.push(order(&clerk).await?);
    }
    let cancel = json!({"reason": "고객 변심", "by": "customer"});
    clerk.post(&path(&format!("/{}/cancel", orders[3])), &cancel).await?;
    let mut seat = Watcher::start(&hub.url, &folder.path().join("seat"))?;
    seat.holds_the_board(&clerk).await?;
    seat.until_stats()?;
    let epoch = clerk.head(CENTER).await?.epoch;

    let mut moving = gwanje_hub(&shared)?;
    let moving = moving.arg("move").env("GWANJE_DATA", &data);
    let refused = moving.output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(said.contains("another hub runs on the folder"), "moved below a running hub: {said}");
    hub.process.signal("TERM")?;
    hub.process.wait()?;
    let moved = moving.output()?;
    ensure!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let refused = alone(&data)?.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0").output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(2) && said.contains("it was moved to postgres://"), "{said}");
    // The file comes again where nobody looks at the mark: it is the folder that is refused, not the data that is gone.
    let hub = Hub::started(gwanje_hub(&shared)?.arg("serve").env("GWANJE_LISTEN", hub.address()))?;

    // Who signed in before is signed in still; ids go on.
    clerk.post(&path(&format!("/{}/cancel", orders[7])), &cancel).await?;
    orders.push(order(&clerk).await?);
    ensure!(orders.is_sorted() && orders.len() == 61, "{orders:?}");
    let api = hub.sign_in("supervisor").await?;
    seat.holds_the_board(&api).await?;
    seat.told_each_cancellation_once(&api).await?;
    seat.never_lied()?;
    ensure!(api.head(CENTER).await?.epoch == epoch, "another epoch");
    seat.until_stats()?;
    let snapshots = seat.stats["restBy"]["snapshots"]["calls"].as_u64().context("counted")?;
    ensure!(snapshots <= 1, "{snapshots} snapshots: {}", seat.stats);
    Ok(())
}
