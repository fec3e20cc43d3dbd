//! The hub's law told naively, to judge the real one: each ask goes to both, and both must have made the same of it.
//!
//! It is written from the contract, apart from the ledger, and shares only the types of `model` and `wire` with it. It
//! keeps nothing that can be counted: digest and count come from the rows each time, what is due from a look at every
//! row.

mod acts;
mod alarms;
mod center;
mod judge;
mod orders;
mod outcomes;
mod undo;

pub(crate) use acts::{Act, Each};
pub use alarms::raised_by_clock;
use center::Naive;
pub(crate) use judge::{Seen, difference, unequal};
pub(crate) use outcomes::{Decision, Done, Meant};

use gwanje_model::{CenterId, DeliveryId, Epoch, Rider, SeatId, Text, UtcMillis};
use gwanje_wire::batch::{BatchReply, BatchResult};
use gwanje_wire::rest::CloseReply;
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{ErrorCode, NewOrder, Person, Problem, WireRow};
use outcomes::Outcomes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A moment, by the hub's two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) wall: UtcMillis,
    pub(crate) day: UtcMillis,
}

/// What is wanted of a center.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    Create(Box<NewOrder>),
    Act(Box<Act>),
    Batch(Vec<Each>),
    /// It was refused at the door.
    Refused(Box<Problem>),
}

/// What somebody asks of a center.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) center: CenterId,
    pub(crate) wanted: Wanted,
    pub(crate) by: Text,
    pub(crate) key: Option<Keyed>,
    pub(crate) at: At,
}

/// The key of a request, its path, and what its body means.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) meant: Meant,
}

/// See the module's doc.
#[derive(Debug, Clone)]
pub(crate) struct Oracle {
    centers: BTreeMap<CenterId, Naive>,
    people: BTreeMap<Text, Text>,
    outcomes: Outcomes,
    last_delivery: u64,
}

fn refuse<T>(code: ErrorCode, detail: &str) -> Result<T, Problem> {
    Err(Problem::new(code, detail))
}

impl Oracle {
    /// Nothing has happened in these centers.
    pub(crate) fn new(
        centers: impl Iterator<Item = (CenterId, Epoch, Vec<Rider>)>,
        people: BTreeMap<Text, Text>,
    ) -> Self {
        let centers = centers.map(|(id, epoch, riders)| (id.clone(), Naive::new(id, epoch, riders)));
        Self { centers: centers.collect(), people, outcomes: Outcomes::default(), last_delivery: 0 }
    }

    fn center(&self, id: &CenterId) -> Option<&Naive> {
        self.centers.get(id)
    }

    /// Whoever has that account, as people call them.
    fn person(&self, account: &Text) -> Person {
        let name = self.people.get(account).unwrap_or(account).clone();
        Person { account: account.clone(), name }
    }

    /// What should become of it. A new delivery has the id that the store gave it; none: the one after the last.
    pub(crate) fn order(&mut self, order: &Order, given: Option<DeliveryId>) -> Decision {
        let Order { center, wanted, by, key, at } = order;
        if let Some(Keyed { key, path, meant }) = key
            && let Some(recorded) = self.outcomes.recorded((by, center, key), path, meant)
        {
            return recorded;
        }
        let decision = self.decide(center, wanted, by, given, *at);
        if let Some(Keyed { key, path, meant }) = key {
            let (meant, recorded) = (meant.clone(), decision.clone());
            self.outcomes.record((by, center, key), path, meant, recorded, at.wall);
        }
        decision
    }

    fn decide(
        &mut self,
        center: &CenterId,
        wanted: &Wanted,
        by: &Text,
        given: Option<DeliveryId>,
        at: At,
    ) -> Decision {
        let (row, created) = match wanted {
            Wanted::Refused(problem) => return Err(Problem::clone(problem)),
            Wanted::Create(order) => (self.take_in(center, NewOrder::clone(order), by, given, at)?, true),
            Wanted::Act(act) => (self.carry(center, act, by, at)?, false),
            Wanted::Batch(all) => return self.each(center, all, by, at),
        };
        let epoch = self.naive(center)?.epoch.clone();
        Ok(Done::Row { row, epoch, created })
    }

    fn take_in(
        &mut self,
        center: &CenterId,
        order: NewOrder,
        by: &Text,
        given: Option<DeliveryId>,
        at: At,
    ) -> Result<Arc<gwanje_model::Delivery>, Problem> {
        orders::fits(&order)?;
        let id = given.unwrap_or(DeliveryId(self.last_delivery + 1));
        if self.centers.values().any(|center| center.history.contains_key(&id)) {
            return refuse(ErrorCode::Conflict, "this id was given before");
        }
        self.last_delivery = self.last_delivery.max(id.0);
        let center = self.naive(center)?;
        let row = center.received(id, order, at.day);
        Ok(center.commit(row, by, "create", Text::default(), at.wall))
    }

    fn carry(
        &mut self,
        center: &CenterId,
        act: &Act,
        by: &Text,
        at: At,
    ) -> Result<Arc<gwanje_model::Delivery>, Problem> {
        self.naive(center)?.act(act, by, at).map_err(|mut problem| {
            if let Some(latest) = &mut problem.latest {
                latest.by = self.person(&latest.by.account);
            }
            problem
        })
    }

    fn each(&mut self, center: &CenterId, all: &[Each], by: &Text, at: At) -> Decision {
        let epoch = self.naive(center)?.epoch.clone();
        let mut results = Vec::with_capacity(all.len());
        for (id, act) in all {
            let decided = act.clone().and_then(|act| self.carry(center, &act, by, at));
            results.push(BatchResult::of(*id, decided.map(WireRow::Row).map_err(Box::new)));
        }
        Ok(Done::Each(BatchReply { results }, epoch))
    }

    fn naive(&mut self, center: &CenterId) -> Result<&mut Naive, Problem> {
        self.centers
            .get_mut(center)
            .map_or_else(|| refuse(ErrorCode::NotFound, "there is no such center"), Ok)
    }

    /// The outcome under a key. Without one the key is void from now on.
    pub(crate) fn close(&mut self, account: &Text, center: &CenterId, key: &str, at: At) -> CloseReply {
        self.outcomes.close(account, center, key, at.wall)
    }

    /// What is recorded under a key, as `close` would tell it. Closes nothing.
    pub(crate) fn under(&self, account: &Text, center: &CenterId, key: &str) -> Option<CloseReply> {
        self.outcomes.under(account, center, key)
    }

    /// A seat's word on an alarm; why it is not taken.
    pub(crate) fn word(
        &mut self,
        center: &CenterId,
        word: &AlarmReceipt,
        account: &Text,
        seat: &SeatId,
        at: At,
    ) -> Option<ErrorCode> {
        let taken = self.naive(center).and_then(|center| center.receipt(word, account, seat, at));
        taken.err().map(|problem| problem.code)
    }

    /// A look at the clock: how many alarms were written or escalated.
    pub(crate) fn look_at_alarms(&mut self, center: &CenterId, at: At) -> usize {
        self.centers.get_mut(center).map_or(0, |center| center.look_at_alarms(at))
    }

    /// Deliveries that ended before then leave the board: how many.
    pub(crate) fn archive(&mut self, center: &CenterId, before: UtcMillis, kept: u64, at: At) -> usize {
        self.centers.get_mut(center).map_or(0, |center| center.archive_before(before, at, kept))
    }

    pub(crate) fn keep_tombstones(&mut self, center: &CenterId, kept: u64) {
        if let Some(center) = self.centers.get_mut(center) {
            center.drop_tombstones(kept);
        }
    }

    pub(crate) fn begin_epoch(&mut self, center: &CenterId, epoch: Epoch) {
        if let Some(center) = self.centers.get_mut(center) {
            center.begin_epoch(epoch);
        }
    }

    pub(crate) fn put_rider(&mut self, center: &CenterId, rider: Rider) {
        if let Some(center) = self.centers.get_mut(center) {
            center.riders.insert(rider.id.clone(), rider);
        }
    }
}
