//! An ordered set of rows that knows their places: insert, remove, rank and nth in logarithmic time.
//!
//! A sorted list cut into chunks, with a Fenwick tree over their lengths. Chunks are wide, unlike nodes: an insertion
//! moves a few kilobytes within the cache instead of following pointers, and reading a window walks over neighbours.
//!
//! It is built lazily. A new index is one unsorted chunk. Only where someone looks or changes something, a chunk is
//! halved (at the median, in linear time) and, once small, sorted. So showing the top of a list by another column costs
//! two walks over its rows and no sort. What nobody looks at is never sorted.

use crate::fenwick::Fenwick;
use crate::key::Key;

/// A chunk of this many entries (of 40 bytes) is cut in two.
const CHUNK_MAX: usize = 256;
/// Merges a chunk with its neighbour when both together hold no more than this.
const CHUNK_MERGED: usize = 128;

/// A row in an index: its key, then its id, which makes every order total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) id: u64,
}

/// Neighbours in the order. Never empty; the first entry is the least even while the chunk is not sorted.
#[derive(Debug)]
struct Chunk {
    entries: Vec<Entry>,
    sorted: bool,
}

/// Entries in order.
#[derive(Debug, Default)]
pub(crate) struct OrderedIndex {
    chunks: Vec<Chunk>,
    /// Sums over the lengths of the chunks.
    sums: Fenwick,
    len: usize,
}

impl OrderedIndex {
    /// Builds an index from entries in any order.
    pub(crate) fn build(mut entries: Vec<Entry>) -> Self {
        let len = entries.len();
        let least = entries.iter().enumerate().min_by_key(|(_, entry)| *entry).map_or(0, |(at, _)| at);
        let mut index = Self { chunks: Vec::new(), sums: Fenwick::default(), len };
        if len > 0 {
            entries.swap(0, least);
            index.chunks.push(Chunk { entries, sorted: false });
            index.sum_up();
        }
        index
    }

    /// How many entries it holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts in an entry; false: it was there already.
    pub(crate) fn insert(&mut self, entry: Entry) -> bool {
        let place = self.sorted_chunk_for(&entry);
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(Chunk { entries: vec![entry], sorted: true });
            self.len += 1;
            self.sum_up();
            return true;
        };
        let Err(at) = chunk.entries.binary_search(&entry) else { return false };
        chunk.entries.insert(at, entry);
        self.len += 1;
        if chunk.entries.len() > CHUNK_MAX {
            let upper = chunk.entries.split_off(chunk.entries.len() / 2);
            self.chunks.insert(place + 1, Chunk { entries: upper, sorted: true });
            self.sum_up();
        } else {
            self.sums.add(place, 1);
        }
        true
    }

    /// Takes an entry out; false: it was not there.
    pub(crate) fn remove(&mut self, entry: &Entry) -> bool {
        let place = self.sorted_chunk_for(entry);
        let next = self.chunks.get(place + 1);
        let next_len = next.filter(|next| next.sorted).map_or(CHUNK_MAX, |next| next.entries.len());
        let Some(chunk) = self.chunks.get_mut(place) else { return false };
        let Ok(at) = chunk.entries.binary_search(entry) else { return false };
        chunk.entries.remove(at);
        self.len -= 1;
        if chunk.entries.is_empty() {
            self.chunks.remove(place);
            self.sum_up();
        } else if chunk.entries.len() + next_len <= CHUNK_MERGED {
            let mut next = self.chunks.remove(place + 1);
            if let Some(chunk) = self.chunks.get_mut(place) {
                chunk.entries.append(&mut next.entries);
            }
            self.sum_up();
        } else {
            self.sums.add(place, -1);
        }
        true
    }

    /// The place of an entry, if it is in.
    pub(crate) fn rank(&self, entry: &Entry) -> Option<usize> {
        let place = self.chunk_for(entry);
        let Chunk { entries, sorted } = self.chunks.get(place)?;
        let at = if *sorted {
            entries.binary_search(entry).ok()?
        } else {
            entries.contains(entry).then(|| entries.iter().filter(|other| *other < entry).count())?
        };
        Some(self.sums.before(place) + at)
    }

    /// Ids in a part of the order.
    pub(crate) fn ids(&mut self, first: usize, len: usize) -> Vec<u64> {
        let mut ids = Vec::with_capacity(len.min(self.len.saturating_sub(first)));
        let (mut place, mut skip) = self.sums.locate(first);
        while ids.len() < len && place < self.chunks.len() {
            if self.halve(place) {
                // The place may now lie in the upper half.
                (place, skip) = self.sums.locate(first + ids.len());
                continue;
            }
            let wanted = len - ids.len();
            let entries = self.chunks.get(place).map(|chunk| &chunk.entries).into_iter().flatten();
            ids.extend(entries.skip(skip).take(wanted).map(|entry| entry.id));
            (place, skip) = (place + 1, 0);
        }
        ids
    }

    /// The id at a place; sorts nothing.
    pub(crate) fn id_at(&self, place: usize) -> Option<u64> {
        let (chunk, at) = self.sums.locate(place);
        let Chunk { entries, sorted } = self.chunks.get(chunk)?;
        if *sorted {
            return entries.get(at).map(|entry| entry.id);
        }
        let mut order: Vec<&Entry> = entries.iter().collect();
        (at < order.len()).then(|| order.select_nth_unstable(at).1.id)
    }

    /// The chunk where the entry is or would be; makes it small and sorted.
    fn sorted_chunk_for(&mut self, entry: &Entry) -> usize {
        loop {
            let place = self.chunk_for(entry);
            if !self.halve(place) {
                return place;
            }
        }
    }

    /// Halves a large unsorted chunk (true: look again), or sorts a small one.
    fn halve(&mut self, place: usize) -> bool {
        let Some(chunk) = self.chunks.get_mut(place).filter(|chunk| !chunk.sorted) else { return false };
        if chunk.entries.len() <= CHUNK_MAX {
            chunk.entries.sort_unstable();
            // Halves keep the capacity of the whole.
            chunk.entries.shrink_to(CHUNK_MAX);
            chunk.sorted = true;
            return false;
        }
        let middle = chunk.entries.len() / 2;
        if let Some((_, rest)) = chunk.entries.split_first_mut() {
            // The least entry stays first. The median becomes the first, and the least, entry of the upper half.
            rest.select_nth_unstable(middle - 1);
        }
        let upper = chunk.entries.split_off(middle);
        self.chunks.insert(place + 1, Chunk { entries: upper, sorted: false });
        self.sum_up();
        true
    }

    /// The chunk where the entry is or would be.
    fn chunk_for(&self, entry: &Entry) -> usize {
        let after = |chunk: &Chunk| chunk.entries.first().is_some_and(|least| least <= entry);
        self.chunks.partition_point(after).saturating_sub(1)
    }

    /// Sums anew after chunks came or went: linear in the chunks, needed once in some hundred changes.
    fn sum_up(&mut self) {
        self.sums.build(self.chunks.iter().map(|chunk| chunk.entries.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyWriter;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn entry(key: u8, id: u64) -> Entry {
        let mut writer = KeyWriter::default();
        writer.begin();
        writer.byte(key, false);
        Entry { key: writer.key(), id }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_is_a_sorted_set_with_places(
            looks in prop::collection::vec((0..900_usize, 0..90_usize), 0..9),
            start in prop::collection::btree_set((any::<u8>(), 0..900_u64), 0..900),
            steps in prop::collection::vec((any::<bool>(), any::<u8>(), 0..900_u64), 0..1500),
        ) {
            let mut model: BTreeSet<(u8, u64)> = start;
            let mut index = OrderedIndex::build(model.iter().rev().map(|&(key, id)| entry(key, id)).collect());
            for (put, key, id) in steps {
                if put {
                    prop_assert_eq!(index.insert(entry(key, id)), model.insert((key, id)));
                } else {
                    // Takes an existing row: a random one is hardly ever there.
                    let (key, id) = model.range((key, id)..).next().copied().unwrap_or((key, id));
                    prop_assert_eq!(index.remove(&entry(key, id)), model.remove(&(key, id)));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            // Checks first what only reads: it must be right while much is still unsorted.
            for (place, &(key, id)) in model.iter().enumerate() {
                prop_assert_eq!(index.rank(&entry(key, id)), Some(place));
                prop_assert_eq!(index.id_at(place), Some(id));
            }
            prop_assert_eq!(index.id_at(model.len()), None);
            let ids: Vec<u64> = model.iter().map(|&(_, id)| id).collect();
            for (first, len) in looks {
                let expected: Vec<u64> = ids.iter().copied().skip(first).take(len).collect();
                prop_assert_eq!(index.ids(first, len), expected);
            }
            prop_assert_eq!(index.ids(0, usize::MAX), ids);
            for (key, id) in model {
                prop_assert!(index.remove(&entry(key, id)));
            }
            prop_assert_eq!(index.len(), 0);
        }
    }
}
