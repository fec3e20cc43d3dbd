//! What is known of a center's freshness and of its clock of operations.

use crate::ipc::{CenterFreshness, FreshnessState};
use gwanje_model::{CenterId, UtcMillis};
use gwanje_sync::State;
use gwanje_wire::socket::Cursor;
use std::collections::VecDeque;

/// Readings that the speed is estimated from: half a minute of heads, enough to drown a late one.
const READINGS: usize = 16;
/// A new reading off by more than this from what was expected is a jump (a drill's new speed), milliseconds of the wall.
const JUMP_MS: f64 = 3_000.0;
/// Rows further ahead of the desk's clock than this follow another clock, milliseconds.
const CLOCKS_DIFFER_MS: i64 = 5 * 60_000;
/// A center may be quiet for this long, milliseconds.
const QUIET_MS: i64 = 24 * 3_600_000;

/// One center's freshness.
#[derive(Debug)]
pub(crate) struct Freshness {
    state: State,
    proven_at: Option<UtcMillis>,
    cursor: Option<Cursor>,
    day: DayClock,
}

impl Freshness {
    /// `drill_speed`: as [`Self::set_drill`] takes it.
    pub(crate) fn new(state: State, drill_speed: Option<f64>) -> Self {
        let day = DayClock { told: drill_speed, ..DayClock::default() };
        Self { state, proven_at: None, cursor: None, day }
    }

    /// The server says that the day is simulated, and how many seconds of it pass in one; none: it is a real day.
    /// True: it was known otherwise.
    pub(crate) fn set_drill(&mut self, speed: Option<f64>) -> bool {
        std::mem::replace(&mut self.day.told, speed) != speed
    }

    pub(crate) fn set_state(&mut self, state: State) {
        if let State::Live { proven_at, .. } = state {
            self.proven_at = self.proven_at.max(Some(proven_at));
        }
        self.state = state;
    }

    pub(crate) fn set_proven(&mut self, at: UtcMillis) {
        self.proven_at = Some(at);
    }

    /// The last proof of an earlier run; never younger than one of this run. `latest`: the latest instant in its rows,
    /// which tells whether their clock is the wall's.
    pub(crate) fn recall_proof(&mut self, at: UtcMillis, latest: Option<UtcMillis>) {
        self.proven_at = self.proven_at.max(Some(at));
        if self.day.latest().is_none() {
            self.day.recall(recalled_day(at, latest), at);
        }
    }

    pub(crate) fn set_cursor(&mut self, cursor: &Cursor) {
        self.cursor = Some(cursor.clone());
    }

    pub(crate) fn read_day(&mut self, day_at: UtcMillis, wall: UtcMillis) {
        self.day.read(day_at, wall);
    }

    /// The clock of operations at a wall instant, as far as can be told.
    pub(crate) fn day_at(&self, wall: UtcMillis) -> Option<UtcMillis> {
        self.day.at(wall)
    }

    pub(crate) fn view(&self, center: &CenterId) -> CenterFreshness {
        let (since, reason) = match &self.state {
            State::Live { since, .. } => (since, None),
            State::Connecting { since, reason }
            | State::CatchingUp { since, reason }
            | State::Polling { since, reason }
            | State::Offline { since, reason } => (since, Some(reason.to_string())),
            State::Refused { since, code } => (since, Some(code.as_str().to_owned())),
        };
        let unread = match &self.state {
            State::Live { unread, .. } => *unread,
            State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Polling { .. }
            | State::Offline { .. }
            | State::Refused { .. } => 0,
        };
        let latest = self.day.latest();
        CenterFreshness {
            center: center.to_string(),
            state: FreshnessState::from(&self.state),
            since: since.0,
            reason,
            proven_at: self.proven_at.map(|at| at.0),
            unread,
            day_at: latest.map(|(day, _)| day.0),
            day_at_wall: latest.map(|(_, wall)| wall.0),
            speed: self.day.speed(),
            drill: self.day.told.is_some(),
            rev: self.cursor.as_ref().map_or(0, |cursor| cursor.rev.0),
            epoch: self.cursor.as_ref().map(|cursor| cursor.epoch.to_string()),
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }
}

/// What the clock of operations showed at a proof whose rows are all that is left of it: the wall's, unless rows lie ahead
/// of it or a day behind, as a drill's do.
fn recalled_day(proven_at: UtcMillis, latest: Option<UtcMillis>) -> UtcMillis {
    match latest {
        Some(latest) if !(-CLOCKS_DIFFER_MS..=QUIET_MS).contains(&proven_at.since(latest)) => latest,
        Some(_) | None => proven_at,
    }
}

/// The clock of operations, from readings of it.
#[derive(Debug, Default)]
struct DayClock {
    /// (operations, wall), oldest first.
    readings: VecDeque<(UtcMillis, UtcMillis)>,
    /// The only reading is not one, but recalled from an earlier run: it says nothing about the speed.
    is_recalled: bool,
    /// The speed that the server told; none: it is a real day.
    told: Option<f64>,
}

impl DayClock {
    fn recall(&mut self, day_at: UtcMillis, wall: UtcMillis) {
        self.readings = VecDeque::from([(day_at, wall)]);
        self.is_recalled = true;
    }

    fn read(&mut self, day_at: UtcMillis, wall: UtcMillis) {
        if std::mem::take(&mut self.is_recalled) {
            self.readings.clear();
        }
        if let Some((_, latest)) = self.readings.back() {
            if wall == *latest {
                return;
            }
            // The desk's clock was set back: what was read before says nothing about the wall any more.
            let is_set_back = wall < *latest;
            let off = self.at(wall).map_or(0, |expected| day_at.since(expected));
            let is_jump = self.readings.len() > 1 && (off as f64 / self.speed()).abs() > JUMP_MS;
            if is_set_back || is_jump {
                self.readings.clear();
            }
        }
        if self.readings.len() == READINGS {
            self.readings.pop_front();
        }
        self.readings.push_back((day_at, wall));
    }

    fn latest(&self) -> Option<(UtcMillis, UtcMillis)> {
        self.readings.back().copied()
    }

    /// Milliseconds of operations in one of the wall; until two readings tell, what the server told, else 1.
    fn speed(&self) -> f64 {
        let (Some((day, wall)), Some((day2, wall2))) = (self.readings.front(), self.readings.back()) else {
            return self.told.unwrap_or(1.0);
        };
        let elapsed = wall2.since(*wall);
        if elapsed < 500 {
            return self.told.filter(|_| !self.is_recalled).unwrap_or(1.0);
        }
        let speed = day2.since(*day) as f64 / elapsed as f64;
        // Heads come a little early or late: what is nearly a whole number is meant to be one.
        let whole = speed.round();
        let speed = if whole >= 1.0 && (speed - whole).abs() / whole < 0.05 { whole } else { speed };
        speed.max(0.01)
    }

    fn at(&self, wall: UtcMillis) -> Option<UtcMillis> {
        let (day, at) = self.latest()?;
        Some(day.plus_ms((wall.since(at) as f64 * self.speed()) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(readings: &[(i64, i64)]) -> DayClock {
        let mut clock = DayClock::default();
        for (day, wall) in readings {
            clock.read(UtcMillis(*day), UtcMillis(*wall));
        }
        clock
    }

    #[test]
    fn the_speed_is_one_until_two_readings_tell() {
        assert_eq!(clock(&[]).speed(), 1.0);
        assert_eq!(clock(&[(1_000, 1_000)]).speed(), 1.0);
        assert_eq!(clock(&[(0, 0), (120_000, 2_000)]).speed(), 60.0);
        assert_eq!(clock(&[(0, 0), (2_004, 2_000)]).speed(), 1.0);
    }

    #[test]
    fn the_speed_of_a_drill_is_what_its_server_told_until_two_readings_tell() {
        let mut drill =
            Freshness::new(State::Connecting { since: UtcMillis(0), reason: "new".into() }, Some(60.0));
        drill.recall_proof(UtcMillis(1_000), None);
        assert_eq!(drill.day_at(UtcMillis(3_000)), Some(UtcMillis(3_000)), "what is recalled tells no speed");
        drill.read_day(UtcMillis(500_000), UtcMillis(4_000));
        assert_eq!(drill.day_at(UtcMillis(5_000)), Some(UtcMillis(560_000)));
        assert!(drill.set_drill(Some(30.0)) && !drill.set_drill(Some(30.0)));
        assert_eq!(drill.day_at(UtcMillis(5_000)), Some(UtcMillis(530_000)));
        drill.read_day(UtcMillis(520_000), UtcMillis(6_000));
        assert_eq!(drill.day_at(UtcMillis(7_000)), Some(UtcMillis(530_000)));
    }

    #[test]
    fn late_readings_drown_and_a_new_speed_is_taken_up() {
        let steady: Vec<_> = (0..10).map(|n| (n * 120_000, n * 2_000 + n % 3 * 30)).collect();
        assert_eq!(clock(&steady).speed(), 60.0);
        let mut faster = steady.clone();
        faster.extend((1..5).map(|n| (9 * 120_000 + n * 1_200_000, 18_000 + n * 2_000)));
        assert_eq!(clock(&faster).speed(), 600.0);
        assert_eq!(
            clock(&faster).at(UtcMillis(27_000)),
            Some(UtcMillis(9 * 120_000 + 4 * 1_200_000 + 600_000))
        );
    }

    #[test]
    fn a_recalled_clock_follows_its_rows_and_gives_way_to_a_reading() {
        let hour = 3_600_000;
        let proven_at = UtcMillis(100 * hour);
        for (latest, expected) in [(None, 100), (Some(90), 100), (Some(109), 109), (Some(60), 60)] {
            let latest = latest.map(|hours: i64| UtcMillis(hours * hour));
            assert_eq!(recalled_day(proven_at, latest), UtcMillis(expected * hour), "{latest:?}");
        }
        let mut freshness =
            Freshness::new(State::Connecting { since: proven_at, reason: "new".into() }, None);
        freshness.recall_proof(proven_at, Some(UtcMillis(109 * hour)));
        assert_eq!(freshness.day_at(proven_at.plus_ms(7)), Some(UtcMillis(109 * hour + 7)));
        freshness.read_day(UtcMillis(0), proven_at.plus_ms(60_000));
        assert_eq!(freshness.day_at(proven_at.plus_ms(61_000)), Some(UtcMillis(1_000)));
        freshness.recall_proof(proven_at.plus_ms(-1), None);
        assert_eq!(freshness.day_at(proven_at.plus_ms(61_000)), Some(UtcMillis(1_000)));
    }

    #[test]
    fn a_desk_clock_that_is_set_back_begins_anew() {
        let mut steady: Vec<_> = (0..10).map(|n| (n * 2_000, 3_600_000 + n * 2_000)).collect();
        steady.push((20_000, 20_000));
        assert_eq!(clock(&steady).at(UtcMillis(21_000)), Some(UtcMillis(21_000)));
    }
}
