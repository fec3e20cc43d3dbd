//! Divergence planted into a running engine: found within two heads, at the next audit or on demand, and repaired at a cost
//! that follows the difference. Bytes are printed.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]

use anyhow::{Context, Result, ensure};
use gwanje_cache::Cache;
use gwanje_engine::sync::{CheckPhase, CheckReport, RepairCause, RepairReport};
use gwanje_engine::{EngineEvent, RowFault};
use gwanje_model::DeliveryId;
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::seat::{Seat, flip_byte, into_the_file, overwrite};
use gwanje_tests::watcher::{Watcher, cache_files};
use serde_json::{Value, json};
use std::path::Path;

const CENTER: &str = "gangnam";
/// A standing board of a few hundred rows: what differs is what was planted.
const STILL: [&str; 8] = ["--speed", "0", "--centers", "1", "--start", "19:00", "--orders", "900"];

/// A seat on a standing board.
async fn seat(hub: &Hub, profile: &Path) -> Result<Seat> {
    let mut seat = Seat::start(&hub.url, profile, CENTER).await?;
    seat.live().await?;
    Ok(seat)
}

async fn a_row(api: &Api) -> Result<(DeliveryId, Value)> {
    let snapshot = api.snapshot(CENTER).await?;
    let row = snapshot.rows.iter().filter_map(|row| row.delivery()).find(|row| !row.status.is_final());
    let row = row.context("a delivery under way")?;
    Ok((row.id, serde_json::to_value(row.as_ref())?))
}

async fn repaired(seat: &mut Seat) -> Result<RepairReport> {
    seat.hear("a repair", |event| match event {
        EngineEvent::Repaired(_, report) => Some(report.as_ref().clone()),
        _ => None,
    })
    .await
}

async fn checked(seat: &mut Seat) -> Result<CheckReport> {
    seat.engine.check(&seat.center).await?;
    seat.hear("the end of the comparison", |event| match event {
        EngineEvent::Checked(_, report) if report.phase != CheckPhase::Running => {
            Some(report.as_ref().clone())
        }
        _ => None,
    })
    .await
}

/// Says what a repair took, and that it was little against fetching everything.
async fn cost(seat: &Seat, what: &str, bytes: u64) -> Result<()> {
    let snapshot = seat.stats().await?.rest_by.snapshots;
    println!("{what}: {bytes} bytes; the snapshot had {}", snapshot.bytes_in);
    ensure!(bytes * 5 < snapshot.bytes_in, "{what} took {bytes} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_lost_from_memory_is_back_within_two_heads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let mut seat = seat(&hub, folder.path()).await?;
    let (id, row) = a_row(&hub.sign_in("admin").await?).await?;
    let before = seat.stats().await?;
    ensure!(seat.engine.fault(&seat.center, id, RowFault::Lose).await?, "there is such a row");
    let repair = repaired(&mut seat).await?;
    let after = seat.stats().await?;
    ensure!(after.heads - before.heads <= 2, "{} heads", after.heads - before.heads);
    ensure!((repair.cause, repair.buckets, repair.rows_replaced) == (RepairCause::Head, 1, 1), "{repair:?}");
    ensure!(after.snapshots == before.snapshots && after.mismatches_by.head == 1, "{after:?}");
    cost(&seat, "a row lost from memory", repair.bytes).await?;
    seat.proven(0).await?;
    ensure!(seat.row(id).await? == row);
    seat.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_event_that_is_dropped_is_there_within_two_heads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let admin = hub.sign_in("admin").await?;
    let mut seat = seat(&hub, folder.path()).await?;
    let (id, _) = a_row(&admin).await?;
    // Every frame is lost from here on; heads are not.
    admin.post("/drill", &json!({"dropRate": 1.0})).await?;
    let before = seat.stats().await?;
    let noted = hub
        .sign_in("dispatcher")
        .await?
        .post(&format!("/centers/{CENTER}/deliveries/{id}/note"), &json!({"text": "nobody hears of it"}))
        .await?;
    seat.proven(noted["rev"].as_u64().context("the note's revision")?).await?;
    let after = seat.stats().await?;
    ensure!(after.heads - before.heads <= 2, "{} heads", after.heads - before.heads);
    ensure!(
        (after.gaps, after.frames) == (before.gaps + 1, before.frames + 1),
        "by the page of a gap: {after:?}"
    );
    ensure!(after.rows_from.changes - before.rows_from.changes == 1, "{after:?}");
    ensure!((after.mismatches, after.repairs, after.snapshots) == (0, 0, before.snapshots), "{after:?}");
    let bytes = after.rest_by.changes.bytes_in - before.rest_by.changes.bytes_in;
    cost(&seat, "a dropped last event", bytes).await?;
    ensure!(seat.row(id).await? == noted);
    seat.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flip_in_memory_is_found_on_demand() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let mut seat = seat(&hub, folder.path()).await?;
    let (id, row) = a_row(&hub.sign_in("admin").await?).await?;
    ensure!(seat.engine.fault(&seat.center, id, RowFault::Flip).await?, "there is such a row");
    let report = checked(&mut seat).await?;
    ensure!((report.phase, report.buckets, report.audited) == (CheckPhase::Done, 256, true), "{report:?}");
    ensure!((report.found_in_memory, report.found_on_disk, report.repaired) == (1, 0, 1), "{report:?}");
    println!("everything compared: {} rows, {} bytes", report.rows, report.bytes);
    ensure!(seat.row(id).await? == row);
    let again = checked(&mut seat).await?;
    ensure!((again.found_in_memory, again.found_on_disk) == (0, 0), "{again:?}");
    seat.stop().await;
    Ok(())
}

/// A byte of the row's content on the disk. Its delivery's order number stands there once.
fn flip_on_disk(desk_cache: &Path, row: &Value) -> Result<()> {
    into_the_file(desk_cache)?;
    flip_byte(desk_cache, row["orderNo"].as_str().context("an order number")?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_on_disk_is_found_by_the_audit_and_written_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let mut seat = seat(&hub, folder.path()).await?;
    let (_, row) = a_row(&hub.sign_in("admin").await?).await?;
    let report = checked(&mut seat).await?;
    ensure!(report.found_on_disk == 0, "sound before: {report:?}");
    flip_on_disk(&seat.cache()?, &row)?;
    let before = seat.stats().await?;
    let report = checked(&mut seat).await?;
    ensure!((report.found_on_disk, report.repaired, report.found_in_memory) == (1, 1, 0), "{report:?}");
    let after = seat.stats().await?;
    ensure!(
        after.repair.rows_rewritten - before.repair.rows_rewritten == 1,
        "one row was written: {after:?}"
    );
    ensure!(after.rest_by.repairing == before.rest_by.repairing, "nothing was fetched for it: {after:?}");
    ensure!(after.snapshots == before.snapshots, "{after:?}");
    let again = checked(&mut seat).await?;
    ensure!(again.found_on_disk == 0, "mended on the disk, too: {again:?}");
    seat.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_while_nothing_runs_costs_one_row() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let first = seat(&hub, folder.path()).await?;
    let (id, row) = a_row(&hub.sign_in("admin").await?).await?;
    let cache = first.cache()?;
    let snapshot = first.stats().await?.rest_by.snapshots.bytes_in;
    first.stop().await;
    flip_on_disk(&cache, &row)?;

    let mut seat = Seat::start(&hub.url, folder.path(), CENTER).await?;
    let repair = repaired(&mut seat).await?;
    println!("a byte flipped while nothing ran: {} bytes; the snapshot had {snapshot}", repair.bytes);
    ensure!((repair.rows_fetched, repair.rows_replaced) == (1, 1), "{repair:?}");
    ensure!(repair.bytes * 5 < snapshot, "{repair:?}");
    seat.proven(0).await?;
    ensure!(seat.row(id).await? == row);
    let stats = seat.stats().await?;
    ensure!((stats.snapshots, stats.repair.rows_fetched) == (0, 1), "{stats:?}");
    let center = seat.center.clone();
    seat.stop().await;
    let opened = Cache::open(&cache)?;
    let audit = opened.cache.audit(&center)?;
    ensure!(opened.set_aside.is_none() && audit.digest_fits && audit.damaged.is_empty(), "{audit:?}");
    Ok(())
}

/// The pages that nothing can be read without: the file is put aside, named in the log, and made anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_pages_decay_is_put_aside_and_made_anew() -> Result<()> {
    // The header, and a page in the middle of the rows.
    for (what, share) in [("the header", 0), ("a page of rows", 2)] {
        let folder = tempfile::tempdir()?;
        let hub = Hub::demo(&STILL)?;
        let admin = hub.sign_in("admin").await?;
        let mut watcher = Watcher::start(&hub.url, folder.path())?;
        watcher.until_state("Live")?;
        watcher.end()?;
        let cache = watcher.cache_file()?;
        into_the_file(&cache)?;
        let pages = std::fs::metadata(&cache)?.len() as usize / 4_096;
        let at = pages.checked_div(share).unwrap_or(0) * 4_096;
        overwrite(&cache, at, &[0xEE; 512])?;
        watcher.start_again()?;
        watcher.until_state("Live")?;
        watcher.holds_the_board(&admin).await?;
        watcher.end()?;
        let log = watcher.process.whole_log();
        ensure!(log.contains("set aside") && log.contains(".damaged-"), "{what}: {log}");
        ensure!(cache_files(folder.path())?.len() == 1, "{what}: one cache in use");
        let aside = std::fs::read_dir(folder.path())?
            .filter(|file| {
                file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().contains(".damaged-"))
            })
            .count();
        ensure!(aside >= 1, "{what}: somebody may still look at it");
    }
    Ok(())
}

/// The same while the engine runs: the audit finds it, what is in memory is written into a new file, nothing is fetched.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_decays_under_a_running_engine_is_found_by_the_audit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let mut seat = seat(&hub, folder.path()).await?;
    let cache = seat.cache()?;
    // What the seat learns at first is written by then: a file that grows afterwards gets a new header.
    let sound = checked(&mut seat).await?;
    ensure!(sound.audited && sound.found_on_disk == 0, "{sound:?}");
    into_the_file(&cache)?;
    overwrite(&cache, 0, &[0xEE; 100])?;
    let before = seat.stats().await?;
    let report = checked(&mut seat).await?;
    ensure!(report.audited && report.found_on_disk == 1 && report.repaired > 100, "{report:?}");
    let after = seat.stats().await?;
    ensure!((after.snapshots, after.rest_by.repairing) == (before.snapshots, before.rest_by.repairing));
    let (center, rows) = (seat.center.clone(), report.repaired);
    seat.stop().await;
    let opened = Cache::open(&cache)?;
    let audit = opened.cache.audit(&center)?;
    ensure!(opened.set_aside.is_none() && audit.digest_fits && audit.rows == rows, "{audit:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_compares_everything_on_a_signal() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:00"])?;
    let mut watcher = Watcher::start(&hub.url, folder.path())?;
    watcher.until_state("Live")?;
    watcher.process.signal("USR1")?;
    let line = watcher.until("what the comparison found", |_, line| line["type"] == "check")?;
    ensure!(line["phase"] == "done" && line["buckets"] == 256 && line["audited"] == true, "{line}");
    ensure!(line["foundInMemory"] == 0 && line["foundOnDisk"] == 0, "nothing was planted: {line}");
    ensure!(line["rows"].as_u64() > Some(0) && line["bytes"].as_u64() > Some(0), "{line}");
    watcher.end()
}
