//! What is to be mailed, and when: the same error at most once in a while, with how often it came.

use super::settings::MailLevel;
use crate::logged::LogLine;
use gwanje_model::Text;
use gwanje_wire::monitor::ErrorLevel;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Different errors that are remembered. With the bound of a line's text a quarter of a megabyte.
const KNOWN_MAX: usize = 256;

/// An error, and how often it came since it was mailed last.
pub(super) type Due = (LogLine, u64);

pub(super) struct Outbox {
    min_level: MailLevel,
    per: Duration,
    known: BTreeMap<Text, Known>,
    /// Lines that could not be remembered since the last mail.
    pub missed: u64,
}

struct Known {
    line: LogLine,
    untold: u64,
    /// When it was first heard of.
    since: Instant,
    told: Option<Instant>,
}

impl Known {
    /// When it is to be mailed; none: there is nothing new of it.
    fn due(&self, per: Duration) -> Option<Instant> {
        (self.untold > 0).then(|| self.told.map_or(self.since, |told| told + per))
    }
}

impl Outbox {
    pub fn new(min_level: MailLevel, per: Duration) -> Self {
        Self { min_level, per, known: BTreeMap::new(), missed: 0 }
    }

    /// Takes a line of the log in. What mail itself logs would never end.
    pub fn hear(&mut self, line: LogLine) {
        let is_wanted = line.level == ErrorLevel::Error || self.min_level == MailLevel::Warn;
        if !is_wanted || line.target.starts_with("gwanje_hub::mail") {
            return;
        }
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&line.identity) {
            // Of those that nothing is to be said of, the one that was mailed first.
            let told = self.known.iter().filter(|(_, known)| known.untold == 0);
            match told.min_by_key(|(_, known)| known.told).map(|(identity, _)| identity.clone()) {
                Some(first) => _ = self.known.remove(&first),
                None => {
                    self.missed += 1;
                    return;
                }
            }
        }
        let identity = line.identity.clone();
        let since = Instant::now();
        let known =
            self.known.entry(identity).or_insert(Known { line: line.clone(), untold: 0, since, told: None });
        known.line = line;
        known.untold += 1;
    }

    /// When something is to be mailed next.
    pub fn next_due(&self) -> Option<Instant> {
        self.known.values().filter_map(|known| known.due(self.per)).min()
    }

    /// What is to be mailed now, the latest last.
    pub fn due(&self, now: Instant) -> Vec<Due> {
        let due = self.known.values().filter(|known| known.due(self.per).is_some_and(|due| due <= now));
        let mut due: Vec<Due> = due.map(|known| (known.line.clone(), known.untold)).collect();
        due.sort_by_key(|(line, _)| line.at);
        due
    }

    /// It was mailed.
    pub fn sent(&mut self, due: &[Due], now: Instant) {
        self.missed = 0;
        for (line, count) in due {
            if let Some(known) = self.known.get_mut(&line.identity) {
                known.untold -= (*count).min(known.untold);
                known.told = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logged::LogKept;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn lines(say: impl FnOnce()) -> Vec<LogLine> {
        let kept = LogKept::default();
        let mut news = kept.news();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.layer()), say);
        std::iter::from_fn(|| news.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn the_same_error_is_mailed_at_once_and_then_once_in_a_while_with_its_count() {
        let per = Duration::from_secs(600);
        let mut outbox = Outbox::new(MailLevel::Error, per);
        let said = lines(|| {
            for _ in 0..3 {
                tracing::error!(target: "store", error = "full", "the disk");
            }
            tracing::warn!(target: "store", "slow");
            tracing::error!("what mail says of itself");
        });
        let mut said = said.into_iter();
        outbox.hear(said.next().unwrap());
        let now = Instant::now() + Duration::from_millis(1);
        let due = outbox.due(now);
        assert_eq!(
            due.iter().map(|(line, count)| (line.text.as_str(), *count)).collect::<Vec<_>>(),
            [("the disk (error: \"full\")", 1)]
        );
        outbox.sent(&due, now);
        assert_eq!(outbox.next_due(), None);
        said.for_each(|line| outbox.hear(line));
        assert_eq!(outbox.next_due(), Some(now + per), "not before, and no warning");
        assert!(outbox.due(now + per / 2).is_empty());
        assert_eq!(outbox.due(now + per)[0].1, 2);
    }

    #[tokio::test]
    async fn however_many_errors_there_are_only_so_many_are_remembered() {
        let mut outbox = Outbox::new(MailLevel::Warn, Duration::from_secs(600));
        let all = lines(|| {
            for n in 0..KNOWN_MAX {
                tracing::warn!(target: "store", reason = n, "it fails");
            }
        });
        let more = lines(|| tracing::error!(target: "store", "another"));
        all.into_iter().for_each(|line| outbox.hear(line));
        more.iter().for_each(|line| outbox.hear(line.clone()));
        assert_eq!((outbox.known.len(), outbox.missed), (KNOWN_MAX, 1));
        let now = Instant::now() + Duration::from_millis(1);
        outbox.sent(&outbox.due(now), now);
        more.iter().for_each(|line| outbox.hear(line.clone()));
        assert_eq!((outbox.known.len(), outbox.missed), (KNOWN_MAX, 0));
        assert_eq!(outbox.due(Instant::now()).len(), 1);
    }
}
