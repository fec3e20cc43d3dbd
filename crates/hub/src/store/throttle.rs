//! Failed sign-ins as they are counted, in the store, so that all hubs on it count together.
//!
//! What is counted is named by hashes of one length: no address lies in the store, and a long name takes no more room than a
//! short one.

use super::{Store, StoreError};
use gwanje_model::UtcMillis;

/// Milliseconds from the first failure until all of them are forgotten.
pub(crate) const WINDOW_MS: i64 = 60_000;
/// Failures of an account from an address, from which on it waits.
pub(crate) const OF_PAIR: i64 = 10;
/// Failures from an address, from which on it waits.
pub(crate) const OF_ADDRESS: i64 = 60;
/// Failures of an account over all addresses, from which on devices that it does not know are slowed down.
pub(crate) const OF_ACCOUNT: i64 = 100;
/// How long a device that signed in is remembered, milliseconds: as long as a sign-in that nobody uses.
pub(super) const DEVICE_KEPT_MS: i64 = 30 * 86_400_000;
/// The most that is counted at once, and the most devices that are remembered; beyond, the oldest go. At some hundred bytes
/// each that is 6 MiB. Each check of a password leaves at most three, and those are gone after a minute.
pub(super) const KEPT_MAX: i64 = 65_536;
/// Forgets at most this many at once, more than one attempt adds.
pub(super) const FORGOTTEN: i64 = 64;

/// A hash that names what failures are counted of.
pub(crate) type ThrottleKey = [u8; 16];

/// A sign-in as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The account from the address: a device, too.
    pub pair: ThrottleKey,
    /// The address.
    pub address: ThrottleKey,
    /// The account.
    pub account: ThrottleKey,
    /// The wall's clock.
    pub now: UtcMillis,
}

impl Attempt {
    /// What is counted, in an order that is the same for everybody: two transactions never wait for each other in a circle.
    pub(super) fn keys(&self) -> [ThrottleKey; 3] {
        let mut keys = [self.pair, self.address, self.account];
        keys.sort_unstable();
        keys
    }

    /// What was counted until this instant or before is forgotten.
    pub(super) fn forgotten_until(&self) -> UtcMillis {
        self.now.plus_ms(-WINDOW_MS)
    }

    /// What is known of one of its keys out of what was found.
    pub(super) fn count(&self, found: &[(ThrottleKey, Failures)], is_known: bool) -> Counted {
        let of = |key: ThrottleKey| {
            let live = found.iter().find(|(of, failures)| *of == key && failures.is_live(self.now));
            live.map_or(Failures { since: self.now, count: 0 }, |(_, failures)| *failures)
        };
        Counted { pair: of(self.pair), address: of(self.address), account: of(self.account), is_known }
    }
}

/// Failures since the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failures {
    pub since: UtcMillis,
    pub count: i64,
}

impl Failures {
    /// Whether they count at that instant. A clock that was set back makes nobody wait for longer than a minute.
    pub(super) fn is_live(&self, now: UtcMillis) -> bool {
        (0..WINDOW_MS).contains(&now.since(self.since))
    }

    /// One more.
    pub(super) fn and_one(found: Option<Self>, now: UtcMillis) -> Self {
        match found.filter(|found| found.is_live(now)) {
            Some(Self { since, count }) => Self { since, count: count + 1 },
            None => Self { since: now, count: 1 },
        }
    }

    /// Milliseconds until they are forgotten.
    fn left_ms(&self, now: UtcMillis) -> u64 {
        (WINDOW_MS - now.since(self.since)).clamp(1, WINDOW_MS).unsigned_abs()
    }
}

/// What is known of a sign-in before it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub pair: Failures,
    pub address: Failures,
    pub account: Failures,
    /// Whether the account signed in from there before.
    pub is_known: bool,
}

/// What becomes of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its password is checked.
    Taken,
    /// It is checked after a while: many guess at this account, and it comes from where the account never was.
    Slowed,
    /// It is not checked for so many milliseconds.
    Waits(u64),
}

impl Counted {
    /// What becomes of it.
    pub(crate) fn verdict(&self, now: UtcMillis) -> Verdict {
        let Self { pair, address, account, is_known } = self;
        if pair.count >= OF_PAIR {
            return Verdict::Waits(pair.left_ms(now));
        }
        // Room for whoever signed in before: an office is behind one address, and one of them guesses.
        if address.count >= OF_ADDRESS && !is_known {
            return Verdict::Waits(address.left_ms(now));
        }
        if account.count >= OF_ACCOUNT && !is_known {
            return Verdict::Slowed;
        }
        Verdict::Taken
    }
}

impl Store {
    /// What is known of a sign-in.
    pub(crate) async fn look_at_attempt(&self, attempt: Attempt) -> Result<Counted, StoreError> {
        self.shared.backend.look_at_attempt(attempt).await
    }

    /// Counts a sign-in as failed until [`Self::attempt_succeeded`], unless it has to wait. Of those that are tried at once,
    /// at one hub or at several, no more get through than there is room for.
    pub(crate) async fn begin_attempt(&self, attempt: Attempt) -> Result<Verdict, StoreError> {
        self.shared.backend.begin_attempt(attempt).await
    }

    /// Takes back that it failed, and remembers from where the account signed in.
    pub(crate) async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.shared.backend.attempt_succeeded(attempt).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pair: i64, address: i64, account: i64, is_known: bool) -> Verdict {
        let failures = |count| Failures { since: UtcMillis(0), count };
        let counted = Counted {
            pair: failures(pair),
            address: failures(address),
            account: failures(account),
            is_known,
        };
        counted.verdict(UtcMillis(10_000))
    }

    #[test]
    fn who_waits_who_is_slowed_and_who_has_room() {
        for (found, expected) in [
            (counted(0, 0, 0, false), Verdict::Taken),
            (counted(9, 59, 99, false), Verdict::Taken),
            (counted(10, 10, 10, false), Verdict::Waits(50_000)),
            (counted(10, 10, 10, true), Verdict::Waits(50_000)),
            (counted(0, 60, 0, false), Verdict::Waits(50_000)),
            (counted(0, 60, 0, true), Verdict::Taken),
            (counted(0, 0, 100, false), Verdict::Slowed),
            (counted(0, 0, 100, true), Verdict::Taken),
            (counted(0, 0, 1_000_000, false), Verdict::Slowed),
        ] {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn failures_are_forgotten_after_a_minute_and_when_the_clock_goes_back() {
        let first = Failures::and_one(None, UtcMillis(1_000));
        let second = Failures::and_one(Some(first), UtcMillis(2_000));
        assert_eq!(second, Failures { since: UtcMillis(1_000), count: 2 });
        assert!(second.is_live(UtcMillis(60_999)) && !second.is_live(UtcMillis(61_000)));
        assert!(!second.is_live(UtcMillis(999)));
        assert_eq!(Failures::and_one(Some(second), UtcMillis(61_000)).count, 1);
    }
}
