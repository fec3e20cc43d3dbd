//! The last warnings and errors of the log, each with how often it came: what the monitor shows and mail tells of.
//!
//! A [`LogLayer`] beside whatever writes the log puts them here. Two lines are the same when they come from one place of
//! the source, for one reason, of one center.

use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::monitor::{ErrorLevel, MONITOR_LAST_MAX};
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, watch};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The most bytes of a line's text: with [`MONITOR_LAST_MAX`] lines a hundred kilobytes.
const TEXT_MAX_BYTES: usize = 1_000;
/// Lines that wait for whoever tells of them. Together with the text's bound a quarter of a megabyte.
const NEWS_CAPACITY: usize = 256;
/// Fields that say why: lines that differ in them are not the same.
const REASONS: [&str; 6] = ["error", "why", "wrong", "reason", "problem", "node"];

/// A warning or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its place among those that are kept; another takes it when this one is forgotten.
    pub slot: usize,
    /// When it came last.
    pub at: UtcMillis,
    /// How grave.
    pub level: ErrorLevel,
    /// What it says, cut at [`TEXT_MAX_BYTES`].
    pub text: Text,
    /// Of which center, where it names one.
    pub center: Option<CenterId>,
    /// How often it came.
    pub count: u64,
    /// From which part of the program.
    pub target: &'static str,
    /// By which it is known again.
    pub(crate) identity: Text,
    /// Counts all lines: the number of its last.
    touched: u64,
}

/// What is kept of the log. Clones share it.
#[derive(Clone)]
pub struct LogKept(Arc<Kept>);

struct Kept {
    ring: Mutex<Ring>,
    touched: watch::Sender<u64>,
    news: broadcast::Sender<LogLine>,
}

#[derive(Default)]
struct Ring {
    /// The latest first.
    lines: VecDeque<LogLine>,
    touched: u64,
}

impl Default for LogKept {
    fn default() -> Self {
        Self(Arc::new(Kept {
            ring: Mutex::default(),
            touched: watch::Sender::new(0),
            news: broadcast::Sender::new(NEWS_CAPACITY),
        }))
    }
}

impl fmt::Debug for LogKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogKept").finish_non_exhaustive()
    }
}

impl LogKept {
    /// What puts lines here, beside what writes the log.
    #[must_use]
    pub fn layer(&self) -> LogLayer {
        LogLayer(self.clone())
    }

    /// The lines that came after so many, and how many there were now.
    #[must_use]
    pub fn since(&self, touched: u64) -> (Vec<LogLine>, u64) {
        let ring = self.ring();
        let lines = ring.lines.iter().take_while(|line| line.touched > touched).cloned().collect();
        (lines, ring.touched)
    }

    /// Counts the lines.
    #[must_use]
    pub fn touched(&self) -> watch::Receiver<u64> {
        self.0.touched.subscribe()
    }

    /// Each line from now on.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<LogLine> {
        self.0.news.subscribe()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, level: ErrorLevel, target: &'static str, said: Said) {
        let Said { text, identity, center } = said;
        let line = {
            let mut ring = self.ring();
            ring.touched += 1;
            let touched = ring.touched;
            let known = ring.lines.iter().position(|line| line.identity == identity);
            let (slot, count) = match known.and_then(|place| ring.lines.remove(place)) {
                Some(line) => (line.slot, line.count + 1),
                None if ring.lines.len() < MONITOR_LAST_MAX => (ring.lines.len(), 1),
                None => (ring.lines.pop_back().map_or(0, |line| line.slot), 1),
            };
            let line = LogLine { slot, at: now(), level, text, center, count, target, identity, touched };
            ring.lines.push_front(line.clone());
            line
        };
        self.0.touched.send_replace(line.touched);
        // Nobody tells of it, perhaps.
        _ = self.0.news.send(line);
    }
}

/// By the machine's clock: what goes wrong may be the store, whose clock is used elsewhere.
fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Puts warnings and errors into what is kept of the log.
pub struct LogLayer(LogKept);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => ErrorLevel::Error,
            Level::WARN => ErrorLevel::Warn,
            _ => return,
        };
        let mut read = Reading::default();
        event.record(&mut read);
        let place = (metadata.target(), metadata.line().unwrap_or_default());
        self.0.put(level, metadata.target(), read.done(place));
    }
}

/// What a line says.
struct Said {
    text: Text,
    identity: Text,
    center: Option<CenterId>,
}

#[derive(Default)]
struct Reading {
    message: String,
    fields: String,
    reasons: String,
    center: Option<CenterId>,
}

impl Reading {
    fn done(self, place: (&str, u32)) -> Said {
        let Self { message, fields, reasons, center } = self;
        let text = if fields.is_empty() { message } else { format!("{message} ({fields})") };
        let of = center.as_ref().map_or("", CenterId::as_str);
        let identity = format!("{}:{} {of} {}", place.0, place.1, cut(&reasons));
        Said { text: cut(&text).into(), identity: identity.into(), center }
    }
}

impl Visit for Reading {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        // Texts can always be written to.
        if name == "message" {
            _ = write!(self.message, "{value:?}");
            return;
        }
        if name == "center" {
            let center = format!("{value:?}");
            self.center = Some(CenterId::from(center.trim_matches('"')));
        }
        let gap = if self.fields.is_empty() { "" } else { ", " };
        _ = write!(self.fields, "{gap}{name}: {value:?}");
        if REASONS.contains(&name) {
            _ = write!(self.reasons, "{value:?} ");
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn heard(say: impl Fn()) -> LogKept {
        let kept = LogKept::default();
        let subscriber = tracing_subscriber::registry().with(kept.layer());
        tracing::subscriber::with_default(subscriber, say);
        kept
    }

    #[test]
    fn the_same_line_is_kept_once_with_its_count_and_the_latest_comes_first() {
        let fails = |center: &str, error: &str| tracing::error!(%center, error, "it can't be read");
        let kept = heard(|| {
            fails("gangnam", "the disk");
            tracing::warn!(socket = 7, "slow");
            tracing::info!("nothing of note");
            fails("gangnam", "the disk");
            fails("songpa", "the disk");
            fails("gangnam", "the net");
        });
        let (lines, touched) = kept.since(0);
        let told: Vec<_> = lines.iter().map(|line| (line.text.as_str(), line.count)).collect();
        assert_eq!(
            told,
            [
                ("it can't be read (center: gangnam, error: \"the net\")", 1),
                ("it can't be read (center: songpa, error: \"the disk\")", 1),
                ("it can't be read (center: gangnam, error: \"the disk\")", 2),
                ("slow (socket: 7)", 1),
            ]
        );
        assert_eq!(lines[0].center, Some("gangnam".into()));
        assert_eq!(lines[3].level, ErrorLevel::Warn);
        assert_eq!(kept.since(touched).0, []);
        assert_eq!(kept.since(touched - 1).0.len(), 1);
    }

    #[test]
    fn however_much_goes_wrong_only_so_much_is_kept_and_no_two_lines_share_a_slot() {
        let kept = heard(|| {
            for n in 0..MONITOR_LAST_MAX * 3 {
                tracing::error!(error = %format!("{n} {}", "가".repeat(TEXT_MAX_BYTES)), "it fails");
            }
        });
        let lines = kept.since(0).0;
        assert_eq!(lines.len(), MONITOR_LAST_MAX);
        assert!(lines.iter().all(|line| line.text.len() <= TEXT_MAX_BYTES));
        let slots: std::collections::BTreeSet<_> = lines.iter().map(|line| line.slot).collect();
        assert_eq!(slots, (0..MONITOR_LAST_MAX).collect());
    }
}
