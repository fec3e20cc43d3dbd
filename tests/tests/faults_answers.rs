//! REST answers that are refused, held, halved, or overtaken by the day.

use anyhow::{Result, ensure};
use gwanje_tests::proxy::{Answer, Event, Kind, Line, Way};
use gwanje_tests::stage::{Stage, alone, side_by_side};
use serde_json::json;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

#[test]
fn whatever_befalls_an_answer_the_board_ends_true() {
    side_by_side(vec![
        ("the day goes on during the first snapshot", Box::new(|| alone(snapshot_is_overtaken()))),
        ("snapshots cut half-way", Box::new(|| alone(snapshots_are_halved()))),
        ("rows change between pages", Box::new(|| alone(pages_are_overtaken()))),
        ("refused with 503 and 429", Box::new(|| alone(refused()))),
        ("answers that are no answers", Box::new(|| alone(nonsense()))),
    ]);
}

/// The snapshot is as old as its read, while frames arrive: none of them may be lost, none undone.
async fn snapshot_is_overtaken() -> Result<()> {
    let (opens, held) = watch::channel(false);
    let frames = Arc::new(AtomicU64::new(0));
    let passed = frames.clone();
    let mut stage = Stage::with(&[], |proxy| {
        proxy.on_call(move |asked| match asked.name.as_str() {
            "deliveries" if asked.before == 0 => Answer::Held(held.clone()),
            _ => Answer::Pass,
        });
        proxy.on_message(move |way, text| {
            if way == Way::Down && Event::is_deliveries(text) {
                passed.fetch_add(1, Ordering::Relaxed);
            }
            vec![text.to_owned()]
        });
    })
    .await?;
    stage.until("frames that overtake the snapshot", |stage| {
        stage.proxy.asked("deliveries") > 0 && frames.load(Ordering::Relaxed) >= 20
    })?;
    ensure!(!stage.watcher.states.iter().any(|state| state == "Live"), "live without a board");
    opens.send_replace(true);
    stage.watcher.until_state("Live")?;
    stage.ends_true().await
}

async fn snapshots_are_halved() -> Result<()> {
    let mut stage = Stage::with(&[], |proxy| {
        proxy.on_call(|asked| match asked.name.as_str() {
            "deliveries" if asked.before < 3 => Answer::Half,
            _ => Answer::Pass,
        });
    })
    .await?;
    stage.watcher.until_state("Live")?;
    ensure!(stage.proxy.asked("deliveries") >= 4, "{} asked for", stage.proxy.asked("deliveries"));
    stage.ends_true().await
}

/// So much is missed that it takes several pages, and between them rows change again.
async fn pages_are_overtaken() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    stage.watcher.end()?;
    let rev = stage.head().await?["rev"].as_u64().unwrap_or(0);
    stage.drill(&json!({"rush": {"orders": 1500, "withinMin": 5}})).await?;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if stage.head().await?["rev"].as_u64().unwrap_or(0) > rev + 4_000 {
            break;
        }
    }
    let before = stage.proxy.asked("changes");
    stage.proxy.on_call(|asked| match asked.name.as_str() {
        "changes" => Answer::Late(Duration::from_millis(700)),
        _ => Answer::Pass,
    });
    stage.watcher.start_again()?;
    stage.watcher.until_state("Live")?;
    let pages = stage.proxy.asked("changes") - before;
    ensure!(pages >= 2, "{pages} pages");
    stage.proxy.pass();
    stage.ends_true().await
}

/// After a reconnect everything is refused for a while: nobody comes again before the time that was named, nobody gives up.
async fn refused() -> Result<()> {
    const RETRY_AFTER: Duration = Duration::from_secs(2);
    let mut stage = Stage::live(&[]).await?;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = calls.clone();
    stage.proxy.on_call(move |asked| {
        let Ok(mut noted) = noted.lock() else { return Answer::Pass };
        let n: usize = noted.len();
        if n >= 8 {
            return Answer::Pass;
        }
        noted.push((asked.name.clone(), Instant::now()));
        let status = if n.is_multiple_of(2) { 503 } else { 429 };
        Answer::Refuse { status, retry_after_s: Some(RETRY_AFTER.as_secs()) }
    });
    stage.proxy.cut(Kind::Socket, gwanje_tests::proxy::Ending::Reset);
    let enough = |_: &Stage| calls.lock().is_ok_and(|calls| calls.len() >= 8);
    stage.until("eight refusals", enough)?;
    stage.watcher.until_state("Live")?;
    let mut last = std::collections::BTreeMap::new();
    for (name, at) in calls.lock().iter().flat_map(|calls| calls.iter().cloned()) {
        if let Some(before) = last.insert(name.clone(), at) {
            let waited = at.duration_since(before);
            ensure!(waited >= RETRY_AFTER, "{name} came again after {waited:?} of {RETRY_AFTER:?}");
        }
    }
    stage.ends_true().await
}

/// 200 and something that is no answer, for every call that keeps a board true, while the socket is stuck.
async fn nonsense() -> Result<()> {
    let mut stage = Stage::live(&[]).await?;
    let times = Arc::new(AtomicU64::new(0));
    let given = times.clone();
    stage.proxy.on_call(move |asked| {
        let names = ["changes", "digest", "deliveries", "alarms", "socket-tickets"];
        if !names.contains(&asked.name.as_str()) {
            return Answer::Pass;
        }
        Answer::Instead(match given.fetch_add(1, Ordering::Relaxed) % 5 {
            0 => "{}".to_owned(),
            1 => "<html>welcome to the hotel's network</html>".to_owned(),
            2 => "[]".to_owned(),
            3 => r#"{"head":{"epoch":"0","rev":9007199254740993},"frame":null}"#.to_owned(),
            _ => String::new(),
        })
    });
    stage.proxy.set(Kind::Socket, Way::Down, Line::Stuck);
    stage.until("ten such answers", |_| times.load(Ordering::Relaxed) >= 10)?;
    ensure!(stage.watcher.states.last().is_some_and(|state| state != "Live"), "live by nonsense");
    stage.proxy.pass();
    stage.proxy.set(Kind::Socket, Way::Down, Line::Pass);
    stage.watcher.until_state("Live")?;
    stage.ends_true().await
}
