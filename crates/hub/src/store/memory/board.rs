//! A whole board as JSON, streamed as it stood when it was asked for.

use super::Memory;
use crate::store::board::{CHUNKS_WAITING, Chunks, TURN_WAIT, cut, opening};
use crate::store::{BoardStream, StoreError};
use gwanje_model::{CenterId, Delivery, RiderId, RowDigest};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;

impl Memory {
    /// The whole board of a center, or what one rider carries of it.
    pub(super) async fn stream_board(
        &self,
        center: CenterId,
        rider: Option<RiderId>,
    ) -> Result<BoardStream, StoreError> {
        let turn = timeout(TURN_WAIT, Arc::clone(&self.boards).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(StoreError::Busy) };
        let found = self.read(|kept| {
            let found = kept.centers.center(&center)?;
            Some((found.standing().clone(), found.rows_by_rev()))
        });
        let (standing, mut rows) = found.ok_or(StoreError::UnknownCenter(center))?;
        if let Some(rider) = &rider {
            rows.retain(|row| row.rider.as_ref().is_some_and(|carries| carries.id == *rider));
        }
        let digest = RowDigest::of(rows.iter().map(|row| (row.id, row.rev)));
        let opening = opening(&standing, digest).map_err(super::asks::unwritable)?;
        let (chunks, taken) = mpsc::channel(CHUNKS_WAITING);
        // Ends with the stream: when the receiver goes, or stalls, the next chunk fails.
        tokio::spawn(async move {
            let _turn = turn;
            if let Err(error) = stream(&opening, &rows, Chunks::new(chunks.clone())).await {
                cut(&chunks, &error).await;
            }
        });
        Ok(BoardStream { epoch: standing.epoch, rev: standing.rev, chunks: taken })
    }
}

async fn stream(opening: &str, rows: &[Arc<Delivery>], mut out: Chunks) -> serde_json::Result<()> {
    out.write(opening.as_bytes());
    let mut first = true;
    for row in rows {
        if !std::mem::take(&mut first) {
            out.write(b",");
        }
        if out.write(&serde_json::to_vec(&**row)?) && out.flush().await.is_err() {
            return Ok(());
        }
    }
    out.write(b"]}");
    // A client that left wants no end either.
    _ = out.flush().await;
    Ok(())
}
