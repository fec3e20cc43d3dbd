//! Sums over a sequence of lengths: tells in logarithmic time where a length begins and which one holds a place.

/// A Fenwick tree over lengths.
#[derive(Debug, Default)]
pub(crate) struct Fenwick {
    sums: Vec<usize>,
}

impl Fenwick {
    /// Builds the sums anew after lengths came or went: linear in their number.
    pub(crate) fn build(&mut self, lengths: impl Iterator<Item = usize>) {
        self.sums.clear();
        self.sums.extend(lengths);
        for node in 1..=self.sums.len() {
            let parent = node + (node & node.wrapping_neg());
            let sum = self.sums.get(node - 1).copied().unwrap_or_default();
            if let Some(above) = self.sums.get_mut(parent - 1) {
                *above += sum;
            }
        }
    }

    /// The length at `at` changes.
    pub(crate) fn add(&mut self, at: usize, change: isize) {
        let mut node = at + 1;
        while let Some(sum) = self.sums.get_mut(node - 1) {
            *sum = sum.saturating_add_signed(change);
            node += node & node.wrapping_neg();
        }
    }

    /// The sum of all lengths before `at`.
    pub(crate) fn before(&self, at: usize) -> usize {
        let mut total = 0;
        let mut node = at;
        while let Some(&sum) = node.checked_sub(1).and_then(|node| self.sums.get(node)) {
            total += sum;
            node &= node - 1;
        }
        total
    }

    /// Which length holds a place, and the place within it.
    pub(crate) fn locate(&self, place: usize) -> (usize, usize) {
        let (mut at, mut left) = (0, place);
        let mut step = self.sums.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(&sum) = self.sums.get(at + step - 1)
                && sum <= left
            {
                at += step;
                left -= sum;
            }
            step >>= 1;
        }
        (at, left)
    }
}
