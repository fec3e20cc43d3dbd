//! Failed sign-ins of the last minute, and from where accounts signed in before.

use crate::store::throttle::{Attempt, Counted, DEVICE_KEPT_MS, Failures, KEPT_MAX, ThrottleKey, Verdict};
use gwanje_model::UtcMillis;
use std::collections::BTreeMap;

/// What is counted, and what is remembered.
#[derive(Default)]
pub(super) struct Throttle {
    failures: BTreeMap<ThrottleKey, Failures>,
    devices: BTreeMap<ThrottleKey, UtcMillis>,
}

impl Throttle {
    /// What is known of a sign-in.
    pub fn look(&self, attempt: &Attempt) -> Counted {
        let found: Vec<_> =
            attempt.keys().iter().filter_map(|key| Some((*key, *self.failures.get(key)?))).collect();
        let used_at = self.devices.get(&attempt.pair);
        attempt.count(&found, used_at.is_some_and(|at| attempt.now.since(*at) < DEVICE_KEPT_MS))
    }

    /// Counts it as failed, unless it has to wait.
    pub fn begin(&mut self, attempt: &Attempt) -> Verdict {
        let verdict = self.look(attempt).verdict(attempt.now);
        if matches!(verdict, Verdict::Waits(_)) {
            return verdict;
        }
        self.failures.retain(|_, failures| failures.is_live(attempt.now));
        drop_oldest(&mut self.failures, |failures| failures.since);
        for key in attempt.keys() {
            let counted = Failures::and_one(self.failures.get(&key).copied(), attempt.now);
            self.failures.insert(key, counted);
        }
        verdict
    }

    /// Takes back that it failed, and remembers from where the account signed in.
    pub fn succeeded(&mut self, attempt: &Attempt) {
        self.failures.remove(&attempt.pair);
        for key in [attempt.address, attempt.account] {
            if let Some(failures) = self.failures.get_mut(&key) {
                failures.count = (failures.count - 1).max(0);
            }
        }
        self.devices.retain(|_, at| attempt.now.since(*at) < DEVICE_KEPT_MS);
        drop_oldest(&mut self.devices, |at| *at);
        self.devices.insert(attempt.pair, attempt.now);
    }
}

fn drop_oldest<T>(kept: &mut BTreeMap<ThrottleKey, T>, age: impl Fn(&T) -> UtcMillis) {
    if i64::try_from(kept.len()).is_ok_and(|count| count < KEPT_MAX) {
        return;
    }
    let oldest = kept.iter().min_by_key(|(_, one)| age(one)).map(|(key, _)| *key);
    oldest.map(|key| kept.remove(&key));
}
