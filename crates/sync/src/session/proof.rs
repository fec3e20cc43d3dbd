//! How old a proof is: heads that come by socket are dated by the hub's clock, answers by when they were asked for.

use crate::io::{Mono, Now};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::UtcMillis;
use gwanje_wire::socket::HEAD_INTERVAL_MS;

/// A proof older than this is no proof of the present: two heads and a second (wire contract, `head`).
pub(super) const PROOF_FRESH_MS: u64 = 2 * HEAD_INTERVAL_MS + 1_000;
/// The hub's clock stepping back by more than this is a clock that was set, not a head that came late.
const CLOCK_STEP_MS: i64 = 60_000;

/// Milliseconds over which the smallest delay is taken for the clocks' offset: long enough that a late head or a slow
/// quarter of a minute stands out, short enough that clocks that drift apart, or one that was set by some seconds, are
/// followed without a reconnect.
const DELAY_WINDOW_MS: u64 = 5 * 60_000;

/// An instant by the desk's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) mono: Mono,
    pub(super) wall: UtcMillis,
}

impl From<Now> for Instant {
    fn from(now: Now) -> Self {
        Self { mono: now.mono, wall: now.wall }
    }
}

impl Instant {
    /// This one, or that monotonic moment where that is earlier.
    pub(super) fn not_after(self, mono: Mono) -> Self {
        let early = i64::try_from(self.mono.since(mono)).unwrap_or(i64::MAX);
        Self { mono: self.mono.min(mono), wall: self.wall.plus_ms(early.saturating_neg()) }
    }
}

/// The smallest of the last minutes: that of the half window under way and that of the one before it.
#[derive(Debug, Clone, Copy)]
struct Smallest {
    before: i64,
    here: i64,
    /// When the half window under way began.
    began: Mono,
}

impl Smallest {
    fn new(delay: i64, now: Mono) -> Self {
        Self { before: delay, here: delay, began: now }
    }

    fn present(self) -> i64 {
        self.here.min(self.before)
    }

    /// The smallest with this one. However long nothing came, the half before stays: one late head can't stand alone.
    fn with(&mut self, delay: i64, now: Mono) -> i64 {
        if now.since(self.began) >= DELAY_WINDOW_MS / 2 {
            *self = Self { before: self.here, here: delay, began: now };
        }
        self.here = self.here.min(delay);
        self.present()
    }
}

/// Dates what comes by one connection: the smallest delay of the last minutes is taken for the clocks' offset.
#[derive(Debug, Default)]
pub(super) struct Dating {
    /// Of the desk's monotonic milliseconds minus the hub's clock.
    offset: Option<Smallest>,
    newest: UtcMillis,
    /// A head whose clock lay far behind the newest: a second such one in a row says that the clock was set.
    stepped: Option<UtcMillis>,
}

impl Dating {
    /// When, by the desk's clocks, the hub said something that it dates `at` and that arrived now.
    pub(super) fn date(&mut self, at: UtcMillis, now: Now) -> Instant {
        if is_mutated(Mutation::DateByArrival) {
            return now.into();
        }
        let mono = i64::try_from(now.mono.0).unwrap_or(i64::MAX);
        let delay = mono.saturating_sub(at.0);
        if self.offset.is_some() && at.since(self.newest) < -CLOCK_STEP_MS {
            if self.stepped.is_some_and(|before| at > before) {
                let offset = Some(Smallest::new(delay, now.mono));
                *self = Self { offset, newest: at, stepped: None };
            } else {
                self.stepped = Some(at);
            }
        } else {
            self.stepped = None;
            self.newest = self.newest.max(at);
        }
        let offset = self.offset.get_or_insert(Smallest::new(delay, now.mono)).with(delay, now.mono);
        let age = delay.saturating_sub(offset).max(0);
        Instant {
            mono: Mono(now.mono.0.saturating_sub(u64::try_from(age).unwrap_or(0))),
            wall: now.wall.plus_ms(age.saturating_neg()),
        }
    }

    /// How long ago the hub said something that it dates `at`, without taking it for a measure; none: no head has come.
    pub(super) fn age_ms(&self, at: UtcMillis, now: Now) -> Option<u64> {
        let delay = i64::try_from(now.mono.0).unwrap_or(i64::MAX).saturating_sub(at.0);
        let age = delay.saturating_sub(self.offset?.present()).max(0);
        u64::try_from(age).ok()
    }
}

/// How a proof came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProvenBy {
    /// By a head on the socket.
    Socket,
    /// By an answer of REST.
    Rest,
}

/// The last proof.
#[derive(Debug, Default)]
pub(super) struct Proven {
    last: Option<Instant>,
    /// An unequal digest since: whatever was proven before no longer counts for the present.
    unequal: bool,
}

impl Proven {
    /// Takes a proof; true when it is the latest.
    pub(super) fn take(&mut self, at: Instant) -> bool {
        let latest = self.last.is_none_or(|last| at.mono >= last.mono);
        if latest {
            self.last = Some(at);
            self.unequal = false;
        }
        latest
    }

    /// The last one, fresh or not.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }

    pub(super) fn take_unequal(&mut self) {
        self.unequal = true;
    }

    pub(super) fn is_unequal(&self) -> bool {
        self.unequal
    }

    /// The wall instant of the proof while it is fresh.
    pub(super) fn fresh(&self, now: Now) -> Option<UtcMillis> {
        let last = self.last?;
        (!self.unequal && now.mono.since(last.mono) <= PROOF_FRESH_MS).then_some(last.wall)
    }

    /// When the present proof goes stale.
    pub(super) fn stale_at(&self) -> Option<Mono> {
        self.last.map(|last| last.mono.plus_ms(PROOF_FRESH_MS + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(mono: u64) -> Now {
        Now { mono: Mono(mono), wall: UtcMillis(1_000_000 + mono as i64) }
    }

    #[test]
    fn a_head_that_took_nine_seconds_proves_a_board_nine_seconds_old() {
        let mut dating = Dating::default();
        assert_eq!(dating.date(UtcMillis(50_000), now(10_000)).mono, Mono(10_000));
        assert_eq!(dating.date(UtcMillis(52_000), now(12_000)).mono, Mono(12_000));
        let late = dating.date(UtcMillis(54_000), now(23_000));
        assert_eq!((late.mono, late.wall), (Mono(14_000), UtcMillis(1_014_000)));
        let mut proven = Proven::default();
        assert!(proven.take(late));
        assert_eq!(proven.fresh(now(23_000)), None);
        assert!(proven.fresh(now(14_000 + PROOF_FRESH_MS)).is_some());
    }

    #[test]
    fn a_hub_whose_clock_is_set_back_is_dated_anew_but_one_old_head_is_not() {
        let mut dating = Dating::default();
        dating.date(UtcMillis(10_000_000), now(10_000));
        let stray = dating.date(UtcMillis(9_000_000), now(11_000));
        assert_eq!(stray.mono, Mono(0), "a very late head is very old");
        assert_eq!(dating.date(UtcMillis(10_002_000), now(12_000)).mono, Mono(12_000));
        dating.date(UtcMillis(6_400_000), now(14_000));
        assert_eq!(dating.date(UtcMillis(6_402_000), now(16_000)).mono, Mono(16_000));
    }

    /// How old the head that the hub dates `at` is said to be on arrival.
    fn age(dating: &mut Dating, at: i64, mono: u64) -> u64 {
        mono - dating.date(UtcMillis(at), now(mono)).mono.0
    }

    #[test]
    fn a_hub_whose_clock_was_set_by_thirty_seconds_is_live_again_within_the_window() {
        for step in [-30_000, 30_000] {
            let mut dating = Dating::default();
            let mut proven = Proven::default();
            let mut live_after = None;
            for mono in (1_000_000_u64..3_000_000).step_by(2_000) {
                let set = if mono >= 2_000_000 { step } else { 0 };
                let at = dating.date(UtcMillis(mono as i64 + set), now(mono));
                proven.take(at);
                if proven.fresh(now(mono)).is_none() {
                    live_after = None;
                } else {
                    live_after.get_or_insert(mono);
                }
            }
            let live_after = live_after.expect("never live again");
            assert!(live_after <= 2_000_000 + DELAY_WINDOW_MS, "{step}: live at {live_after}");
        }
    }

    #[test]
    fn clocks_that_drift_apart_for_a_day_still_prove() {
        let mut dating = Dating::default();
        for mono in (1_000_000_u64..28 * 3_600_000).step_by(2_000) {
            // 50 ppm: five seconds in 28 hours.
            let at = mono as i64 - (mono / 20_000) as i64;
            let age = age(&mut dating, at, mono);
            assert!(age <= 20, "{age} ms old at {mono}");
        }
    }

    #[test]
    fn one_late_head_is_dated_late_wherever_in_the_window_it_comes() {
        for late in 1..400_u64 {
            let mut dating = Dating::default();
            for head in 0..400_u64 {
                let delay = if head == late { 9_000 } else { head % 7 * 10 };
                let mono = 1_000_000 + head * 2_000 + delay;
                let age = age(&mut dating, 5_000_000 + head as i64 * 2_000, mono);
                assert!(
                    (delay.saturating_sub(60)..=delay).contains(&age),
                    "head {head}: {age} of {delay} ms"
                );
            }
        }
        // Also as the first after a long silence.
        let mut dating = Dating::default();
        age(&mut dating, 5_000_000, 1_000_000);
        assert_eq!(age(&mut dating, 8_600_000, 4_609_000), 9_000);
    }
}
