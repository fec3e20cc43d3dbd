//! A hub that comes back as another: a new epoch, a higher floor, after an absence, with other accounts.

use anyhow::{Context, Result, ensure};
use gwanje_tests::hub::Hub;
use gwanje_tests::process::binary;
use gwanje_tests::stage::{Stage, alone, side_by_side};
use gwanje_tests::watcher::CENTER;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn whatever_the_hub_comes_back_as_the_board_ends_true() {
    side_by_side(vec![
        ("a new epoch while away", Box::new(|| alone(new_epoch()))),
        ("another hub at the same address", Box::new(|| alone(another_hub()))),
        ("a cursor below the floor", Box::new(|| alone(below_the_floor()))),
        ("both down, a cold start", Box::new(|| alone(cold_start()))),
    ]);
}

#[test]
fn whoever_may_no_longer_see_sees_no_more() {
    side_by_side(vec![
        ("signed out elsewhere", Box::new(|| alone(signed_out_elsewhere()))),
        ("a center taken away", Box::new(|| alone(center_taken_away()))),
    ]);
}

/// No hub is running on the demo's folder: its store is for that from now on. A demo's is served by no other hub.
fn use_store_for(stage: &Stage, purpose: &str) -> Result<()> {
    let db = Connection::open(stage.database())?;
    let kept = "UPDATE meta SET value = ?1 WHERE key = 'note:purpose'";
    ensure!(db.execute(kept, [purpose])? == 1, "the store does not say what it is for");
    // A hub of real days keeps the secret of its tokens in a file of its own, a demo in its store.
    let secret = stage.data().join("token-secret");
    if purpose == "demo" && secret.exists() {
        let back = "UPDATE meta SET value = ?1 WHERE key = 'note:token-secret'";
        db.execute(back, [std::fs::read_to_string(&secret)?.trim()])?;
        std::fs::remove_file(secret)?;
    }
    Ok(())
}

/// `gwanje-hub serve` on the demo's folder, at its address.
async fn serve(stage: &Stage, address: &str, more: &[&str]) -> Result<Hub> {
    use_store_for(stage, "production")?;
    let mut command = Command::new(binary("gwanje-hub")?);
    command.arg("serve").args(more).env("GWANJE_DATA", stage.data()).env("GWANJE_LISTEN", address);
    Hub::started(&mut command)
}

/// As if an older copy was put back: what the watcher holds can't be continued. What is cancelled meanwhile is told all
/// the same.
async fn new_epoch() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.until_told(1)?;
    let epoch = stage.watcher.claims().last().context("a proof")?.epoch.clone();
    let address = stage.hub.address().to_owned();
    stage.hub.process.kill()?;
    let mut other = serve(&stage, &address, &["--new-epoch"]).await?;
    stage.watcher.until("a proof of the new epoch", |watcher, _| {
        watcher.claims().last().is_some_and(|claim| claim.epoch != epoch)
    })?;
    stage.watcher.until_stats()?;
    ensure!(stage.watcher.count("snapshots") >= Some(2), "another history begins with a snapshot");
    // Back to the day, whose hub goes on in the new epoch.
    other.process.signal("TERM")?;
    other.process.wait()?;
    use_store_for(&stage, "demo")?;
    stage.start_hub_again()?;
    stage.until_told(stage.watcher.told() + 1)?;
    stage.ends_true().await
}

/// Nothing of the former hub is left: other secrets, other rows under the same ids, a later epoch.
async fn another_hub() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    let address = stage.hub.address().to_owned();
    let epoch = stage.watcher.claims().last().context("a proof")?.epoch.clone();
    stage.hub.process.kill()?;
    let data = stage.path("other");
    let data = data.to_str().context("a folder's name")?;
    let day = ["--data", data, "--listen", &address, "--speed", "60", "--centers", "1", "--start", "12:00"];
    let hub = Hub::demo(&[&day[..], &["--seed", "77"]].concat())?;
    stage.watcher.until("a proof of the other hub", |watcher, _| {
        watcher.claims().last().is_some_and(|claim| claim.epoch != epoch)
    })?;
    let admin = hub.sign_in("admin").await?;
    admin.post("/drill", &json!({"speed": 0})).await?;
    stage.watcher.holds_the_board(&admin).await
}

/// While the watcher is away deliveries leave the board, and the tombstones that would tell it are dropped.
async fn below_the_floor() -> Result<()> {
    let mut stage = Stage::live(&["--orders", "300"]).await?;
    stage.until_told(1)?;
    stage.watcher.end()?;
    let held = stage.watcher.rows().len();
    // A day and a night in a few seconds: all that had ended is archived.
    stage.drill(&json!({"speed": 20_000})).await?;
    let mut left = held;
    while left * 2 > held {
        tokio::time::sleep(Duration::from_millis(200)).await;
        left = stage.admin.snapshot(CENTER).await?.rows.len();
    }
    stage.drill(&json!({"speed": 0})).await?;
    stage.hub.process.kill()?;
    let db = Connection::open(stage.database())?;
    let dropped = db.execute("DELETE FROM tombstone", [])?;
    db.execute("UPDATE center SET floor = rev", [])?;
    drop(db);
    ensure!(dropped > 0, "nothing was archived");
    stage.start_hub_again()?;
    stage.watcher.start_again()?;
    stage.watcher.until("the cached board", |watcher, _| watcher.rows().len() == held)?;
    stage.watcher.until_state("Live")?;
    stage.ends_true().await?;
    stage.watcher.until_stats()?;
    ensure!(stage.watcher.count("snapshots") == Some(1), "only a snapshot tells what is gone");
    ensure!(stage.watcher.rows().len() < held, "what was archived is still shown");
    Ok(())
}

/// The desk is switched on while the hub is off: the cached board with its age, never live; then all is well by itself.
async fn cold_start() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.until_told(1)?;
    stage.watcher.end()?;
    let held = stage.watcher.rows().len();
    stage.hub.process.kill()?;
    let mark = stage.watcher.states.len();
    stage.watcher.start_again()?;
    stage.watcher.until("the cached board", |watcher, _| watcher.rows().len() == held)?;
    stage.watcher.until_state("Offline")?;
    stage.watcher.for_a_while(Duration::from_secs(2))?;
    let states = stage.watcher.states_since(mark);
    ensure!(states == "Connecting Offline", "{states}");
    stage.start_hub_again()?;
    stage.watcher.until_state("Live")?;
    stage.ends_true().await
}

/// `gwanje-hub user add` beside the running hub.
fn user_add(stage: &Stage, name: &str, role: &str, centers: &str, password: &str) -> Result<()> {
    let mut command = Command::new(binary("gwanje-hub")?);
    command
        .args(["user", "add", name, "--role", role, "--centers", centers])
        .env("GWANJE_DATA", stage.data());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("starting gwanje-hub")?;
    child.stdin.take().context("its input")?.write_all(format!("{password}\n").as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "user add ended with {status}");
    Ok(())
}

/// A new password ends the account's sign-ins everywhere: the watcher, which knows only the old one, is refused and says so.
async fn signed_out_elsewhere() -> Result<()> {
    let mut stage = Stage::live(&["--centers", "2"]).await?;
    let address = stage.hub.address().to_owned();
    stage.hub.process.kill()?;
    let _serving = serve(&stage, &address, &[]).await?;
    stage.watcher.until_state("Live")?;
    user_add(&stage, "dispatcher", "dispatcher", CENTER, "another-password")?;
    stage.watcher.until("the end of the session", |_, line| line["type"] == "signedOut")?;
    let status = stage.watcher.process.wait()?;
    let log = stage.watcher.process.whole_log();
    ensure!(status.code() == Some(1), "it ended with {status}: {log}");
    ensure!(log.contains("gwanje-watch:"), "it did not say why: {log}");
    Ok(())
}

/// The account loses the center and keeps another: its cached rows go, and no error made them go.
async fn center_taken_away() -> Result<()> {
    let mut stage = Stage::live(&["--centers", "2"]).await?;
    let address = stage.hub.address().to_owned();
    let all: Vec<serde_json::Value> = stage.admin.get("/centers").await?;
    let other = all.iter().filter_map(|center| center["id"].as_str()).find(|id| *id != CENTER);
    let other = other.context("another center")?.to_owned();
    stage.hub.process.kill()?;
    let _serving = serve(&stage, &address, &[]).await?;
    stage.watcher.until_state("Live")?;
    ensure!(!stage.watcher.rows().is_empty(), "a board to lose");
    user_add(&stage, "dispatcher", "dispatcher", &other, "dispatcher")?;
    // Its password is what it was: it is signed in again, and the list of its centers lacks this one.
    stage.watcher.until_state("Refused")?;
    let cache = stage.watcher.cache_file()?;
    let cached = move || -> Result<i64> {
        let db = Connection::open_with_flags(&cache, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(db.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))?)
    };
    stage.until("the cached rows to go", |_| cached().is_ok_and(|rows| rows == 0))?;
    ensure!(
        stage.watcher.states.last().is_some_and(|state| state == "Refused"),
        "{:?}",
        stage.watcher.states
    );
    Ok(())
}
