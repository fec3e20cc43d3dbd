//! The app's engine without a window: commands whose answers are lost, and a page that stops acknowledging.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]

use anyhow::{Context, Result, ensure};
use gwanje_engine::ipc::CommandPhase;
use gwanje_engine::model::lifecycle::Action;
use gwanje_engine::{CommandWish, EngineEvent, Patch, ViewSpec};
use gwanje_model::{DeliveryId, RiderId};
use gwanje_tests::hub::Hub;
use gwanje_tests::process::PATIENCE;
use gwanje_tests::proxy::{Answer, Asked, Proxy};
use gwanje_tests::seat::Seat;
use gwanje_tests::stage::{Case, alone, side_by_side};
use gwanje_tests::watcher::CENTER;
use gwanje_wire::CommandBody;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const STILL: [&str; 6] = ["--speed", "0", "--centers", "1", "--start", "18:30"];

/// A command is sent again for half a minute at most, at growing distances.
const SENT_MAX: u64 = 20;

/// A command, what befalls its answers, and what becomes of it.
struct Lost {
    name: &'static str,
    action: Action,
    body: fn() -> CommandBody,
    /// What befalls the n-th sending of it.
    befalls: fn(u64) -> Answer,
    settles: CommandPhase,
    code: Option<&'static str>,
    /// How often the hub has done it in the end.
    done: usize,
}

fn note() -> CommandBody {
    CommandBody { text: Some("초인종 고장".into()), ..CommandBody::default() }
}

fn nobody() -> CommandBody {
    CommandBody { rider_id: Some(RiderId::from("nobody")), ..CommandBody::default() }
}

const LOST: [Lost; 5] = [
    Lost {
        name: "one answer lost after the commit",
        action: Action::Note,
        body: note,
        befalls: |n| if n == 0 { Answer::Swallow } else { Answer::Pass },
        settles: CommandPhase::Done,
        code: None,
        done: 1,
    },
    Lost {
        name: "every answer cut half-way",
        action: Action::Note,
        body: note,
        befalls: |_| Answer::Half,
        settles: CommandPhase::Done,
        code: None,
        done: 1,
    },
    Lost {
        name: "every answer lost",
        action: Action::Note,
        body: note,
        befalls: |_| Answer::Swallow,
        settles: CommandPhase::Done,
        code: None,
        done: 1,
    },
    Lost {
        name: "a lost refusal",
        action: Action::Assign,
        body: nobody,
        befalls: |n| if n == 0 { Answer::Swallow } else { Answer::Pass },
        settles: CommandPhase::Refused,
        code: Some("invalid"),
        done: 0,
    },
    Lost {
        name: "never arrived",
        action: Action::Note,
        body: note,
        befalls: |_| Answer::Refuse { status: 503, retry_after_s: None },
        settles: CommandPhase::NotSent,
        code: Some("void"),
        done: 0,
    },
];

/// However often it was sent: done once, settled once, and as the hub has recorded it.
#[test]
fn a_command_whose_answers_are_lost_settles_once_as_recorded() {
    let case = |lost: &'static Lost| -> Case { (lost.name, Box::new(move || alone(settles(lost)))) };
    side_by_side(LOST.iter().map(case).collect());
}

async fn settles(lost: &'static Lost) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&STILL)?;
    let proxy = Proxy::reading(hub.address()).await?;
    let mut seat = Seat::start(&proxy.url(), folder.path(), CENTER).await?;
    seat.live().await?;
    let api = hub.sign_in("dispatcher").await?;
    let id = under_way(&api.snapshot(CENTER).await?)?;
    let before = times_done(&api, id, lost.action).await?;
    let name = lost.action.as_str();
    proxy.on_call(
        move |asked: &Asked| {
            if asked.name == name { (lost.befalls)(asked.before) } else { Answer::Pass }
        },
    );
    let wish = CommandWish::act(seat.center.clone(), id, lost.action, (lost.body)());
    let command = seat.engine.command(wish).await?;
    let (phase, code) = seat
        .hear("the outcome", |event| match event {
            EngineEvent::Command(report) if report.command == command => match report.phase {
                CommandPhase::Done
                | CommandPhase::Refused
                | CommandPhase::NotSent
                | CommandPhase::Unknowable
                | CommandPhase::Lost => {
                    let code = report.problem.as_ref().map(|problem| problem.code.as_str().to_owned());
                    Some((report.phase, code))
                }
                CommandPhase::Pending | CommandPhase::Unknown => None,
            },
            _ => None,
        })
        .await?;
    ensure!((phase, code.as_deref()) == (lost.settles, lost.code), "{phase:?} {code:?}");
    // Another outcome would come with the answers that are still under way, or with the next proofs.
    let mut more = 0;
    for _ in 0..2 {
        seat.hear("a proof", |event| {
            more += u32::from(matches!(event, EngineEvent::Command(report) if report.command == command));
            matches!(event, EngineEvent::Proved(..)).then_some(())
        })
        .await?;
    }
    ensure!(more == 0, "settled again");
    let done = times_done(&api, id, lost.action).await? - before;
    ensure!(done == lost.done, "done {done} times");
    ensure!(proxy.asked(name) <= SENT_MAX, "sent {} times", proxy.asked(name));
    seat.stop().await;
    Ok(())
}

fn under_way(snapshot: &gwanje_wire::rest::Snapshot) -> Result<DeliveryId> {
    let row = snapshot.rows.iter().filter_map(|row| row.delivery()).find(|row| !row.status.is_final());
    Ok(row.context("a delivery under way")?.id)
}

async fn times_done(api: &gwanje_tests::api::Api, id: DeliveryId, action: Action) -> Result<usize> {
    let events: Vec<Value> = api.get(&format!("/centers/{CENTER}/deliveries/{id}/history")).await?;
    Ok(events.iter().filter(|event| event["action"] == action.as_str()).count())
}

/// A page that hangs is sent no more than two patches however much happens; shown again, it gets all of the present.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_acknowledges_nothing_is_not_flooded_and_comes_back_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::demo(&["--speed", "60", "--centers", "1", "--start", "18:30"])?;
    let admin = hub.sign_in("admin").await?;
    let mut seat = Seat::start(&hub.url, folder.path(), CENTER).await?;
    seat.live().await?;
    let (hanging, mut patches) = view(&seat).await?;
    admin.post("/drill", &json!({"rush": {"orders": 200, "withinMin": 2}})).await?;
    seat.hear("the page found stuck", |event| {
        matches!(event, EngineEvent::ViewStalled(view) if *view == hanging).then_some(())
    })
    .await?;
    let sent = std::iter::from_fn(|| patches.try_recv().ok()).count();
    ensure!(sent <= 2, "{sent} patches to a page that acknowledged none");
    admin.post("/drill", &json!({"speed": 0})).await?;
    let (rev, ids) = settled(&admin).await?;
    seat.proven(rev).await?;
    seat.engine.reset_view(hanging).await?;
    let whole = tokio::time::timeout(PATIENCE, patches.recv()).await?.context("a patch")?;
    // A page shows as many rows at most, out of all that match.
    ensure!(whole.reset && whole.total == ids.len() as u64, "{} of {}", whole.total, ids.len());
    let shown: BTreeSet<u64> = whole.rows.iter().map(|row| row.id).collect();
    ensure!(shown.len() == ids.len().min(ViewSpec::MAX_LEN as usize), "{} of {}", shown.len(), ids.len());
    ensure!(shown.is_subset(&ids), "the page shows what the hub has not");
    seat.stop().await;
    Ok(())
}

type ViewAndPatches = (gwanje_board::ViewId, mpsc::UnboundedReceiver<Patch>);

async fn view(seat: &Seat) -> Result<ViewAndPatches> {
    let (sink, patches) = mpsc::unbounded_channel();
    let spec = ViewSpec { len: ViewSpec::MAX_LEN, ..ViewSpec::default() };
    let sink = Arc::new(move |patch| {
        // The test may have ended.
        let _ = sink.send(patch);
    });
    Ok((seat.engine.open_view(spec, sink).await?, patches))
}

/// Revision and ids of the board once nothing changes any more.
async fn settled(admin: &gwanje_tests::api::Api) -> Result<(u64, BTreeSet<u64>)> {
    let begun = Instant::now();
    let mut before = None;
    loop {
        let board = admin.snapshot(CENTER).await?;
        if before.replace(board.rev) == Some(board.rev) {
            return Ok((board.rev.0, board.rows.iter().map(|row| row.id().0).collect()));
        }
        ensure!(begun.elapsed() < PATIENCE, "the day does not stop");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
