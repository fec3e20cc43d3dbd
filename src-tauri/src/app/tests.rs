//! Who may sign in when: after the server ended a session, and beside one that stands. What the account and the seat keep.

use super::*;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use clap::Parser as _;
use gwanje_engine::ipc::{PreferenceSaved, PreferenceView};
use gwanje_engine::model::{Rev, RowDigest};
use gwanje_engine::wire::{ErrorCode, Problem};
use gwanje_engine::{DeliveryId, ViewSpec};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;

/// Generous: only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn refused() -> (StatusCode, Json<Value>) {
    let problem = Problem::new(ErrorCode::Unauthorized, "no such session");
    (StatusCode::UNAUTHORIZED, Json(serde_json::to_value(problem).unwrap()))
}

fn pair(account: &str) -> (StatusCode, Json<Value>) {
    let pair = json!({
        "accessToken": "access", "refreshToken": "refresh", "expiresAt": 4_102_444_800_000_i64,
        "account": account, "role": "dispatcher", "centers": ["gangnam"], "socketUrls": [],
    });
    (StatusCode::OK, Json(pair))
}

fn centers() -> Value {
    let (rows, at) = (rows(), 1);
    let head = json!({ "epoch": "E", "rev": 1, "count": 1, "digest": rows.digest, "at": at, "dayAt": at });
    let center = json!({
        "id": "gangnam", "name": "강남", "timeZone": "Asia/Seoul", "head": head,
        "undoWithinMs": 3_000, "atRiskMin": 12,
    });
    json!([center])
}

/// A server that takes the password `right`; while `true` is sent, it has ended all sessions.
async fn serve() -> (String, watch::Sender<bool>) {
    let (ended, looks) = watch::channel(false);
    let ticket = move || {
        let mut looks = looks.clone();
        async move {
            let _ = looks.wait_for(|ended| *ended).await;
            refused()
        }
    };
    (serve_with(post(ticket), ended.subscribe()).await, ended)
}

async fn serve_with(ticket: MethodRouter, looks: watch::Receiver<bool>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let login = |Json(asked): Json<Value>| async move {
        if asked["password"] == "right" { pair("minji") } else { refused() }
    };
    let refresh = move || {
        let answer = if *looks.borrow() { refused() } else { pair("minji") };
        async move { answer }
    };
    let router = Router::new()
        .route("/api/v1/login", post(login))
        .route("/api/v1/login/refresh", post(refresh))
        .route("/api/v1/socket-tickets", ticket)
        .route("/api/v1/centers/gangnam/deliveries", get(|| async { Json(snapshot()) }))
        .route("/api/v1/preferences/views", preferences())
        .route("/api/v1/centers", get(|| async { Json(centers()) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// One waiting delivery, received at the first instant of the day, with 30 minutes to go.
fn snapshot() -> Value {
    let row = json!({
        "id": 7, "center": "gangnam", "rev": 1, "modifiedAt": 1, "number": "74001", "orderNo": "",
        "status": "waiting", "shop": { "id": "s", "name": "가게", "phone": "", "address": "" },
        "dropoff": { "address": "" }, "distanceM": 0,
        "pickupTargetMin": 30, "deliveryTargetMin": 30, "receivedAt": 1,
    });
    json!({ "epoch": "E", "rev": 1, "count": 1, "digest": rows().digest, "rows": [row] })
}

fn rows() -> RowDigest {
    let mut rows = RowDigest::default();
    rows.add(DeliveryId(7), Rev(1));
    rows
}

/// One preference, kept as the hub keeps it: by versions, and never over what the writer has not read.
fn preferences() -> MethodRouter {
    let kept: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let written = Arc::clone(&kept);
    let tag = |versions: usize| [("etag", format!("\"{versions}\""))];
    let problem = |code| Json(serde_json::to_value(Problem::new(code, "")).unwrap());
    let read = move || {
        let kept = kept.lock().unwrap().clone();
        async move {
            match kept.last() {
                Some(body) => (StatusCode::OK, tag(kept.len()), body.clone()).into_response(),
                None => (StatusCode::NOT_FOUND, problem(ErrorCode::NotFound)).into_response(),
            }
        }
    };
    let write = move |headers: HeaderMap, body: String| {
        let mut kept = written.lock().unwrap();
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let fits = match said("if-match") {
            Some(version) => version == format!("\"{}\"", kept.len()) && !kept.is_empty(),
            None => said("if-none-match") == Some("*") && kept.is_empty(),
        };
        if fits {
            kept.push(body);
        }
        let versions = kept.len();
        async move {
            if fits {
                (StatusCode::NO_CONTENT, tag(versions)).into_response()
            } else {
                (StatusCode::CONFLICT, tag(versions), problem(ErrorCode::Conflict)).into_response()
            }
        }
    };
    get(read).put(write)
}

fn app(folder: &tempfile::TempDir) -> App {
    App::new(Args::parse_from(["gwanje"]), None, folder.path().to_owned(), Sounds::start().unwrap())
}

/// The server ends the session, and the engine has seen it.
async fn end_session(app: &App, ended: &watch::Sender<bool>) {
    let mut events = app.engine().await.unwrap().events().await.unwrap();
    ended.send_replace(true);
    let seen = async {
        while let Some(event) = events.next().await {
            if matches!(event, EngineEvent::SignedOut(Some(_))) {
                return;
            }
        }
        panic!("the engine stopped");
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap();
    ended.send_replace(false);
}

#[tokio::test]
async fn after_the_server_ended_a_session_one_can_sign_in_again() {
    let (folder, (url, ended)) = (tempfile::tempdir().unwrap(), serve().await);
    let app = app(&folder);
    assert!(app.sign_in(&url, "minji", "right").await.unwrap().signed_in);
    end_session(&app, &ended).await;
    assert!(app.sign_in(&url, "minji", "right").await.unwrap().signed_in);
    app.stop().await;
}

#[tokio::test]
async fn a_page_that_loads_after_the_server_ended_the_session_begins_with_a_sign_in() {
    let (folder, (url, ended)) = (tempfile::tempdir().unwrap(), serve().await);
    let app = app(&folder);
    app.sign_in(&url, "minji", "right").await.unwrap();
    assert!(app.boot().await.unwrap().signed_in);
    end_session(&app, &ended).await;
    let boot = app.boot().await.unwrap();
    assert_eq!((boot.signed_in, boot.account.as_deref()), (false, Some("minji")));
    assert!(app.sign_in(&url, "minji", "right").await.unwrap().signed_in);
    app.stop().await;
}

#[tokio::test]
async fn a_sign_in_that_fails_leaves_the_session_that_stands() {
    let (folder, (url, _ended)) = (tempfile::tempdir().unwrap(), serve().await);
    let app = app(&folder);
    app.sign_in(&url, "minji", "right").await.unwrap();
    assert_eq!(app.sign_in(&url, "minji", "wrong").await.unwrap_err().code, "unauthorized");
    assert!(app.boot().await.unwrap().signed_in);
    app.stop().await;
}

#[tokio::test]
async fn what_the_account_keeps_is_never_written_over_unread() {
    let (folder, (url, _ended)) = (tempfile::tempdir().unwrap(), serve().await);
    let app = app(&folder);
    app.sign_in(&url, "minji", "right").await.unwrap();
    let engine = app.engine().await.unwrap();
    let save = async |json: &str, version: Option<&str>| {
        engine.save_preference("views", json.to_owned(), version.map(str::to_owned)).await.unwrap()
    };
    let saved = |version: &str| PreferenceSaved::Saved { version: version.to_owned() };
    assert_eq!(engine.preference("views").await.unwrap(), None);
    assert_eq!(save("[1]", None).await, saved("\"1\""));
    assert_eq!(save("[2]", Some("\"1\"")).await, saved("\"2\""));
    let latest = Some(PreferenceView { json: "[2]".to_owned(), version: "\"2\"".to_owned() });
    assert_eq!(save("[3]", None).await, PreferenceSaved::Conflict { latest: latest.clone() });
    assert_eq!(save("[3]", Some("\"1\"")).await, PreferenceSaved::Conflict { latest: latest.clone() });
    assert_eq!(engine.preference("views").await.unwrap(), latest);
    app.stop().await;
}

#[tokio::test]
async fn what_the_page_keeps_at_the_seat_is_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let before = app(&folder);
    before.keep_at_seat("density", Some("\"compact\"".to_owned())).await.unwrap();
    assert_eq!(before.keep_at_seat("density", Some("{".to_owned())).await.unwrap_err().code, "invalid");
    let kept = app(&folder).boot().await.unwrap().kept;
    assert_eq!(kept, BTreeMap::from([("density".to_owned(), "\"compact\"".to_owned())]));
}

#[tokio::test]
async fn a_center_says_how_long_a_change_is_taken_back_and_when_a_delivery_is_at_risk() {
    let folder = tempfile::tempdir().unwrap();
    // Without a socket the board comes by polling.
    let busy = || async { (StatusCode::SERVICE_UNAVAILABLE, "{}") };
    let url = serve_with(post(busy), watch::channel(false).1).await;
    let app = app(&folder);
    let boot = app.sign_in(&url, "minji", "right").await.unwrap();
    assert_eq!((boot.centers[0].undo_within_ms, boot.centers[0].at_risk_min), (3_000, 12));
    let (sender, mut patches) = tokio::sync::mpsc::unbounded_channel();
    let sink = Arc::new(move |patch| drop(sender.send(patch)));
    let engine = app.engine().await.unwrap();
    engine.open_view(ViewSpec { len: 10, ..ViewSpec::default() }, sink).await.unwrap();
    let at_risk = async {
        while let Some(patch) = patches.recv().await {
            if let Some(row) = patch.rows.iter().find(|row| row.id == 7) {
                return (row.late_at.unwrap() - row.risk_at.unwrap() + 1) / 60_000;
            }
        }
        panic!("the engine stopped");
    };
    assert_eq!(tokio::time::timeout(PATIENCE, at_risk).await.unwrap(), 12);
    app.stop().await;
}

#[tokio::test]
async fn what_is_muted_is_told_to_a_page_that_starts() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder);
    assert_eq!(app.mute_alarms(AlarmKind::Cancelled, 7).await.unwrap_err().code, "invalid");
    let told = app.mute_alarms(AlarmKind::Cancelled, 15).await.unwrap();
    let is_muted = |view: &SoundView| (view.kind, view.muted_until.is_some());
    let muted = [(AlarmKind::Cancelled, true), (AlarmKind::Unproven, false)];
    assert_eq!(told.iter().map(is_muted).collect::<Vec<_>>(), muted);
    assert_eq!(app.boot().await.unwrap().sounds, told);
    let told = app.mute_alarms(AlarmKind::Cancelled, 0).await.unwrap();
    assert!(told.iter().all(|view| view.muted_until.is_none()));
}
