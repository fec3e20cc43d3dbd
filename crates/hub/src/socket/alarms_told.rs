//! Alarms as followers are told them: one that is new, or of which somebody took note, at once; one of which seats have only
//! given word within a bound, however many they are and however often they do.

use gwanje_model::{DeliveryId, UtcMillis};
use gwanje_wire::rest::{AlarmEntry, AlarmKind};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that may be told at once of seats' words alone, and how many more of them each second.
const BURST: f64 = 256.0 * 1024.0;
const PER_SECOND: f64 = 16.0 * 1024.0;
/// Alarms of which is remembered what was told: more than are open at once. One that is forgotten is told as if it were new.
const REMEMBERED: usize = 4_096;

type Key = (DeliveryId, AlarmKind, UtcMillis);

/// What of an alarm everybody must know at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    is_acknowledged: bool,
    is_escalated: bool,
    is_settled: bool,
}

impl Mark {
    fn of(alarm: &AlarmEntry) -> Self {
        Self {
            is_acknowledged: alarm.acknowledged.is_some(),
            is_escalated: alarm.escalated_at.is_some(),
            is_settled: alarm.settled_at.is_some(),
        }
    }
}

/// What was told, and what waits.
#[derive(Debug)]
pub struct AlarmsTold {
    known: FxHashMap<Key, Mark>,
    /// The keys of `known`, oldest first.
    order: VecDeque<Key>,
    /// What waits, by the number of its latest change.
    waiting: BTreeMap<u64, Key>,
    /// And that number of each.
    numbers: FxHashMap<Key, u64>,
    left: f64,
    at: Instant,
}

impl AlarmsTold {
    /// Nothing was told yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            known: FxHashMap::default(),
            order: VecDeque::new(),
            waiting: BTreeMap::new(),
            numbers: FxHashMap::default(),
            left: BURST,
            at: now,
        }
    }

    /// Whether an alarm that has changed is to be told now; else it waits.
    pub fn is_due(&mut self, alarm: &AlarmEntry, now: Instant) -> bool {
        let key = (alarm.id, alarm.kind, alarm.raised_at);
        self.take_back(&key);
        let mark = Mark::of(alarm);
        if self.known.get(&key) == Some(&mark) && !self.has_left(now) {
            self.waiting.insert(alarm.seq, key);
            self.numbers.insert(key, alarm.seq);
            return false;
        }
        if self.known.insert(key, mark).is_none() {
            self.order.push_back(key);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        true
    }

    /// So many bytes were told of an alarm.
    pub fn told(&mut self, bytes: usize) {
        self.left -= bytes as f64;
    }

    /// The number of the alarm that waits for the longest.
    #[must_use]
    pub fn first_waiting(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }

    /// It does not wait any more: it was told, or has changed since.
    pub fn forget_waiting(&mut self, number: u64) {
        if let Some(key) = self.waiting.remove(&number) {
            self.numbers.remove(&key);
        }
    }

    /// When some of what waits may be told; none: nothing waits.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.first_waiting()?;
        let lacks = (-self.left).max(0.0) / PER_SECOND;
        Some(self.at + Duration::from_secs_f64(lacks))
    }

    /// Whether any bytes are left to tell.
    pub fn has_left(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * PER_SECOND).min(BURST);
        self.at = self.at.max(now);
        self.left >= 0.0
    }

    fn take_back(&mut self, key: &Key) {
        if let Some(number) = self.numbers.remove(key) {
            self.waiting.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(seq: u64, id: u64) -> AlarmEntry {
        let text = format!(r#"{{"seq":{seq},"id":{id},"kind":"late","raisedAt":5,"delivery":null}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn words_of_seats_wait_where_too_many_were_told_and_what_matters_does_not() {
        let now = Instant::now();
        let mut told = AlarmsTold::new(now);
        assert!(told.is_due(&alarm(1, 1), now), "it is new");
        told.told(300 * 1024);
        assert!(!told.is_due(&alarm(2, 1), now), "a word");
        assert!(!told.is_due(&alarm(3, 1), now), "another");
        assert_eq!(told.first_waiting(), Some(3), "once");
        assert!(told.is_due(&alarm(4, 2), now), "another alarm");
        let later = told.next().unwrap();
        assert!(later > now && later < now + Duration::from_secs(5), "{:?}", later - now);
        assert!(told.has_left(later + Duration::from_millis(1)));
        assert!(told.is_due(&alarm(5, 1), later + Duration::from_millis(2)));
        assert_eq!(told.first_waiting(), None);
        told.told(300 * 1024);
        let settled = AlarmEntry { settled_at: Some(UtcMillis(9)), ..alarm(6, 1) };
        assert!(told.is_due(&settled, later), "its reason is gone");
    }

    #[test]
    fn no_more_is_remembered_than_is_open_at_once() {
        let now = Instant::now();
        let mut told = AlarmsTold::new(now);
        for id in 0..10_000 {
            assert!(told.is_due(&alarm(id, id), now));
        }
        assert_eq!((told.known.len(), told.order.len()), (REMEMBERED, REMEMBERED));
    }
}
