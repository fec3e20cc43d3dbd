//! Where a center stands: it gives revisions and numbers, and counts what the changes leave on the board.

use crate::mutation::{LawMutation, is_mutated};
use gwanje_model::digest::DigestSum;
use gwanje_model::{DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use gwanje_wire::{Head, ResyncReason};

/// Where a center stands in its store, without the clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The latest revision.
    pub rev: Rev,
    /// Count and digest of the live rows.
    pub rows: RowDigest,
    /// The revision down to which tombstones are kept.
    pub floor: Rev,
    /// The latest alarm sequence number.
    pub alarm_seq: u64,
    /// How many orders were given a number.
    pub next_number: u64,
}

impl Standing {
    /// Of a center where nothing has happened.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            rev: Rev::ZERO,
            rows: RowDigest::default(),
            floor: Rev::ZERO,
            alarm_seq: 0,
            next_number: 0,
        }
    }

    /// As it travels.
    #[must_use]
    pub fn head(&self, at: UtcMillis, day_at: UtcMillis) -> Head {
        let RowDigest { count, digest: DigestSum(digest) } = self.rows;
        Head {
            epoch: self.epoch.clone(),
            rev: self.rev,
            count,
            digest: DigestSum(digest),
            at,
            day_at,
            alarm_seq: self.alarm_seq,
        }
    }

    /// Whether a cursor of this epoch at `rev` can go on from here.
    ///
    /// # Errors
    /// Why it can't.
    pub fn resumable(&self, rev: Rev) -> Result<(), ResyncReason> {
        if rev > self.rev {
            Err(ResyncReason::Ahead)
        } else if rev < self.floor {
            Err(ResyncReason::Floor)
        } else {
            Ok(())
        }
    }

    /// Takes the next revision.
    pub fn next_rev(&mut self) -> Rev {
        self.rev = self.rev.next();
        self.rev
    }

    /// Takes the next order's number.
    pub fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        let is_given_twice = is_mutated(LawMutation::NumberTwice) && self.rev.0 % 8 == 7;
        self.next_number += u64::from(!is_given_twice);
        number
    }

    /// Takes the next alarm sequence number.
    pub fn next_alarm(&mut self) -> u64 {
        self.alarm_seq += 1;
        self.alarm_seq
    }

    /// Counts the row at `rev` in the place of its copy at `before`; none: it is new.
    pub fn row_changed(&mut self, id: DeliveryId, before: Option<Rev>, rev: Rev) {
        if let Some(before) = before {
            self.rows.remove(id, before);
        }
        self.rows.add(id, rev);
    }

    /// Counts a row out that left the board, at `before` until then.
    pub fn row_left(&mut self, id: DeliveryId, before: Rev) {
        self.rows.remove(id, before);
    }

    /// Begins a new history: no cursor of the one before goes on in it.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.floor = self.rev;
    }

    /// Raises the floor; it never sinks.
    pub fn raise_floor(&mut self, floor: Rev) {
        self.floor = self.floor.max(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_that_is_kept_is_that_of_the_rows() {
        let mut standing = Standing::new("e".into());
        for id in 1..=3 {
            let rev = standing.next_rev();
            standing.row_changed(DeliveryId(id), None, rev);
        }
        let rev = standing.next_rev();
        standing.row_changed(DeliveryId(2), Some(Rev(2)), rev);
        standing.next_rev();
        standing.row_left(DeliveryId(1), Rev(1));
        let rows = [(DeliveryId(3), Rev(3)), (DeliveryId(2), Rev(4))];
        assert_eq!((standing.rev, standing.rows), (Rev(5), RowDigest::of(rows)));
    }

    #[test]
    fn a_cursor_goes_on_between_floor_and_revision() {
        let mut standing = Standing { rev: Rev(5), ..Standing::new("a".into()) };
        standing.raise_floor(Rev(3));
        standing.raise_floor(Rev(2));
        let answers = [2, 3, 5, 6].map(|rev| standing.resumable(Rev(rev)));
        assert_eq!(answers, [Err(ResyncReason::Floor), Ok(()), Ok(()), Err(ResyncReason::Ahead)]);
        standing.begin_epoch("b".into());
        assert_eq!(standing.resumable(Rev(4)), Err(ResyncReason::Floor));
        let head = standing.head(UtcMillis(1), UtcMillis(2));
        assert_eq!(
            (head.rev, head.at, head.day_at, head.epoch),
            (Rev(5), UtcMillis(1), UtcMillis(2), "b".into())
        );
    }
}
