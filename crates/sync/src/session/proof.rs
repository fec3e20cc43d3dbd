//! How old a proof is: heads that come by socket are dated by the hub's clock, answers by when they were asked for.

use crate::io::{Mono, Now};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::UtcMillis;
use gwanje_wire::socket::HEAD_INTERVAL_MS;

/// A proof as old as this is no proof of the present: two heads and a second (wire contract, `head`).
pub(super) const PROOF_FRESH_MS: u64 = 2 * HEAD_INTERVAL_MS + 1_000;
/// A delay may lie this far below what is known of the clocks' offset, milliseconds: clocks drift apart and are
/// rounded. If it lies further below, a clock was set.
const DRIFT_MS: i64 = 250;
/// A head that seems older than this, milliseconds, came late, or the offset is known too badly: it is asked for again.
const DOUBTFUL_MS: u64 = 1_500;
/// Milliseconds between questions for the offset while it is in doubt.
const ASK_AGAIN_MS: u64 = 10_000;
/// Milliseconds between questions for the offset when nothing is in doubt: clocks drift, one of them may have been set.
const ASK_EVERY_MS: u64 = 120_000;

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
    /// When the question was asked that is answered now, by the wall clock of now, which may have been set meanwhile.
    pub(super) fn of_question(sent: Now, now: Now) -> Self {
        Self::from(now).not_after(sent.mono)
    }

    /// This one, or that monotonic moment if it is earlier.
    pub(super) fn not_after(self, mono: Mono) -> Self {
        let early = i64::try_from(self.mono.since(mono)).unwrap_or(i64::MAX);
        Self { mono: self.mono.min(mono), wall: self.wall.plus_ms(early.saturating_neg()) }
    }
}

/// The desk's monotonic milliseconds minus the hub's clock, as far as it is known.
#[derive(Debug, Clone, Copy)]
struct Offset {
    /// It is no less: the hub said something at that time after it had been asked.
    least: i64,
    /// It is no more: what the hub said at that time has arrived.
    most: i64,
}

/// Dates what comes by one connection.
///
/// A delay alone can't tell a slow line from clocks that lie apart, nor a head that waited at a sleeping desk from one
/// that was just sent. So the hub is asked, and its answer is of a moment between the question and the answer's
/// arrival. What the hub says is dated as early as that allows. So a board may look older than it is, by the time that
/// a question takes to reach the hub, but never younger.
#[derive(Debug, Default)]
pub(super) struct Dating {
    /// The first question on this connection: what comes by it was said later.
    since: Option<Mono>,
    offset: Option<Offset>,
    /// When the first unanswered question was asked: the next answer is no older, whichever question it is to.
    asked: Option<Mono>,
    /// When the next question is due; sooner in doubt.
    due: Mono,
    due_in_doubt: Mono,
    in_doubt: bool,
}

impl Dating {
    /// The hub is asked what time it is.
    pub(super) fn ask(&mut self, now: Mono) {
        self.since.get_or_insert(now);
        self.asked.get_or_insert(now);
        self.due = now.plus_ms(ASK_EVERY_MS);
        self.due_in_doubt = now.plus_ms(ASK_AGAIN_MS);
    }

    /// It has answered what time it was.
    pub(super) fn answered(&mut self, at: UtcMillis, now: Mono) {
        let Some(asked) = self.asked.take() else { return };
        let (least, most) = (delay(at, asked), delay(at, now));
        // What was known may be the better bound, unless it contradicts this: then a clock was set.
        let known = self.offset.map(|known| known.least).filter(|known| *known <= most);
        self.offset = Some(Offset { least: known.map_or(least, |known| known.max(least)), most });
        self.in_doubt = false;
    }

    /// When the hub said something that it dates `at` and that arrived now: not before this, by the desk's clocks.
    pub(super) fn date(&mut self, at: UtcMillis, now: Now) -> Instant {
        if is_mutated(Mutation::DateByArrival) {
            return now.into();
        }
        let earliest = Instant::from(now).not_after(self.since.unwrap_or(now.mono));
        let late = delay(at, now.mono);
        // It arrived before it can have been said: a clock was set.
        self.offset.take_if(|offset| late < offset.least.saturating_sub(DRIFT_MS));
        let Some(offset) = &mut self.offset else {
            self.in_doubt = true;
            return earliest;
        };
        offset.least = offset.least.min(late);
        offset.most = offset.most.min(late);
        let age = u64::try_from(late.saturating_sub(offset.least)).unwrap_or(0);
        self.in_doubt = age > DOUBTFUL_MS;
        let said = Instant::from(now).not_after(Mono(now.mono.0.saturating_sub(age)));
        if said.mono < earliest.mono { earliest } else { said }
    }

    /// How long ago, at the least, the hub said something that it dates `at`. It is not taken for a measure. None: the
    /// hub's clock is not known.
    pub(super) fn age_ms(&self, at: UtcMillis, now: Now) -> Option<u64> {
        u64::try_from(delay(at, now.mono).saturating_sub(self.offset?.most).max(0)).ok()
    }

    /// The hub is to be asked (again) what time it is.
    pub(super) fn is_due(&self, now: Mono) -> bool {
        now >= if self.in_doubt { self.due_in_doubt } else { self.due }
    }
}

/// From the time that the hub says to the time here, each by its own clock.
fn delay(at: UtcMillis, here: Mono) -> i64 {
    i64::try_from(here.0).unwrap_or(i64::MAX).saturating_sub(at.0)
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
        (!self.unequal && now.mono.since(last.mono) < PROOF_FRESH_MS).then_some(last.wall)
    }

    /// When the present proof goes stale.
    pub(super) fn stale_at(&self) -> Option<Mono> {
        self.last.map(|last| last.mono.plus_ms(PROOF_FRESH_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(mono: u64) -> Now {
        Now { mono: Mono(mono), wall: UtcMillis(1_000_000 + mono as i64) }
    }

    /// A desk and a hub on a line: heads every two seconds, questions as they are due.
    struct Line {
        dating: Dating,
        proven: Proven,
        /// Of the hub's clock.
        set_ms: i64,
        /// From the desk to the hub and back, milliseconds.
        up_ms: u64,
        down_ms: u64,
        questions: u32,
    }

    impl Line {
        fn new(up_ms: u64, down_ms: u64) -> Self {
            let (dating, proven) = (Dating::default(), Proven::default());
            Self { dating, proven, set_ms: 500_000_000, up_ms, down_ms, questions: 0 }
        }

        fn clock(&self, mono: u64) -> UtcMillis {
            UtcMillis(mono as i64 + self.set_ms)
        }

        /// Asks at that moment, and is answered.
        fn ask(&mut self, mono: u64) {
            self.questions += 1;
            self.dating.ask(Mono(mono));
            let at = self.clock(mono + self.up_ms);
            self.dating.answered(at, Mono(mono + self.up_ms + self.down_ms));
        }

        /// How old a head is taken for that was said at `said` and arrives at `arrives`.
        fn head(&mut self, said: u64, arrives: u64) -> u64 {
            let at = self.dating.date(self.clock(said), now(arrives));
            assert_eq!(at.wall.0, 1_000_000 + at.mono.0 as i64);
            self.proven.take(at);
            arrives - at.mono.0
        }

        /// The next head, and a question if one is due. Whether the board is proven then.
        fn beat(&mut self, mono: u64) -> bool {
            self.head(mono, mono + self.down_ms);
            if self.dating.is_due(Mono(mono + self.down_ms)) {
                self.ask(mono + self.down_ms);
            }
            self.proven.fresh(now(mono + self.down_ms)).is_some()
        }
    }

    #[test]
    fn a_head_that_took_nine_seconds_proves_a_board_nine_seconds_old() {
        let mut line = Line::new(0, 0);
        line.ask(10_000);
        assert_eq!(line.head(10_000, 10_000), 0);
        assert_eq!(line.head(14_000, 23_000), 9_000);
        assert_eq!(line.proven.fresh(now(23_000)), None);
        assert!(line.proven.fresh(now(14_000 + PROOF_FRESH_MS - 1)).is_some());
    }

    #[test]
    fn nothing_is_dated_later_than_it_was_said_however_slow_the_line() {
        for (up, down) in [(0, 0), (5, 2_000), (3_000, 5), (2_000, 2_000)] {
            let mut line = Line::new(up, down);
            line.ask(1_000_000);
            for said in (1_010_000_u64..1_100_000).step_by(2_000) {
                for extra in [0, 40, 7_000] {
                    let age = line.head(said, said + down + extra);
                    let late = down + extra;
                    assert!(age >= late && age <= late + up, "{up} up, {down} down: {age} of {late} ms");
                }
            }
        }
    }

    #[test]
    fn heads_that_queued_at_a_desk_asleep_are_as_old_as_the_sleep() {
        // Joined, fell asleep before anything was answered, and woke up eight hours later.
        let mut line = Line::new(10, 10);
        let woken = 1_000_000 + 8 * 3_600_000;
        line.dating.ask(Mono(1_000_000));
        line.dating.answered(line.clock(1_000_010), Mono(woken));
        for said in [1_000_500, 1_002_500, 1_004_500] {
            let age = line.head(said, woken);
            assert!(age >= woken - said, "{age} ms, said {} ms before", woken - said);
            assert!(line.proven.fresh(now(woken)).is_none());
        }
    }

    #[test]
    fn an_answer_is_not_taken_for_that_to_a_later_question() {
        // Asleep between question and answer; awake it asks again before it has read what waited.
        let mut line = Line::new(10, 10);
        line.dating.ask(Mono(1_000_000));
        line.dating.ask(Mono(5_000_000));
        line.dating.answered(line.clock(1_000_010), Mono(5_000_000));
        assert_eq!(line.head(1_002_000, 5_000_000), 5_000_000 - 1_002_000 + 10);
        // The answer to the second settles what is uncertain.
        line.dating.ask(Mono(5_000_100));
        line.dating.answered(line.clock(5_000_110), Mono(5_000_120));
        assert_eq!(line.head(5_002_000, 5_002_010), 20);
    }

    #[test]
    fn before_the_hub_has_answered_what_it_says_is_as_old_as_the_question() {
        let mut line = Line::new(10, 10);
        line.dating.ask(Mono(20_000));
        assert_eq!(line.head(20_300, 20_900), 900);
        assert_eq!(line.dating.age_ms(line.clock(20_300), now(20_900)), None);
    }

    #[test]
    fn a_hub_whose_clock_was_set_is_live_again_with_the_next_head_but_one() {
        for step in [-3_600_000, -30_000, -4_000, 4_000, 30_000, 3_600_000] {
            let mut line = Line::new(20, 20);
            line.ask(1_000_000);
            let mut unproven = 0;
            for mono in (1_002_000_u64..1_300_000).step_by(2_000) {
                if mono == 1_100_000 {
                    line.set_ms += step;
                }
                unproven += u32::from(!line.beat(mono));
            }
            // It is asked as soon as a head contradicts what is known, and the head after that proves again.
            assert!(unproven <= 1, "{step}: {unproven} heads did not prove");
        }
    }

    #[test]
    fn a_line_that_becomes_evenly_slower_is_not_taken_for_a_clock_that_was_set() {
        let mut line = Line::new(20, 20);
        line.ask(1_000_000);
        for mono in (1_002_000_u64..3_000_000).step_by(2_000) {
            if mono >= 1_100_000 {
                line.down_ms = 6_000;
            }
            let live = line.beat(mono);
            assert_eq!(live, mono < 1_100_000, "at {mono}");
        }
        // 950 heads in doubt, 190 questions at the most.
        assert!(line.questions <= 200, "{} questions", line.questions);
    }

    #[test]
    fn a_first_answer_that_was_slow_is_made_up_for_by_the_next() {
        let mut line = Line::new(4_000, 20);
        line.ask(1_000_000);
        line.up_ms = 20;
        let first = line.head(1_006_000, 1_006_020);
        assert_eq!(first, 4_020, "as early as the first answer allows");
        let live: Vec<bool> = (1_008_000_u64..1_040_000).step_by(2_000).map(|mono| line.beat(mono)).collect();
        assert!(live.iter().all(|live| *live), "{live:?}");
        assert!(line.head(1_040_000, 1_040_020) <= 40);
        assert!(line.questions <= 3, "{} questions", line.questions);
    }

    #[test]
    fn clocks_that_drift_apart_for_a_day_still_prove() {
        for drift in [-20_000, 20_000] {
            let mut line = Line::new(5, 5);
            line.set_ms = 500_000_000 + 1_000_000 / drift;
            line.ask(1_000_000);
            for mono in (1_002_000_u64..28 * 3_600_000).step_by(2_000) {
                // 50 ppm: five seconds in 28 hours.
                line.set_ms = 500_000_000 + mono as i64 / drift;
                assert!(line.beat(mono));
                let age = line.head(mono, mono + 5);
                assert!(age <= 30, "{age} ms old at {mono}");
                let event = line.dating.age_ms(line.clock(mono), now(mono + 5)).unwrap();
                assert!(event <= 10, "an event takes {event} ms at {mono}");
            }
        }
    }

    #[test]
    fn one_late_head_is_dated_late_whenever_it_comes() {
        let mut line = Line::new(0, 0);
        line.ask(1_000_000);
        for head in 1..400_u64 {
            let late = if head % 7 == 3 { 9_000 } else { head % 7 * 10 };
            let said = 1_000_000 + head * 20_000;
            assert_eq!(line.head(said, said + late), late, "head {head}");
        }
        // Also as the first after a long silence.
        assert_eq!(line.head(20_000_000, 20_009_000), 9_000);
    }
}
