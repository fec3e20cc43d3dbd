//! Turns for checking passwords: one a core, given by age.
//!
//! Each check takes a core and 19 MiB for some ten milliseconds, so that a crowd has to wait. Who can be served within a
//! client's patience waits here; who can't is told when, keeps its age, and is before all who came later when it comes again.
//! So nobody is overtaken by luck, and nobody asks in vain again and again.

use crate::store::ThrottleKey;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long somebody waits here at most, about: clients give an answer eight seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// At most this many wait, however fast checks are: each holds a connection and its password.
const WAITING_MAX: usize = 512;
/// At least this many may wait, however slow checks are: a shift that begins, on a machine that is busy.
const WAITING_MIN: usize = 96;
/// The most that were told to come back and whose age is kept: at some fifty bytes each that is less than 2 MiB.
const AWAY_MAX: usize = 32_768;
/// How long after its moment somebody who was told to come back keeps its age.
const AWAY_KEPT: Duration = Duration::from_secs(60);
/// The longest that somebody is told to stay away, seconds.
const AWAY_MAX_S: u64 = 120;
/// What a check takes, as long as none was timed.
const CHECK: Duration = Duration::from_millis(40);

/// Who wants to sign in: the account and from where.
type Who = ThrottleKey;

/// What somebody who waits is told: that its turn has come, or when to come back.
type Tell = oneshot::Sender<Result<(), ComeBack>>;

/// The turns of a hub.
pub(super) struct Turns {
    state: Mutex<State>,
}

struct State {
    /// How many are given at once.
    most: usize,
    given: usize,
    /// By age: since when it has been asking, and a number that tells those of one moment apart.
    waiting: BTreeMap<(Instant, u64), (Who, Tell)>,
    /// Who was told to come back: since when it has been asking, and when it should come.
    away: FxHashMap<Who, Away>,
    /// The same in the order in which they were sent away.
    sent_away: VecDeque<(Who, Instant)>,
    next: u64,
    /// What a check takes of late.
    check: Duration,
    /// The latest moment that somebody was given: the next is given a later one.
    booked: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Away {
    since: Instant,
    until: Instant,
}

/// There is no room at present; in so many seconds there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ComeBack(pub u64);

/// A turn. Its end gives it to the next.
pub(super) struct Turn {
    turns: Arc<Turns>,
    begun: Instant,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.ended(self.begun.elapsed());
    }
}

/// One that waits. When whoever waits has gone, it keeps its age, and its place is another's.
struct Waiting {
    turns: Arc<Turns>,
    at: (Instant, u64),
    who: Who,
    turn: oneshot::Receiver<Result<(), ComeBack>>,
    is_over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.turns.lock();
        if state.waiting.remove(&self.at).is_some() {
            state.keep_age(self.who, self.at.0, Instant::now());
            return;
        }
        drop(state);
        // Its turn came at the same moment.
        if matches!(self.turn.try_recv(), Ok(Ok(()))) {
            self.turns.pass_on();
        }
    }
}

impl Turns {
    /// One a core.
    pub fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// So many at once.
    fn new(most: usize) -> Self {
        let state = State {
            most: most.max(1),
            given: 0,
            waiting: BTreeMap::new(),
            away: FxHashMap::default(),
            sent_away: VecDeque::new(),
            next: 0,
            check: CHECK,
            booked: None,
        };
        Self { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn, when it comes.
    pub async fn take(self: &Arc<Self>, who: Who) -> Result<Turn, ComeBack> {
        let now = Instant::now();
        let mut waiting = {
            let mut state = self.lock();
            let since = state.away.remove(&who).map_or(now, |away| away.since.min(now));
            if state.given < state.most && state.waiting.is_empty() {
                state.given += 1;
                return Ok(self.turn());
            }
            state.next += 1;
            let at = (since, state.next);
            if state.waiting.len() >= state.room() {
                let youngest = state.waiting.last_key_value().map(|(at, _)| *at);
                match youngest.filter(|youngest| *youngest > at) {
                    None => return Err(state.send_away(who, since, now)),
                    Some(youngest) => state.displace(youngest, now),
                }
            }
            let (tell, turn) = oneshot::channel();
            state.waiting.insert(at, (who, tell));
            Waiting { turns: Arc::clone(self), at, who, turn, is_over: false }
        };
        let told = (&mut waiting.turn).await;
        waiting.is_over = true;
        match told {
            Ok(Ok(())) => Ok(self.turn()),
            Ok(Err(come_back)) => Err(come_back),
            // Nobody drops it but the end of this process.
            Err(_) => Err(ComeBack(1)),
        }
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn { turns: Arc::clone(self), begun: Instant::now() }
    }

    fn ended(&self, took: Duration) {
        let mut state = self.lock();
        // An eighth of what is new: one check that was held up does not send everybody away.
        state.check = (state.check * 7 + took) / 8;
        drop(state);
        self.pass_on();
    }

    /// Gives a turn to whoever has asked for the longest.
    fn pass_on(&self) {
        let mut state = self.lock();
        while let Some((_, (_, tell))) = state.waiting.pop_first() {
            if tell.send(Ok(())).is_ok() {
                return;
            }
        }
        state.given -= 1;
    }
}

impl State {
    /// How many may wait, so that each has its turn within a client's patience.
    fn room(&self) -> usize {
        let served = PATIENCE.as_secs_f64() / self.check.as_secs_f64().max(0.001) * self.most as f64;
        // A small positive number.
        (served as usize).clamp(WAITING_MIN, WAITING_MAX)
    }

    /// Sends the one at that place away, for one who is older.
    fn displace(&mut self, place: (Instant, u64), now: Instant) {
        if let Some((who, tell)) = self.waiting.remove(&place) {
            let come_back = self.send_away(who, place.0, now);
            // Who has gone meanwhile keeps its age all the same.
            _ = tell.send(Err(come_back));
        }
    }

    /// Tells when there is room for one more: after those who wait, and after those who were sent away before, each of whom
    /// has a moment of its own.
    fn send_away(&mut self, who: Who, since: Instant, now: Instant) -> ComeBack {
        let each = self.check / u32::try_from(self.most).unwrap_or(1);
        let after_waiting = now + each * u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let farthest = now + Duration::from_secs(AWAY_MAX_S);
        let until = self.booked.map_or(after_waiting, |last| last + each).max(after_waiting).min(farthest);
        self.booked = Some(until);
        self.keep_age(who, since, until);
        ComeBack(until.duration_since(now).as_secs_f64().ceil().max(1.0) as u64)
    }

    fn keep_age(&mut self, who: Who, since: Instant, until: Instant) {
        let now = Instant::now();
        while let Some((first, _)) = self.sent_away.front().copied()
            && (self.sent_away.len() >= AWAY_MAX
                || self.away.get(&first).is_none_or(|away| away.until + AWAY_KEPT < now))
        {
            self.sent_away.pop_front();
            self.away.remove(&first);
        }
        self.away.insert(who, Away { since, until });
        self.sent_away.push_back((who, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn who(n: usize) -> Who {
        let mut who = Who::default();
        who.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
        who
    }

    /// A crowd asks at once; each comes again when it was told to. All are served, in the time that the checks take, the
    /// oldest first, and nobody asks more than a few times.
    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_served_by_age_and_told_when() {
        const CROWD: usize = 2_000;
        let check = Duration::from_millis(50);
        let turns = Arc::new(Turns::new(2));
        let (asked, served) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let begun = Instant::now();
        let mut crowd = tokio::task::JoinSet::new();
        for n in 0..CROWD {
            // Each a little younger than the one before.
            tokio::time::advance(Duration::from_micros(10)).await;
            let (turns, asked, served) = (turns.clone(), asked.clone(), served.clone());
            crowd.spawn(async move {
                loop {
                    asked.fetch_add(1, Ordering::Relaxed);
                    match turns.take(who(n)).await {
                        Ok(_turn) => {
                            tokio::time::sleep(check).await;
                            served.lock().unwrap().push(n);
                            return;
                        }
                        Err(ComeBack(s)) => {
                            assert!((1..=AWAY_MAX_S).contains(&s), "{s}");
                            tokio::time::sleep(Duration::from_secs(s)).await;
                        }
                    }
                }
            });
            tokio::task::yield_now().await;
        }
        crowd.join_all().await;
        let needed = check * u32::try_from(CROWD / 2).unwrap();
        assert!(begun.elapsed() < needed * 3 / 2, "{:?} for work of {needed:?}", begun.elapsed());
        assert!(asked.load(Ordering::Relaxed) < CROWD * 3, "{asked:?}");
        let served = served.lock().unwrap();
        let overtaken = |(place, n): (usize, &usize)| place.abs_diff(*n);
        let worst = served.iter().enumerate().map(overtaken).max().unwrap();
        assert!(worst < 2 * WAITING_MAX, "served {worst} places from its age");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_sent_away_is_before_those_who_came_later_and_who_leaves_takes_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(who(0)).await.unwrap();
        let room = turns.lock().room();
        let mut waiting = Vec::new();
        for n in 1..=room {
            let turns = turns.clone();
            waiting.push(tokio::spawn(async move { turns.take(who(n)).await.map(drop) }));
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let old = who(usize::MAX);
        assert!(turns.take(old).await.is_err(), "no room");
        // One leaves; a younger one takes its place, and has to give it up to the one who was there before.
        waiting.remove(0).abort();
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let young = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(who(usize::MAX - 1)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        let again = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(old).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(young.await.unwrap().is_err(), "displaced by age");
        drop(first);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        again.await.unwrap().unwrap();
        assert_eq!(turns.lock().given, 0, "every turn came back");
        drop(turns.take(who(7)).await.unwrap());
    }
}
