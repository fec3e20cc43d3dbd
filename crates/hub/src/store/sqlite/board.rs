//! A whole board as JSON, streamed from one consistent read without ever being held in memory.

use super::writer::read_standing;
use super::{Sqlite, text_json};
use crate::store::board::{CHUNK_BYTES, CHUNKS_WAITING, STALLED, TURN_WAIT, WHOLE};
use crate::store::{BoardStream, StoreError};
use bytes::Bytes;
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Delivery, Epoch, Rev, RiderId, RowDigest};
use rusqlite::Connection;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Whoever waits for a board to begin, until it does.
type Begun = Mutex<Option<oneshot::Sender<Result<(Epoch, Rev), StoreError>>>>;

impl Sqlite {
    /// The whole board of a center, or what one rider carries of it.
    pub(super) async fn stream_board(
        &self,
        id: CenterId,
        rider: Option<RiderId>,
    ) -> Result<BoardStream, StoreError> {
        let center = id.clone();
        let (begun, begins) = oneshot::channel();
        let (chunks, taken) = mpsc::channel(CHUNKS_WAITING);
        let pool = Arc::clone(&self.readers.boards);
        let turn = pool.turn_within(TURN_WAIT).await?;
        let until = Instant::now() + WHOLE;
        let runtime = Handle::current();
        let begun = Arc::new(Mutex::new(Some(begun)));
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let (failed, begins) = (chunks.clone(), Arc::clone(&begun));
            let take = |begun: &Begun| begun.lock().unwrap_or_else(PoisonError::into_inner).take();
            let read = pool.read(turn, "reading a board", move |db| {
                let Some(standing) = read_standing(db, &id)? else {
                    // Dropped without a word: there is no such center.
                    take(&begins);
                    return Ok(());
                };
                let out = Out { runtime, chunks, until, waiting: Vec::with_capacity(CHUNK_BYTES + 4_096) };
                let own = rider.is_some().then(|| own_digest(db, &id, rider.as_ref())).transpose()?;
                let rows = own.unwrap_or(standing.rows);
                let at = Ok((standing.epoch.clone(), standing.rev));
                if take(&begins).is_some_and(|begun| begun.send(at).is_err()) {
                    return Ok(());
                }
                stream(db, &id, rider.as_ref(), &standing, rows, out)
            });
            let Err(error) = read.await else { return };
            match take(&begun) {
                // The receiver may have gone as well.
                Some(begun) => _ = begun.send(Err(error)),
                None => {
                    tracing::error!(%error, "a board was cut while it was read");
                    _ = failed.send(Err(io::Error::other(error.to_string()))).await;
                }
            }
        });
        let (epoch, rev) = begins.await.map_err(|_| StoreError::UnknownCenter(center))??;
        Ok(BoardStream { epoch, rev, chunks: taken })
    }
}

const ROWS: &str = "SELECT body FROM delivery WHERE center = ?1 ORDER BY rev";
const OWN_ROWS: &str = "SELECT body FROM delivery WHERE center = ?1 AND rider = ?2 ORDER BY rev";

fn own_digest(db: &Connection, center: &CenterId, rider: Option<&RiderId>) -> rusqlite::Result<RowDigest> {
    let rider = rider.map_or("", RiderId::as_str);
    let rows = db
        .prepare_cached(OWN_ROWS)?
        .query_map([center.as_str(), rider], |row| super::json::<Delivery>(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RowDigest::of(rows.iter().map(|row| (row.id, row.rev))))
}

fn stream(
    db: &Connection,
    center: &CenterId,
    rider: Option<&RiderId>,
    standing: &Standing,
    rows: RowDigest,
    mut out: Out,
) -> rusqlite::Result<()> {
    let (epoch, rev) = (text_json(&standing.epoch)?, standing.rev);
    let opening = format!(
        r#"{{"epoch":{epoch},"rev":{rev},"count":{},"digest":"{}","rows":["#,
        rows.count, rows.digest
    );
    out.write(opening.as_bytes());
    let mut statement = db.prepare_cached(if rider.is_some() { OWN_ROWS } else { ROWS })?;
    let mut found = match rider {
        Some(rider) => statement.query([center.as_str(), rider.as_str()])?,
        None => statement.query([center.as_str()])?,
    };
    let mut first = true;
    while let Some(row) = found.next()? {
        if !std::mem::take(&mut first) {
            out.write(b",");
        }
        out.write(row.get_ref(0)?.as_bytes()?);
        if out.waiting.len() >= CHUNK_BYTES && out.flush().is_err() {
            return Ok(());
        }
    }
    out.write(b"]}");
    // A client that left wants no end either.
    _ = out.flush();
    Ok(())
}

struct Out {
    runtime: Handle,
    chunks: mpsc::Sender<io::Result<Bytes>>,
    until: Instant,
    waiting: Vec<u8>,
}

/// The client left or stalled.
struct Gone;

impl Out {
    fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let chunk =
            Bytes::from(std::mem::replace(&mut self.waiting, Vec::with_capacity(CHUNK_BYTES + 4_096)));
        let until = self.until.min(Instant::now() + STALLED);
        let in_time = Instant::now() < self.until;
        let sent = self.runtime.block_on(timeout_at(until, self.chunks.send(Ok(chunk))));
        match sent {
            Ok(Ok(())) if in_time => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Ok(Ok(())) | Err(_) => {
                tracing::info!("a client that reads a board too slowly, or not at all, is cut off");
                Err(Gone)
            }
        }
    }
}
