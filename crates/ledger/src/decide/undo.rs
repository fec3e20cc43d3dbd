//! Taking back the latest change of a delivery.

use super::{Carried, Deciding, Event, OrRefused, moved_on, refuse};
use crate::ask::Undo;
use crate::decided::Undecided;
use crate::mutation::{LawMutation, is_mutated};
use gwanje_model::undo::{NotUndone, Undoable, undone};
use gwanje_model::{Delivery, DeliveryId, Permission, Text, UtcMillis};
use gwanje_wire::ErrorCode;

/// Takes back the latest change of that live row, or says why not.
pub(super) fn undo(
    deciding: &mut Deciding<'_>,
    id: DeliveryId,
    asked: Undo,
    by: &Text,
    at: UtcMillis,
) -> Result<OrRefused<Carried>, Undecided> {
    let center = &deciding.loaded.center;
    let Some(found) = deciding.loaded.rows.get(&id) else {
        return refuse(ErrorCode::NotFound, format!("there is no live delivery {id} in center {center}"));
    };
    let Some(latest) = &found.latest else { return moved_on(found) };
    let (action, from) = (&latest.action, found.row.status);
    let change = Undoable { rev: found.row.rev, by: &latest.by.account, action, wall: latest.wall };
    let who = if is_mutated(LawMutation::UndoOfOthers) { &latest.by.account } else { by };
    let taken = match change.take_back(who, asked.rev, deciding.now.wall) {
        Ok(taken) => taken,
        Err(NotUndone::MovedOn) => return moved_on(found),
        Err(stays @ (NotUndone::Stays | NotUndone::TooLate)) => {
            let detail = format!("delivery {id}: its latest change is {action}; {stays}");
            return refuse(ErrorCode::InvalidTransition, detail);
        }
    };
    if asked.role.is_some_and(|role| !role.may(Permission::Act(taken))) {
        return refuse(ErrorCode::Forbidden, format!("this account may not {taken}, nor take it back"));
    }
    let Some(before) = &found.before else {
        return refuse(ErrorCode::InvalidTransition, format!("delivery {id} has no state before {taken}"));
    };
    if let Some(rider) = &before.rider
        && !deciding.loaded.riders.contains_key(&rider.id)
    {
        let detail = format!("rider {} is not listed to center {center} any more; choose another", rider.id);
        return refuse(ErrorCode::Invalid, detail);
    }
    let back = undone(Delivery::clone(before), at);
    deciding.write(back, by, Event { action: "undo", from: Some(from), detail: taken.as_str().into() })
}
