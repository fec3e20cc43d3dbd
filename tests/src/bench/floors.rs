//! P1's peers: the same bytes received, parsed and put into a map, and the same distinct rows upserted into SQLite.

use super::stream::{LastCopy, Stream};
use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use gwanje_model::{Delivery, DeliveryId, Rev};
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

/// Rows of a transaction: what a frame holds.
const ROWS_A_TRANSACTION: usize = 1_000;

/// What is needed of a frame.
#[derive(Deserialize)]
struct Rows {
    to: Rev,
    rows: Vec<Delivery>,
}

/// Receive, parse, insert: sender and receiver in this process, as with the engine.
///
/// # Errors
/// When a side fails.
pub async fn raw(stream: &Arc<Stream>) -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let sending = tokio::spawn({
        let stream = Arc::clone(stream);
        async move {
            let (tcp, _) = listener.accept().await?;
            tcp.set_nodelay(true)?;
            let mut socket = accept_async(tcp).await?;
            // The receiver says when its clock runs.
            socket.next().await.context("the receiver is gone")??;
            for frame in &stream.frames {
                socket.send(Message::Text(frame.text.clone())).await?;
            }
            anyhow::Ok(())
        }
    });
    let (mut socket, _) = connect_async(url).await?;
    let mut map: FxHashMap<DeliveryId, Delivery> = FxHashMap::default();
    let start = Instant::now();
    socket.send(Message::text("go")).await?;
    let mut reached = Rev(0);
    while reached < stream.end() {
        let Message::Text(text) = socket.next().await.context("the sender is gone")?? else { continue };
        // `42/center/…,["deliveries",{…}]`
        let frame = text.find('{').and_then(|from| text.get(from..text.len() - 1));
        let frame: Rows = serde_json::from_str(frame.context("a frame without data")?)?;
        reached = frame.to;
        map.extend(frame.rows.into_iter().map(|row| (row.id, row)));
    }
    let took = start.elapsed();
    sending.await.context("the sender's task")??;
    ensure!(map.len() == stream.distinct.len(), "{} rows in the map", map.len());
    Ok(took)
}

/// Upserts of rows that are there already, ready as JSON, in the order of the tree.
///
/// # Errors
/// When SQLite fails.
pub fn sqlite(stream: &Stream) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("peer.sqlite"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, body TEXT NOT NULL) STRICT;",
    )?;
    let before = |copy: &LastCopy| LastCopy { rev: Rev(0), ..copy.clone() };
    upsert(&mut db, &stream.distinct.iter().map(before).collect::<Vec<_>>())?;
    let start = Instant::now();
    upsert(&mut db, &stream.distinct)?;
    Ok(start.elapsed())
}

fn upsert(db: &mut Connection, rows: &[LastCopy]) -> Result<()> {
    for some in rows.chunks(ROWS_A_TRANSACTION) {
        let tx = db.transaction()?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO rows (id, rev, body) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, body = excluded.body",
        )?;
        for row in some {
            let (id, rev) = (i64::try_from(row.id.0)?, i64::try_from(row.rev.0)?);
            statement.execute(params![id, rev, row.body])?;
        }
        drop(statement);
        tx.commit()?;
    }
    Ok(())
}
