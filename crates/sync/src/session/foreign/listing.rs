//! When to ask for the list: at its interval, at once when the socket comes or goes, soon after a difference.

use super::super::proof::Instant;
use crate::io::{Mono, Now};
use gwanje_dialect::SnapshotRule;
use gwanje_model::Rev;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Two lists are never asked for closer together, milliseconds.
const APART_MS: u64 = 1_000;
/// After the join the list waits this long, milliseconds. Rooms are asked for without an answer, and no list that was
/// read earlier has an event that happens before the server has joined them.
const JOIN_GRACE_MS: u64 = 300;
/// After a list with a difference the next one comes this soon, milliseconds, to prove what came of it; each further one
/// in a row waits twice as long, up to a quarter of the interval.
const CONFIRM_MS: u64 = 2_000;
/// A list may be asked for because something could not be read or placed: each further one in a row waits twice as
/// long, up to a quarter of the interval. A server that says such things all the time is not asked for its list all the
/// time.
const DOUBT_MS: u64 = APART_MS;
/// The longest pause after lists that did not come, milliseconds, from the pause between lists on doubled with each.
const FAILED_MS_MAX: u64 = 60_000;
/// A refused list is asked for again after this long, milliseconds.
const REFUSED_AGAIN_MS: u64 = 30_000;
/// The longest that a server's Retry-After is obeyed, seconds.
const RETRY_AFTER_MAX_S: u64 = 600;

/// A list that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// When.
    pub(crate) at: Now,
    /// What events had touched by then.
    pub(super) stamp: u64,
    /// What the list's address says of the day.
    date: String,
    /// To be sent as `If-None-Match`.
    pub(crate) etag: Option<String>,
}

impl Asked {
    /// What the list's address says of the day.
    pub(super) fn date(&self) -> &str {
        &self.date
    }

    pub(super) fn instant(&self) -> Instant {
        self.at.into()
    }
}

/// When to ask for the list.
#[derive(Debug)]
pub(super) struct Listing {
    poll_ms: u64,
    fallback_poll_ms: u64,
    honours_etag: bool,
    is_joined: bool,
    next: Mono,
    /// Not before that, whoever wants it: the server said so, or rooms are being joined.
    floor: Mono,
    last: Option<Mono>,
    under_way: bool,
    /// While one was under way, another became due.
    again: Option<Mono>,
    /// The next one must be read in full.
    in_full: bool,
    /// So is the one under way.
    reading_full: bool,
    confirm_ms: u64,
    doubted: bool,
    doubt_ms: u64,
    /// Lists in a row that did not come.
    failures: u32,
    etag: Option<Tag>,
}

/// The ETag of the list that the rows were equal to.
#[derive(Debug)]
struct Tag {
    etag: String,
    /// At that revision.
    rev: Rev,
    /// Of which day: an ETag speaks of one address only.
    date: String,
}

impl Listing {
    pub(super) fn new(rule: &SnapshotRule, now: Mono) -> Self {
        Self {
            poll_ms: rule.poll_ms,
            fallback_poll_ms: rule.fallback_poll_ms,
            honours_etag: rule.etag,
            is_joined: false,
            next: now,
            floor: Mono::default(),
            last: None,
            under_way: false,
            again: None,
            in_full: false,
            reading_full: false,
            confirm_ms: CONFIRM_MS,
            doubted: false,
            doubt_ms: DOUBT_MS,
            failures: 0,
            etag: None,
        }
    }

    /// When the next one is due; none: one is under way.
    pub(super) fn due(&self) -> Option<Mono> {
        let apart = self.last.map_or(Mono::default(), |last| last.plus_ms(APART_MS));
        (!self.under_way).then(|| self.next.max(apart).max(self.floor))
    }

    /// None is asked for before that, whoever wants it.
    pub(super) fn floor(&self) -> Mono {
        self.floor
    }

    /// The next one is to be asked for then, or before.
    pub(super) fn ask_at(&mut self, at: Mono) {
        if self.under_way {
            self.again = Some(self.again.map_or(at, |again| again.min(at)));
        } else {
            self.next = self.next.min(at);
        }
    }

    /// The same, in full: what is held may differ although nothing says so.
    pub(super) fn repair_at(&mut self, at: Mono) {
        self.in_full = true;
        self.ask_at(at);
    }

    /// Something came that nobody can read or place: only the list can tell.
    pub(super) fn doubt(&mut self, now: Mono) {
        self.doubted = true;
        let earliest = self.last.map_or(now, |last| last.plus_ms(self.doubt_ms));
        self.repair_at(earliest.max(now));
    }

    /// Something came that says less than is known: nobody knows which of both is so. What is shown stands.
    pub(super) fn second_look(&mut self, now: Mono) {
        self.doubted = true;
        let earliest = self.last.map_or(now, |last| last.plus_ms(self.doubt_ms));
        self.repair_at(earliest.max(now.plus_ms(CONFIRM_MS)));
    }

    pub(super) fn joined(&mut self, now: Mono) {
        self.is_joined = true;
        let at = now.plus_ms(JOIN_GRACE_MS);
        self.floor = self.floor.max(at);
        self.ask_at(at);
    }

    pub(super) fn lost(&mut self, now: Mono) {
        if std::mem::take(&mut self.is_joined) {
            self.ask_at(now);
        }
    }

    /// Takes the question, when it is time. `date`: what the list's address says of the day.
    pub(super) fn take(&mut self, now: Now, stamp: u64, rev: Rev, date: String) -> Option<Asked> {
        if self.due().is_none_or(|due| due > now.mono) {
            return None;
        }
        self.under_way = true;
        self.last = Some(now.mono);
        self.reading_full = std::mem::take(&mut self.in_full);
        self.doubt_ms = if std::mem::take(&mut self.doubted) {
            self.doubt_ms.saturating_mul(2).min(self.quarter_ms())
        } else {
            DOUBT_MS
        };
        // Rows that changed since are not what the list was: only the list itself can tell.
        let holds = |tag: &&Tag| !self.reading_full && tag.rev == rev && tag.date == date;
        let etag = self.etag.as_ref().filter(holds).map(|tag| tag.etag.clone());
        Some(Asked { at: now, stamp, date, etag })
    }

    /// The rows are equal to that list, of that ETag, at that revision.
    pub(super) fn keep_etag(&mut self, etag: Option<String>, rev: Rev, asked: &Asked) {
        let tag = |etag| Tag { etag, rev, date: asked.date.clone() };
        self.etag = etag.filter(|_| self.honours_etag).map(tag);
    }

    pub(super) fn forget_etag(&mut self) {
        self.etag = None;
    }

    /// It came.
    pub(super) fn came(&mut self, with_difference: bool, now: Mono, rng: &mut ChaCha8Rng) {
        self.failures = 0;
        let interval = self.interval_ms();
        let spread = interval / if self.is_joined { 10 } else { 5 };
        let mut pause = rng.random_range(interval - spread..=interval + spread);
        if with_difference {
            pause = pause.min(self.confirm_ms);
            self.confirm_ms = self.confirm_ms.saturating_mul(2).min(self.quarter_ms());
        } else {
            self.confirm_ms = CONFIRM_MS;
        }
        self.wait(now.plus_ms(pause));
    }

    /// It did not come.
    pub(super) fn failed(&mut self, retry_after_s: Option<u64>, now: Mono, rng: &mut ChaCha8Rng) {
        self.failures = self.failures.saturating_add(1);
        let doubled = self.fallback_poll_ms.saturating_mul(1 << (self.failures - 1).min(10));
        let pause = doubled.min(self.fallback_poll_ms.max(FAILED_MS_MAX));
        let until = now.plus_ms(rng.random_range(pause - pause / 5..=pause + pause / 5));
        if self.failures > 1 {
            // Whoever wants it sooner waits as well.
            self.floor = self.floor.max(until);
        }
        if let Some(told) = retry_after_s {
            self.floor = self.floor.max(until.plus_ms(told.min(RETRY_AFTER_MAX_S) * 1_000));
        }
        // Whoever wanted it sooner is told by the same failure.
        self.again = None;
        self.in_full |= self.reading_full;
        self.wait(until);
    }

    pub(super) fn refused(&mut self, now: Mono) {
        self.again = None;
        self.in_full |= self.reading_full;
        self.wait(now.plus_ms(REFUSED_AGAIN_MS));
    }

    /// Another server is asked from now on; nothing that the one before said of its list holds there.
    pub(super) fn moved(&mut self, not_before: Mono, now: Mono) {
        self.etag = None;
        self.failures = 0;
        self.floor = not_before;
        if std::mem::take(&mut self.under_way) {
            // The answer is not waited for.
            self.again = None;
            self.next = now;
        } else {
            self.next = self.next.min(now.plus_ms(self.fallback_poll_ms));
        }
    }

    /// The pause between lists at present, milliseconds.
    pub(super) fn interval_ms(&self) -> u64 {
        if self.is_joined { self.poll_ms } else { self.fallback_poll_ms }
    }

    /// The longest wait of a list that is to tell what came of something.
    fn quarter_ms(&self) -> u64 {
        (self.interval_ms() / 4).max(CONFIRM_MS)
    }

    fn wait(&mut self, until: Mono) {
        self.under_way = false;
        self.next = self.again.take().map_or(until, |again| again.min(until));
    }
}
