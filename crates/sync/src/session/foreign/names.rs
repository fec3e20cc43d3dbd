//! Numbers for a foreign server's ids: a table, kept in the cache, so that no two ids ever share one.

use super::removed::{REMEMBERED_MS, REMOVED_MAX};
use crate::io::ForeignName;
use gwanje_dialect::ForeignId;
use gwanje_model::{DeliveryId, Text, UtcMillis};
use std::collections::{BTreeMap, VecDeque};

/// A name is forgotten when its delivery left this long ago, milliseconds of the desk's clock. That is a day more than
/// alarms are kept, which know deliveries by number.
const KEPT_MS: i64 = 8 * 24 * 3_600_000;

/// The table.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: BTreeMap<Text, DeliveryId>,
    by_id: BTreeMap<DeliveryId, ForeignName>,
    /// To be written with the next batch; none: forgotten.
    changed: BTreeMap<DeliveryId, Option<ForeignName>>,
    /// Known only because their deliveries left in this run, with when that was, oldest first. Only the memory of
    /// removals needs them.
    unseen: VecDeque<(DeliveryId, UtcMillis)>,
}

impl Names {
    /// What the cache held.
    pub(super) fn recall(&mut self, id: DeliveryId, name: Text, left_at: Option<UtcMillis>) {
        self.by_name.insert(name.clone(), id);
        self.by_id.insert(id, ForeignName { name, left_at });
    }

    /// The number of an id, where it has one.
    pub(super) fn find(&self, id: &ForeignId) -> Option<DeliveryId> {
        match id {
            ForeignId::Number(number) => Some(DeliveryId(*number)),
            ForeignId::Name(name) => self.by_name.get(name.as_str()).copied(),
        }
    }

    /// The number of an id; a new one gets the next.
    pub(super) fn number(&mut self, id: &ForeignId) -> DeliveryId {
        if let Some(number) = self.find(id) {
            return number;
        }
        let number = DeliveryId(self.by_id.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        if let ForeignId::Name(name) = id {
            self.set(number, ForeignName { name: name.as_str().into(), left_at: None });
        }
        number
    }

    /// The delivery left the board, or (none) is on it.
    pub(super) fn left(&mut self, id: DeliveryId, at: Option<UtcMillis>) {
        match (self.by_id.get(&id), at) {
            (Some(known), _) if known.left_at != at => {
                let name = known.name.clone();
                self.set(id, ForeignName { name, left_at: at });
            }
            // Numbers of the server's own are written down only so that their leaving outlives a restart.
            (None, Some(at)) => {
                self.set(id, ForeignName { name: id.0.to_string().into(), left_at: Some(at) });
            }
            (Some(_) | None, _) => {}
        }
    }

    /// A delivery that is not on the board left; its number.
    pub(super) fn left_unseen(&mut self, id: &ForeignId, at: UtcMillis) -> DeliveryId {
        let is_known = self.find(id).is_some_and(|id| self.by_id.contains_key(&id));
        let number = self.number(id);
        self.left(number, Some(at));
        if !is_known {
            if self.unseen.len() >= REMOVED_MAX {
                self.forget_unseen(|_| true);
            }
            self.unseen.push_back((number, at));
        }
        number
    }

    /// Forgets names of deliveries that left long ago. The greatest number stays, so that none is given twice.
    pub(super) fn forget_old(&mut self, now: UtcMillis) {
        let remembered_ms = REMEMBERED_MS.cast_signed();
        while self.forget_unseen(|at| now.since(at) > remembered_ms) {}
        let last = self.last();
        let is_old = |known: &ForeignName| known.left_at.is_some_and(|at| now.since(at) > KEPT_MS);
        let old: Vec<_> = self.by_id.extract_if(.., |id, known| Some(*id) != last && is_old(known)).collect();
        for (id, known) in old {
            self.by_name.remove(&known.name);
            self.changed.insert(id, None);
        }
    }

    /// Forgets the oldest of the unseen, if it is to be forgotten and was not heard of since.
    fn forget_unseen(&mut self, is_due: impl Fn(UtcMillis) -> bool) -> bool {
        let Some((id, at)) = self.unseen.pop_front_if(|(_, at)| is_due(*at)) else { return false };
        let is_as_it_was = self.by_id.get(&id).is_some_and(|known| known.left_at == Some(at));
        if is_as_it_was
            && self.last() != Some(id)
            && let Some(known) = self.by_id.remove(&id)
        {
            self.by_name.remove(&known.name);
            self.changed.insert(id, None);
        }
        true
    }

    fn last(&self) -> Option<DeliveryId> {
        self.by_id.last_key_value().map(|(id, _)| *id)
    }

    /// What the next batch has to hold.
    pub(super) fn store(&mut self) -> Vec<(DeliveryId, Option<ForeignName>)> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// The cache is new and empty.
    pub(super) fn store_all(&mut self) {
        self.changed.extend(self.by_id.iter().map(|(id, known)| (*id, Some(known.clone()))));
    }

    fn set(&mut self, id: DeliveryId, known: ForeignName) {
        self.by_name.insert(known.name.clone(), id);
        self.changed.insert(id, Some(known.clone()));
        self.by_id.insert(id, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ForeignId {
        ForeignId::Name(name.to_owned())
    }

    #[test]
    fn an_id_keeps_its_number_and_none_is_given_twice() {
        let mut names = Names::default();
        let (one, two) = (names.number(&name("A1")), names.number(&name("A2")));
        assert_ne!(one, two);
        assert_eq!(names.number(&name("A1")), one);
        names.left(one, Some(UtcMillis(0)));
        names.left(two, Some(UtcMillis(0)));
        names.store();
        names.forget_old(UtcMillis(KEPT_MS));
        assert_eq!(names.find(&name("A1")), Some(one), "not yet");
        names.forget_old(UtcMillis(KEPT_MS + 1));
        assert_eq!(names.store(), [(one, None)], "the greatest stays");
        assert!(names.number(&name("A3")) > two);
    }

    #[test]
    fn what_only_left_is_forgotten_after_ten_minutes_but_not_what_was_seen() {
        let mut names = Names::default();
        let seen = names.number(&name("A1"));
        let of_number = ForeignId::Number(77);
        for id in [name("B1"), name("B2"), name("A1"), name("B3"), of_number.clone()] {
            names.left_unseen(&id, UtcMillis(1_000));
        }
        let (back, again) = (names.find(&name("B2")).unwrap(), names.find(&name("B3")).unwrap());
        names.left(back, None);
        names.left(again, Some(UtcMillis(2_000)));
        names.number(&name("Z"));
        let later = UtcMillis(1_001 + REMEMBERED_MS.cast_signed());
        names.forget_old(later.plus_ms(-1));
        assert!(names.find(&name("B1")).is_some(), "not yet");
        names.forget_old(later);
        assert_eq!((names.find(&name("B1")), names.by_id.contains_key(&DeliveryId(77))), (None, false));
        assert_eq!((names.find(&name("A1")), names.find(&name("B2"))), (Some(seen), Some(back)));
        assert!(names.find(&name("B3")).is_some() && names.unseen.is_empty());
    }

    #[test]
    fn names_of_what_only_left_are_bounded() {
        let mut names = Names::default();
        for n in 0..REMOVED_MAX + 10 {
            names.left_unseen(&name(&n.to_string()), UtcMillis(5));
        }
        assert_eq!((names.by_id.len(), names.unseen.len()), (REMOVED_MAX, REMOVED_MAX));
    }

    #[test]
    fn what_was_written_is_recalled() {
        let mut names = Names::default();
        let one = names.number(&name("A1"));
        names.left(DeliveryId(77), Some(UtcMillis(5)));
        let mut again = Names::default();
        for (id, known) in names.store() {
            let ForeignName { name, left_at } = known.unwrap();
            again.recall(id, name, left_at);
        }
        assert_eq!(again.find(&name("A1")), Some(one));
        assert_eq!(again.find(&ForeignId::Number(77)), Some(DeliveryId(77)));
        assert_eq!(again.number(&name("A2")), DeliveryId(78));
    }
}
