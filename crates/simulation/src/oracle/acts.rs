//! An action on a delivery: what it needs, whether it may be done now, and what comes of it.

use super::center::{Naive, json_bytes};
use super::{At, refuse};
use gwanje_model::lifecycle::{self, Action, Change};
use gwanje_model::{AssignedRider, Cancel, CancelBy, Delivery, DeliveryId, Note, Rev, RiderId, Role, Text};
use gwanje_wire::{CommandBody, ErrorCode, Problem};
use std::sync::Arc;

/// The largest size that notes may make a row grow to, bytes.
const ROW_BYTES_MAX: usize = 256 * 1024;

/// An action with everything it needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Act {
    pub id: DeliveryId,
    pub action: Action,
    pub body: CommandBody,
    /// The tags of `If-Match`: one of them must be the row's.
    pub if_match: Option<Vec<String>>,
    /// The revision of the present history that the row must have.
    pub if_rev: Option<Rev>,
    /// Limits the action to deliveries that this rider carries.
    pub only_rider: Option<RiderId>,
    /// The role that must allow what is taken back; none: whoever asks may do everything.
    pub role: Option<Role>,
}

/// One delivery of a batch, and what is to be done to it, or why nothing.
pub(crate) type Each = (DeliveryId, Result<Act, Problem>);

impl Naive {
    /// Does the action, or says why not. A cancellation raises its alarm in the same step.
    pub(super) fn act(&mut self, act: &Act, by: &Text, at: At) -> Result<Arc<Delivery>, Problem> {
        let carries = |row: &Delivery, rider: &RiderId| row.rider.as_ref().is_some_and(|on| on.id == *rider);
        let found = self
            .rows
            .get(&act.id)
            .filter(|row| act.only_rider.as_ref().is_none_or(|rider| carries(row, rider)));
        let Some(found) = found else {
            return refuse(ErrorCode::NotFound, "there is no such live delivery");
        };
        let mut row = Delivery::clone(found);
        let tag = format!("{}-{}", self.epoch, row.rev);
        let is_other = act.if_rev.is_some_and(|seen| seen != row.rev);
        if is_other || act.if_match.as_ref().is_some_and(|seen| !seen.contains(&tag)) {
            return self.moved_on(row);
        }
        if act.action == Action::Undo {
            return self.undo(act, row, by, at);
        }
        let change = self.change(act, by, at)?;
        if lifecycle::apply(&mut row, change, at.day).is_err() {
            return refuse(ErrorCode::InvalidTransition, "the lifecycle does not allow it");
        }
        if act.action == Action::Note && json_bytes(&row) > ROW_BYTES_MAX {
            return refuse(ErrorCode::Invalid, "the delivery would grow too large");
        }
        let detail = match act.action {
            Action::Assign => row.rider.as_ref().map(|rider| format!("{} {}", rider.id, rider.name).into()),
            Action::Cancel => row.cancel.as_ref().map(|cancel| cancel.reason.clone()),
            Action::Note => row.notes.last().map(|note| note.text.clone()),
            Action::Accept
            | Action::Unassign
            | Action::Confirm
            | Action::Pickup
            | Action::Deliver
            | Action::Undo => None,
        };
        Ok(self.commit(row, by, act.action.as_str(), detail.unwrap_or_default(), at.wall))
    }

    /// Refuses what was meant for another revision.
    pub(super) fn moved_on<T>(&self, row: Delivery) -> Result<T, Problem> {
        let mut problem = Problem::new(ErrorCode::Conflict, "the delivery has moved on");
        problem.latest = self.latest_change(&row).map(Box::new);
        problem.current = Some(Box::new(row));
        Err(problem)
    }

    fn change(&self, act: &Act, by: &Text, at: At) -> Result<Change, Problem> {
        let CommandBody { rider_id, reason, by: cancelled_by, text, rev: _ } = act.body.clone();
        Ok(match act.action {
            Action::Accept => Change::Accept,
            Action::Assign => match rider_id.and_then(|id| self.riders.get(&id)) {
                Some(rider) => Change::Assign(AssignedRider {
                    id: rider.id.clone(),
                    name: rider.name.clone(),
                    home: rider.home.clone(),
                    confirmed: false,
                }),
                None => return refuse(ErrorCode::Invalid, "no such rider is listed to the center"),
            },
            Action::Unassign => Change::Unassign,
            Action::Confirm => Change::Confirm,
            Action::Pickup => Change::Pickup,
            Action::Deliver => Change::Deliver,
            Action::Cancel => Change::Cancel(Cancel {
                reason: reason.unwrap_or_default(),
                by: cancelled_by.unwrap_or(CancelBy::Center),
            }),
            Action::Note => Change::Note(Note {
                at: at.day,
                by: by.clone(),
                role: Role::of_writer(act.role),
                text: text.unwrap_or_default(),
            }),
            Action::Undo => return refuse(ErrorCode::InvalidTransition, "it is no change of its own"),
        })
    }
}
