//! A whole board as JSON, streamed from one consistent read without ever being held in memory.

use super::{Store, StoreError};
use bytes::Bytes;
use gwanje_model::{CenterId, Epoch, Rev, RiderId};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;

/// About how many bytes a chunk has: one write of the network.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for a slow client: bounds the memory of one stream, while the disk stays ahead of the network.
pub(super) const CHUNKS_WAITING: usize = 4;
/// Cuts off a client that takes no chunk for this long: its read keeps old versions of rows from being cleaned up.
pub(super) const STALLED: Duration = Duration::from_secs(20);
/// Cuts off a board that takes longer than this in all, for the same reason.
pub(super) const WHOLE: Duration = Duration::from_secs(60);
/// How long a board waits for others to end before it is refused.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(10);

/// A board under way.
pub struct BoardStream {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The revision that it is read at.
    pub rev: Rev,
    /// Its JSON, in pieces; an error means that it was cut.
    pub chunks: mpsc::Receiver<io::Result<Bytes>>,
}

impl Store {
    /// The whole board of a center, or what one rider carries of it.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn board(
        &self,
        center: &CenterId,
        only_rider: Option<&RiderId>,
    ) -> Result<BoardStream, StoreError> {
        self.shared.backend.board(center.clone(), only_rider.cloned()).await
    }
}
