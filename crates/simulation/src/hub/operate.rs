//! Changes by others than the simulation's seats: people elsewhere, the nightly archiving, an administrator.

use super::ModelHub;
use super::bodies::complete;
use super::deciding::moment;
use super::reply::{Refusal, refuse};
use super::setup::Instants;
use crate::oracle::{Act, Done, Order, Wanted, unequal};
use gwanje_ledger::Write;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rider, Text, UtcMillis};
use gwanje_wire::{CommandBody, ErrorCode, NewOrder, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Forgets so many alarms at most with each archiving.
const ALARMS_FORGOTTEN: usize = 500;

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

impl Operation {
    /// The center whose rows, standing or alarms change.
    #[must_use]
    pub fn center(&self) -> Option<&CenterId> {
        match self {
            Self::Create(center, _)
            | Self::Act(center, ..)
            | Self::Archive(center, _)
            | Self::KeepTombstones(center, _)
            | Self::BeginEpoch(center, _) => Some(center),
            Self::PutRider(..) | Self::Revoke(_) | Self::SetCenters(..) => None,
        }
    }
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
        let kept = self.setup.tombstones_kept;
        Ok(match operation {
            Operation::Create(center, order) => {
                self.by_somebody(center, Wanted::Create(order.clone()), at)?
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
                self.by_somebody(center, Wanted::Act(Box::new(act)), at)?
            }
            Operation::Archive(center, before) => {
                Operated::Archived(self.archive_before(center, *before, kept, at)?)
            }
            Operation::KeepTombstones(center, kept) => {
                self.forget_tombstones(center, *kept, at)?;
                self.oracle.keep_tombstones(center, *kept);
                self.judge(center, self.stood(center));
                Operated::Done
            }
            Operation::BeginEpoch(center, epoch) => {
                if *epoch <= self.center(center)?.standing().epoch {
                    return refuse(ErrorCode::Invalid, "an epoch sorts after the one before");
                }
                let begun = self.transact(center, at, |_, standing| {
                    standing.begin_epoch(epoch.clone());
                    ((), Vec::new())
                });
                begun.map_or_else(busy, Ok)?;
                self.oracle.begin_epoch(center, epoch.clone());
                self.judge(center, self.stood(center));
                Operated::Done
            }
            Operation::PutRider(center, rider) => {
                self.center(center)?;
                self.store.put_rider(center, Rider::clone(rider));
                self.oracle.put_rider(center, Rider::clone(rider));
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

    fn by_somebody(&mut self, center: &CenterId, wanted: Wanted, at: Instants) -> Result<Operated, Refusal> {
        let order = Order { center: center.clone(), wanted, by: SOMEBODY.into(), key: None, at: at.into() };
        match self.execute(order, at)?? {
            Done::Row { row, .. } => Ok(Operated::Row(row)),
            Done::Each(..) => Ok(Operated::Done),
        }
    }

    /// Takes deliveries that ended before then off the board, keeps `kept` tombstones, and forgets old alarms.
    fn archive_before(
        &mut self,
        center: &CenterId,
        before: UtcMillis,
        kept: u64,
        at: Instants,
    ) -> Result<usize, Refusal> {
        self.center(center)?;
        let stood = self.stood(center);
        let archived = self.transact(center, at, |hub, standing| {
            let ended = hub.board(center).map(|board| board.ended_before(before)).unwrap_or_default();
            let writes = gwanje_ledger::archive(standing, ended);
            (writes.len(), writes)
        });
        let archived = archived.map_or_else(busy, Ok)?;
        self.forget_tombstones(center, kept, at)?;
        let forgotten = self.transact(center, at, |hub, _| {
            let old = hub.board(center).map(|board| board.old_alarms(moment(at), ALARMS_FORGOTTEN));
            ((), old.unwrap_or_default().into_iter().map(Write::AlarmGone).collect())
        });
        forgotten.map_or_else(busy, Ok)?;
        let expected = self.oracle.archive(center, before, kept, at.into());
        self.differs(unequal("how many deliveries left the board", &archived, &expected));
        self.judge(center, stood);
        Ok(archived)
    }

    fn forget_tombstones(&mut self, center: &CenterId, kept: u64, at: Instants) -> Result<(), Refusal> {
        let forgotten = self.transact(center, at, |hub, standing| {
            let too_many = hub.board(center).and_then(|board| board.newest_too_many(kept));
            ((), gwanje_ledger::forget_tombstones(standing, too_many))
        });
        forgotten.map_or_else(busy, Ok)
    }
}

fn busy<T>() -> Result<T, Refusal> {
    refuse(ErrorCode::Unavailable, "a change is under way, or there is no such center")
}
