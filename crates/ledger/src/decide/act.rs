//! One thing done to one delivery.

use super::undo::undo;
use super::{Carried, Deciding, Event, Guard, OrRefused, json, moved_on, refuse};
use crate::ask::Ask;
use crate::decided::Undecided;
use gwanje_model::lifecycle::{self, Action, Change};
use gwanje_model::{Delivery, DeliveryId, Note, Role, Text, UtcMillis};
use gwanje_wire::ErrorCode;

/// The most bytes of a row as JSON: two of them fit into a frame.
const ROW_MAX_BYTES: usize = 256 * 1024;

/// Does one thing to one delivery, or says why not.
pub(super) fn act(
    deciding: &mut Deciding<'_>,
    id: DeliveryId,
    ask: Ask,
    by: &Text,
    at: UtcMillis,
    guard: &Guard,
) -> Result<OrRefused<Carried>, Undecided> {
    let center = &deciding.loaded.center;
    let not_found =
        || refuse(ErrorCode::NotFound, format!("there is no live delivery {id} in center {center}"));
    let Some(standing) = &deciding.loaded.standing else { return not_found() };
    let Some(found) = deciding.loaded.rows.get(&id) else { return not_found() };
    let carried_by = found.row.rider.as_ref().map(|rider| &rider.id);
    if guard.only_rider.is_some() && guard.only_rider.as_ref() != carried_by {
        return not_found();
    }
    if guard.seen.as_ref().is_some_and(|seen| !seen.is_met(&standing.epoch, found.row.rev)) {
        return moved_on(found);
    }
    let change = match ask {
        Ask::Accept => Change::Accept,
        Ask::Assign(rider) => match deciding.loaded.riders.get(&rider) {
            Some(listed) => Change::Assign(listed.clone()),
            None => {
                let detail = format!("rider {rider} is not listed to center {center}; choose one who is");
                return refuse(ErrorCode::Invalid, detail);
            }
        },
        Ask::Unassign => Change::Unassign,
        Ask::Confirm => Change::Confirm,
        Ask::Pickup => Change::Pickup,
        Ask::Deliver => Change::Deliver,
        Ask::Cancel(cancel) => Change::Cancel(cancel),
        Ask::Note { text, role } => {
            Change::Note(Note { at, by: by.clone(), role: Role::of_writer(role), text })
        }
        Ask::Undo(asked) => return undo(deciding, id, asked, by, at),
    };
    let (mut row, action) = (Delivery::clone(&found.row), change.action());
    let from = row.status;
    if let Err(invalid) = lifecycle::apply(&mut row, change, at) {
        return refuse(ErrorCode::InvalidTransition, format!("delivery {id}: {invalid}"));
    }
    if action == Action::Note && json(&row)?.len() > ROW_MAX_BYTES {
        return refuse(ErrorCode::Invalid, format!("delivery {id} would grow too large; write less"));
    }
    let detail = detail_of(&row, action);
    deciding.write(row, by, Event { action: action.as_str(), from: Some(from), detail })
}

/// What history says of a change, in words.
fn detail_of(row: &Delivery, action: Action) -> Text {
    match action {
        Action::Assign => row.rider.as_ref().map(|rider| Text::from(format!("{} {}", rider.id, rider.name))),
        Action::Cancel => row.cancel.as_ref().map(|cancel| cancel.reason.clone()),
        Action::Note => row.notes.last().map(|note| note.text.clone()),
        Action::Accept
        | Action::Unassign
        | Action::Confirm
        | Action::Pickup
        | Action::Deliver
        | Action::Undo => None,
    }
    .unwrap_or_default()
}
