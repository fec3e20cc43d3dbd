//! Changes by others than the simulation's seats: people elsewhere, the nightly archiving, an administrator.

use super::ModelHub;
use super::acts::{Act, complete};
use super::orders;
use super::reply::{Refusal, refuse};
use super::setup::Instants;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rider, Text, UtcMillis};
use gwanje_wire::{CommandBody, ErrorCode, NewOrder, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The account that operations go by.
pub const SOMEBODY: &str = "somebody";

/// A change by somebody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// A new order comes in.
    Create(CenterId, Box<NewOrder>),
    /// Somebody acts on a delivery.
    Act(CenterId, DeliveryId, Action, Box<CommandBody>),
    /// Deliveries that ended before an instant of operations leave the board.
    Archive(CenterId, UtcMillis),
    /// Only the newest tombstones are kept, this many: the floor rises.
    KeepTombstones(CenterId, u64),
    /// A new history begins; epochs sort.
    BeginEpoch(CenterId, Epoch),
    /// A rider is listed, or changed.
    PutRider(CenterId, Box<Rider>),
    /// Every sign-in of an account ends.
    Revoke(Text),
    /// An account may see these centers from now on.
    SetCenters(Text, Vec<CenterId>),
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Operated {
    /// The row after the change.
    Row(Arc<Delivery>),
    /// The change was refused.
    Refused(Box<Problem>),
    /// This many deliveries left the board.
    Archived(usize),
    /// The change was made.
    Done,
}

impl ModelHub {
    pub(super) fn carry_out_operation(&mut self, operation: &Operation, at: Instants) -> Operated {
        match self.try_operation(operation, at) {
            Ok(operated) => operated,
            Err(refusal) => Operated::Refused(Box::new(refusal.problem)),
        }
    }

    fn try_operation(&mut self, operation: &Operation, at: Instants) -> Result<Operated, Refusal> {
        let somebody = Text::from(SOMEBODY);
        let kept = self.setup.tombstones_kept;
        Ok(match operation {
            Operation::Create(center, order) => {
                Operated::Row(self.take_in(center, (**order).clone(), &somebody, at)?)
            }
            Operation::Act(center, id, action, body) => {
                complete(*action, body)?;
                let body = (**body).clone();
                let act = Act {
                    id: *id,
                    action: *action,
                    body,
                    if_match: None,
                    if_rev: None,
                    only_rider: None,
                    role: None,
                };
                Operated::Row(self.carry(center, &act, &somebody, at)?)
            }
            Operation::Archive(center, before) => {
                Operated::Archived(self.center_mut(center)?.archive_before(*before, at, kept))
            }
            Operation::KeepTombstones(center, kept) => {
                self.center_mut(center)?.drop_tombstones(*kept);
                Operated::Done
            }
            Operation::BeginEpoch(center, epoch) => {
                let center = self.center_mut(center)?;
                if *epoch <= center.epoch {
                    return refuse(ErrorCode::Invalid, "an epoch sorts after the one before");
                }
                center.begin_epoch(epoch.clone());
                Operated::Done
            }
            Operation::PutRider(center, rider) => {
                self.center_mut(center)?.riders.insert(rider.id.clone(), (**rider).clone());
                Operated::Done
            }
            Operation::Revoke(account) => {
                self.accounts.end_all_of(account);
                Operated::Done
            }
            Operation::SetCenters(account, centers) => {
                if !self.accounts.set_centers(account, centers.clone()) {
                    return refuse(ErrorCode::NotFound, "there is no such account");
                }
                Operated::Done
            }
        })
    }

    /// Takes a new order in.
    pub(super) fn take_in(
        &mut self,
        center: &CenterId,
        order: NewOrder,
        by: &Text,
        at: Instants,
    ) -> Result<Arc<Delivery>, Refusal> {
        orders::fits(&order)?;
        self.center(center)?;
        self.last_delivery += 1;
        let id = DeliveryId(self.last_delivery);
        let center = self.center_mut(center)?;
        let row = center.received(id, order, at.day);
        Ok(center.commit(row, by, "create", Text::default(), at.wall))
    }

    /// Carries out an action on a delivery.
    pub(super) fn carry(
        &mut self,
        center: &CenterId,
        act: &Act,
        by: &Text,
        at: Instants,
    ) -> Result<Arc<Delivery>, Refusal> {
        self.center_mut(center)?.act(act, by, at).map_err(|mut refusal| {
            if let Some(latest) = &mut refusal.problem.latest {
                latest.by = self.accounts.person(&latest.by.account);
            }
            refusal
        })
    }
}
