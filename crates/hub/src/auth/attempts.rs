//! Failed sign-ins of an account within a minute: enough of them, and the account waits.

use gwanje_model::UtcMillis;
use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

/// Failures within [`WINDOW_MS`] after which an account waits.
const FAILURES: u32 = 10;
/// Milliseconds from the first failure until it is forgotten.
const WINDOW_MS: i64 = 60_000;

#[derive(Default)]
pub(super) struct Attempts {
    failures: Mutex<FxHashMap<String, (UtcMillis, u32)>>,
}

impl Attempts {
    /// Seconds that this account has to wait, if it has to.
    pub fn wait_s(&self, account: &str, now: UtcMillis) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(account).and_then(|&failed| wait_s(failed, now))
    }

    /// Counts an attempt as a failure until [`Self::succeeded`]; or returns the seconds that the account has to wait.
    pub fn begun(&self, account: &str, now: UtcMillis) -> Option<u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // Names stay for a minute, and checks take time: that bounds what guessing names can fill.
        failures.retain(|_, (since, _)| now.since(*since) < WINDOW_MS);
        let wait = failures.get(account).and_then(|&failed| wait_s(failed, now));
        if wait.is_none() {
            failures.entry(account.to_owned()).or_insert((now, 0)).1 += 1;
        }
        wait
    }

    pub fn succeeded(&self, account: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

fn wait_s((since, count): (UtcMillis, u32), now: UtcMillis) -> Option<u64> {
    let left_ms = WINDOW_MS - now.since(since);
    (count >= FAILURES && left_ms > 0).then(|| left_ms.unsigned_abs().div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_minute_make_an_account_wait() {
        let attempts = Attempts::default();
        for at in 0..10 {
            assert_eq!(attempts.wait_s("a", UtcMillis(at)), None);
            assert_eq!(attempts.begun("a", UtcMillis(at)), None);
        }
        assert_eq!(attempts.begun("a", UtcMillis(10_000)), Some(50), "one that waited meanwhile");
        assert_eq!(attempts.wait_s("a", UtcMillis(10_000)), Some(50));
        assert_eq!(attempts.wait_s("b", UtcMillis(10_000)), None);
        assert_eq!(attempts.wait_s("a", UtcMillis(WINDOW_MS)), None);
        attempts.succeeded("a");
        assert_eq!(attempts.wait_s("a", UtcMillis(10_000)), None);
    }

    #[test]
    fn names_are_forgotten_after_a_minute() {
        let attempts = Attempts::default();
        for n in 0..100 {
            attempts.begun(&n.to_string(), UtcMillis(n));
        }
        attempts.begun("last", UtcMillis(WINDOW_MS + 100));
        assert_eq!(attempts.failures.lock().unwrap().len(), 1);
    }
}
