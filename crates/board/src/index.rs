//! An ordered set of rows that knows places: insert, remove, rank and nth in logarithmic time.
//!
//! A sorted list cut into chunks, with a Fenwick tree over their lengths. Wide chunks rather than nodes: one
//! insertion moves a few kilobytes within the cache instead of walking pointers, and reading a window is a walk
//! over neighbours.

use crate::key::Key;

/// A chunk of this many entries (of 40 bytes) is cut in two.
const CHUNK_MAX: usize = 256;
/// How full chunks are when an index is built: room for insertions without cutting at once.
const CHUNK_BUILT: usize = 192;
/// A chunk and its neighbour that together hold no more than this become one.
const CHUNK_MERGED: usize = 128;

/// A row in an index: its key, then its id, so that every order is total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) id: u64,
}

/// Entries in order. No chunk is ever empty.
#[derive(Debug, Default)]
pub(crate) struct OrderedIndex {
    chunks: Vec<Vec<Entry>>,
    /// Fenwick tree over the lengths of the chunks.
    sums: Vec<usize>,
    len: usize,
}

impl OrderedIndex {
    /// Builds an index from entries in any order.
    pub(crate) fn build(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        let len = entries.len();
        let mut chunks = Vec::with_capacity(len.div_ceil(CHUNK_BUILT));
        let mut rest = entries.into_iter();
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_MAX);
            chunk.extend(rest.by_ref().take(CHUNK_BUILT));
            if chunk.is_empty() {
                break;
            }
            chunks.push(chunk);
        }
        let mut index = Self { chunks, sums: Vec::new(), len };
        index.sum_up();
        index
    }

    /// How many entries it holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts an entry in; false: it was there.
    pub(crate) fn insert(&mut self, entry: Entry) -> bool {
        let place = self.chunk_for(&entry);
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(vec![entry]);
            self.len += 1;
            self.sum_up();
            return true;
        };
        let Err(at) = chunk.binary_search(&entry) else { return false };
        chunk.insert(at, entry);
        self.len += 1;
        if chunk.len() > CHUNK_MAX {
            let upper = chunk.split_off(chunk.len() / 2);
            self.chunks.insert(place + 1, upper);
            self.sum_up();
        } else {
            self.add(place, 1);
        }
        true
    }

    /// Takes an entry out; false: it was not there.
    pub(crate) fn remove(&mut self, entry: &Entry) -> bool {
        let place = self.chunk_for(entry);
        let next_len = self.chunks.get(place + 1).map_or(CHUNK_MAX, Vec::len);
        let Some(chunk) = self.chunks.get_mut(place) else { return false };
        let Ok(at) = chunk.binary_search(entry) else { return false };
        chunk.remove(at);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(place);
            self.sum_up();
        } else if chunk.len() + next_len <= CHUNK_MERGED {
            let mut next = self.chunks.remove(place + 1);
            if let Some(chunk) = self.chunks.get_mut(place) {
                chunk.append(&mut next);
            }
            self.sum_up();
        } else {
            self.add(place, -1);
        }
        true
    }

    /// The place of an entry, if it is in.
    pub(crate) fn rank(&self, entry: &Entry) -> Option<usize> {
        let place = self.chunk_for(entry);
        let at = self.chunks.get(place)?.binary_search(entry).ok()?;
        Some(self.before(place) + at)
    }

    /// Ids from a place on.
    pub(crate) fn ids_from(&self, first: usize) -> impl Iterator<Item = u64> + '_ {
        let (place, skip) = self.locate(first);
        self.chunks.iter().skip(place).flatten().skip(skip).map(|entry| entry.id)
    }

    /// The chunk where the entry is or would be.
    fn chunk_for(&self, entry: &Entry) -> usize {
        let after = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last < entry));
        after.min(self.chunks.len().saturating_sub(1))
    }

    /// The chunk that holds a place, and the place within it.
    fn locate(&self, place: usize) -> (usize, usize) {
        let mut chunk = 0;
        let mut left = place;
        let mut step = self.sums.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(&sum) = self.sums.get(chunk + step - 1)
                && sum <= left
            {
                chunk += step;
                left -= sum;
            }
            step >>= 1;
        }
        (chunk, left)
    }

    /// How many entries the chunks before this one hold.
    fn before(&self, chunk: usize) -> usize {
        let mut total = 0;
        let mut node = chunk;
        while let Some(&sum) = node.checked_sub(1).and_then(|at| self.sums.get(at)) {
            total += sum;
            node &= node - 1;
        }
        total
    }

    /// One more or one less in a chunk.
    fn add(&mut self, chunk: usize, change: isize) {
        let mut node = chunk + 1;
        while let Some(sum) = self.sums.get_mut(node - 1) {
            *sum = sum.saturating_add_signed(change);
            node += node & node.wrapping_neg();
        }
    }

    /// Sums anew, after chunks came or went: linear in the chunks, once in some hundred changes.
    fn sum_up(&mut self) {
        self.sums.clear();
        self.sums.extend(self.chunks.iter().map(Vec::len));
        for node in 1..=self.sums.len() {
            let parent = node + (node & node.wrapping_neg());
            let sum = self.sums.get(node - 1).copied().unwrap_or_default();
            if let Some(above) = self.sums.get_mut(parent - 1) {
                *above += sum;
            }
        }
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
            start in prop::collection::btree_set((any::<u8>(), 0..900_u64), 0..900),
            steps in prop::collection::vec((any::<bool>(), any::<u8>(), 0..900_u64), 0..1500),
        ) {
            let mut model: BTreeSet<(u8, u64)> = start;
            let mut index = OrderedIndex::build(model.iter().rev().map(|&(key, id)| entry(key, id)).collect());
            for (put, key, id) in steps {
                if put {
                    prop_assert_eq!(index.insert(entry(key, id)), model.insert((key, id)));
                } else {
                    // Take what is there rather than a row that hardly ever is.
                    let (key, id) = model.range((key, id)..).next().copied().unwrap_or((key, id));
                    prop_assert_eq!(index.remove(&entry(key, id)), model.remove(&(key, id)));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for (place, &(key, id)) in model.iter().enumerate() {
                prop_assert_eq!(index.rank(&entry(key, id)), Some(place));
                prop_assert_eq!(index.ids_from(place).next(), Some(id));
            }
            prop_assert_eq!(index.ids_from(model.len()).next(), None);
            prop_assert!(index.ids_from(0).eq(model.iter().map(|&(_, id)| id)));
            for (key, id) in model {
                prop_assert!(index.remove(&entry(key, id)));
            }
            prop_assert_eq!(index.len(), 0);
        }
    }
}
