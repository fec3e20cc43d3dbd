//! What was decided under keys, for a day.

use crate::erasure::Erasure;
use crate::need::KeyNeed;
use crate::retention::Retention;
use crate::write::{Moment, OutcomeKey, OutcomeWrite, Recorded};
use gwanje_model::{Text, UtcMillis};
use std::collections::BTreeMap;

/// Outcomes under the keys of one center, with the instants (wall clock) at which they were recorded.
#[derive(Debug, Default, Clone)]
pub(super) struct MemoryOutcomes(BTreeMap<OutcomeKey, (UtcMillis, Recorded)>);

impl MemoryOutcomes {
    /// What is needed of a key: the closed one goes first, then the path that is asked for; without one any, the first.
    pub(super) fn found(&self, asked: &KeyNeed) -> Option<(OutcomeKey, Recorded)> {
        let of_path = |key: &OutcomeKey| {
            asked.path.as_ref().is_none_or(|path| key.path == *path || key.path.is_empty())
        };
        let mut found = self.of_key(&asked.account, &asked.key).filter(|(key, _)| of_path(key));
        found.next().map(|(key, recorded)| (key.clone(), recorded.clone()))
    }

    /// What is recorded under a key, by path.
    pub(super) fn of_key(&self, account: &Text, key: &str) -> impl Iterator<Item = (&OutcomeKey, &Recorded)> {
        let first = OutcomeKey { account: account.clone(), key: key.to_owned(), path: String::new() };
        let (account, of_key) = (first.account.clone(), first.key.clone());
        let is_of_key = move |found: &OutcomeKey| found.account == account && found.key == of_key;
        let from_there = self.0.range(first..).take_while(move |(found, _)| is_of_key(found));
        from_there.map(|(key, (_, recorded))| (key, recorded))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (OutcomeKey, Recorded)> {
        self.0.iter().map(|(key, (_, recorded))| (key.clone(), recorded.clone()))
    }

    /// Records one and forgets those that are over. False: something is recorded under it, and stays.
    pub(super) fn record(&mut self, write: OutcomeWrite, now: Moment) -> bool {
        let OutcomeWrite { key, recorded } = write;
        if self.0.contains_key(&key) {
            return false;
        }
        self.0.insert(key, (now.wall, recorded));
        self.forget(now);
        true
    }

    /// Erases a customer from what was answered; from how many.
    pub(super) fn erase(&mut self, erasure: &Erasure) -> usize {
        let mut erased = 0;
        for (_, recorded) in self.0.values_mut() {
            if let Some(without) = erasure.answer(&recorded.body) {
                recorded.body = without.into();
                erased += 1;
            }
        }
        erased
    }

    /// Forgets those that are over.
    pub(super) fn forget(&mut self, now: Moment) {
        let from = Retention::at(now).outcomes_from;
        self.0.retain(|_, (at, _)| *at >= from);
    }
}
