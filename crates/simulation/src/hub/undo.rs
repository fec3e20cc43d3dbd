//! Taking the latest change of a delivery back.

use super::acts::Act;
use super::center::Center;
use super::reply::{Refusal, refuse};
use super::setup::Instants;
use gwanje_model::undo::{NotUndone, Undoable, undone};
use gwanje_model::{Delivery, Permission, Rev, Text};
use gwanje_wire::ErrorCode;
use std::sync::Arc;

impl Center {
    /// Takes back what made `row` what it is, or says why not.
    pub(super) fn undo(
        &mut self,
        act: &Act,
        row: Delivery,
        by: &Text,
        at: Instants,
    ) -> Result<Arc<Delivery>, Refusal> {
        let Some(asked) = act.body.rev else { return refuse(ErrorCode::Invalid, "undo needs a revision") };
        let Some((latest, changed)) = self.latest_change(&row).zip(self.changed.get(&row.id)) else {
            return self.moved_on(row);
        };
        let (account, action) = (&latest.by.account, &latest.action);
        let change = Undoable { rev: row.rev, by: account, action, wall: changed.wall };
        let taken = match change.take_back(by, asked, at.wall) {
            Ok(taken) => taken,
            Err(NotUndone::MovedOn) => return self.moved_on(row),
            Err(NotUndone::Stays | NotUndone::TooLate) => {
                return refuse(ErrorCode::InvalidTransition, "it can't be taken back");
            }
        };
        if act.role.is_some_and(|role| !role.may(Permission::Act(taken))) {
            return refuse(ErrorCode::Forbidden, "this account may not do that");
        }
        let Some(before) = changed.before.clone() else {
            return refuse(ErrorCode::InvalidTransition, "there was nothing before it");
        };
        if before.rider.as_ref().is_some_and(|rider| !self.riders.contains_key(&rider.id)) {
            return refuse(ErrorCode::Invalid, "no such rider is listed to the center");
        }
        let back = Delivery { rev: Rev::ZERO, ..undone(Delivery::clone(&before), at.day) };
        Ok(self.commit(back, by, "undo", taken.as_str().into(), at.wall))
    }
}
