//! The least of some instants. Any instant may come or go cheaply, at an amortised logarithmic cost at most: a
//! departure is only noted. Departures are dropped when one would be the least, or when there are too many of them.

use gwanje_model::UtcMillis;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Drops noted departures when they are more than half of what came, and more than this.
const GONE_MAX: usize = 64;

/// An instant of a row, the least on top.
type Since = Reverse<(UtcMillis, u64)>;

/// Rows by one of their instants.
#[derive(Debug, Default)]
pub(crate) struct Oldest {
    came: BinaryHeap<Since>,
    /// Departures; each of them also came.
    gone: BinaryHeap<Since>,
}

impl Oldest {
    pub(crate) fn build(rows: Vec<(UtcMillis, u64)>) -> Self {
        Self { came: rows.into_iter().map(Reverse).collect(), gone: BinaryHeap::new() }
    }

    /// A row comes.
    pub(crate) fn insert(&mut self, since: UtcMillis, id: u64) {
        self.came.push(Reverse((since, id)));
    }

    /// A row that came goes.
    pub(crate) fn remove(&mut self, since: UtcMillis, id: u64) {
        self.gone.push(Reverse((since, id)));
        if self.gone.len() > GONE_MAX.max(self.came.len() / 2) {
            self.drop_gone();
        }
    }

    /// The least instant.
    pub(crate) fn least(&mut self) -> Option<UtcMillis> {
        while self.gone.peek().is_some() && self.gone.peek() == self.came.peek() {
            self.gone.pop();
            self.came.pop();
        }
        self.came.peek().map(|Reverse((since, _))| *since)
    }

    fn drop_gone(&mut self) {
        let mut gone = std::mem::take(&mut self.gone).into_sorted_vec();
        let came = std::mem::take(&mut self.came).into_sorted_vec();
        // Both have the greatest instant first. Reversed, `gone` gives it from its end.
        gone.reverse();
        let stays = |since: &Since| {
            let is_gone = gone.last() == Some(since);
            if is_gone {
                gone.pop();
            }
            !is_gone
        };
        self.came = came.into_iter().filter(stays).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_the_least_of_a_set(steps in prop::collection::vec((any::<bool>(), 0..40_i64, 0..6_u64, any::<bool>()), 0..600)) {
            let (mut model, mut oldest) = (BTreeSet::new(), Oldest::build(vec![(UtcMillis(20), 9)]));
            model.insert((UtcMillis(20), 9));
            for (put, at, id, look) in steps {
                let at = UtcMillis(at);
                if put && model.insert((at, id)) {
                    oldest.insert(at, id);
                } else if !put && let Some(&(at, id)) = model.range((at, id)..).next() {
                    model.remove(&(at, id));
                    oldest.remove(at, id);
                }
                if look {
                    prop_assert_eq!(oldest.least(), model.first().map(|(at, _)| *at));
                }
                prop_assert!(oldest.gone.len() <= GONE_MAX.max(oldest.came.len()));
            }
            prop_assert_eq!(oldest.least(), model.first().map(|(at, _)| *at));
        }
    }
}
