//! A whole board as JSON, streamed from one consistent read without ever being held in memory.

use super::writer::read_standing;
use super::{Sqlite, unwritable};
use crate::store::board::{CHUNKS_WAITING, Chunks, TURN_WAIT, cut, opening};
use crate::store::{BoardStream, StoreError};
use gwanje_model::{CenterId, Delivery, Epoch, Rev, RiderId, RowDigest};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

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
        let runtime = Handle::current();
        let begun = Arc::new(Mutex::new(Some(begun)));
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let (out, failed, begins) = (Chunks::new(chunks.clone()), chunks, Arc::clone(&begun));
            let take = |begun: &Begun| begun.lock().unwrap_or_else(PoisonError::into_inner).take();
            let read = pool.read(turn, "reading a board", move |db| {
                let Some(standing) = read_standing(db, &id)? else {
                    // Dropped without a word: there is no such center.
                    take(&begins);
                    return Ok(());
                };
                let own = rider.is_some().then(|| own_digest(db, &id, rider.as_ref())).transpose()?;
                let rows = own.unwrap_or(standing.rows);
                let at = Ok((standing.epoch.clone(), standing.rev));
                if take(&begins).is_some_and(|begun| begun.send(at).is_err()) {
                    return Ok(());
                }
                let opening = opening(&standing, rows).map_err(unwritable)?;
                stream(db, &id, rider.as_ref(), &opening, out, &runtime)
            });
            let Err(error) = read.await else { return };
            match take(&begun) {
                // The receiver may have gone as well.
                Some(begun) => _ = begun.send(Err(error)),
                None => cut(&failed, &error).await,
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
    opening: &str,
    mut out: Chunks,
    runtime: &Handle,
) -> rusqlite::Result<()> {
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
        if out.write(row.get_ref(0)?.as_bytes()?) && runtime.block_on(out.flush()).is_err() {
            return Ok(());
        }
    }
    out.write(b"]}");
    // A client that left wants no end either.
    _ = runtime.block_on(out.flush());
    Ok(())
}
