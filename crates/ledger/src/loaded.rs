//! What a store loaded of a center for the asks of one commit. It goes on with each decision, so that each ask sees those
//! before.

use crate::alarms::Clocked;
use crate::standing::Standing;
use crate::write::{OutcomeKey, Recorded};
use gwanje_model::{AssignedRider, CenterId, Delivery, DeliveryId, Rev, RiderId, Text, UtcMillis};
use gwanje_wire::{LatestChange, Person};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A center as far as it was loaded. What a [`Need`](crate::Need) names and is not in here is not in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedCenter {
    /// Which.
    pub center: CenterId,
    /// Where it stands; none: there is no such center.
    pub standing: Option<Standing>,
    /// Live rows.
    pub rows: FxHashMap<DeliveryId, LoadedRow>,
    /// Riders listed to it, unconfirmed.
    pub riders: FxHashMap<RiderId, AssignedRider>,
    /// Names of persons, by account; one that is empty or not here is the account's.
    pub people: FxHashMap<Text, Text>,
    /// Outcomes under keys of this center.
    pub outcomes: BTreeMap<OutcomeKey, Recorded>,
    /// An id for each order, in the order in which they are given out. Those that are left are nobody's.
    pub ids: VecDeque<DeliveryId>,
}

/// A live row with what is needed beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedRow {
    /// The row.
    pub row: Arc<Delivery>,
    /// The change that made it what it is.
    pub latest: Option<LoadedChange>,
    /// The row before that change.
    pub before: Option<Arc<Delivery>>,
    /// Its clock's alarms.
    pub clocked: Clocked,
}

/// The latest change of a row, as its history has it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedChange {
    /// Who made it.
    pub by: Person,
    /// Its name.
    pub action: Text,
    /// Operations time.
    pub at: UtcMillis,
    /// By the wall's clock; 0: longer ago than anybody could take it back.
    pub wall: UtcMillis,
}

impl LoadedChange {
    /// As it travels; it made revision `rev`.
    pub(crate) fn told(&self, rev: Rev) -> LatestChange {
        LatestChange { rev, at: self.at, by: self.by.clone(), action: self.action.clone() }
    }
}

impl LoadedCenter {
    /// Nothing was loaded but where the center stands.
    #[must_use]
    pub fn new(center: CenterId, standing: Option<Standing>) -> Self {
        Self {
            center,
            standing,
            rows: FxHashMap::default(),
            riders: FxHashMap::default(),
            people: FxHashMap::default(),
            outcomes: BTreeMap::new(),
            ids: VecDeque::new(),
        }
    }

    /// Whoever has that account.
    pub(crate) fn person(&self, account: &Text) -> Person {
        let name = self.people.get(account).filter(|name| !name.is_empty()).unwrap_or(account);
        Person { account: account.clone(), name: name.clone() }
    }
}
