//! Connections that break, fall silent, crawl or damage what they carry, and processes that stand still.

use anyhow::{Result, ensure};
use gwanje_tests::proxy::{Ending, Kind, Line, Way};
use gwanje_tests::stage::{Stage, each_heals};
use serde_json::json;
use std::time::Duration;

#[test]
fn whatever_befalls_a_connection_the_board_ends_true() {
    each_heals(&[
        ("sockets cut again and again", |stage| Box::pin(cut(stage))),
        ("silent from the hub", |stage| Box::pin(half_open(stage, Way::Down))),
        ("silent to the hub", |stage| Box::pin(half_open(stage, Way::Up))),
        ("a slow socket under a rush", |stage| Box::pin(slow(stage))),
        ("a socket that is stuck under a rush", |stage| Box::pin(stuck(stage))),
        ("late both ways", |stage| Box::pin(late(stage))),
        ("bytes flipped", |stage| Box::pin(flipped(stage))),
        ("cut within messages and answers", |stage| Box::pin(cut_within(stage))),
    ]);
}

#[test]
fn whoever_stands_still_goes_on_where_the_hub_is() {
    each_heals(&[
        ("the watcher, for a moment", |stage| Box::pin(watcher_stops(stage, 2))),
        ("the watcher, until it is thrown out", |stage| Box::pin(watcher_stops(stage, 9))),
        ("the hub, for a moment", |stage| Box::pin(hub_stops(stage, 2))),
        ("the hub, until it is given up", |stage| Box::pin(hub_stops(stage, 9))),
        ("sockets on and off", |stage| Box::pin(flapping(stage))),
    ]);
}

fn is_live(stage: &Stage) -> bool {
    stage.watcher.states.last().is_some_and(|state| state == "Live")
}

/// Until the watcher has seen that something is wrong.
fn until_seen(stage: &mut Stage) -> Result<()> {
    stage.until("a state that is not live", |stage| !is_live(stage))
}

async fn cut(stage: &mut Stage) -> Result<()> {
    for ending in [Ending::Fin, Ending::Reset, Ending::Fin] {
        stage.proxy.cut(Kind::Socket, ending);
        stage.proxy.cut(Kind::Rest, ending);
        until_seen(stage)?;
        stage.until("a live link", is_live)?;
    }
    ensure!(stage.proxy.connections(Kind::Socket) >= 4, "a socket for each cut");
    Ok(())
}

/// Nothing is closed; new connections work. Whatever TCP says, the socket is dead after seven seconds.
async fn half_open(stage: &mut Stage, way: Way) -> Result<()> {
    let before = stage.proxy.connections(Kind::Socket);
    stage.proxy.half_open(Kind::Socket, way);
    stage.until("another socket", |stage| stage.proxy.connections(Kind::Socket) > before)?;
    stage.until("a live link", is_live)
}

/// The hub has more to send than gets through, so that its own buffers fill: it makes the backlog one wider frame, or hangs up.
async fn slow(stage: &mut Stage) -> Result<()> {
    stage.proxy.set(Kind::Socket, Way::Down, Line::Slow { per_second: 20_000 });
    stage.drill(&json!({"rush": {"orders": 400, "withinMin": 2}})).await?;
    let rev = stage.head().await?["rev"].as_u64().unwrap_or(0);
    stage.watcher.for_a_while(Duration::from_secs(8))?;
    let now = stage.head().await?["rev"].as_u64().unwrap_or(0);
    ensure!(now > rev + 800, "no rush: from {rev} to {now}");
    stage.proxy.set(Kind::Socket, Way::Down, Line::Pass);
    stage.until("a live link", is_live)
}

async fn stuck(stage: &mut Stage) -> Result<()> {
    stage.proxy.set(Kind::Socket, Way::Down, Line::Stuck);
    stage.drill(&json!({"rush": {"orders": 400, "withinMin": 2}})).await?;
    until_seen(stage)?;
    stage.until("REST to stand in", |stage| {
        stage.watcher.states.last().is_some_and(|state| state == "Polling")
    })?;
    // Polling is true, too.
    stage.watcher.until_proof()?;
    stage.proxy.set(Kind::Socket, Way::Down, Line::Pass);
    stage.until("a live link", is_live)
}

async fn late(stage: &mut Stage) -> Result<()> {
    for kind in [Kind::Socket, Kind::Rest] {
        for way in [Way::Up, Way::Down] {
            stage.proxy.set(kind, way, Line::Late(Duration::from_millis(400)));
        }
    }
    let proofs = stage.watcher.claims().len();
    stage.until("proofs in spite of that", |stage| stage.watcher.claims().len() >= proofs + 4)
}

/// A flipped bit is no text any more, or another frame: whatever is read wrongly is thrown away, never shown.
async fn flipped(stage: &mut Stage) -> Result<()> {
    let before = stage.proxy.connections(Kind::Socket);
    stage.proxy.set(Kind::Socket, Way::Down, Line::Flips { every: 8_000, seed: 7 });
    stage.proxy.set(Kind::Rest, Way::Down, Line::Flips { every: 8_000, seed: 11 });
    stage.until("two more sockets", |stage| stage.proxy.connections(Kind::Socket) >= before + 2)?;
    stage.proxy.set(Kind::Socket, Way::Down, Line::Pass);
    stage.proxy.set(Kind::Rest, Way::Down, Line::Pass);
    Ok(())
}

async fn cut_within(stage: &mut Stage) -> Result<()> {
    let before = stage.proxy.connections(Kind::Socket);
    stage.proxy.set(Kind::Rest, Way::Down, Line::EndsAfter { bytes: 1_500 });
    stage.proxy.set(Kind::Socket, Way::Down, Line::EndsAfter { bytes: 5_000 });
    stage.until("two more sockets", |stage| stage.proxy.connections(Kind::Socket) >= before + 2)?;
    stage.proxy.set(Kind::Rest, Way::Down, Line::Pass);
    stage.proxy.set(Kind::Socket, Way::Down, Line::Pass);
    Ok(())
}

/// Nobody reads at the desk (its machine swaps, say) while much happens.
async fn watcher_stops(stage: &mut Stage, seconds: u64) -> Result<()> {
    stage.watcher.untimed();
    stage.drill(&json!({"rush": {"orders": 200, "withinMin": 2}})).await?;
    stage.watcher.process.signal("STOP")?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stage.watcher.process.signal("CONT")?;
    let proofs = stage.watcher.claims().len();
    stage.until("proofs again", |stage| stage.watcher.claims().len() >= proofs + 2)?;
    stage.until("a live link", is_live)
}

async fn hub_stops(stage: &mut Stage, seconds: u64) -> Result<()> {
    stage.hub.process.signal("STOP")?;
    stage.watcher.for_a_while(Duration::from_secs(seconds))?;
    let seen = !is_live(stage);
    stage.hub.process.signal("CONT")?;
    ensure!(seen || seconds < 7, "a hub that stands still for {seconds} s can't be proven by anything");
    stage.until("a live link", is_live)
}

async fn flapping(stage: &mut Stage) -> Result<()> {
    for _ in 0..3 {
        stage.drill(&json!({"sockets": "off"})).await?;
        until_seen(stage)?;
        stage.drill(&json!({"sockets": "on"})).await?;
        stage.watcher.for_a_while(Duration::from_millis(700))?;
    }
    stage.until("a live link", is_live)
}
