//! Numbers for a foreign server's ids: a table, kept in the cache, so that no two ids ever share one.

use crate::io::ForeignName;
use gwanje_dialect::ForeignId;
use gwanje_model::{DeliveryId, Text, UtcMillis};
use std::collections::BTreeMap;

/// A name whose delivery left this long ago is forgotten, milliseconds of the desk's clock: a day more than alarms are
/// kept, which know deliveries by number.
const KEPT_MS: i64 = 8 * 24 * 3_600_000;

/// The table.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: BTreeMap<Text, DeliveryId>,
    by_id: BTreeMap<DeliveryId, ForeignName>,
    /// To be written with the next batch; none: forgotten.
    changed: BTreeMap<DeliveryId, Option<ForeignName>>,
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

    /// Forgets names of deliveries that left long ago. The greatest number stays, so that none is given twice.
    pub(super) fn forget_old(&mut self, now: UtcMillis) {
        let last = self.by_id.last_key_value().map(|(id, _)| *id);
        let is_old = |known: &ForeignName| known.left_at.is_some_and(|at| now.since(at) > KEPT_MS);
        let old: Vec<_> = self.by_id.extract_if(.., |id, known| Some(*id) != last && is_old(known)).collect();
        for (id, known) in old {
            self.by_name.remove(&known.name);
            self.changed.insert(id, None);
        }
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
