//! Deliveries that left: nothing of them comes back for ten minutes, unless lists insist.

use crate::io::{Mono, Now};
use gwanje_model::{DeliveryId, UtcMillis};
use gwanje_wire::WireRow;
use std::collections::{BTreeMap, BTreeSet};

/// Rule 15: until then late events and old lists of a removed delivery are still about.
pub(super) const REMEMBERED_MS: u64 = 10 * 60_000;
/// A removed delivery comes back when every list of this long names it, from the first to the last. It was removed by
/// mistake (by a list that was older than it).
const INSISTED_MS: u64 = 30_000;
/// No more than this are remembered: some days of a busy center, all removed within ten minutes. The oldest go first.
pub(super) const REMOVED_MAX: usize = 50_000;

#[derive(Debug)]
struct Left {
    at: Mono,
    /// As it was last; none: it was never on the board in this run.
    row: Option<WireRow>,
    /// The newest modification time that the server had named; none: it is not known.
    named: Option<UtcMillis>,
    /// When the first of the lists that all name it was asked for.
    listed: Option<Mono>,
}

/// What left lately.
#[derive(Debug, Default)]
pub(super) struct Removed {
    by_id: BTreeMap<DeliveryId, Left>,
    by_age: BTreeSet<(Mono, DeliveryId)>,
}

impl Removed {
    /// It left before this run, by the desk's wall clock.
    pub(super) fn recall(&mut self, id: DeliveryId, left_at: UtcMillis, now: Now) {
        let age = u64::try_from(now.wall.since(left_at)).unwrap_or(0);
        if age < REMEMBERED_MS {
            self.insert(id, None, None, Mono(now.mono.0.saturating_sub(age)));
        }
    }

    /// It left; `row`: as it was last, if it was on the board.
    pub(super) fn add(&mut self, id: DeliveryId, row: Option<WireRow>, named: Option<UtcMillis>, now: Mono) {
        self.forget_old(now);
        let (old_row, old_named) = self.take(id).map_or((None, None), |left| (left.row, left.named));
        self.insert(id, row.or(old_row), named.max(old_named), now);
    }

    /// Whether a row of that time, which has not ended, is of another delivery: servers begin their ids anew.
    pub(super) fn is_of_another(&self, id: DeliveryId, at: Option<UtcMillis>) -> bool {
        let named = self.by_id.get(&id).and_then(|left| left.named);
        named.zip(at).is_some_and(|(named, at)| at > named)
    }

    /// Another delivery has its id now.
    pub(super) fn forget(&mut self, id: DeliveryId) {
        self.take(id);
    }

    /// Whether it left lately.
    pub(super) fn holds(&self, id: DeliveryId, now: Mono) -> bool {
        self.by_id.get(&id).is_some_and(|left| now.since(left.at) < REMEMBERED_MS)
    }

    /// What left lately as it was last, where that is known.
    pub(super) fn last(&self, id: DeliveryId) -> Option<&WireRow> {
        self.by_id.get(&id)?.row.as_ref()
    }

    /// A list that was asked for then names it: whether it may come back.
    pub(super) fn listed(&mut self, id: DeliveryId, asked: Mono) -> bool {
        let Some(left) = self.by_id.get_mut(&id) else { return true };
        // A list that was asked for before it left says nothing new.
        if asked <= left.at {
            return false;
        }
        let first = *left.listed.get_or_insert(asked);
        if asked.since(first) < INSISTED_MS {
            return false;
        }
        self.take(id);
        true
    }

    /// A list names only these.
    pub(super) fn only_listed(&mut self, is_listed: impl Fn(DeliveryId) -> bool) {
        for (id, left) in &mut self.by_id {
            if !is_listed(*id) {
                left.listed = None;
            }
        }
    }

    fn insert(&mut self, id: DeliveryId, row: Option<WireRow>, named: Option<UtcMillis>, at: Mono) {
        self.take(id);
        if self.by_id.len() >= REMOVED_MAX
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.take(oldest);
        }
        self.by_age.insert((at, id));
        self.by_id.insert(id, Left { at, row, named, listed: None });
    }

    fn take(&mut self, id: DeliveryId) -> Option<Left> {
        let left = self.by_id.remove(&id)?;
        self.by_age.remove(&(left.at, id));
        Some(left)
    }

    fn forget_old(&mut self, now: Mono) {
        while let Some((_, oldest)) =
            self.by_age.first().copied().filter(|(at, _)| now.since(*at) >= REMEMBERED_MS)
        {
            self.take(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DeliveryId = DeliveryId(5);

    #[test]
    fn what_left_is_held_for_ten_minutes_also_over_a_restart() {
        let mut removed = Removed::default();
        removed.add(ID, None, None, Mono(1_000));
        assert!(removed.holds(ID, Mono(600_999)) && !removed.holds(ID, Mono(601_000)));
        let mut recalled = Removed::default();
        let now = Now { mono: Mono(900_000), wall: UtcMillis(400_000) };
        recalled.recall(ID, UtcMillis(100_000), now);
        assert!(recalled.holds(ID, Mono(1_199_999)) && !recalled.holds(ID, Mono(1_200_000)));
        recalled.recall(DeliveryId(6), UtcMillis(-300_000), now);
        assert!(!recalled.holds(DeliveryId(6), now.mono));
    }

    #[test]
    fn only_lists_that_insist_bring_it_back() {
        let mut removed = Removed::default();
        removed.add(ID, None, None, Mono(1_000));
        assert!(!removed.listed(ID, Mono(900)), "asked for before it left");
        assert!(!removed.listed(ID, Mono(2_000)) && !removed.listed(ID, Mono(31_999)));
        removed.only_listed(|_| false);
        assert!(!removed.listed(ID, Mono(40_000)), "one list lacked it: it begins anew");
        removed.only_listed(|id| id == ID);
        assert!(removed.listed(ID, Mono(70_000)));
        assert!(!removed.holds(ID, Mono(70_000)));
    }

    #[test]
    fn the_memory_is_bounded_and_the_oldest_go_first() {
        let mut removed = Removed::default();
        for id in 0..REMOVED_MAX as u64 + 3 {
            removed.add(DeliveryId(id), None, None, Mono(id / 1_000));
        }
        assert_eq!((removed.by_id.len(), removed.by_age.len()), (REMOVED_MAX, REMOVED_MAX));
        assert!(!removed.holds(DeliveryId(2), Mono(50)) && removed.holds(DeliveryId(3), Mono(50)));
        removed.add(DeliveryId(3), None, None, Mono(50 + REMEMBERED_MS));
        assert_eq!((removed.by_id.len(), removed.by_age.len()), (1, 1));
    }
}
