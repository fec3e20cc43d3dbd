//! Taking a change back: which change can be, by whom, for how long; and what the delivery is then.
//!
//! | the latest change | of this account, at the revision named, in time | anything else |
//! | --- | --- | --- |
//! | accept, assign, unassign, confirm, pickup, deliver | as it was before | moved on, or too late |
//! | create, cancel, note, undo | can't be taken back | moved on |

use crate::delivery::Delivery;
use crate::lifecycle::Action;
use crate::units::{Rev, UtcMillis};
use thiserror::Error;

/// Milliseconds of the wall clock within which a change can be taken back, from the wire contract.
pub const UNDO_WITHIN_MS: i64 = 15_000;

/// The latest change of a delivery, as its history tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undoable<'a> {
    /// The revision that it made: the one at which the delivery is.
    pub rev: Rev,
    /// The account that made it.
    pub by: &'a str,
    /// By the name that the history gives it.
    pub action: &'a str,
    /// When, by the wall's clock.
    pub wall: UtcMillis,
}

/// Why a change is not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotUndone {
    /// The latest change is another one, or somebody else's.
    #[error("it has moved on since")]
    MovedOn,
    /// Its kind of change stays.
    #[error("only accept, assign, unassign, confirm, pickup and deliver can be taken back")]
    Stays,
    /// More than [`UNDO_WITHIN_MS`] have passed.
    #[error("a change can be taken back for 15 s")]
    TooLate,
}

impl Action {
    /// Whether this action can be taken back.
    #[must_use]
    pub fn can_be_undone(self) -> bool {
        match self {
            Self::Accept | Self::Assign | Self::Unassign | Self::Confirm | Self::Pickup | Self::Deliver => {
                true
            }
            Self::Cancel | Self::Note | Self::Undo => false,
        }
    }
}

impl Undoable<'_> {
    /// The action that is taken back when `account` takes back what made revision `rev`, at `now` by the wall's clock.
    ///
    /// # Errors
    /// When it stays.
    pub fn take_back(&self, account: &str, rev: Rev, now: UtcMillis) -> Result<Action, NotUndone> {
        if self.rev != rev || self.by != account {
            return Err(NotUndone::MovedOn);
        }
        let action = Action::parse(self.action).filter(|action| action.can_be_undone());
        let action = action.ok_or(NotUndone::Stays)?;
        if now.since(self.wall) > UNDO_WITHIN_MS { Err(NotUndone::TooLate) } else { Ok(action) }
    }
}

/// The delivery after its latest change was taken back at operations time `at`: as it was `before`. Leaves `rev` to
/// whoever commits it.
#[must_use]
pub fn undone(before: Delivery, at: UtcMillis) -> Delivery {
    Delivery { modified_at: at, ..before }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(action: &str, by: &str, rev: u64, after_ms: i64) -> Result<Action, NotUndone> {
        let change = Undoable { rev: Rev(7), by: "kim", action, wall: UtcMillis(1_000) };
        change.take_back(by, Rev(rev), UtcMillis(1_000 + after_ms))
    }

    #[test]
    fn every_cell_of_the_table() {
        let stay = ["create", "archive", "erase", Action::Cancel.as_str(), "note", "undo"];
        let kinds = Action::ALL.into_iter().map(Action::as_str).chain(stay);
        for kind in kinds {
            let undoable = Action::parse(kind).filter(|_| !stay.contains(&kind));
            assert_eq!(taken(kind, "kim", 7, 0), undoable.ok_or(NotUndone::Stays), "{kind}");
            assert_eq!(taken(kind, "lee", 7, 0), Err(NotUndone::MovedOn), "{kind}, another's");
            for rev in [6, 8] {
                assert_eq!(taken(kind, "kim", rev, 0), Err(NotUndone::MovedOn), "{kind} at {rev}");
            }
            let late = undoable.map_or(NotUndone::Stays, |_| NotUndone::TooLate);
            assert_eq!(
                taken(kind, "kim", 7, 15_000),
                undoable.ok_or(NotUndone::Stays),
                "{kind}, just in time"
            );
            assert_eq!(taken(kind, "kim", 7, 15_001), Err(late), "{kind}, too late");
        }
    }
}
