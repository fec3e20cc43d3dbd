//! The order of frames: the cursor, what is known to exist beyond it, and frames that wait for what is missing.

use crate::io::Mono;
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::{Epoch, Rev, UtcMillis};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{Frame, Head};
use std::collections::BTreeMap;

/// An older history, or an older head in the same one, is adopted when every answer for this long has said so: by then
/// it is not a straggler but a server that was restored (rules 1 and 5).
pub(super) const ADOPT_OLDER_MS: u64 = 10_000;
/// Frames that wait: ten seconds of a busy center's frames (one per 20 ms). What overflows is fetched by `changes`.
pub(super) const BUFFER_FRAMES: usize = 512;
/// Entries that wait, over all frames: bounds the memory (about 1 kB each).
pub(super) const BUFFER_ENTRIES: usize = 20_000;

/// Frames that can't be applied yet. By epoch and position, so that a duplicate takes no second place.
#[derive(Debug, Default)]
struct Waiting {
    frames: BTreeMap<(Epoch, Rev, Rev), Frame>,
    entries: usize,
}

impl Waiting {
    /// An overflow drops all frames, never the gap: the order's target still says what is missing.
    fn push(&mut self, frame: Frame) {
        let entries = frame.entries();
        let key = (frame.epoch.clone(), frame.from, frame.to);
        if self.frames.get(&key).is_some_and(|known| known.as_of >= frame.as_of) {
            return;
        }
        if self.frames.len() >= BUFFER_FRAMES || self.entries + entries > BUFFER_ENTRIES {
            self.frames.clear();
            self.entries = 0;
            return;
        }
        if let Some(old) = self.frames.insert(key, frame) {
            self.entries -= old.entries();
        }
        self.entries += entries;
    }

    /// The next frame that applies at the cursor; what lies behind it is thrown away.
    fn next_at(&mut self, cursor: &Cursor) -> Option<Frame> {
        loop {
            let first = self.frames.first_entry()?;
            let frame = first.get();
            if frame.epoch > cursor.epoch || (frame.epoch == cursor.epoch && frame.from > cursor.rev) {
                return None;
            }
            let frame = first.remove();
            self.entries -= frame.entries();
            if frame.epoch == cursor.epoch && frame.to > cursor.rev {
                return Some(frame);
            }
        }
    }
}

/// Where a frame stands to the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `from <= cursor < to`: applies.
    Next,
    /// `to <= cursor`: known.
    Duplicate,
    /// `from > cursor`: something is missing before it.
    Beyond,
    /// Of an older epoch.
    OldEpoch,
    /// Of a newer epoch, or there is no cursor.
    NewEpoch,
}

/// A newer epoch that is known to exist.
#[derive(Debug)]
struct Newer {
    epoch: Epoch,
    /// Since when that is known.
    since: Mono,
    /// Since when every word is of the cursor's epoch.
    denied: Option<Mono>,
}

/// Cursor and order.
#[derive(Debug, Default)]
pub(super) struct Order {
    cursor: Option<Cursor>,
    /// The greatest `asOf` applied since the last snapshot.
    as_of: Rev,
    /// The greatest revision known to exist in the cursor's epoch, and the hub's clock when it said so.
    target: Rev,
    target_at: UtcMillis,
    /// Since when that is known.
    target_since: Mono,
    /// Since when every word speaks of less than that.
    lower_since: Option<Mono>,
    newer: Option<Newer>,
    waiting: Waiting,
}

impl Order {
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Whether the cursor has reached every `asOf` applied: only then is the board a board.
    pub(super) fn is_whole(&self) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| cursor.rev >= self.as_of)
    }

    /// Whether revisions, or an epoch, are known to exist beyond the cursor.
    pub(super) fn is_behind(&self) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| cursor.rev < self.target || self.newer.is_some())
    }

    /// Whether more than the cursor was known to exist already then: who says at that moment that this is all, lags.
    pub(super) fn knew_more(&self, at: Mono) -> bool {
        let revs = self.cursor.as_ref().is_some_and(|cursor| cursor.rev < self.target);
        (revs && self.target_since <= at) || self.newer.as_ref().is_some_and(|newer| newer.since <= at)
    }

    /// A snapshot older than this would take back what is shown.
    pub(super) fn held(&self) -> Rev {
        self.cursor.as_ref().map_or(Rev::ZERO, |cursor| cursor.rev.max(self.as_of))
    }

    pub(super) fn place(&self, frame: &Frame) -> Place {
        let Some(cursor) = &self.cursor else { return Place::NewEpoch };
        match frame.epoch.cmp(&cursor.epoch) {
            std::cmp::Ordering::Less => Place::OldEpoch,
            std::cmp::Ordering::Greater => Place::NewEpoch,
            std::cmp::Ordering::Equal if frame.to <= cursor.rev => Place::Duplicate,
            std::cmp::Ordering::Equal if frame.from <= cursor.rev || is_mutated(Mutation::SkipGapCheck) => {
                Place::Next
            }
            std::cmp::Ordering::Equal => Place::Beyond,
        }
    }

    /// A frame of the cursor's epoch was applied.
    pub(super) fn advance(&mut self, frame: &Frame) {
        if let Some(cursor) = &mut self.cursor {
            cursor.rev = cursor.rev.max(frame.to);
            self.as_of = self.as_of.max(frame.as_of);
            self.target = self.target.max(frame.to);
        }
    }

    /// A snapshot, or the cache, set the board.
    pub(super) fn set(&mut self, cursor: Cursor) {
        let same = self.cursor.as_ref().is_some_and(|old| old.epoch == cursor.epoch);
        let beyond =
            self.waiting.frames.values().filter(|frame| frame.epoch == cursor.epoch).map(|frame| frame.to);
        let waiting = beyond.max().unwrap_or(Rev::ZERO);
        self.target = if same { self.target.max(waiting) } else { waiting }.max(cursor.rev);
        self.as_of = cursor.rev;
        self.newer = self.newer.take().filter(|newer| newer.epoch > cursor.epoch);
        self.cursor = Some(cursor);
    }

    /// The hub itself says that nothing exists beyond the cursor (`ahead`): forgets what was expected.
    pub(super) fn forget_target(&mut self) {
        self.waiting = Waiting::default();
        self.target = self.cursor.as_ref().map_or(Rev::ZERO, |cursor| cursor.rev);
    }

    /// A head of the cursor's epoch: raises the target. It lowers it only when every later word for a while has been
    /// lower, too: a replica that lags dates its words like any other.
    pub(super) fn note_head(&mut self, head: &Head, now: Mono) {
        if let Some(newer) = &mut self.newer
            && now.since(*newer.denied.get_or_insert(now)) >= ADOPT_OLDER_MS
        {
            self.newer = None;
        }
        let cursor = self.cursor.as_ref().map_or(Rev::ZERO, |cursor| cursor.rev);
        let lower = head.rev < self.target;
        if lower && head.at <= self.target_at {
            return;
        }
        if lower && now.since(*self.lower_since.get_or_insert(now)) < ADOPT_OLDER_MS {
            return;
        }
        if head.rev > self.target {
            self.target_since = now;
        }
        self.target = head.rev.max(cursor);
        self.target_at = self.target_at.max(head.at);
        self.lower_since = None;
    }

    /// Somebody speaks of a newer epoch than the cursor's, or of any while there is none. Until a snapshot of it has come
    /// the board is behind, whatever a replica that lags says of an old one.
    pub(super) fn note_newer(&mut self, epoch: &Epoch, now: Mono) {
        if self.cursor.as_ref().is_some_and(|cursor| cursor.epoch >= *epoch) {
            return;
        }
        match &mut self.newer {
            Some(newer) if newer.epoch == *epoch => newer.denied = None,
            Some(newer) if newer.epoch > *epoch => {}
            Some(_) | None => self.newer = Some(Newer { epoch: epoch.clone(), since: now, denied: None }),
        }
    }

    /// Keeps a frame until what is missing before it has come.
    pub(super) fn keep(&mut self, frame: Frame, now: Mono) {
        if self.cursor.as_ref().is_some_and(|cursor| cursor.epoch == frame.epoch) && frame.to > self.target {
            self.target = frame.to;
            self.target_since = now;
            self.lower_since = None;
            self.target_at = self.target_at.max(frame.at);
        }
        self.waiting.push(frame);
    }

    pub(super) fn next_waiting(&mut self) -> Option<Frame> {
        self.waiting.next_at(self.cursor.as_ref()?)
    }
}

/// Whether a frame says what a frame can say; anything else is treated as a gap.
pub(super) fn is_sound(frame: &Frame) -> bool {
    let inside = |rev: Rev| rev > frame.from && rev <= frame.to;
    frame.from <= frame.to
        && frame.to <= frame.as_of
        && frame.rows.iter().all(|row| inside(row.rev()))
        && frame.gone.iter().all(|gone| inside(gone.rev))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(from: u64, to: u64) -> Frame {
        Frame { to: Rev(to), as_of: Rev(to), ..Frame::empty("01A".into(), Rev(from), UtcMillis(0)) }
    }

    fn order(rev: u64) -> Order {
        let mut order = Order::default();
        order.set(Cursor { epoch: "01A".into(), rev: Rev(rev) });
        order
    }

    #[test]
    fn every_place_of_a_frame() {
        let order = order(10);
        let table = [
            (frame(10, 12), Place::Next),
            (frame(3, 12), Place::Next),
            (frame(3, 10), Place::Duplicate),
            (frame(10, 10), Place::Duplicate),
            (frame(11, 12), Place::Beyond),
            (Frame { epoch: "00Z".into(), ..frame(10, 12) }, Place::OldEpoch),
            (Frame { epoch: "01B".into(), ..frame(10, 12) }, Place::NewEpoch),
        ];
        for (frame, place) in table {
            assert_eq!(order.place(&frame), place, "{frame:?}");
        }
        assert_eq!(Order::default().place(&frame(0, 1)), Place::NewEpoch);
    }

    #[test]
    fn a_cursor_is_whole_when_it_reached_every_as_of() {
        let mut order = order(10);
        order.advance(&Frame { as_of: Rev(20), ..frame(10, 15) });
        assert!(!order.is_whole());
        assert_eq!(order.held(), Rev(20), "a snapshot at 17 would take rows back");
        order.advance(&frame(15, 20));
        assert!(order.is_whole());
    }

    #[test]
    fn a_lower_head_takes_nothing_back_until_all_have_said_so_for_a_while() {
        let head = |rev: u64, at: i64| Head {
            epoch: "01A".into(),
            rev: Rev(rev),
            count: 0,
            digest: gwanje_model::digest::DigestSum(0),
            at: UtcMillis(at),
            day_at: UtcMillis(at),
            alarm_seq: 0,
        };
        let mut order = order(10);
        order.note_head(&head(13, 1_000), Mono(1_000));
        order.note_head(&head(10, 1_500), Mono(1_500));
        assert!(order.is_behind() && order.knew_more(Mono(1_500)), "a replica that lags");
        assert!(!order.knew_more(Mono(900)), "asked before anybody knew");
        order.note_head(&head(13, 3_000), Mono(3_000));
        order.note_head(&head(10, 12_000), Mono(12_000));
        assert!(order.is_behind(), "the hub has spoken in between");
        order.note_head(&head(10, 22_000), Mono(22_000));
        assert!(!order.is_behind(), "a hub that was restored");
    }

    #[test]
    fn an_epoch_that_was_heard_of_before_there_was_a_board_makes_an_older_one_old() {
        let mut order = Order::default();
        order.note_newer(&"01A".into(), Mono(1));
        order.note_newer(&"01B".into(), Mono(2));
        order.set(Cursor { epoch: "01A".into(), rev: Rev(3) });
        assert!(order.is_behind() && order.knew_more(Mono(2)), "a replica's board of the epoch before");
        order.set(Cursor { epoch: "01B".into(), rev: Rev(1) });
        assert!(!order.is_behind());
    }

    #[test]
    fn a_newer_epoch_is_believed_until_a_snapshot_of_it_or_long_denial() {
        let mut order = order(10);
        order.note_newer(&"01A".into(), Mono(1));
        assert!(!order.is_behind(), "its own epoch is none newer");
        order.note_newer(&"01B".into(), Mono(2));
        order.set(Cursor { epoch: "01A".into(), rev: Rev(11) });
        assert!(order.is_behind() && order.knew_more(Mono(2)), "a snapshot of the old one helps nothing");
        order.set(Cursor { epoch: "01B".into(), rev: Rev(11) });
        assert!(!order.is_behind());
    }

    #[test]
    fn an_overflow_drops_the_frames_but_not_the_gap() {
        let mut order = order(10);
        let beyond = u64::try_from(BUFFER_FRAMES).unwrap() + 1;
        for n in 0..beyond {
            order.keep(frame(20 + n, 21 + n), Mono(n));
        }
        assert!(order.waiting.frames.is_empty());
        assert!(order.is_behind());
        assert_eq!(order.target, Rev(20 + beyond));
        assert_eq!(order.next_waiting(), None);
    }
}
