//! Nothing is forgotten over a restart: acknowledgements that the hub has not heard of, commands without an outcome.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]

use anyhow::{Context, Result, ensure};
use gwanje_engine::ipc::CommandPhase;
use gwanje_engine::sync::CommandId;
use gwanje_engine::{CommandReport, CommandWish, EngineEvent};
use gwanje_model::lifecycle::Action;
use gwanje_model::{DeliveryId, Status};
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::process::PATIENCE;
use gwanje_tests::proxy::{Answer, Proxy};
use gwanje_tests::seat::Seat;
use gwanje_wire::rest::{AlarmKind, AlarmsRead, ReceiptStage};
use gwanje_wire::{CommandBody, ErrorCode};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CENTER: &str = "gangnam";
const STILL: [&str; 6] = ["--speed", "0", "--centers", "1", "--start", "18:30"];

/// A hub whose day stands still and is kept in that folder.
fn hub(data: &Path, address: Option<&str>) -> Result<Hub> {
    let mut arguments = vec!["--data", data.to_str().context("a folder's name")?];
    arguments.extend(address.iter().flat_map(|address| ["--listen", address]));
    arguments.extend(STILL);
    Hub::demo(&arguments)
}

async fn under_way(api: &Api) -> Result<DeliveryId> {
    let snapshot = api.snapshot(CENTER).await?;
    let row = snapshot.rows.iter().filter_map(|row| row.delivery()).find(|row| row.status == Status::Waiting);
    Ok(row.context("a delivery that waits")?.id)
}

/// Asks until it is so.
async fn until<F: Future<Output = Result<bool>>>(what: &str, mut is_so: impl FnMut() -> F) -> Result<()> {
    let begun = Instant::now();
    while !is_so().await? {
        ensure!(begun.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn note(seat: &Seat, id: DeliveryId) -> CommandWish {
    let body = CommandBody { text: Some("문 앞에 두세요".into()), ..CommandBody::default() };
    CommandWish::act(seat.center.clone(), id, Action::Note, body)
}

async fn news_of(seat: &mut Seat, command: &CommandId) -> Result<Arc<CommandReport>> {
    seat.hear("news of the command", |event| match event {
        EngineEvent::Command(report) if report.command == *command => Some(Arc::clone(report)),
        _ => None,
    })
    .await
}

/// The profile as the disk has it at this moment: what a `kill -9` would leave.
fn as_after_a_kill(profile: &Path, copy: &Path) -> Result<()> {
    std::fs::create_dir_all(copy)?;
    for file in std::fs::read_dir(profile)? {
        let file = file?;
        std::fs::copy(file.path(), copy.join(file.file_name()))?;
    }
    Ok(())
}

fn kept_commands(seat: &Seat) -> Result<u64> {
    let db = rusqlite::Connection::open(seat.cache()?)?;
    let count: i64 = db.query_row("SELECT count(*) FROM commands", [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_given_while_the_hub_is_away_reaches_it_after_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, profile) = (folder.path().join("hub"), folder.path().join("seat"));
    let mut running = hub(&data, None)?;
    let address = running.address().to_owned();
    let mut seat = Seat::start(&running.url, &profile, CENTER).await?;
    seat.live().await?;
    let api = running.sign_in("dispatcher").await?;
    let id = under_way(&api).await?;
    let cancel = json!({"reason": "손님 변심", "by": "customer"});
    api.post(&format!("/centers/{CENTER}/deliveries/{id}/cancel"), &cancel).await?;
    let key = seat
        .hear("the alarm", |event| match event {
            EngineEvent::Alarm(_, notice)
                if notice.key.id == id && notice.key.kind == AlarmKind::Cancelled =>
            {
                Some(notice.key)
            }
            _ => None,
        })
        .await?;

    running.process.kill()?;
    seat.engine.acknowledge(&seat.center, key).await?;
    seat.hear("the alarm to be off the list", |event| {
        matches!(event, EngineEvent::AlarmSettled(_, settled) if *settled == key).then_some(())
    })
    .await?;
    let installation = seat.engine.diagnostics().await?.seat;
    seat.stop().await;

    let running = hub(&data, Some(&address))?;
    let api = running.sign_in("dispatcher").await?;
    let acknowledged = async || -> Result<bool> {
        let read: AlarmsRead = api.get(&format!("/centers/{CENTER}/alarms?after=0")).await?;
        let entry = read.alarms.iter().find(|alarm| alarm.id == id && alarm.kind == AlarmKind::Cancelled);
        let receipts = &entry.context("the alarm at the hub")?.receipts;
        Ok(receipts
            .iter()
            .any(|of| of.seat.as_str() == installation && of.stage == ReceiptStage::Acknowledged))
    };
    ensure!(!acknowledged().await?, "the hub was away: it can't know yet");
    let mut seat = Seat::start(&running.url, &profile, CENTER).await?;
    seat.live().await?;
    until("the acknowledgement at the hub", &acknowledged).await?;
    ensure!(seat.alarms.iter().all(|(told, _)| *told != key), "neither raised nor listed again");
    seat.stop().await;
    Ok(())
}

/// The hub has done it, the answer never came, and the app was killed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_answer_was_lost_with_the_app_is_told_as_done() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (profile, copy) = (folder.path().join("seat"), folder.path().join("copy"));
    let running = hub(&folder.path().join("hub"), None)?;
    let api = running.sign_in("dispatcher").await?;
    let id = under_way(&api).await?;
    let proxy = Proxy::reading(running.address()).await?;
    let mut seat = Seat::start(&proxy.url(), &profile, CENTER).await?;
    seat.live().await?;
    proxy.on_call(|asked| if asked.name == "note" { Answer::Swallow } else { Answer::Pass });
    let command = seat.engine.command(note(&seat, id)).await?;
    let path = format!("/centers/{CENTER}/deliveries/{id}");
    until("the note at the hub", async || {
        let row: serde_json::Value = api.get(&path).await?;
        Ok(row["notes"].as_array().is_some_and(|notes| !notes.is_empty()))
    })
    .await?;
    as_after_a_kill(&profile, &copy)?;
    seat.stop().await;

    proxy.pass();
    let notes = proxy.asked("note");
    let mut seat = Seat::start(&proxy.url(), &copy, CENTER).await?;
    let first = news_of(&mut seat, &command).await?;
    ensure!((first.phase, first.id, first.action.as_str()) == (CommandPhase::Unknown, Some(id), "note"));
    let told = news_of(&mut seat, &command).await?;
    ensure!(told.phase == CommandPhase::Done && told.row.is_some(), "{told:?}");
    until("the command to be out of the cache", async || Ok(kept_commands(&seat)? == 0)).await?;
    ensure!(proxy.asked("note") == notes, "it is asked about, not sent again");
    seat.stop().await;

    // Told once: the next start knows of nothing.
    let mut seat = Seat::start(&proxy.url(), &copy, CENTER).await?;
    let mut news = 0;
    seat.hear("a live board", |event| match event {
        EngineEvent::Command(_) => {
            news += 1;
            None
        }
        EngineEvent::Proved(..) => Some(()),
        _ => None,
    })
    .await?;
    ensure!(news == 0, "told {news} times more");
    seat.stop().await;
    Ok(())
}

/// It never reached the hub: after the restart it is void, and a late twin would be refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_never_arrived_is_told_as_void() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, profile, copy) =
        (folder.path().join("hub"), folder.path().join("seat"), folder.path().join("copy"));
    let mut running = hub(&data, None)?;
    let address = running.address().to_owned();
    let id = under_way(&running.sign_in("dispatcher").await?).await?;
    let mut seat = Seat::start(&running.url, &profile, CENTER).await?;
    seat.live().await?;
    running.process.kill()?;
    let command = seat.engine.command(note(&seat, id)).await?;
    let pending = news_of(&mut seat, &command).await?;
    ensure!(pending.phase == CommandPhase::Pending, "{pending:?}");
    until("the command in the cache", async || Ok(kept_commands(&seat)? == 1)).await?;
    as_after_a_kill(&profile, &copy)?;
    seat.stop().await;

    let running = hub(&data, Some(&address))?;
    let mut seat = Seat::start(&running.url, &copy, CENTER).await?;
    let mut told = news_of(&mut seat, &command).await?;
    while told.phase == CommandPhase::Unknown {
        told = news_of(&mut seat, &command).await?;
    }
    let code = told.problem.as_ref().map(|problem| problem.code);
    ensure!((told.phase, code) == (CommandPhase::NotSent, Some(ErrorCode::Void)), "{told:?}");
    let api = running.sign_in("dispatcher").await?;
    let late = api
        .request(reqwest::Method::POST, &format!("/centers/{CENTER}/deliveries/{id}/note"))
        .header("Idempotency-Key", &command.0)
        .json(&json!({"text": "문 앞에 두세요"}))
        .send()
        .await?;
    ensure!(late.status() == 409, "a late twin is refused: {}", late.status());
    seat.stop().await;
    Ok(())
}
