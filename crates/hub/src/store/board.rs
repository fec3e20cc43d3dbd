//! A whole board as JSON, streamed from one consistent read without ever being held in memory.

use super::{Store, StoreError};
use bytes::Bytes;
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Epoch, Rev, RiderId, RowDigest};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// About how many bytes a chunk has: one write of the network.
const CHUNK_BYTES: usize = 64 * 1024;
/// The same with the row that goes beyond.
const CAPACITY: usize = CHUNK_BYTES + 4_096;
/// Chunks that wait for a slow client: bounds the memory of one stream, while the disk stays ahead of the network.
pub(super) const CHUNKS_WAITING: usize = 4;
/// Cuts off a client that takes no chunk for this long: its read keeps old versions of rows from being cleaned up.
const STALLED: Duration = Duration::from_secs(20);
/// Cuts off a board that takes longer than this in all, for the same reason.
const WHOLE: Duration = Duration::from_secs(60);
/// How long a board waits for others to end before it is refused.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(10);

/// How the JSON of a board begins; its rows and `]}` follow.
pub(super) fn opening(standing: &Standing, rows: RowDigest) -> serde_json::Result<String> {
    let (epoch, rev) = (serde_json::to_string(&standing.epoch)?, standing.rev);
    let (count, digest) = (rows.count, rows.digest);
    Ok(format!(r#"{{"epoch":{epoch},"rev":{rev},"count":{count},"digest":"{digest}","rows":["#))
}

/// Gathers a board into chunks and hands them to whoever reads it.
pub(super) struct Chunks {
    taken: mpsc::Sender<io::Result<Bytes>>,
    until: Instant,
    waiting: Vec<u8>,
}

/// The client left or stalled.
pub(super) struct Gone;

impl Chunks {
    pub fn new(taken: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self { taken, until: Instant::now() + WHOLE, waiting: Vec::with_capacity(CAPACITY) }
    }

    /// Adds to what waits; true: it is time to [`Self::flush`].
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.waiting.extend_from_slice(bytes);
        self.waiting.len() >= CHUNK_BYTES
    }

    /// Hands over what waits.
    pub async fn flush(&mut self) -> Result<(), Gone> {
        let chunk = Bytes::from(std::mem::replace(&mut self.waiting, Vec::with_capacity(CAPACITY)));
        let until = self.until.min(Instant::now() + STALLED);
        let in_time = Instant::now() < self.until;
        match timeout_at(until, self.taken.send(Ok(chunk))).await {
            Ok(Ok(())) if in_time => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Ok(Ok(())) | Err(_) => {
                tracing::info!("a client that reads a board too slowly, or not at all, is cut off");
                Err(Gone)
            }
        }
    }
}

/// Says that a board was cut. The client may have gone as well.
pub(super) async fn cut(taken: &mpsc::Sender<io::Result<Bytes>>, why: &impl std::fmt::Display) {
    tracing::error!(%why, "a board was cut while it was read");
    _ = taken.send(Err(io::Error::other(why.to_string()))).await;
}

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
