//! Centers in memory, each behind a lock of its own. Between lock and commit other transactions may come: to other
//! centers, or in vain to this one. Whoever commits says whether the answer is told.

use super::outcomes::MemoryOutcomes;
use super::{MemoryCenter, Misfit};
use crate::loaded::LoadedCenter;
use crate::need::Need;
use crate::recent::Entry;
use crate::standing::Standing;
use crate::write::{Moment, OutcomeKey, Recorded, Write};
use gwanje_model::{CenterId, DeliveryId, Rider, Text};
use gwanje_wire::Gone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All centers of a hub. A clone is a backup, or a replica that stands still; transactions under way are not in it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    centers: BTreeMap<CenterId, MemoryCenter>,
    /// Outcomes under keys of centers that there are not.
    elsewhere: BTreeMap<CenterId, MemoryOutcomes>,
    last_delivery: u64,
    /// By which transaction a center is locked.
    locks: BTreeMap<CenterId, u64>,
    transactions: u64,
}

/// A transaction under way: it holds the lock of its center until it is committed or rolled back.
#[derive(Debug)]
#[must_use]
pub struct MemoryTransaction {
    center: CenterId,
    number: u64,
    /// Ids that were given to it: the first, and how many.
    ids: (u64, u64),
}

/// What a transaction has committed: whoever follows the center is told of it from here on.
#[derive(Debug, Clone)]
pub struct MemoryCommit {
    /// In which center.
    pub center: CenterId,
    /// Where it stood before.
    pub before: Standing,
    /// Where it stands.
    pub standing: Standing,
    /// What changed, by revision.
    pub changes: Vec<Entry>,
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self {
            centers: self.centers.clone(),
            elsewhere: self.elsewhere.clone(),
            last_delivery: self.last_delivery,
            locks: BTreeMap::new(),
            transactions: self.transactions,
        }
    }
}

impl MemoryStore {
    /// A store of these centers.
    #[must_use]
    pub fn new(centers: impl IntoIterator<Item = MemoryCenter>) -> Self {
        let centers = centers.into_iter().map(|center| (center.center.clone(), center)).collect();
        Self { centers, ..Self::default() }
    }

    /// Takes a center in, unless there is one of its id; outcomes that are recorded under keys of it are its own from now on.
    pub fn add_center(&mut self, mut center: MemoryCenter) {
        if self.centers.contains_key(&center.center) {
            return;
        }
        if let Some(outcomes) = self.elsewhere.remove(&center.center) {
            center.outcomes = outcomes;
        }
        self.centers.insert(center.center.clone(), center);
    }

    /// A center, to forget what is kept of its past.
    pub fn center_mut(&mut self, id: &CenterId) -> Option<&mut MemoryCenter> {
        self.centers.get_mut(id)
    }

    /// What accounts call their persons from now on, in every center.
    pub fn name_people(&mut self, people: BTreeMap<Text, Text>) {
        let people = Arc::new(people);
        for center in self.centers.values_mut() {
            center.people = Arc::clone(&people);
        }
    }

    /// A center, as it is committed.
    #[must_use]
    pub fn center(&self, id: &CenterId) -> Option<&MemoryCenter> {
        self.centers.get(id)
    }

    /// Lists a rider to a center, or changes one.
    pub fn put_rider(&mut self, center: &CenterId, rider: Rider) {
        if let Some(center) = self.centers.get_mut(center) {
            center.put_rider(rider);
        }
    }

    /// What is recorded under a key in a center, by path; the center need not exist.
    pub fn outcomes(
        &self,
        center: &CenterId,
        account: &Text,
        key: &str,
    ) -> impl Iterator<Item = (&OutcomeKey, &Recorded)> {
        let here = self.centers.get(center).map(|center| &center.outcomes);
        let outcomes = here.or_else(|| self.elsewhere.get(center));
        outcomes.into_iter().flat_map(|outcomes| outcomes.of_key(account, key).collect::<Vec<_>>())
    }

    /// Whether a transaction holds the center.
    #[must_use]
    pub fn is_locked(&self, center: &CenterId) -> bool {
        self.locks.contains_key(center)
    }

    /// Whether a transaction still holds its center.
    #[must_use]
    pub fn holds(&self, transaction: &MemoryTransaction) -> bool {
        self.locks.get(&transaction.center) == Some(&transaction.number)
    }

    /// Begins a transaction of a center; none while another holds it.
    pub fn lock(&mut self, center: &CenterId) -> Option<MemoryTransaction> {
        if self.is_locked(center) {
            return None;
        }
        self.transactions += 1;
        self.locks.insert(center.clone(), self.transactions);
        Some(MemoryTransaction { center: center.clone(), number: self.transactions, ids: (0, 0) })
    }

    /// What is needed, of the center as it is now that it is locked. Ids come from one sequence of the store.
    pub fn load(&mut self, transaction: &mut MemoryTransaction, need: &Need) -> LoadedCenter {
        let count = u64::try_from(need.orders).unwrap_or(0);
        transaction.ids = (self.last_delivery + 1, count);
        self.last_delivery += count;
        let ids = (transaction.ids.0..=self.last_delivery).map(DeliveryId);
        if let Some(center) = self.centers.get(&transaction.center) {
            return center.load(need, ids);
        }
        let mut loaded = LoadedCenter::new(transaction.center.clone(), None);
        if let Some(outcomes) = self.elsewhere.get(&transaction.center) {
            loaded.outcomes.extend(need.keys.iter().filter_map(|key| outcomes.found(key)));
        }
        loaded
    }

    /// Where the locked center stands; none: there is no such center.
    #[must_use]
    pub fn standing(&self, transaction: &MemoryTransaction) -> Option<Standing> {
        self.centers.get(&transaction.center).map(|center| center.standing.clone())
    }

    /// Writes what was decided, ends the transaction and says what has changed; none: there is no such center.
    ///
    /// # Errors
    /// When it does not fit what is here, or its lock was given to another: then nothing is written.
    pub fn commit(
        &mut self,
        transaction: MemoryTransaction,
        standing: Option<Standing>,
        writes: Vec<Write>,
        now: Moment,
    ) -> Result<Option<MemoryCommit>, Misfit> {
        if !self.holds(&transaction) {
            return Err(Misfit(format!("the lock of center {} has lapsed", transaction.center)));
        }
        let changes: Vec<Entry> = writes.iter().filter_map(change).collect();
        self.hand_back(&transaction, &writes);
        self.locks.remove(&transaction.center);
        let (Some(center), Some(standing)) = (self.centers.get_mut(&transaction.center), standing) else {
            let elsewhere = self.elsewhere.entry(transaction.center).or_default();
            for write in writes {
                if let Write::Outcome(write) = write {
                    elsewhere.record(*write, now);
                }
            }
            return Ok(None);
        };
        let before = center.standing.clone();
        center.apply(standing.clone(), writes, now)?;
        Ok(Some(MemoryCommit { center: transaction.center, before, standing, changes }))
    }

    /// Ends the transaction, of which nothing is written.
    pub fn roll_back(&mut self, transaction: MemoryTransaction) {
        if self.holds(&transaction) {
            self.hand_back(&transaction, &[]);
            self.locks.remove(&transaction.center);
        }
    }

    /// Ids that nobody got are given again where they are the last; else they are holes.
    fn hand_back(&mut self, transaction: &MemoryTransaction, writes: &[Write]) {
        let (first, count) = transaction.ids;
        let used = writes.iter().filter_map(|write| {
            let Write::Row(write) = write else { return None };
            write.before.is_none().then_some(write.row.id.0)
        });
        let last = used.max().unwrap_or(first.saturating_sub(1));
        if count > 0 && self.last_delivery == first + count - 1 {
            self.last_delivery = last;
        }
    }
}

/// What a write changes on the board.
fn change(write: &Write) -> Option<Entry> {
    match write {
        Write::Row(write) => Some(Entry::Row(Arc::clone(&write.row), write.body.len())),
        Write::Left(write) => Some(Entry::Gone(Gone { id: write.row.id, rev: write.rev })),
        Write::Due(_)
        | Write::NotDue(_)
        | Write::Alarm(_)
        | Write::Settled { .. }
        | Write::Escalated { .. }
        | Write::Receipt { .. }
        | Write::ReceiptGone { .. }
        | Write::Acknowledged { .. }
        | Write::Worded { .. }
        | Write::Floor(_)
        | Write::AlarmGone(_)
        | Write::Outcome(_) => None,
    }
}
