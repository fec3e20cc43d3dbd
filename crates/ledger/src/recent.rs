//! The latest changes of a center in memory, so that frames and pollers cost no read of the store.

use crate::standing::Standing;
use gwanje_model::{Delivery, DeliveryId, Rev, UtcMillis};
use gwanje_wire::frame::{FRAME_MAX_BYTES, FRAME_MAX_ENTRIES};
use gwanje_wire::{Frame, Gone, WireRow};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a frame around its entries: epoch, revisions, instant, keys.
const FRAME_OVERHEAD_BYTES: usize = 512;
/// The most bytes of one tombstone, with its comma.
const GONE_BYTES: usize = 64;

/// One committed change: the row after it, or its leaving.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The row, and its length as JSON.
    Row(Arc<Delivery>, usize),
    /// A row that only a newer hub can read: what is known of it is told.
    Unread {
        /// Which delivery.
        id: DeliveryId,
        /// At which revision.
        rev: Rev,
    },
    /// The tombstone.
    Gone(Gone),
}

impl Entry {
    /// A row as its JSON is stored.
    ///
    /// # Errors
    /// When not even its id and revision can be read.
    pub fn of_stored(body: &str) -> serde_json::Result<Self> {
        Ok(match serde_json::from_str(body)? {
            WireRow::Row(row) => Self::Row(row, body.len()),
            WireRow::Unreadable { id, rev } => Self::Unread { id, rev },
        })
    }

    /// Which delivery.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        match self {
            Self::Row(row, _) => row.id,
            Self::Unread { id, .. } => *id,
            Self::Gone(gone) => gone.id,
        }
    }

    /// The revision of the change.
    #[must_use]
    pub fn rev(&self) -> Rev {
        match self {
            Self::Row(row, _) => row.rev,
            Self::Unread { rev, .. } => *rev,
            Self::Gone(gone) => gone.rev,
        }
    }

    /// Its bytes within a frame, with its comma.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Row(_, json_bytes) => json_bytes + 1,
            Self::Unread { .. } | Self::Gone(_) => GONE_BYTES,
        }
    }
}

/// How much of the latest is kept of a center. Whichever is reached first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentBounds {
    /// Changes.
    pub entries: usize,
    /// Bytes of their rows as JSON, which is about what they take in memory.
    pub bytes: usize,
}

/// A ring of the latest changes: each revision in (base, standing.rev] exactly once, in order.
#[derive(Debug, Clone)]
pub struct Recent {
    standing: Standing,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The latest revision of each delivery in the ring: an entry with an older one is conflated away.
    latest: FxHashMap<DeliveryId, Rev>,
    bounds: RecentBounds,
}

impl Recent {
    /// Nothing is kept yet of a center that stands there.
    #[must_use]
    pub fn new(standing: Standing, bounds: RecentBounds) -> Self {
        Self { standing, entries: VecDeque::new(), bytes: 0, latest: FxHashMap::default(), bounds }
    }

    /// Where the center stands.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Takes in what a transaction committed, by revision. What does not join what is kept takes its place.
    pub fn publish(&mut self, standing: Standing, changes: Vec<Entry>) {
        let continues = changes
            .first()
            .map_or(self.standing.rev == standing.rev, |first| first.rev() == self.standing.rev.next());
        if standing.epoch != self.standing.epoch || !continues {
            self.entries.clear();
            self.latest.clear();
            self.bytes = 0;
        }
        self.standing = standing;
        for entry in changes {
            self.latest.insert(entry.id(), entry.rev());
            self.bytes += entry.bytes();
            self.entries.push_back(entry);
            self.bound();
        }
    }

    fn bound(&mut self) {
        while self.entries.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            let Some(old) = self.entries.pop_front() else { break };
            self.bytes -= old.bytes();
            if self.latest.get(&old.id()) == Some(&old.rev()) {
                self.latest.remove(&old.id());
            }
        }
    }

    /// The frame (from, rev], or as much of it as a frame holds; `from` must be resumable. None: the ring does not reach
    /// back to it, the store must be read.
    #[must_use]
    pub fn cut(&self, from: Rev, limit: usize, at: UtcMillis) -> Option<Frame> {
        let ahead = usize::try_from(self.standing.rev.0.checked_sub(from.0)?).ok()?;
        let skip = self.entries.len().checked_sub(ahead)?;
        let present = self
            .entries
            .iter()
            .skip(skip)
            .filter(|entry| self.latest.get(&entry.id()) == Some(&entry.rev()))
            .cloned();
        Some(cut_frame(&self.standing, from, limit, at, present))
    }
}

/// Fills a frame with present entries in rev order, up to `limit` entries and the contract's bounds. `to < as_of` shows
/// that it was cut.
pub fn cut_frame(
    standing: &Standing,
    from: Rev,
    limit: usize,
    at: UtcMillis,
    present: impl Iterator<Item = Entry>,
) -> Frame {
    let limit = limit.clamp(1, FRAME_MAX_ENTRIES);
    let mut frame = Frame::empty(standing.epoch.clone(), from, at);
    frame.as_of = standing.rev;
    let mut bytes = FRAME_OVERHEAD_BYTES;
    for entry in present {
        bytes += entry.bytes();
        let full = frame.entries() >= limit || (bytes > FRAME_MAX_BYTES && frame.entries() > 0);
        if full {
            return frame;
        }
        frame.to = entry.rev();
        match entry {
            Entry::Row(row, _) => frame.rows.push(WireRow::Row(row)),
            Entry::Unread { id, rev } => frame.rows.push(WireRow::Unreadable { id, rev }),
            Entry::Gone(gone) => frame.gone.push(gone),
        }
    }
    frame.to = standing.rev;
    frame
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A new delivery.
    pub(crate) fn delivery(id: u64, rev: u64) -> Delivery {
        serde_json::from_value(serde_json::json!({
            "id": id, "center": "gangnam", "rev": rev, "modifiedAt": 0, "orderNo": "", "number": "",
            "status": "received", "shop": {"id": "s", "name": "s"}, "dropoff": {"address": "d"},
            "pickupTargetMin": 15, "deliveryTargetMin": 30, "distanceM": 0, "priceWon": 0, "receivedAt": 0,
        }))
        .expect("a delivery")
    }

    fn row(id: u64, rev: u64, json_bytes: usize) -> Entry {
        Entry::Row(Arc::new(delivery(id, rev)), json_bytes)
    }

    fn ring(entries: usize, bytes: usize) -> Recent {
        Recent::new(Standing::new("e".into()), RecentBounds { entries, bytes })
    }

    fn publish(ring: &mut Recent, change: Entry) {
        let mut standing = ring.standing().clone();
        standing.rev = change.rev();
        ring.publish(standing, vec![change]);
    }

    fn revs(frame: &Frame) -> Vec<u64> {
        frame.rows.iter().map(|row| row.rev().0).collect()
    }

    #[test]
    fn large_rows_push_out_what_their_bytes_leave_no_room_for() {
        let mut ring = ring(1_000, 10_000);
        for rev in 1..=100 {
            publish(&mut ring, row(rev, rev, 999));
            assert!(ring.bytes <= 10_000, "{} bytes are kept", ring.bytes);
        }
        assert_eq!(ring.entries.len(), 10);
        assert!(ring.cut(Rev(89), 1_000, UtcMillis(0)).is_none(), "the store must be read");
        let frame = ring.cut(Rev(90), 1_000, UtcMillis(0)).expect("what is kept");
        assert_eq!(revs(&frame), (91..=100).collect::<Vec<_>>());
        publish(&mut ring, row(5, 101, 1_000_000));
        assert_eq!((ring.entries.len(), ring.bytes, ring.latest.len()), (0, 0, 0), "one that fits nowhere");
        assert!(ring.cut(Rev(100), 1_000, UtcMillis(0)).is_none());
        let whole = ring.cut(Rev(101), 1_000, UtcMillis(0)).expect("nothing is missing");
        assert_eq!((whole.to, whole.entries()), (Rev(101), 0));
        publish(&mut ring, Entry::Gone(Gone { id: DeliveryId(5), rev: Rev(102) }));
        let frame = ring.cut(Rev(101), 1_000, UtcMillis(0)).expect("it goes on");
        assert_eq!((frame.to, frame.gone.len()), (Rev(102), 1));
    }

    #[test]
    fn a_commit_of_more_than_is_kept_leaves_its_end() {
        let mut ring = ring(3, usize::MAX);
        let standing = Standing { rev: Rev(10), ..ring.standing().clone() };
        ring.publish(standing, (1..=10).map(|rev| row(rev % 2, rev, 10)).collect());
        assert!(ring.cut(Rev(6), 9, UtcMillis(0)).is_none());
        let frame = ring.cut(Rev(7), 9, UtcMillis(0)).expect("what is kept");
        assert_eq!(revs(&frame), [9, 10], "the latest of each");
    }

    #[test]
    fn what_does_not_join_takes_the_place_of_what_is_kept() {
        let mut ring = ring(9, usize::MAX);
        publish(&mut ring, row(1, 1, 10));
        publish(&mut ring, row(2, 3, 10));
        assert!(ring.cut(Rev(1), 9, UtcMillis(0)).is_none(), "revision 2 is not there");
        let frame = ring.cut(Rev(2), 9, UtcMillis(0)).expect("what is kept");
        assert_eq!((revs(&frame), ring.bytes), (vec![3], 11));
        let other = Standing { rev: Rev(3), ..Standing::new("f".into()) };
        ring.publish(other, Vec::new());
        assert_eq!((ring.entries.len(), ring.bytes), (0, 0), "another history");
    }
}
