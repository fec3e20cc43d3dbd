//! Somebody at a clerk who places and cancels orders by REST the whole time, and keeps what the hub answered.

use crate::api::Api;
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::watcher::CENTER;

/// Between two orders: often enough that a command is under way at many a kill, seldom enough that a board stays a board.
const PAUSE: Duration = Duration::from_millis(120);
/// Between two tries while the hub is away.
const TRY_AGAIN: Duration = Duration::from_millis(60);

/// What the hub said was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Id and revision of each change that was answered.
    changes: Vec<(u64, u64)>,
    /// Orders that were placed, each under a number of its own.
    orders: u64,
    /// Commands that had to be sent again since no answer came.
    pub again: u64,
}

/// A clerk at work.
pub(super) struct Clerk {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Done>>,
}

impl Clerk {
    pub fn at_work(callcenter: Api) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(work(callcenter, stopped)) }
    }

    /// Ends after the command under way. The hub must be there.
    pub async fn done(self) -> Result<Done> {
        self.stop.send_replace(true);
        self.task.await.context("the clerk's task")?
    }
}

async fn work(mut api: Api, stopped: watch::Receiver<bool>) -> Result<Done> {
    let mut done = Done::default();
    while !*stopped.borrow() {
        let n = done.orders;
        let order = json!({
            "orderNo": format!("DESK{n}"), "items": [{"name": "김밥", "quantity": 1}],
            "shop": {"id": "clerk", "name": "김밥천국"}, "dropoff": {"address": "역삼동 1"}
        });
        let row = decided(
            &mut api,
            &format!("/centers/{CENTER}/deliveries"),
            &format!("clerk-{n}"),
            &order,
            &mut done,
        )
        .await?;
        done.orders += 1;
        if n.is_multiple_of(4) {
            let id = row["id"].as_u64().context("an id")?;
            let path = format!("/centers/{CENTER}/deliveries/{id}/cancel");
            let why = json!({"reason": "손님 변심", "by": "customer"});
            decided(&mut api, &path, &format!("clerk-cancel-{n}"), &why, &mut done).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(done)
}

/// Sends a command under its key until the hub has answered it.
async fn decided(api: &mut Api, path: &str, key: &str, body: &Value, done: &mut Done) -> Result<Value> {
    loop {
        let request = api.request(Method::POST, path).header("idempotency-key", key).json(body);
        let answered = match request.timeout(Duration::from_secs(8)).send().await {
            Ok(response) => {
                let status = response.status();
                // Cut off half-way is no answer.
                response.text().await.map(|text| (status, text))
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((status, text)) if status.is_success() => {
                let row: Value =
                    serde_json::from_str(&text).with_context(|| format!("reading {text:.200}"))?;
                let change = row["id"].as_u64().zip(row["rev"].as_u64());
                done.changes.push(change.with_context(|| format!("id and rev in {row}"))?);
                return Ok(row);
            }
            Ok((StatusCode::UNAUTHORIZED, _)) => {
                // An access token lives for a quarter of an hour.
                if let Ok(again) = api.again().await {
                    *api = again;
                }
            }
            Ok((status, text)) => {
                ensure!(status.is_server_error(), "{path} was refused with {status}: {text}");
            }
            Err(_) => {}
        }
        done.again += 1;
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

impl Done {
    pub fn answered(&self) -> usize {
        self.changes.len()
    }

    /// Each change that was answered is in the hub's history, and each order there is once.
    pub fn is_kept_in(&self, database: &std::path::Path) -> Result<()> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = rusqlite::Connection::open_with_flags(database, flags)?;
        let mut kept = db.prepare("SELECT count(*) FROM history WHERE delivery = ?1 AND rev = ?2")?;
        for (id, rev) in &self.changes {
            let times: i64 = kept.query_row([id.cast_signed(), rev.cast_signed()], |row| row.get(0))?;
            ensure!(times == 1, "the hub answered revision {rev} of delivery {id} and knows nothing of it");
        }
        let placed: i64 = db.query_row(
            "SELECT count(*) FROM history WHERE action = 'create' AND json_extract(body, '$.orderNo') LIKE 'DESK%'",
            [],
            |row| row.get(0),
        )?;
        ensure!(placed.cast_unsigned() == self.orders, "{placed} orders on the hub, {} placed", self.orders);
        Ok(())
    }
}
