//! Deliveries that left: nothing of them comes back for ten minutes, unless lists insist.

use crate::io::{Mono, Now};
use gwanje_model::{DeliveryId, UtcMillis};
use std::collections::BTreeMap;

/// Rule 15: late events and old lists of a removed delivery are still about until then.
const REMEMBERED_MS: u64 = 10 * 60_000;
/// A removed delivery that every list of this long names, the first to the last, was removed by mistake (a list that was
/// older than it): it comes back.
const INSISTED_MS: u64 = 30_000;
/// More are not remembered: some days of a busy center, all removed within ten minutes. The oldest go first.
const REMOVED_MAX: usize = 50_000;

#[derive(Debug)]
struct Left {
    at: Mono,
    /// When the first of the lists that all name it was asked for.
    listed: Option<Mono>,
}

/// What left lately.
#[derive(Debug, Default)]
pub(super) struct Removed(BTreeMap<DeliveryId, Left>);

impl Removed {
    /// It left before this run, by the desk's wall clock.
    pub(super) fn recall(&mut self, id: DeliveryId, left_at: UtcMillis, now: Now) {
        let age = u64::try_from(now.wall.since(left_at)).unwrap_or(0);
        if age < REMEMBERED_MS {
            self.0.insert(id, Left { at: Mono(now.mono.0.saturating_sub(age)), listed: None });
        }
    }

    pub(super) fn add(&mut self, id: DeliveryId, now: Mono) {
        self.forget_old(now);
        if self.0.len() >= REMOVED_MAX
            && let Some(oldest) = self.0.iter().min_by_key(|(_, left)| left.at).map(|(id, _)| *id)
        {
            self.0.remove(&oldest);
        }
        self.0.insert(id, Left { at: now, listed: None });
    }

    /// Whether it left lately.
    pub(super) fn holds(&self, id: DeliveryId, now: Mono) -> bool {
        self.0.get(&id).is_some_and(|left| now.since(left.at) < REMEMBERED_MS)
    }

    /// A list that was asked for then names it: whether it may come back.
    pub(super) fn listed(&mut self, id: DeliveryId, asked: Mono) -> bool {
        let Some(left) = self.0.get_mut(&id) else { return true };
        // A list that was asked for before it left says nothing new.
        if asked <= left.at {
            return false;
        }
        let first = *left.listed.get_or_insert(asked);
        if asked.since(first) < INSISTED_MS {
            return false;
        }
        self.0.remove(&id);
        true
    }

    /// A list names only these.
    pub(super) fn only_listed(&mut self, is_listed: impl Fn(DeliveryId) -> bool) {
        for (id, left) in &mut self.0 {
            if !is_listed(*id) {
                left.listed = None;
            }
        }
    }

    fn forget_old(&mut self, now: Mono) {
        self.0.retain(|_, left| now.since(left.at) < REMEMBERED_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DeliveryId = DeliveryId(5);

    #[test]
    fn what_left_is_held_for_ten_minutes_also_over_a_restart() {
        let mut removed = Removed::default();
        removed.add(ID, Mono(1_000));
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
        removed.add(ID, Mono(1_000));
        assert!(!removed.listed(ID, Mono(900)), "asked for before it left");
        assert!(!removed.listed(ID, Mono(2_000)) && !removed.listed(ID, Mono(31_999)));
        removed.only_listed(|_| false);
        assert!(!removed.listed(ID, Mono(40_000)), "one list lacked it: it begins anew");
        removed.only_listed(|id| id == ID);
        assert!(removed.listed(ID, Mono(70_000)));
        assert!(!removed.holds(ID, Mono(70_000)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut removed = Removed::default();
        for id in 0..=REMOVED_MAX as u64 {
            removed.0.insert(DeliveryId(id), Left { at: Mono(id), listed: None });
        }
        removed.0.remove(&DeliveryId(REMOVED_MAX as u64));
        removed.add(DeliveryId(u64::MAX), Mono(9));
        assert_eq!(removed.0.len(), REMOVED_MAX);
        assert!(!removed.holds(DeliveryId(0), Mono(9)));
    }
}
