//! A cache that can't be written, or is not what was written: the board stays true, alarms are told, and once the machine
//! takes writes again everything is there for the next start.

use anyhow::{Context, Result, ensure};
use gwanje_cache::Cache;
use gwanje_model::CenterId;
use gwanje_tests::stage::{Stage, alone, side_by_side};
use gwanje_tests::watcher::{CENTER, cache_files};
use rusqlite::Connection;
use serde_json::json;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn whatever_befalls_the_cache_the_board_ends_true() {
    side_by_side(vec![
        ("locked by another process", Box::new(|| alone(locked()))),
        ("files that may not grow", Box::new(|| alone(no_growth()))),
        ("a full disk", Box::new(|| alone(full_disk()))),
        ("a byte flipped in a row", Box::new(|| alone(flipped_in_a_row()))),
        ("a byte flipped under a running watcher", Box::new(|| alone(flipped_while_running()))),
        ("a file that is no cache", Box::new(|| alone(no_cache()))),
    ]);
}

/// Rows are on the board and cancellations are told although nothing can be written; later all is.
async fn locked() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    let db = Connection::open(stage.watcher.cache_file()?)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    stage.until_told(stage.watcher.told() + 2)?;
    stage.watcher.until_proof()?;
    db.execute_batch("ROLLBACK")?;
    drop(db);
    goes_on_from_its_cache(&mut stage).await
}

/// A limit of the system's on the size of files: whoever may not mount anything can try this.
async fn no_growth() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.watcher.end()?;
    let largest = cache_bytes(&stage.watcher.cache_file()?)?;
    // The signal that would end the process is ignored, so that writes fail with an error.
    let limit = format!("--fsize={largest}:unlimited");
    stage.watcher.through(&["env", "--ignore-signal=XFSZ", "prlimit", &limit]);
    stage.watcher.start_again()?;
    stage.watcher.until_state("Live")?;
    stage.drill(&json!({"rush": {"orders": 300, "withinMin": 3}})).await?;
    stage.until_told(stage.watcher.told() + 2)?;
    stage.until("a refused write", |stage| stage.watcher.process.log().contains("cache"))?;
    stage.watcher.until_proof()?;
    let process = stage.watcher.process.id().to_string();
    let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &process]).status()?;
    ensure!(lifted.success(), "the limit could not be lifted");
    stage.watcher.through(&[]);
    goes_on_from_its_cache(&mut stage).await
}

/// A disk of sixteen megabytes, in a namespace of the watcher's own; filled to the last byte, then freed.
async fn full_disk() -> Result<()> {
    let permitted = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).status()?;
    if !permitted.success() {
        eprintln!(
            "not run: this machine permits no namespaces of one's own (user.max_user_namespaces), so no disk to fill"
        );
        return Ok(());
    }
    let mut stage = Stage::live(&[]).await?;
    stage.watcher.end()?;
    let disk = stage.watcher.cache().to_owned();
    let kept = stage.path("kept");
    let at = |path: &Path| path.display().to_string();
    // The profile is moved onto the disk; the watcher is run there.
    let script = format!(
        "cp -a '{0}' '{1}' && mount -t tmpfs -o size=16m tmpfs '{0}' && cp -a '{1}'/. '{0}' && exec \"$@\"",
        at(&disk),
        at(&kept)
    );
    stage.watcher.through(&["unshare", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    stage.watcher.start_again()?;
    stage.watcher.until_state("Live")?;
    // As the watcher sees it.
    let inside = format!("/proc/{}/root{}", stage.watcher.process.id(), at(&disk));
    let filler = Path::new(&inside).join("filler");
    let full = Command::new("dd")
        .args(["if=/dev/zero", &format!("of={}", at(&filler)), "bs=1k", "count=32768"])
        .stderr(std::process::Stdio::null())
        .status()?;
    ensure!(!full.success(), "the disk is not full");
    stage.drill(&json!({"rush": {"orders": 300, "withinMin": 3}})).await?;
    stage.until_told(stage.watcher.told() + 2)?;
    stage.until("a refused write", |stage| stage.watcher.process.log().contains("full"))?;
    stage.watcher.until_proof()?;
    std::fs::remove_file(&filler)?;
    stage.ends_true().await?;
    // All of it was written in the end; the disk goes with its process.
    let cache = cache_files(Path::new(&inside))?.into_iter().next().context("the cache's file")?;
    let expected = stage.watcher.rows().len() as u64;
    // SQLite follows links to where a file really is, and out of the namespace again: it is given a copy.
    let copy = stage.path("copy.sqlite");
    stage.until("every row on the disk", |_| {
        let copied = ["", "-wal"].iter().all(|suffix| {
            std::fs::copy(format!("{}{suffix}", at(&cache)), format!("{}{suffix}", at(&copy))).is_ok()
        });
        copied && rows_in(&copy).is_ok_and(|rows| rows == expected)
    })
}

/// One letter of a customer's address changes: the row does not fit its checksum, and is fetched.
async fn flipped_in_a_row() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.until_told(1)?;
    stage.watcher.end()?;
    flip(&stage.watcher.cache_file()?)?;
    stage.watcher.start_again()?;
    stage.watcher.until_state("Live")?;
    ensure!(stage.watcher.process.log().contains("checksums"), "nobody noticed");
    goes_on_from_its_cache(&mut stage).await?;
    stage.watcher.until_stats()?;
    ensure!(stage.watcher.count("snapshots") == Some(0), "only what was damaged is fetched");
    Ok(())
}

/// The same while it runs: found by a check that is asked for (the audit of every two minutes does the same by itself).
async fn flipped_while_running() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.until_told(1)?;
    stage.stop_the_day().await?;
    let cache = stage.watcher.cache_file()?;
    let expected = stage.admin.snapshot(CENTER).await?.rows.len() as u64;
    stage.until("every row on the disk", |_| rows_in(&cache).is_ok_and(|rows| rows == expected))?;
    flip(&cache)?;
    ensure!(damaged(&cache)? > 0, "nothing was damaged");
    stage.watcher.process.signal("USR1")?;
    stage.until("the damage to be mended", |_| damaged(&cache).is_ok_and(|rows| rows == 0))?;
    stage.drill(&json!({"speed": 60})).await?;
    goes_on_from_its_cache(&mut stage).await
}

/// Set aside under another name, and rebuilt; what was told is not told again.
async fn no_cache() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.until_told(2)?;
    stage.watcher.end()?;
    let cache = stage.watcher.cache_file()?;
    std::fs::write(&cache, vec![0x55; 100_000])?;
    stage.watcher.start_again()?;
    stage.watcher.until_state("Live")?;
    let named = stage.watcher.process.log();
    ensure!(named.contains("set aside"), "nobody was told: {named}");
    goes_on_from_its_cache(&mut stage).await
}

/// True in the end, and again after a restart, whose board is there before the hub's answer.
async fn goes_on_from_its_cache(stage: &mut Stage) -> Result<()> {
    stage.ends_true().await?;
    stage.watcher.kill()?;
    let expected = stage.watcher.rows().len();
    let cache = stage.watcher.cache_file()?;
    ensure!(damaged(&cache)? == 0, "damaged rows were left");
    stage.watcher.start_again()?;
    stage.watcher.until("the cached board", |watcher, _| watcher.rows().len() == expected)?;
    stage.watcher.until_state("Live")?;
    stage.ends_true().await
}

/// The largest of a cache's files.
fn cache_bytes(cache: &Path) -> Result<u64> {
    let of =
        |suffix: &str| std::fs::metadata(format!("{}{suffix}", cache.display())).map_or(0, |file| file.len());
    Ok(of("").max(of("-wal")).max(of("-shm")))
}

fn rows_in(cache: &Path) -> Result<u64> {
    let db = Connection::open(cache)?;
    db.busy_timeout(Duration::from_secs(5))?;
    Ok(db.query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

fn damaged(cache: &Path) -> Result<usize> {
    let cache = Cache::open(cache)?.cache;
    let audit = cache.audit(&CenterId::from(CENTER))?;
    ensure!(audit.digest_fits, "rows and cursor disagree");
    Ok(audit.damaged.len())
}

/// Flips a bit in the middle of a row's body, in the file itself. The row is one that no alarm holds a copy of.
fn flip(cache: &Path) -> Result<()> {
    let body: String = {
        let db = Connection::open(cache)?;
        let (_, written, moved): (i64, i64, i64) =
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        ensure!(written == moved, "{moved} of {written} pages are in the file");
        let alive = "SELECT body FROM rows WHERE body LIKE '%\"status\":\"delivered\"%' ORDER BY key LIMIT 1";
        db.query_row(alive, [], |row| row.get(0))?
    };
    let mut bytes = std::fs::read(cache)?;
    let body = body.as_bytes();
    let found =
        bytes.windows(body.len()).rposition(|window| window == body).context("the row in the file")?;
    let place = found + body.len() / 2;
    bytes[place] ^= 1;
    let mut file = std::fs::OpenOptions::new().write(true).open(cache)?;
    file.seek(SeekFrom::Start(place as u64))?;
    file.write_all(&bytes[place..=place])?;
    Ok(())
}
