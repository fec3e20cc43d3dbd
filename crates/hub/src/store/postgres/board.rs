//! A whole board as JSON, streamed through a cursor of one read transaction.

use super::failure::Failure;
use super::{Shared, reads};
use crate::store::board::{CHUNKS_WAITING, Chunks, TURN_WAIT, cut, opening};
use crate::store::{BoardStream, StoreError};
use futures_util::{StreamExt, pin_mut};
use gwanje_model::{CenterId, Epoch, Rev, RiderId, RowDigest};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Rows asked for at a time.
const ROWS_AT_ONCE: i32 = 500;

/// Whoever waits for a board to begin.
type Begun = oneshot::Sender<Result<(Epoch, Rev), StoreError>>;

impl Shared {
    /// The whole board of a center, or what one rider carries of it.
    pub(super) async fn stream_board(
        self: &Arc<Self>,
        center: CenterId,
        rider: Option<RiderId>,
    ) -> Result<BoardStream, StoreError> {
        let turn = timeout(TURN_WAIT, Arc::clone(&self.boards).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(StoreError::Busy) };
        let (begun, begins) = oneshot::channel();
        let (chunks, taken) = mpsc::channel(CHUNKS_WAITING);
        let (shared, id) = (Arc::clone(self), center.clone());
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let _turn = turn;
            let mut begun = Some(begun);
            let mut out = Chunks::new(chunks.clone());
            let mut read = shared.read_board(&id, rider.as_ref(), &mut begun, &mut out).await;
            if let Err(Failure::OtherHistory) = read {
                read = match shared.look().await {
                    Ok(()) => shared.read_board(&id, rider.as_ref(), &mut begun, &mut out).await,
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

    async fn read_board(
        &self,
        center: &CenterId,
        rider: Option<&RiderId>,
        begun: &mut Option<Begun>,
        out: &mut Chunks,
    ) -> Result<(), Failure> {
        let mut client = self.client().await?;
        let tx = self.reading(&mut client).await?;
        // It waits for its client, who is cut off before that long; it holds no lock that anybody wants.
        tx.batch_execute("SET LOCAL idle_in_transaction_session_timeout = '90s'").await?;
        let Some(standing) = reads::standing(&tx, center).await? else { return Ok(()) };
        let rows = match rider {
            Some(rider) => {
                let rows = reads::carried(&tx, center, rider).await?;
                RowDigest::of(rows.iter().map(|row| (row.id, row.rev)))
            }
            None => standing.rows,
        };
        let at = Ok((standing.epoch.clone(), standing.rev));
        if begun.take().is_some_and(|begun| begun.send(at).is_err()) {
            return Ok(());
        }
        out.write(opening(&standing, rows)?.as_bytes());
        let statement = tx
            .prepare_cached(
                "SELECT body FROM delivery WHERE center = $1 AND ($2::text IS NULL OR rider = $2) ORDER BY rev",
            )
            .await?;
        let rider = rider.map(RiderId::as_str);
        let portal = tx.bind(&statement, &[&center.as_str(), &rider]).await?;
        let mut first = true;
        loop {
            let found = tx.query_portal_raw(&portal, ROWS_AT_ONCE).await?;
            pin_mut!(found);
            let mut count = 0;
            while let Some(row) = found.next().await {
                let row = row?;
                count += 1;
                if !std::mem::take(&mut first) {
                    out.write(b",");
                }
                if out.write(row.get::<_, &str>(0).as_bytes()) && out.flush().await.is_err() {
                    return Ok(());
                }
            }
            if count < ROWS_AT_ONCE {
                break;
            }
        }
        out.write(b"]}");
        // A client that left wants no end either.
        _ = out.flush().await;
        Ok(())
    }
}
