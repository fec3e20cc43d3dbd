//! Rows as JSON, streamed from one consistent read without ever being held in memory: a whole board, a part of it, a past one.

use super::{After, Selection, Store, StoreError};
use bytes::Bytes;
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Epoch, Rev, RiderId, RowDigest, UtcMillis};
use gwanje_wire::Frame;
use gwanje_wire::rest::RowsReply;
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
const STALLED: Duration = Duration::from_secs(10);
/// Cuts off a board that takes longer than this in all, for the same reason.
const WHOLE: Duration = Duration::from_secs(60);
/// A client takes at least so many bytes a second, once it has had a moment: one that sips holds a place that others wait for.
const RATE_MIN: usize = 64 * 1024;
const MOMENT: Duration = Duration::from_secs(5);
/// How long a board waits for others to end before it is refused.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(10);

/// Which rows.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// All that live, or what one rider carries of them.
    Board(Option<RiderId>),
    /// Some that live, with the frame after a revision, stamped with this instant.
    Selected(Selection, After, UtcMillis),
    /// Those that lived at an instant of operations, as they were then.
    At(UtcMillis),
}

/// How the JSON of selected rows begins; they and `]}` follow.
pub(super) fn opening_of_selected(standing: &Standing, frame: Option<Frame>) -> serde_json::Result<String> {
    let reply = RowsReply { epoch: standing.epoch.clone(), rev: standing.rev, frame, rows: Vec::new() };
    let mut text = serde_json::to_string(&reply)?;
    // Its rows come last.
    text.truncate(text.len() - "]}".len());
    Ok(text)
}

/// How the JSON of a past board begins; its rows and `]}` follow.
pub(super) fn opening_of_past(time: UtcMillis) -> String {
    format!(r#"{{"time":{},"rows":["#, time.0)
}

/// How the JSON of a board begins; its rows and `]}` follow.
pub(super) fn opening(standing: &Standing, rows: RowDigest) -> serde_json::Result<String> {
    let (epoch, rev) = (serde_json::to_string(&standing.epoch)?, standing.rev);
    let (count, digest) = (rows.count, rows.digest);
    Ok(format!(r#"{{"epoch":{epoch},"rev":{rev},"count":{count},"digest":"{digest}","rows":["#))
}

/// Gathers a board into chunks and hands them to whoever reads it.
pub(super) struct Chunks {
    taken: mpsc::Sender<io::Result<Bytes>>,
    begun: Instant,
    handed: usize,
    waiting: Vec<u8>,
    is_first: bool,
}

/// The client left or stalled.
pub(super) struct Gone;

impl Chunks {
    pub fn new(taken: mpsc::Sender<io::Result<Bytes>>) -> Self {
        let waiting = Vec::with_capacity(CAPACITY);
        Self { taken, begun: Instant::now(), handed: 0, waiting, is_first: true }
    }

    /// Adds a row; true: it is time to [`Self::flush`].
    pub fn row(&mut self, body: &[u8]) -> bool {
        if !std::mem::take(&mut self.is_first) {
            self.write(b",");
        }
        self.write(body)
    }

    /// Adds to what waits; true: it is time to [`Self::flush`].
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.waiting.extend_from_slice(bytes);
        self.waiting.len() >= CHUNK_BYTES
    }

    /// Hands over what waits.
    pub async fn flush(&mut self) -> Result<(), Gone> {
        let chunk = Bytes::from(std::mem::replace(&mut self.waiting, Vec::with_capacity(CAPACITY)));
        let now = Instant::now();
        self.handed += chunk.len();
        let due = Duration::from_secs_f64(self.handed as f64 / RATE_MIN as f64) + MOMENT;
        let until = (self.begun + due.min(WHOLE)).min(now + STALLED);
        // Where it is late already nothing waits, but what there is room for is not lost.
        match timeout_at(until, self.taken.send(Ok(chunk))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => {
                tracing::info!("a client that reads rows too slowly, or not at all, is cut off");
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
        self.shared.backend.stream(center.clone(), Wanted::Board(only_rider.cloned())).await
    }

    /// Selected rows in full, with the frame after `after` of the same read: [`RowsReply`] as JSON.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn selected(
        &self,
        center: &CenterId,
        selection: Selection,
        after: After,
    ) -> Result<BoardStream, StoreError> {
        let wanted = Wanted::Selected(selection, after, self.clock().wall_now());
        self.shared.backend.stream(center.clone(), wanted).await
    }

    /// The board at an instant of operations, by id: {time, rows} as JSON.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn board_at(&self, center: &CenterId, time: UtcMillis) -> Result<BoardStream, StoreError> {
        self.shared.backend.stream(center.clone(), Wanted::At(time)).await
    }
}
