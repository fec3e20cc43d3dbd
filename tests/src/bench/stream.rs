//! What P1's feeder sends, rendered before any clock runs: a snapshot, then changes spread uniformly over its rows.

use super::sample::{CENTER, DAY_START, delivery, scramble};
use anyhow::{Context, Result};
use gwanje_model::{
    Cancel, CancelBy, CenterId, Delivery, DeliveryId, Epoch, Rev, RowDigest, Status, UtcMillis,
};
use gwanje_wire::frame::{FRAME_MAX_BYTES, FRAME_MAX_ENTRIES};
use gwanje_wire::rest::Snapshot;
use gwanje_wire::socket::center_namespace;
use gwanje_wire::{Head, WireRow};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Room for the frame's own fields and for one more row.
const ENVELOPE_BYTES: usize = 4_096;
/// The last changes are cancellations, so that the last commit shows: an alarm is told after the commit that holds it.
const CANCELLED: u64 = 20;
/// The history that all revisions count in.
const EPOCH: &str = "01KG000000000000000000BNCH";
/// The clock of operations, which stands still.
const DAY_AT: UtcMillis = UtcMillis(DAY_START.0 + 600 * 60_000);

/// One frame, and where the center stands after it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The whole socket message.
    pub text: Utf8Bytes,
    /// The last revision in it.
    pub to: Rev,
    /// Count and digest after it.
    pub rows: RowDigest,
}

impl Sent {
    /// The frame alone, as JSON: the message is `42/center/…,["deliveries",{…}]`.
    #[must_use]
    pub fn frame(&self) -> Option<&str> {
        self.text.find('{').and_then(|from| self.text.get(from..self.text.len() - 1))
    }
}

/// A row as the changes leave it.
#[derive(Debug, Clone)]
pub struct LastCopy {
    /// Its id.
    pub id: DeliveryId,
    /// Its revision.
    pub rev: Rev,
    /// As JSON.
    pub body: String,
}

/// See the module's doc.
#[derive(Debug)]
pub struct Stream {
    /// GET `/centers/{c}/deliveries`.
    pub snapshot: String,
    /// Where the center stands at the snapshot.
    pub base: (Rev, RowDigest),
    /// One change ahead of the measured ones: its alarm tells that everything before it is cached.
    pub prelude: Sent,
    /// The delivery that the prelude cancels.
    pub prelude_id: DeliveryId,
    /// The measured frames.
    pub frames: Vec<Sent>,
    /// How many changes they stand for (a row that changes twice within a frame is in it once).
    pub changes: u64,
    /// The delivery of the very last change, which is a cancellation.
    pub last_id: DeliveryId,
    /// The last copy of each row that was changed.
    pub distinct: Vec<LastCopy>,
}

impl Stream {
    /// `rows` rows, then `changes` changes.
    ///
    /// # Errors
    /// When a row has no JSON form.
    pub fn new(rows: u64, changes: u64) -> Result<Self> {
        Self::in_frames_of(rows, changes, FRAME_MAX_ENTRIES)
    }

    /// The same, in frames of at most so many changes.
    ///
    /// # Errors
    /// When a row has no JSON form.
    pub fn in_frames_of(rows: u64, changes: u64, frame_max: usize) -> Result<Self> {
        let all: Vec<WireRow> = (1..=rows).map(|id| delivery(id, id).into()).collect();
        let digest = RowDigest::of(all.iter().map(|row| (row.id(), row.rev())));
        let snapshot = Snapshot {
            epoch: Epoch::from(EPOCH),
            rev: Rev(rows),
            count: digest.count,
            digest: digest.digest,
            rows: all,
        };
        let mut writing =
            Writing { revs: (1..=rows).collect(), digest, from: rows, pending: BTreeMap::new(), bytes: 0 };
        let prelude_id = writing.change(1 + scramble(u64::MAX) % rows, rows + 1, true)?;
        let prelude = writing.frame().context("the prelude is a frame")?;
        let (mut frames, mut last_id) = (Vec::new(), prelude_id);
        for n in 0..changes {
            if writing.is_full(frame_max) {
                frames.extend(writing.frame());
            }
            let id = 1 + scramble(n) % rows;
            last_id = writing.change(id, rows + 2 + n, n + CANCELLED >= changes)?;
        }
        frames.extend(writing.frame());
        let (first, mut distinct) = (rows + 2, Vec::new());
        for (id, &rev) in (1..).zip(&writing.revs).filter(|&(_, &rev)| rev >= first) {
            let row = row(id, rev, rev + CANCELLED >= first + changes);
            distinct.push(LastCopy { id: row.id, rev: row.rev, body: serde_json::to_string(&row)? });
        }
        let snapshot = serde_json::to_string(&snapshot)?;
        let base = (Rev(rows), digest);
        Ok(Self { snapshot, base, prelude, prelude_id, frames, changes, last_id, distinct })
    }

    /// The deliveries that the last changes cancel.
    #[must_use]
    pub fn cancelled(&self) -> BTreeSet<u64> {
        let end = self.end().0;
        self.distinct.iter().filter(|last| last.rev.0 + CANCELLED > end).map(|last| last.id.0).collect()
    }

    /// Bytes of the measured frames.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(|frame| frame.text.len()).sum()
    }

    /// Where the center stands after the last frame.
    #[must_use]
    pub fn end(&self) -> Rev {
        self.frames.last().map_or(self.prelude.to, |frame| frame.to)
    }
}

/// A head at a place of the stream.
#[must_use]
pub fn head((rev, rows): (Rev, RowDigest)) -> Head {
    Head {
        epoch: Epoch::from(EPOCH),
        rev,
        count: rows.count,
        digest: rows.digest,
        at: wall_now(),
        day_at: DAY_AT,
        alarm_seq: 0,
    }
}

/// The wall's clock.
#[must_use]
pub fn wall_now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A row of the stream.
fn row(id: u64, rev: u64, cancelled: bool) -> Delivery {
    let mut row = delivery(id, rev);
    if cancelled {
        row.status = Status::Cancelled;
        row.cancelled_at = Some(DAY_AT.plus_min(1));
        row.cancel = Some(Cancel { reason: "단순 변심".into(), by: CancelBy::Customer });
    }
    row
}

/// The frame being written.
struct Writing {
    /// The present revision of each row, from id 1.
    revs: Vec<u64>,
    digest: RowDigest,
    from: u64,
    /// Rows as JSON by revision.
    pending: BTreeMap<u64, String>,
    /// Of `pending`, with the commas.
    bytes: usize,
}

impl Writing {
    fn change(&mut self, id: u64, rev: u64, cancelled: bool) -> Result<DeliveryId> {
        let at = usize::try_from(id - 1)?;
        let before = self.revs.get_mut(at).context("a row of the snapshot")?;
        // A copy in this frame is overtaken: a frame holds rows as they are at its end.
        if let Some(overtaken) = self.pending.remove(before) {
            self.bytes -= overtaken.len() + 1;
        }
        self.digest.remove(DeliveryId(id), Rev(*before));
        self.digest.add(DeliveryId(id), Rev(rev));
        *before = rev;
        let body = serde_json::to_string(&row(id, rev, cancelled))?;
        self.bytes += body.len() + 1;
        self.pending.insert(rev, body);
        Ok(DeliveryId(id))
    }

    fn is_full(&self, frame_max: usize) -> bool {
        self.pending.len() >= frame_max || self.bytes + ENVELOPE_BYTES > FRAME_MAX_BYTES
    }

    fn frame(&mut self) -> Option<Sent> {
        let (to, _) = self.pending.last_key_value()?;
        let (from, to) = (std::mem::replace(&mut self.from, *to), *to);
        self.bytes = 0;
        let rows: Vec<String> = std::mem::take(&mut self.pending).into_values().collect();
        let namespace = center_namespace(&CenterId::from(CENTER));
        let text = format!(
            r#"42{namespace},["deliveries",{{"epoch":"{EPOCH}","from":{from},"to":{to},"asOf":{to},"at":{},"rows":[{}],"gone":[]}}]"#,
            wall_now().0,
            rows.join(",")
        );
        Some(Sent { text: text.into(), to: Rev(to), rows: self.digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_wire::Frame;
    use gwanje_wire::sio::{Packet, Transport};

    #[test]
    fn applied_in_order_the_frames_lead_from_the_snapshot_to_the_last_digest() {
        let stream = Stream::new(500, 3_000).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&stream.snapshot).unwrap();
        let mut rows: BTreeMap<_, _> = snapshot.rows.iter().map(|row| (row.id(), row.rev())).collect();
        let mut cursor = snapshot.rev;
        for sent in std::iter::once(&stream.prelude).chain(&stream.frames) {
            assert!(sent.text.len() <= FRAME_MAX_BYTES);
            let Ok(Transport::Message(payload)) = Transport::parse(&sent.text) else { panic!("no message") };
            let Ok(Packet::Event { data, .. }) = Packet::parse(payload) else { panic!("no event") };
            let frame: Frame = serde_json::from_str(data.get()).unwrap();
            assert_eq!(frame.from, cursor);
            assert!(frame.entries() <= FRAME_MAX_ENTRIES);
            rows.extend(frame.rows.iter().map(|row| (row.id(), row.rev())));
            cursor = frame.to;
            assert_eq!(RowDigest::of(rows.iter().map(|(id, rev)| (*id, *rev))), sent.rows);
        }
        assert_eq!(cursor, stream.end());
        assert_eq!(cursor.0, 500 + 1 + 3_000);
        for copy in &stream.distinct {
            assert_eq!(rows[&copy.id], copy.rev);
        }
    }
}
