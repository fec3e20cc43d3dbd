//! Rows as JSON, streamed as they stood when they were asked for.

use super::{Memory, reads};
use crate::store::board::{
    CHUNKS_WAITING, Chunks, TURN_WAIT, Wanted, cut, opening, opening_of_past, opening_of_selected,
};
use crate::store::{BoardStream, StoreError};
use gwanje_ledger::memory::MemoryCenter;
use gwanje_model::{CenterId, Delivery, RowDigest};
use gwanje_wire::ResyncReason;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How rows begin, and what they are.
type Read = serde_json::Result<(String, Vec<Arc<Delivery>>)>;

impl Memory {
    /// Rows of a center.
    pub(super) async fn stream_rows(
        &self,
        center: CenterId,
        wanted: Wanted,
    ) -> Result<BoardStream, StoreError> {
        let turn = timeout(TURN_WAIT, Arc::clone(&self.boards).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(StoreError::Busy) };
        let found = self.read(|kept| {
            let found = kept.centers.center(&center)?;
            Some((found.standing().clone(), read(found, &wanted)))
        });
        let (standing, read) = found.ok_or(StoreError::UnknownCenter(center))?;
        let (opening, rows) = read.map_err(StoreError::Resync)?.map_err(super::asks::unwritable)?;
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

fn read(center: &MemoryCenter, wanted: &Wanted) -> Result<Read, ResyncReason> {
    let standing = center.standing();
    Ok(match wanted {
        Wanted::Board(rider) => {
            let mut rows = center.rows_by_rev();
            if let Some(rider) = rider {
                rows.retain(|row| row.rider.as_ref().is_some_and(|carries| carries.id == *rider));
            }
            let digest = RowDigest::of(rows.iter().map(|row| (row.id, row.rev)));
            opening(standing, digest).map(|opening| (opening, rows))
        }
        Wanted::Selected(selection, after, at) => {
            let frame = reads::whole_frame(center, after, *at)?;
            opening_of_selected(standing, frame).map(|opening| (opening, reads::selected(center, selection)))
        }
        Wanted::At(time) => Ok((opening_of_past(*time), center.board_at(*time))),
    })
}

async fn stream(opening: &str, rows: &[Arc<Delivery>], mut out: Chunks) -> serde_json::Result<()> {
    out.write(opening.as_bytes());
    for row in rows {
        if out.row(&serde_json::to_vec(&**row)?) && out.flush().await.is_err() {
            return Ok(());
        }
    }
    out.write(b"]}");
    // A client that left wants no end either.
    _ = out.flush().await;
    Ok(())
}
