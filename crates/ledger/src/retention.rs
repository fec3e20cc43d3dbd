//! What may leave the board, and what may be forgotten.

use crate::mutation::{LawMutation, is_mutated};
use crate::standing::Standing;
use crate::write::{LeftWrite, Moment, Write};
use gwanje_model::{Delivery, Rev, Status, UtcMillis};
use std::sync::Arc;

/// How long an alarm is kept once its delivery has left the board, milliseconds of operations time: a week, as in the
/// caches of those who were told.
const ALARMS_KEPT_MS: i64 = 7 * 86_400_000;
/// How long an outcome is kept, milliseconds of the wall clock: a day, far beyond any client's 30 s of retries.
const OUTCOMES_KEPT_MS: i64 = 24 * 3_600_000;

/// Until when things are kept, as of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Alarms that were raised before (operations time) go when their delivery is not on the board.
    pub alarms_from: UtcMillis,
    /// Outcomes that were recorded before (wall clock) go.
    pub outcomes_from: UtcMillis,
}

impl Retention {
    /// As of that moment.
    #[must_use]
    pub fn at(now: Moment) -> Self {
        Self {
            alarms_from: now.day.plus_ms(-ALARMS_KEPT_MS),
            outcomes_from: now.wall.plus_ms(-OUTCOMES_KEPT_MS),
        }
    }
}

/// Takes deliveries that have ended off the board, each under a revision of its own.
pub fn archive(standing: &mut Standing, ended: Vec<Delivery>) -> Vec<Write> {
    let leave = |row: Delivery| {
        let rev = standing.next_rev();
        standing.row_left(row.id, row.rev);
        Write::Left(Box::new(LeftWrite { row: Arc::new(row), rev }))
    };
    let stays = |row: &Delivery| is_mutated(LawMutation::KeepCancelled) && row.status == Status::Cancelled;
    ended.into_iter().filter(|row| !stays(row)).map(leave).collect()
}

/// Forgets tombstones at and below `newest_too_many`, the newest one beyond those that are kept: what lies there can't be
/// told apart any more.
pub fn forget_tombstones(standing: &mut Standing, newest_too_many: Option<Rev>) -> Vec<Write> {
    let Some(rev) = newest_too_many else { return Vec::new() };
    standing.raise_floor(rev);
    vec![Write::Floor(rev)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::tests::delivery;
    use gwanje_model::{DeliveryId, RowDigest};

    #[test]
    fn what_leaves_takes_a_revision_each_and_the_floor_follows_the_tombstones() {
        let mut standing = Standing::new("e".into());
        for id in 1..=3 {
            let rev = standing.next_rev();
            standing.row_changed(DeliveryId(id), None, rev);
        }
        let writes = archive(&mut standing, vec![delivery(1, 1), delivery(3, 3)]);
        let left = writes.iter().map(|write| {
            let Write::Left(left) = write else { panic!("{write:?}") };
            (left.row.id.0, left.rev.0)
        });
        assert_eq!(left.collect::<Vec<_>>(), [(1, 4), (3, 5)]);
        assert_eq!(standing.rows, RowDigest::of([(DeliveryId(2), Rev(2))]));
        assert_eq!(forget_tombstones(&mut standing, None), []);
        assert_eq!(forget_tombstones(&mut standing, Some(Rev(4))), [Write::Floor(Rev(4))]);
        assert_eq!((standing.floor, standing.rev), (Rev(4), Rev(5)));
    }
}
