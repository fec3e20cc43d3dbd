//! Two clocks: the wall's, and the clock of operations that every row's instants follow.
//!
//! In production they are the same. In a drill the clock of operations starts where it is told to and runs at a
//! speed that can be changed while it runs; a change of speed never makes it jump.
//!
//! Hubs that share a store have one clock, the store's: each goes on from what it last read there, and its machine's counts no
//! more.

use gwanje_model::UtcMillis;
use gwanje_wire::rest::DrillMark;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;

/// The clocks of a hub. Clones share one course.
#[derive(Debug, Clone)]
pub struct Clock {
    course: Arc<watch::Sender<Course>>,
    wall: Arc<Wall>,
}

/// Where the wall's time comes from.
#[derive(Debug)]
enum Wall {
    /// The machine's clock, until another is followed.
    Running(Running),
    /// Stands at this many UTC milliseconds until it is set.
    Still(AtomicI64),
}

/// A clock that runs.
#[derive(Debug, Default)]
struct Running {
    /// By how many milliseconds the machine's clock goes wrong.
    wrong_by_ms: i64,
    /// A clock that is followed: what it showed, and when.
    followed: RwLock<Option<(UtcMillis, Instant)>>,
}

impl Running {
    fn machine_now(&self) -> UtcMillis {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UtcMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)).plus_ms(self.wrong_by_ms)
    }

    fn now(&self) -> UtcMillis {
        let followed = *self.followed.read().unwrap_or_else(PoisonError::into_inner);
        match followed {
            // Not by the machine's clock, which may be set meanwhile.
            Some((showed, at)) => showed.plus_ms(ms(at.elapsed())),
            None => self.machine_now(),
        }
    }

    /// See [`Clock::follow`].
    fn follow(&self, showed: UtcMillis, asked: Instant) -> i64 {
        let answered = Instant::now();
        let present = self.now();
        // It showed that at some instant since it was asked.
        let latest = showed.plus_ms(ms(answered.saturating_duration_since(asked)));
        // The earliest that it can show now: a head must not claim to be newer than what was read.
        let now = if (showed..=latest).contains(&present) { present } else { showed };
        let mut followed = self.followed.write().unwrap_or_else(PoisonError::into_inner);
        if now != present || followed.is_none() {
            *followed = Some((now, answered));
        }
        self.machine_now().since(now)
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Wall {
    fn now(&self) -> UtcMillis {
        match self {
            Self::Running(running) => running.now(),
            Self::Still(ms) => UtcMillis(ms.load(Ordering::Relaxed)),
        }
    }

    fn of_machine() -> Self {
        Self::Running(Running::default())
    }
}

/// How the clock of operations runs.
#[derive(Debug, Clone, Copy)]
enum Course {
    /// As the wall's clock.
    Wall,
    /// From `day` at `since`, `speed` operations milliseconds a millisecond.
    Drill { day: UtcMillis, since: Instant, speed: f64 },
}

impl Course {
    fn day_at(&self, now: Instant, wall: &Wall) -> UtcMillis {
        match *self {
            Self::Wall => wall.now(),
            Self::Drill { day, since, speed } => {
                let elapsed_ms = now.saturating_duration_since(since).as_secs_f64() * 1_000.0;
                // A float holds every millisecond of many thousand years exactly; the cast saturates.
                day.plus_ms((elapsed_ms * speed) as i64)
            }
        }
    }
}

impl Clock {
    /// Production: operations follow the wall's clock.
    #[must_use]
    pub fn wall() -> Self {
        Self::of(Course::Wall, Wall::of_machine())
    }

    /// A drill: the clock of operations stands at `day` now and runs `speed` times as fast as the wall's (0: it stands still).
    #[must_use]
    pub fn drill(day: UtcMillis, speed: f64) -> Self {
        let course = Course::Drill { day, since: Instant::now(), speed: tame(speed) };
        Self::of(course, Wall::of_machine())
    }

    /// Production on a machine whose clock goes wrong by so many milliseconds: for what must hold all the same.
    #[must_use]
    pub fn wrong_by(ms: i64) -> Self {
        let running = Running { wrong_by_ms: ms, ..Running::default() };
        Self::of(Course::Wall, Wall::Running(running))
    }

    /// Both clocks stand still until they are set ([`Self::set_still`]): for what must be the same whenever it runs.
    #[must_use]
    pub fn still(wall: UtcMillis, day: UtcMillis) -> Self {
        let course = Course::Drill { day, since: Instant::now(), speed: 0.0 };
        Self::of(course, Wall::Still(AtomicI64::new(wall.0)))
    }

    fn of(course: Course, wall: Wall) -> Self {
        Self { course: Arc::new(watch::Sender::new(course)), wall: Arc::new(wall) }
    }

    /// Sets both clocks of [`Self::still`]; any other ignores it.
    pub fn set_still(&self, wall: UtcMillis, day: UtcMillis) {
        match &*self.wall {
            Wall::Running(_) => {}
            Wall::Still(ms) => {
                ms.store(wall.0, Ordering::Relaxed);
                self.set_day(day);
            }
        }
    }

    /// Goes on from what the clock of a store showed at some instant since it was asked; one that stands still does not. Gives
    /// by how many milliseconds the machine's clock is ahead of it.
    pub(crate) fn follow(&self, showed: UtcMillis, asked: Instant) -> i64 {
        match &*self.wall {
            Wall::Running(running) => running.follow(showed, asked),
            Wall::Still(_) => 0,
        }
    }

    /// Both clocks, wall's and day's, when that of the store shows `wall`. One that stands still shows what it was set to.
    pub(crate) fn both_at(&self, wall: UtcMillis) -> (UtcMillis, UtcMillis) {
        match (&*self.wall, self.is_drill()) {
            (Wall::Running(_), false) => (wall, wall),
            (Wall::Running(_), true) => (wall, self.day_now()),
            (Wall::Still(_), _) => (self.wall_now(), self.day_now()),
        }
    }

    /// The wall's clock.
    #[must_use]
    pub fn wall_now(&self) -> UtcMillis {
        self.wall.now()
    }

    /// The clock of operations (`dayAt`).
    #[must_use]
    pub fn day_now(&self) -> UtcMillis {
        self.course.borrow().day_at(Instant::now(), &self.wall)
    }

    /// Operations time runs this many times as fast as the wall's clock.
    #[must_use]
    pub fn speed(&self) -> f64 {
        match *self.course.borrow() {
            Course::Wall => 1.0,
            Course::Drill { speed, .. } => speed,
        }
    }

    /// Whether the day is simulated.
    #[must_use]
    pub fn is_drill(&self) -> bool {
        matches!(*self.course.borrow(), Course::Drill { .. })
    }

    /// The mark of a drill as clients are told it; none where the day is real, and where the clocks stand still.
    #[must_use]
    pub fn drill_mark(&self) -> Option<DrillMark> {
        match (&*self.wall, self.is_drill()) {
            (Wall::Running(_), true) => Some(DrillMark { speed: self.speed(), day_at: self.day_now() }),
            (Wall::Running(_), false) | (Wall::Still(_), _) => None,
        }
    }

    /// Changes the speed of a drill from now on; the wall's clock can't be changed and ignores it.
    pub fn set_speed(&self, speed: f64) {
        self.course.send_if_modified(|course| {
            let now = Instant::now();
            let day = course.day_at(now, &self.wall);
            let drill = matches!(course, Course::Drill { .. });
            if drill {
                *course = Course::Drill { day, since: now, speed: tame(speed) };
            }
            drill
        });
    }

    /// Sets a drill's clock of operations to `day` now, at its present speed; the wall's clock ignores it.
    pub fn set_day(&self, day: UtcMillis) {
        self.course.send_if_modified(|course| {
            let Course::Drill { speed, .. } = *course else { return false };
            *course = Course::Drill { day, since: Instant::now(), speed };
            true
        });
    }

    /// How long until operations time `day`, at the present speed: zero when it is past, `None` while a drill stands still.
    #[must_use]
    pub fn until(&self, day: UtcMillis) -> Option<Duration> {
        let left_ms = day.since(self.day_now()).max(0) as f64;
        let speed = self.speed();
        if left_ms == 0.0 {
            return Some(Duration::ZERO);
        }
        // Rounded up by a millisecond, so that a sleeper does not wake just before the instant.
        (speed > 0.0).then(|| Duration::from_secs_f64((left_ms / speed / 1_000.0 + 0.001).min(86_400.0)))
    }

    /// Waits until operations time has reached `day`, following every change of speed and day.
    pub async fn reached(&self, day: UtcMillis) {
        let mut changes = self.course.subscribe();
        loop {
            changes.mark_unchanged();
            match self.until(day) {
                Some(Duration::ZERO) => return,
                Some(left) => tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    _ = changes.changed() => {}
                },
                // The sender lives as long as `self`, so this can only end with a change.
                None => _ = changes.changed().await,
            }
        }
    }
}

/// A speed that arithmetic can use: finite, not negative, at most a day a second.
fn tame(speed: f64) -> f64 {
    if speed.is_finite() { speed.clamp(0.0, 86_400.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_of_speed_never_jumps() {
        let clock = Clock::drill(UtcMillis(1_000_000), 60.0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.day_now(), UtcMillis(1_060_000));
        clock.set_speed(10.0);
        assert_eq!(clock.day_now(), UtcMillis(1_060_000));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.day_now(), UtcMillis(1_070_000));
        clock.set_speed(0.0);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(clock.day_now(), UtcMillis(1_070_000));
        assert_eq!(clock.until(UtcMillis(1_070_001)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_follows_a_change_of_speed() {
        let clock = Clock::drill(UtcMillis(0), 0.0);
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reached(UtcMillis(60_000)).await }
        });
        tokio::task::yield_now().await;
        clock.set_speed(60.0);
        waiter.await.unwrap();
        assert!(clock.day_now() >= UtcMillis(60_000));
    }

    #[test]
    fn a_still_clock_stands_until_it_is_set() {
        let clock = Clock::still(UtcMillis(5), UtcMillis(70));
        assert_eq!((clock.wall_now(), clock.day_now()), (UtcMillis(5), UtcMillis(70)));
        clock.clone().set_still(UtcMillis(3), UtcMillis(90));
        assert_eq!((clock.wall_now(), clock.day_now()), (UtcMillis(3), UtcMillis(90)), "backwards too");
        let drill = Clock::drill(UtcMillis(70), 0.0);
        drill.set_still(UtcMillis(3), UtcMillis(90));
        assert!(drill.wall_now() > UtcMillis(1_600_000_000_000) && drill.day_now() == UtcMillis(70));
    }

    #[tokio::test(start_paused = true)]
    async fn a_followed_clock_counts_and_not_the_machines() {
        let clock = Clock::wrong_by(-300_000);
        let shared = clock.clone();
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(40)).await;
        let store = Clock::wall().wall_now();
        assert!(clock.follow(store, asked) < -299_000);
        assert_eq!(shared.wall_now(), store, "it may have shown that just now, and not later");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!((clock.wall_now(), clock.day_now()), (store.plus_ms(2_000), store.plus_ms(2_000)));
        // What fits changes nothing; what does not is followed.
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(10)).await;
        clock.follow(store.plus_ms(2_004), asked);
        assert_eq!(clock.wall_now(), store.plus_ms(2_010));
        clock.follow(store.plus_ms(2_000), Instant::now());
        assert_eq!(clock.wall_now(), store.plus_ms(2_000), "the store's was set back");
    }

    #[test]
    fn the_wall_can_not_be_sped_up() {
        let clock = Clock::wall();
        clock.set_speed(60.0);
        clock.set_day(UtcMillis(0));
        assert!(clock.day_now() > UtcMillis(1_600_000_000_000));
        assert!(!clock.is_drill());
    }
}
