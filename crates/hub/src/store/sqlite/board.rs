//! Rows as JSON, streamed from one consistent read without ever being held in memory.

use super::past::BOARD_AT;
use super::writer::{read_standing, signed};
use super::{Sqlite, read, unwritable};
use crate::store::board::{
    CHUNKS_WAITING, Chunks, TURN_WAIT, Wanted, cut, opening, opening_of_past, opening_of_selected,
};
use crate::store::{BoardStream, StoreError};
use gwanje_model::{CenterId, Delivery, Epoch, Rev, RiderId, RowDigest};
use rusqlite::{Connection, Rows, params};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Whoever waits for rows to begin, until they do.
type Begun = Mutex<Option<oneshot::Sender<Result<(Epoch, Rev), StoreError>>>>;

impl Sqlite {
    /// Rows of a center.
    pub(super) async fn stream_rows(&self, id: CenterId, wanted: Wanted) -> Result<BoardStream, StoreError> {
        let center = id.clone();
        let (begun, begins) = oneshot::channel();
        let (chunks, taken) = mpsc::channel(CHUNKS_WAITING);
        let pool = match &wanted {
            Wanted::Board(_) | Wanted::At(_) => &self.readers.boards,
            Wanted::Selected(..) => &self.readers.lists,
        };
        let pool = Arc::clone(pool);
        let turn = pool.turn_within(TURN_WAIT).await?;
        let runtime = Handle::current();
        let begun = Arc::new(Mutex::new(Some(begun)));
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let (mut out, failed, begins) = (Chunks::new(chunks.clone()), chunks, Arc::clone(&begun));
            let take = |begun: &Begun| begun.lock().unwrap_or_else(PoisonError::into_inner).take();
            let reading = pool.read(turn, "reading a board", move |db| {
                let Some(standing) = read_standing(db, &id)? else {
                    // Dropped without a word: there is no such center.
                    take(&begins);
                    return Ok(());
                };
                let opening = match &wanted {
                    Wanted::Board(rider) => {
                        let own = rider.as_ref().map(|rider| own_digest(db, &id, rider)).transpose()?;
                        opening(&standing, own.unwrap_or(standing.rows)).map_err(unwritable)?
                    }
                    Wanted::Selected(_, after, at) => {
                        match read::whole_frame(db, &id, &standing, after, *at)? {
                            Ok(frame) => opening_of_selected(&standing, frame).map_err(unwritable)?,
                            Err(reason) => {
                                // Whoever asked may have gone.
                                take(&begins).map(|begun| begun.send(Err(StoreError::Resync(reason))));
                                return Ok(());
                            }
                        }
                    }
                    Wanted::At(time) => opening_of_past(*time),
                };
                let at = Ok((standing.epoch.clone(), standing.rev));
                if take(&begins).is_some_and(|begun| begun.send(at).is_err()) {
                    return Ok(());
                }
                out.write(opening.as_bytes());
                stream(db, &id, &wanted, &mut out, &runtime)
            });
            let Err(error) = reading.await else { return };
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
const ONE_ROW: &str = "SELECT body FROM delivery WHERE id = ?1 AND center = ?2";

fn own_digest(db: &Connection, center: &CenterId, rider: &RiderId) -> rusqlite::Result<RowDigest> {
    let rows = db
        .prepare_cached(OWN_ROWS)?
        .query_map([center.as_str(), rider.as_str()], |row| super::json::<Delivery>(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RowDigest::of(rows.iter().map(|row| (row.id, row.rev))))
}

fn stream(
    db: &Connection,
    center: &CenterId,
    wanted: &Wanted,
    out: &mut Chunks,
    runtime: &Handle,
) -> rusqlite::Result<()> {
    let is_read = match wanted {
        Wanted::Board(None) => {
            let mut statement = db.prepare_cached(ROWS)?;
            hand_over(statement.query([center.as_str()])?, out, runtime)?
        }
        Wanted::Board(Some(rider)) => {
            let mut statement = db.prepare_cached(OWN_ROWS)?;
            hand_over(statement.query([center.as_str(), rider.as_str()])?, out, runtime)?
        }
        Wanted::At(time) => {
            let mut statement = db.prepare_cached(BOARD_AT)?;
            hand_over(statement.query(params![center.as_str(), time.0])?, out, runtime)?
        }
        Wanted::Selected(selection, ..) => {
            let mut statement = db.prepare_cached(ONE_ROW)?;
            let mut is_read = true;
            for (id, _) in read::selected(db, center, selection)? {
                let found = statement.query(params![signed(id.0), center.as_str()])?;
                is_read = hand_over(found, out, runtime)?;
                if !is_read {
                    break;
                }
            }
            is_read
        }
    };
    if is_read {
        out.write(b"]}");
        // A client that left wants no end either.
        _ = runtime.block_on(out.flush());
    }
    Ok(())
}

/// Hands over what is found; false: nobody reads it any more.
fn hand_over(mut found: Rows<'_>, out: &mut Chunks, runtime: &Handle) -> rusqlite::Result<bool> {
    while let Some(row) = found.next()? {
        if out.row(row.get_ref(0)?.as_bytes()?) && runtime.block_on(out.flush()).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}
