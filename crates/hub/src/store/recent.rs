//! The latest changes of a center in memory, so that frames and pollers cost no database reads.

use gwanje_model::digest::DigestSum;
use gwanje_model::{Delivery, DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use gwanje_wire::frame::{FRAME_MAX_BYTES, FRAME_MAX_ENTRIES};
use gwanje_wire::{Frame, Gone, Head, ResyncReason, WireRow};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a frame around its entries: epoch, revisions, instant, keys.
const FRAME_OVERHEAD_BYTES: usize = 512;
/// The most bytes of one tombstone, with its comma.
const GONE_BYTES: usize = 64;

/// Where a center stands in its store, without the clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub epoch: Epoch,
    pub rev: Rev,
    pub rows: RowDigest,
    pub floor: Rev,
    pub alarm_seq: u64,
}

impl Standing {
    /// As it travels.
    pub fn head(&self, at: UtcMillis, day_at: UtcMillis) -> Head {
        let RowDigest { count, digest: DigestSum(digest) } = self.rows;
        Head {
            epoch: self.epoch.clone(),
            rev: self.rev,
            count,
            digest: DigestSum(digest),
            at,
            day_at,
            alarm_seq: self.alarm_seq,
        }
    }

    /// Whether a cursor of this epoch at `rev` can go on from here.
    pub fn resumable(&self, rev: Rev) -> Result<(), ResyncReason> {
        if rev > self.rev {
            Err(ResyncReason::Ahead)
        } else if rev < self.floor {
            Err(ResyncReason::Floor)
        } else {
            Ok(())
        }
    }
}

/// One committed change: the row after it, or its leaving.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// The row, and its length as JSON.
    Row(Arc<Delivery>, usize),
    /// The tombstone.
    Gone(Gone),
}

impl Entry {
    fn id(&self) -> DeliveryId {
        match self {
            Self::Row(row, _) => row.id,
            Self::Gone(gone) => gone.id,
        }
    }

    pub fn rev(&self) -> Rev {
        match self {
            Self::Row(row, _) => row.rev,
            Self::Gone(gone) => gone.rev,
        }
    }
}

/// A ring of the latest changes: each revision in (base, standing.rev] exactly once, in order.
#[derive(Debug)]
pub(super) struct Recent {
    standing: Standing,
    entries: VecDeque<Entry>,
    /// The latest revision of each delivery in the ring: an entry with an older one is conflated away.
    latest: FxHashMap<DeliveryId, Rev>,
    capacity: usize,
}

impl Recent {
    pub fn new(standing: Standing, capacity: usize) -> Self {
        Self { standing, entries: VecDeque::new(), latest: FxHashMap::default(), capacity }
    }

    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Takes in what a transaction committed.
    pub fn publish(&mut self, standing: Standing, changes: Vec<Entry>) {
        let continues = changes
            .first()
            .map_or(self.standing.rev == standing.rev, |first| first.rev() == self.standing.rev.next());
        if standing.epoch != self.standing.epoch || !continues {
            self.entries.clear();
            self.latest.clear();
        }
        self.standing = standing;
        for entry in changes {
            self.latest.insert(entry.id(), entry.rev());
            self.entries.push_back(entry);
        }
        while self.entries.len() > self.capacity {
            let Some(old) = self.entries.pop_front() else { break };
            if self.latest.get(&old.id()) == Some(&old.rev()) {
                self.latest.remove(&old.id());
            }
        }
    }

    /// The frame after `from`, when the ring reaches back to it. `from` must be resumable.
    pub fn frame(&self, from: Rev, limit: usize, at: UtcMillis) -> Option<Frame> {
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

/// Fills a frame with present entries in rev order, up to `limit` entries and the contract's bounds.
pub(super) fn cut_frame(
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
        let size = match &entry {
            Entry::Row(_, json_bytes) => json_bytes + 1,
            Entry::Gone(_) => GONE_BYTES,
        };
        bytes += size;
        let full = frame.entries() >= limit || (bytes > FRAME_MAX_BYTES && frame.entries() > 0);
        if full {
            return frame;
        }
        frame.to = entry.rev();
        match entry {
            Entry::Row(row, _) => frame.rows.push(WireRow::Row(row)),
            Entry::Gone(gone) => frame.gone.push(gone),
        }
    }
    frame.to = standing.rev;
    frame
}
