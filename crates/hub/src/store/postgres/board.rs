//! Rows as JSON, streamed through a cursor of one read transaction.

use super::failure::Failure;
use super::{Shared, reads};
use crate::store::board::{
    CHUNKS_WAITING, Chunks, Gone, TURN_WAIT, Wanted, cut, opening, opening_of_past, opening_of_selected,
};
use crate::store::{BoardStream, StoreError};
use deadpool_postgres::Transaction;
use futures_util::{StreamExt, pin_mut};
use gwanje_model::{CenterId, Epoch, Rev, RiderId, RowDigest};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;

/// Rows asked for at a time.
const ROWS_AT_ONCE: i32 = 500;
const ROWS: &str =
    "SELECT body FROM delivery WHERE center = $1 AND ($2::text IS NULL OR rider = $2) ORDER BY rev";
/// In the order of the ids.
const SELECTED: &str = "SELECT body FROM unnest($2::bigint[]) WITH ORDINALITY wanted(id, place) \
     JOIN delivery USING (id) WHERE center = $1 ORDER BY place";
/// The latest event of each delivery until then; an archived one has left the board.
const AT: &str = "SELECT h.body FROM history h JOIN (SELECT delivery, max(rev) AS rev FROM history \
     WHERE center = $1 AND at <= $2 GROUP BY delivery) latest USING (delivery, rev) \
     WHERE h.body IS NOT NULL ORDER BY delivery";

/// Whoever waits for rows to begin.
type Begun = oneshot::Sender<Result<(Epoch, Rev), StoreError>>;

impl Shared {
    /// Rows of a center.
    pub(super) async fn stream_rows(
        self: &Arc<Self>,
        center: CenterId,
        wanted: Wanted,
    ) -> Result<BoardStream, StoreError> {
        // First its own kind's: those that wait for it take no place of shorter reads.
        let turns = (turn(&self.boards).await?, turn(&self.asked).await?);
        let (begun, begins) = oneshot::channel();
        let (chunks, taken) = mpsc::channel(CHUNKS_WAITING);
        let (shared, id) = (Arc::clone(self), center.clone());
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let _turns = turns;
            let mut begun = Some(begun);
            let mut out = Chunks::new(chunks.clone());
            let mut read = shared.read_rows(&id, &wanted, &mut begun, &mut out).await;
            if let Err(Failure::OtherHistory) = read {
                read = match shared.look().await {
                    Ok(()) => shared.read_rows(&id, &wanted, &mut begun, &mut out).await,
                    Err(failure) => Err(failure),
                };
            }
            let Err(failure) = read else { return };
            match begun {
                // The receiver may have gone as well.
                Some(begun) => _ = begun.send(Err(failure.while_doing("reading a board"))),
                None => cut(&chunks, &failure).await,
            }
        });
        let (epoch, rev) = begins.await.map_err(|_| StoreError::UnknownCenter(center))??;
        Ok(BoardStream { epoch, rev, chunks: taken })
    }

    async fn read_rows(
        &self,
        center: &CenterId,
        wanted: &Wanted,
        begun: &mut Option<Begun>,
        out: &mut Chunks,
    ) -> Result<(), Failure> {
        let mut client = self.client().await?;
        let tx = self.reading(&mut client).await?;
        // It waits for its client, who is cut off before that long; it holds no lock that anybody wants.
        tx.batch_execute("SET LOCAL idle_in_transaction_session_timeout = '90s'").await?;
        let Some(standing) = reads::standing(&tx, center).await? else { return Ok(()) };
        let opening = match wanted {
            Wanted::Board(None) => opening(&standing, standing.rows)?,
            Wanted::Board(Some(rider)) => {
                let rows = reads::carried(&tx, center, rider).await?;
                opening(&standing, RowDigest::of(rows.iter().map(|row| (row.id, row.rev))))?
            }
            Wanted::Selected(_, after, at) => {
                match reads::whole_frame(&tx, center, &standing, after, *at).await? {
                    Ok(frame) => opening_of_selected(&standing, frame)?,
                    Err(reason) => {
                        // Whoever asked may have gone.
                        begun.take().map(|begun| begun.send(Err(StoreError::Resync(reason))));
                        return Ok(());
                    }
                }
            }
            Wanted::At(time) => opening_of_past(*time),
        };
        let at = Ok((standing.epoch.clone(), standing.rev));
        if begun.take().is_some_and(|begun| begun.send(at).is_err()) {
            return Ok(());
        }
        out.write(opening.as_bytes());
        let name = center.as_str();
        let handed = match wanted {
            Wanted::Board(rider) => {
                let rider = rider.as_ref().map(RiderId::as_str);
                hand_over(&tx, ROWS, &[&name, &rider], out).await?
            }
            Wanted::Selected(selection, ..) => {
                let rows = reads::selected(&tx, center, selection).await?;
                let ids: Vec<i64> = rows.iter().map(|(id, _)| super::rows::signed(id.0)).collect();
                hand_over(&tx, SELECTED, &[&name, &ids], out).await?
            }
            Wanted::At(time) => hand_over(&tx, AT, &[&name, &time.0], out).await?,
        };
        if handed.is_ok() {
            out.write(b"]}");
            // A client that left wants no end either.
            _ = out.flush().await;
        }
        Ok(())
    }
}

async fn turn(places: &Arc<Semaphore>) -> Result<tokio::sync::OwnedSemaphorePermit, StoreError> {
    match timeout(TURN_WAIT, Arc::clone(places).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
    }
}

/// Hands over the rows that a query finds; [`Gone`]: nobody reads them any more.
async fn hand_over(
    tx: &Transaction<'_>,
    query: &str,
    params: &[&(dyn ToSql + Sync)],
    out: &mut Chunks,
) -> Result<Result<(), Gone>, Failure> {
    let statement = tx.prepare_cached(query).await?;
    let portal = tx.bind(&statement, params).await?;
    loop {
        let found = tx.query_portal_raw(&portal, ROWS_AT_ONCE).await?;
        pin_mut!(found);
        let mut count = 0;
        while let Some(row) = found.next().await {
            let row = row?;
            count += 1;
            if out.row(row.get::<_, &str>(0).as_bytes()) && out.flush().await.is_err() {
                return Ok(Err(Gone));
            }
        }
        if count < ROWS_AT_ONCE {
            return Ok(Ok(()));
        }
    }
}
