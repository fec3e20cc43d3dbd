//! The engine's handle against a real hub: what the desktop app does, without a window.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]

use anyhow::{Context, Result, bail, ensure};
use gwanje_engine::ipc::{AppEvent, CommandPhase, FreshnessState};
use gwanje_engine::model::lifecycle::Action;
use gwanje_engine::model::{CenterId, DeliveryId, RiderId, UtcMillis};
use gwanje_engine::wire::CommandBody;
use gwanje_engine::wire::rest::AlarmKind;
use gwanje_engine::{AlarmKey, CommandWish, Engine, EngineConfig, Events, Patch, ViewSpec, kept_session};
use gwanje_tests::hub::Hub;
use gwanje_tests::process::PATIENCE;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The next event for a page that is the one waited for.
async fn heard<T>(
    events: &mut Events,
    what: &str,
    mut wanted: impl FnMut(&AppEvent) -> Option<T>,
) -> Result<T> {
    let search = async {
        while let Some(event) = events.next().await {
            if let Some(found) = event.for_page().as_ref().and_then(&mut wanted) {
                return Ok(found);
            }
        }
        bail!("the engine ended before {what}")
    };
    timeout(PATIENCE, search).await.with_context(|| format!("waiting for {what}"))?
}

async fn live(events: &mut Events) -> Result<()> {
    heard(events, "a live board", |event| {
        matches!(event, AppEvent::Freshness(fresh) if fresh.state == FreshnessState::Live).then_some(())
    })
    .await
}

async fn next_patch(patches: &mut mpsc::UnboundedReceiver<Patch>) -> Result<Patch> {
    timeout(PATIENCE, patches.recv()).await.context("waiting for a patch")?.context("a view's channel")
}

fn cached_files(folder: &Path) -> Result<usize> {
    let names: std::io::Result<Vec<_>> =
        std::fs::read_dir(folder)?.map(|file| Ok(file?.file_name())).collect();
    Ok(names?.iter().filter(|name| name.to_string_lossy().starts_with("cache-")).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_signs_in_sees_the_board_acts_and_signs_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "0", "--centers", "1", "--start", "18:30"])?;
    let center = CenterId::from("gangnam");
    let engine = Engine::start(EngineConfig::new(&hub.url, folder.path())).await?;
    ensure!(engine.resume().await?.is_none(), "nothing is kept in an empty profile");
    let wrong = engine.sign_in("dispatcher", "wrong").await;
    ensure!(matches!(&wrong, Err(error) if error.code() == "unauthorized"), "{wrong:?}");
    let mut events = engine.events().await?;
    let signed_in = engine.sign_in("dispatcher", "dispatcher").await?;
    ensure!(signed_in.role == "dispatcher" && signed_in.centers.len() == 1, "{signed_in:?}");
    ensure!(signed_in.centers.iter().all(|center| center.name != center.id), "names are told: {signed_in:?}");
    live(&mut events).await?;

    // The board: a reset with everything in sight, then patches for what changes.
    let (sink, mut patches) = mpsc::unbounded_channel();
    let spec = ViewSpec { len: 600, ..ViewSpec::default() };
    let sink = Arc::new(move |patch| {
        // The test may have ended.
        let _ = sink.send(patch);
    });
    let view = engine.open_view(spec, sink).await?;
    let first = next_patch(&mut patches).await?;
    let api = hub.sign_in("dispatcher").await?;
    let snapshot = api.snapshot("gangnam").await?;
    ensure!(first.reset && first.total == snapshot.count, "{} rows, not {}", first.total, snapshot.count);
    engine.ack(view, first.seq).await?;

    // A command: pending, done, and on the board.
    let waiting = snapshot
        .rows
        .iter()
        .filter_map(|row| row.delivery())
        .find(|row| !row.status.is_final())
        .context("a delivery under way")?;
    let note = CommandBody { text: Some("문이 잠겨 있음".into()), ..CommandBody::default() };
    let command = engine.command(CommandWish::act(center.clone(), waiting.id, Action::Note, note)).await?;
    let mut phases = Vec::new();
    heard(&mut events, "a settled command", |event| {
        let AppEvent::Command { command_id, outcome, .. } = event else { return None };
        if *command_id == command.0 {
            phases.push(*outcome);
        }
        matches!(outcome, CommandPhase::Done | CommandPhase::Refused).then_some(())
    })
    .await?;
    assert_eq!(phases, [CommandPhase::Pending, CommandPhase::Done]);
    let row = engine.delivery(&center, waiting.id).await?.context("the row")?;
    assert_eq!(row.notes.last().map(|note| note.text.as_str()), Some("문이 잠겨 있음"));
    let patch = next_patch(&mut patches).await?;
    assert_eq!(patch.seq, first.seq + 1);
    let history = engine.history(&center, waiting.id).await?;
    assert_eq!(history.last().map(|event| event.action.as_str()), Some("note"));
    assert!(engine.place_of(view, waiting.id).await?.is_some());
    assert!(!engine.riders(&center).await?.is_empty());

    // One that the hub refuses.
    let body = CommandBody { rider_id: Some(RiderId::from("nobody")), ..CommandBody::default() };
    engine.command(CommandWish::act(center.clone(), waiting.id, Action::Assign, body)).await?;
    let code = heard(&mut events, "a refusal", |event| match event {
        AppEvent::Command { outcome: CommandPhase::Refused, code, .. } => Some(code.clone()),
        _ => None,
    })
    .await?;
    assert!(code.is_some());

    // A cancellation: told, acknowledged, settled.
    let cancel = CommandBody {
        reason: Some("손님 변심".into()),
        by: Some(gwanje_engine::model::CancelBy::Customer),
        ..CommandBody::default()
    };
    engine.command(CommandWish::act(center.clone(), waiting.id, Action::Cancel, cancel)).await?;
    let (id, raised_at) = heard(&mut events, "an alarm", |event| match event {
        AppEvent::Alarm {
            id, raised_at, kind: AlarmKind::Cancelled, relisted: false, row: Some(_), ..
        } => Some((DeliveryId(*id), UtcMillis(*raised_at))),
        _ => None,
    })
    .await?;
    assert_eq!(id, waiting.id);
    let key = AlarmKey { id, kind: AlarmKind::Cancelled, raised_at };
    engine.acknowledge(&center, key).await?;
    heard(&mut events, "the alarm settled", |event| {
        let settled = |of: u64| of == id.0;
        matches!(event, AppEvent::AlarmSettled { id, kind: AlarmKind::Cancelled, .. } if settled(*id))
            .then_some(())
    })
    .await?;

    // Ended and begun again: without a password, from the cache, and nothing is raised again.
    engine.close_view(view).await?;
    engine.stop().await;
    assert!(engine.freshness().await.is_err(), "a stopped engine answers nothing");
    assert_eq!(kept_session(folder.path()).map(|kept| kept.account), Some("dispatcher".to_owned()));
    let engine = Engine::start(EngineConfig::new(&hub.url, folder.path())).await?;
    let mut events = engine.events().await?;
    let resumed = engine.resume().await?.context("the kept session")?;
    assert_eq!(resumed, signed_in);
    let mut again = 0;
    heard(&mut events, "a live board", |event| {
        again += u32::from(matches!(event, AppEvent::Alarm { kind: AlarmKind::Cancelled, .. }));
        matches!(event, AppEvent::Freshness(fresh) if fresh.state == FreshnessState::Live).then_some(())
    })
    .await?;
    assert_eq!(again, 0, "an acknowledged alarm stays acknowledged");
    assert_eq!(engine.stats().await?.snapshots, 0, "the cursor was good; no snapshot was due");

    engine.sign_out().await?;
    heard(&mut events, "the sign-out", |event| {
        matches!(event, AppEvent::SignedOut { code: None }).then_some(())
    })
    .await?;
    engine.stop().await;
    assert_eq!(kept_session(folder.path()), None);
    assert_eq!(cached_files(folder.path())?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_no_cache_is_set_aside_and_rebuilt() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "0", "--centers", "1", "--start", "18:00"])?;
    let config = EngineConfig::new(&hub.url, folder.path());
    let engine = Engine::start(config.clone()).await?;
    let mut events = engine.events().await?;
    engine.sign_in("dispatcher", "dispatcher").await?;
    live(&mut events).await?;
    engine.stop().await;

    let cache = std::fs::read_dir(folder.path())?
        .filter_map(|file| file.ok().map(|file| file.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .context("the cache's file")?;
    std::fs::write(&cache, vec![0x55; 100_000])?;
    let engine = Engine::start(config).await?;
    let mut events = engine.events().await?;
    engine.resume().await?.context("the kept session")?;
    live(&mut events).await?;
    assert_eq!(engine.stats().await?.snapshots, 1, "rebuilt from a snapshot");
    engine.stop().await;
    assert_eq!(cached_files(folder.path())?, 2, "the damaged file is still there, under another name");
    Ok(())
}
