//! `gwanje-watch` against a real hub that is killed, cut and silenced: what a watcher shows afterwards is the hub's board.

use anyhow::{Context, Result};
use gwanje_tests::hub::Hub;
use gwanje_tests::proxy::Proxy;
use gwanje_tests::watcher::Watcher;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_comes_back_and_no_row_is_lost() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("hub");
    let data = data.to_str().context("a folder's name")?.to_owned();
    let day =
        ["--data", &data, "--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.2"];
    let mut hub = Hub::demo(&day)?;
    let address = hub.address().to_owned();
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    watcher.until_stats()?;
    let (snapshots, mark) = (watcher.count("snapshots"), watcher.states.len());

    hub.process.kill()?;
    watcher
        .until("the loss of the hub", |_, line| line["state"] == "Offline" || line["state"] == "Polling")?;
    let mut restarted = vec!["--listen", &address];
    restarted.extend(day);
    let hub = Hub::demo(&restarted)?;
    watcher.until_state("Live")?;

    let states = watcher.states_since(mark);
    let expected = ["Polling", "Offline"].iter().any(|first| states.starts_with(first));
    assert!(expected && states.ends_with("CatchingUp Live"), "{states}");
    let database = folder.path().join("hub/hub.sqlite");
    watcher.ends_true(&hub.sign_in("admin").await?, Some(&database)).await?;
    watcher.until_stats()?;
    assert_eq!(watcher.count("snapshots"), snapshots, "the cursor was good; no snapshot was due");
    assert_eq!((watcher.count("mismatches"), watcher.count("repairs")), (Some(0), Some(0)));
    watcher.end()
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_refused_while_rest_stays_are_polled_around() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&[
        "--speed",
        "60",
        "--centers",
        "1",
        "--start",
        "18:00",
        "--socket-listen",
        "127.0.0.1:0",
    ])?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    let mark = watcher.states.len();

    admin.post("/drill", &json!({"sockets": "off"})).await?;
    watcher.until_state("Polling")?;
    // Polling goes on proving, and the board with it.
    for _ in 0..3 {
        watcher.until("a proof by REST", |_, line| line["type"] == "proof")?;
    }
    assert!(watcher.states_since(mark).ends_with("Polling"), "{}", watcher.states_since(mark));
    admin.post("/drill", &json!({"sockets": "on"})).await?;
    watcher.until_state("Live")?;
    assert!(
        watcher.states_since(mark).ends_with("Polling CatchingUp Live"),
        "{}",
        watcher.states_since(mark)
    );
    watcher.ends_true(&admin, None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cut_is_seen_and_healed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:00"])?;
    let admin = hub.sign_in("admin").await?;
    let proxy = Proxy::to(hub.address()).await?;
    let mut watcher = Watcher::start(&proxy.url(), &folder.path().join("watch"))?;
    watcher.until_state("Live")?;
    let mark = watcher.states.len();

    // What is connected falls silent; nothing is closed, and new connections work.
    proxy.silence();
    watcher.until("the loss of the socket", |_, line| {
        line["state"] == "CatchingUp" || line["state"] == "Polling"
    })?;
    watcher.until_state("Polling")?;
    watcher.until_state("Live")?;
    assert!(
        watcher.states_since(mark).ends_with("Polling CatchingUp Live"),
        "{}",
        watcher.states_since(mark)
    );
    watcher.ends_true(&admin, None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watcher_goes_on_from_its_cache() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("watch");
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.2"])?;
    let admin = hub.sign_in("admin").await?;
    let mut watcher = Watcher::start(&hub.url, &cache)?;
    watcher.until_state("Live")?;
    watcher.until("an alarm", |watcher, _| watcher.told() > 0)?;
    watcher.kill()?;

    let mark = watcher.states.len();
    watcher.start_again()?;
    // The cached board comes before anything of the hub's.
    watcher.until("the cached board", |watcher, _| !watcher.rows().is_empty())?;
    assert_eq!(watcher.states_since(mark), "Connecting");
    watcher.until_state("Live")?;
    watcher.ends_true(&admin, None).await?;
    watcher.until_stats()?;
    assert_eq!(watcher.count("snapshots"), Some(0), "the cursor was good; no snapshot was due");
    Ok(())
}
