//! A real day of orders, played to its end on a real hub and followed to its last revision.

use anyhow::{Context, Result, bail};
use gwanje_model::Status;
use gwanje_tests::hub::Hub;
use gwanje_tests::process::{Process, binary};
use gwanje_wire::WireRow;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The folder of the real days; they may not be copied into the project (docs/drill.md tells how to obtain them).
const DAYS: &str = "GWANJE_MDRP_DIR";
const INSTANCE: &str = "7o100t100s1p100";
const ORDERS: u64 = 3_213;

/// The revision of the next proof.
fn proof(watch: &Process) -> Result<u64> {
    watch.find("a proof", |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["type"] == "proof").then(|| line["rev"].as_u64()).flatten()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_a_real_day_ends_and_the_watcher_proves_the_last_revision() -> Result<()> {
    let Some(days) = std::env::var_os(DAYS) else {
        eprintln!("not run: {DAYS} names no folder with real days (docs/drill.md tells how to obtain them)");
        return Ok(());
    };
    let day = Path::new(&days).join(INSTANCE);
    let day = day.to_str().context("a path in UTF-8")?;
    // The evening in seconds: what people see in it is the same as at the usual speed.
    let hub = Hub::demo(&["--day", day, "--start", "18:00", "--speed", "2000"])?;
    let watch = Process::start(
        Command::new(binary("gwanje-watch")?)
            .args(["--server", &hub.url, "--account", "dispatcher", "--center", "gangnam"])
            .env("GWANJE_PASSWORD", "dispatcher"),
    )?;
    let api = hub.sign_in("dispatcher").await?;
    let last = loop {
        proof(&watch)?;
        let board = api.snapshot("gangnam").await?;
        let readable: Vec<_> = board.rows.iter().filter_map(WireRow::delivery).collect();
        assert_eq!(readable.len(), board.rows.len(), "every row can be read");
        if board.count == ORDERS && readable.iter().all(|row| row.status.is_final()) {
            assert!(
                readable.iter().any(|row| row.status == Status::Cancelled),
                "a day without a cancellation is no day"
            );
            break board.rev.0;
        }
        if board.count > ORDERS {
            bail!("{} orders out of {ORDERS}", board.count);
        }
    };
    while proof(&watch)? < last {}
    Ok(())
}
