//! The lifecycle of a delivery: which action leads from which status to which, and what else it sets.
//!
//! | action | received | waiting | assigned | pickedUp | delivered, cancelled |
//! | --- | --- | --- | --- | --- | --- |
//! | accept | waiting | – | – | – | – |
//! | assign | – | assigned | assigned | – | – |
//! | unassign | – | – | waiting | – | – |
//! | confirm | – | – | assigned | – | – |
//! | pickup | – | – | pickedUp | – | – |
//! | deliver | – | – | – | delivered | – |
//! | cancel | cancelled | cancelled | cancelled | cancelled | – |
//! | note | same | same | same | same | same |
//!
//! Where `undo` leads is decided by the change that it takes back: see [`crate::undo`].

use crate::delivery::{AssignedRider, Cancel, Delivery, Note, Status};
use crate::units::UtcMillis;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The name of a change that a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// 접수 확인: the center takes the order on.
    Accept,
    /// 배차, or 다시 배차 while assigned.
    Assign,
    /// 배차 취소.
    Unassign,
    /// The rider has seen the assignment.
    Confirm,
    /// 픽업.
    Pickup,
    /// 전달.
    Deliver,
    /// 취소.
    Cancel,
    /// A remark; no change of status.
    Note,
    /// 되돌리기: the latest change is taken back.
    Undo,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::Accept,
        Self::Assign,
        Self::Unassign,
        Self::Confirm,
        Self::Pickup,
        Self::Deliver,
        Self::Cancel,
        Self::Note,
        Self::Undo,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Assign => "assign",
            Self::Unassign => "unassign",
            Self::Confirm => "confirm",
            Self::Pickup => "pickup",
            Self::Deliver => "deliver",
            Self::Cancel => "cancel",
            Self::Note => "note",
            Self::Undo => "undo",
        }
    }

    /// The action with this wire name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// The status to which the action leads from `from`; `None`: not allowed, or not a matter of the status alone.
    #[must_use]
    pub fn leads_to(self, from: Status) -> Option<Status> {
        use Status as S;
        match (self, from) {
            (Self::Accept, S::Received) | (Self::Unassign, S::Assigned) => Some(S::Waiting),
            (Self::Assign, S::Waiting | S::Assigned) | (Self::Confirm, S::Assigned) => Some(S::Assigned),
            (Self::Pickup, S::Assigned) => Some(S::PickedUp),
            (Self::Deliver, S::PickedUp) => Some(S::Delivered),
            (Self::Cancel, S::Received | S::Waiting | S::Assigned | S::PickedUp) => Some(S::Cancelled),
            (Self::Note, status) => Some(status),
            (
                Self::Accept
                | Self::Assign
                | Self::Unassign
                | Self::Confirm
                | Self::Pickup
                | Self::Deliver
                | Self::Cancel
                | Self::Undo,
                _,
            ) => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change with everything it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// See [`Action::Accept`].
    Accept,
    /// See [`Action::Assign`]; the rider comes unconfirmed.
    Assign(AssignedRider),
    /// See [`Action::Unassign`].
    Unassign,
    /// See [`Action::Confirm`].
    Confirm,
    /// See [`Action::Pickup`].
    Pickup,
    /// See [`Action::Deliver`].
    Deliver,
    /// See [`Action::Cancel`].
    Cancel(Cancel),
    /// See [`Action::Note`].
    Note(Note),
}

impl Change {
    /// The action of this change.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Accept => Action::Accept,
            Self::Assign(_) => Action::Assign,
            Self::Unassign => Action::Unassign,
            Self::Confirm => Action::Confirm,
            Self::Pickup => Action::Pickup,
            Self::Deliver => Action::Deliver,
            Self::Cancel(_) => Action::Cancel,
            Self::Note(_) => Action::Note,
        }
    }
}

/// A change that the lifecycle does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a delivery that is {from} can't {action}")]
pub struct InvalidTransition {
    /// Where the delivery stands.
    pub from: Status,
    /// What was asked for.
    pub action: Action,
}

/// Applies a change at operations time `at`. Leaves `rev` to whoever commits it.
///
/// # Errors
/// When the lifecycle does not allow the change; then the delivery stays untouched.
pub fn apply(delivery: &mut Delivery, change: Change, at: UtcMillis) -> Result<(), InvalidTransition> {
    let action = change.action();
    let Some(to) = action.leads_to(delivery.status) else {
        return Err(InvalidTransition { from: delivery.status, action });
    };
    match change {
        Change::Accept => delivery.waiting_at = Some(at),
        Change::Assign(rider) => {
            delivery.rider = Some(rider);
            delivery.assigned_at = Some(at);
        }
        Change::Unassign => {
            delivery.rider = None;
            delivery.assigned_at = None;
        }
        Change::Confirm => confirm(delivery),
        Change::Pickup => {
            // Whoever picks up a meal has seen the assignment.
            confirm(delivery);
            delivery.picked_up_at = Some(at);
        }
        Change::Deliver => delivery.delivered_at = Some(at),
        Change::Cancel(cancel) => {
            delivery.cancel = Some(cancel);
            delivery.cancelled_at = Some(at);
        }
        Change::Note(note) => delivery.notes.push(note),
    }
    delivery.status = to;
    delivery.modified_at = at;
    Ok(())
}

fn confirm(delivery: &mut Delivery) {
    if let Some(rider) = &mut delivery.rider {
        rider.confirmed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_the_table() {
        use Status as S;
        let none = [None; 6];
        let expected = |action| match action {
            Action::Accept => [Some(S::Waiting), None, None, None, None, None],
            Action::Assign => [None, Some(S::Assigned), Some(S::Assigned), None, None, None],
            Action::Unassign => [None, None, Some(S::Waiting), None, None, None],
            Action::Confirm => [None, None, Some(S::Assigned), None, None, None],
            Action::Pickup => [None, None, Some(S::PickedUp), None, None, None],
            Action::Deliver => [None, None, None, Some(S::Delivered), None, None],
            Action::Cancel => {
                let c = Some(S::Cancelled);
                [c, c, c, c, None, None]
            }
            Action::Note => S::ALL.map(Some),
            Action::Undo => none,
        };
        for action in Action::ALL {
            assert_eq!(expected(action) == none, action == Action::Undo);
            assert_eq!(S::ALL.map(|from| action.leads_to(from)), expected(action), "{action}");
        }
    }
}
