//! Who sits where, as followers were told: the whole list once to each, then what changes.

use gwanje_model::{SeatId, Text};
use gwanje_wire::socket::{SeatEntry, SeatGone, SeatState, SeatsChanged};
use std::collections::{BTreeMap, BTreeSet};

/// What tells one seat from another.
type Key = (SeatId, Text);

/// What was told of seats.
#[derive(Debug, Default)]
pub struct SeatsTold {
    /// To everybody.
    told: BTreeMap<Key, SeatEntry>,
    /// What newcomers alone were told: all others learn of it, and of its end, by the next change.
    ahead: BTreeSet<Key>,
}

/// One entry a seat: of several connections of a seat, as while it reconnects, the one that does something.
#[must_use]
pub fn distinct(seats: Vec<SeatEntry>) -> Vec<SeatEntry> {
    by_key(seats).into_values().collect()
}

fn by_key(seats: Vec<SeatEntry>) -> BTreeMap<Key, SeatEntry> {
    let mut distinct: BTreeMap<Key, SeatEntry> = BTreeMap::new();
    for seat in seats {
        let key = (seat.seat.clone(), seat.account.clone());
        match distinct.get_mut(&key) {
            Some(known) if known.state == SeatState::default() => *known = seat,
            Some(_) => {}
            None => _ = distinct.insert(key, seat),
        }
    }
    distinct
}

impl SeatsTold {
    /// The first who follows is told these.
    pub fn begin(&mut self, seats: &[SeatEntry]) {
        self.told = by_key(seats.to_vec());
        self.ahead.clear();
    }

    /// A newcomer is told these.
    pub fn newcomer(&mut self, seats: &[SeatEntry]) {
        for seat in seats {
            let key = (seat.seat.clone(), seat.account.clone());
            if self.told.get(&key) != Some(seat) {
                self.ahead.insert(key);
            }
        }
    }

    /// What everybody is to be told now that these sit there; none: nothing has changed.
    pub fn change(&mut self, seats: Vec<SeatEntry>) -> Option<SeatsChanged> {
        let now = by_key(seats);
        let is_new = |(key, seat): &(&Key, &SeatEntry)| {
            self.told.get(*key) != Some(*seat) || self.ahead.contains(*key)
        };
        let seats: Vec<SeatEntry> = now.iter().filter(is_new).map(|(_, seat)| seat.clone()).collect();
        let known: BTreeSet<&Key> = self.told.keys().chain(&self.ahead).collect();
        let gone = known.into_iter().filter(|key| !now.contains_key(*key));
        let gone: Vec<SeatGone> =
            gone.map(|(seat, account)| SeatGone { seat: seat.clone(), account: account.clone() }).collect();
        self.told = now;
        self.ahead.clear();
        (!seats.is_empty() || !gone.is_empty()).then_some(SeatsChanged { seats, gone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{DeliveryId, Role};

    fn seat(name: &str, open: Option<u64>) -> SeatEntry {
        let state = SeatState { open_id: open.map(DeliveryId), assigning_id: None };
        SeatEntry { seat: name.into(), account: "kim".into(), role: Role::Dispatcher, state }
    }

    fn told(change: Option<SeatsChanged>) -> (Vec<(String, Option<u64>)>, Vec<String>) {
        let SeatsChanged { seats, gone } = change.unwrap_or_default();
        let seats = seats.iter().map(|s| (s.seat.to_string(), s.state.open_id.map(|id| id.0))).collect();
        (seats, gone.iter().map(|gone| gone.seat.to_string()).collect())
    }

    #[test]
    fn only_what_changes_is_told() {
        let mut known = SeatsTold::default();
        assert_eq!(told(known.change(vec![seat("a", None), seat("b", None)])).0.len(), 2);
        assert!(known.change(vec![seat("b", None), seat("a", None)]).is_none());
        let change = known.change(vec![seat("a", Some(7)), seat("b", None)]);
        assert_eq!(told(change), (vec![("a".into(), Some(7))], vec![]));
        assert_eq!(told(known.change(vec![seat("a", Some(7))])), (vec![], vec!["b".into()]));
    }

    #[test]
    fn what_a_newcomer_was_told_before_all_others_does_not_stay_with_it() {
        let mut known = SeatsTold::default();
        known.change(vec![seat("a", None)]);
        // It hears of `b`, and that `a` has something open; both end before all are told.
        known.newcomer(&[seat("a", Some(7)), seat("b", None)]);
        let change = known.change(vec![seat("a", None)]);
        assert_eq!(told(change), (vec![("a".into(), None)], vec!["b".into()]));
        assert!(known.change(vec![seat("a", None)]).is_none());
    }

    #[test]
    fn two_connections_of_a_seat_are_one() {
        let both = distinct(vec![seat("a", None), seat("a", Some(7)), seat("a", None)]);
        assert_eq!(both, [seat("a", Some(7))]);
    }
}
