//! Taking the latest change of a delivery back.

use super::acts::Act;
use super::center::Naive;
use super::{At, refuse};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Delivery, Permission, Rev, Text};
use gwanje_wire::{ErrorCode, Problem};
use std::sync::Arc;

/// How long a change can be taken back, milliseconds of the wall clock, from the wire contract.
const WITHIN_MS: i64 = 15_000;

impl Naive {
    /// Takes back what made `row` what it is, or says why not.
    pub(super) fn undo(
        &mut self,
        act: &Act,
        row: Delivery,
        by: &Text,
        at: At,
    ) -> Result<Arc<Delivery>, Problem> {
        let Some((latest, changed)) = self.latest_change(&row).zip(self.changed.get(&row.id)) else {
            return self.moved_on(row);
        };
        if act.body.rev != Some(row.rev) || latest.by.account != *by {
            return self.moved_on(row);
        }
        let taken = match latest.action.as_str() {
            "accept" => Action::Accept,
            "assign" => Action::Assign,
            "unassign" => Action::Unassign,
            "confirm" => Action::Confirm,
            "pickup" => Action::Pickup,
            "deliver" => Action::Deliver,
            _ => return refuse(ErrorCode::InvalidTransition, "this change stays"),
        };
        if at.wall.0 - changed.wall.0 > WITHIN_MS {
            return refuse(ErrorCode::InvalidTransition, "it is too late");
        }
        if act.role.is_some_and(|role| !role.may(Permission::Act(taken))) {
            return refuse(ErrorCode::Forbidden, "this account may not do that");
        }
        let Some(before) = changed.before.clone() else {
            return refuse(ErrorCode::InvalidTransition, "there was nothing before it");
        };
        if before.rider.as_ref().is_some_and(|rider| !self.riders.contains_key(&rider.id)) {
            return refuse(ErrorCode::Invalid, "no such rider is listed to the center");
        }
        let back = Delivery { rev: Rev::ZERO, modified_at: at.day, ..Delivery::clone(&before) };
        Ok(self.commit(back, by, "undo", taken.as_str().into(), at.wall))
    }
}
