//! Failed sign-ins of an account within a minute: enough of them, and the account waits.

use gwanje_model::UtcMillis;
use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

/// Failures within [`WINDOW_MS`] after which an account waits.
const FAILURES: u32 = 10;
/// Milliseconds from the first failure until it is forgotten.
const WINDOW_MS: i64 = 60_000;
/// Names kept before old ones are swept out: bounds what guessing names can fill.
const SWEEP_AT: usize = 10_000;

#[derive(Default)]
pub(super) struct Attempts {
    failures: Mutex<FxHashMap<String, (UtcMillis, u32)>>,
}

impl Attempts {
    /// Seconds that this account has to wait, if it has to.
    pub fn wait_s(&self, account: &str, now: UtcMillis) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let &(since, count) = failures.get(account)?;
        let left_ms = WINDOW_MS - now.since(since);
        (count >= FAILURES && left_ms > 0).then(|| left_ms.unsigned_abs().div_ceil(1_000))
    }

    pub fn failed(&self, account: &str, now: UtcMillis) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= SWEEP_AT {
            failures.retain(|_, (since, _)| now.since(*since) < WINDOW_MS);
        }
        let entry = failures.entry(account.to_owned()).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW_MS {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }

    pub fn succeeded(&self, account: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_minute_make_an_account_wait() {
        let attempts = Attempts::default();
        for at in 0..10 {
            assert_eq!(attempts.wait_s("a", UtcMillis(at)), None);
            attempts.failed("a", UtcMillis(at));
        }
        assert_eq!(attempts.wait_s("a", UtcMillis(10_000)), Some(50));
        assert_eq!(attempts.wait_s("b", UtcMillis(10_000)), None);
        assert_eq!(attempts.wait_s("a", UtcMillis(WINDOW_MS)), None);
        attempts.succeeded("a");
        assert_eq!(attempts.wait_s("a", UtcMillis(10_000)), None);
    }
}
