//! How far sockets are behind, over ten seconds. Of one that keeps up nothing is kept.

use gwanje_wire::monitor::Behind;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Over how long.
const WINDOW: Duration = Duration::from_secs(10);
/// Looks within that; one more is no use.
const LOOKS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Lags(FxHashMap<(String, String), Lag>);

#[derive(Debug, Default)]
struct Lag {
    looks: VecDeque<(Instant, u64)>,
    told: Behind,
}

impl Lags {
    /// Notes a look; how far behind the socket is, when that has changed.
    pub fn note(&mut self, namespace: &str, connection: &str, lag: u64, now: Instant) -> Option<Behind> {
        let key = (namespace.to_owned(), connection.to_owned());
        if lag == 0 && !self.0.contains_key(&key) {
            return None;
        }
        let kept = self.0.entry(key.clone()).or_default();
        if kept.looks.is_empty() {
            // It kept up until now.
            kept.looks.extend([(now, 0); 4]);
        }
        kept.looks.push_back((now, lag));
        while kept.looks.len() > LOOKS_MAX
            || kept.looks.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            kept.looks.pop_front();
        }
        let mut lags: Vec<u64> = kept.looks.iter().map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        let behind = Behind {
            median: lags.get(lags.len() / 2).copied().unwrap_or_default(),
            worst: lags.last().copied().unwrap_or_default(),
        };
        let changed = kept.told != behind;
        kept.told = behind;
        if behind == Behind::default() {
            self.0.remove(&key);
        }
        changed.then_some(behind)
    }

    pub fn forget(&mut self, namespace: &str, connection: &str) {
        self.0.remove(&(namespace.to_owned(), connection.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_behind_shows_for_ten_seconds_and_who_keeps_up_costs_nothing() {
        let mut lags = Lags::default();
        let start = Instant::now();
        let after = |s: u64| start + Duration::from_secs(s);
        assert_eq!(lags.note("/a", "1", 0, start), None);
        assert!(lags.0.is_empty());
        assert_eq!(lags.note("/a", "1", 7, after(2)), Some(Behind { median: 0, worst: 7 }));
        for s in [4, 6, 8, 10] {
            assert_eq!(lags.note("/a", "1", 0, after(s)), None);
        }
        assert_eq!(lags.note("/a", "1", 0, after(12)), Some(Behind::default()));
        assert!(lags.0.is_empty());
        for s in 14..40 {
            lags.note("/a", "2", 3, after(s));
        }
        assert_eq!(lags.0.values().next().unwrap().told, Behind { median: 3, worst: 3 });
        lags.forget("/a", "2");
        assert!(lags.0.is_empty());
    }
}
