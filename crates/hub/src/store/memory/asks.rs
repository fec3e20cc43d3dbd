//! What changes centers, each within one transaction: loaded, decided by the ledger, written, told.

use super::{HeldLease, Kept};
use crate::store::Erased;
use crate::store::backend::{ALARMS_FORGOTTEN_AT_ONCE, BatchOutcome, DUE_AT_ONCE};
use crate::store::leases::LEASE;
use crate::store::{CenterRecord, Chore, Lease, StoreError};
use gwanje_ledger::memory::{MemoryCenter, MemoryCommit, MemoryTransaction, Misfit};
use gwanje_ledger::{
    AlarmRef, BatchCommand, Command, Decided, Decision, Erasure, LoadedCenter, Moment, Need, Signature,
    Standing, Undecided, WordRefused, Write,
};
use gwanje_model::{CenterId, Epoch, Rider, Text, UtcMillis};
use gwanje_wire::rest::CloseReply;
use gwanje_wire::socket::AlarmReceipt;
use std::sync::{Arc, Weak};
use std::time::Duration;

impl Kept {
    pub(super) fn execute(&mut self, command: Command, now: Moment) -> Result<Decided, StoreError> {
        let (center, need) = (command.center.clone(), Need::of_command(&command));
        self.decide(&center, &need, now, |loaded| gwanje_ledger::decide(loaded, command, now))
    }

    pub(super) fn execute_many(
        &mut self,
        commands: Vec<Command>,
        now: Moment,
    ) -> Result<Vec<Decided>, StoreError> {
        let mut decided = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter().peekable();
        while let Some(first) = commands.next() {
            let (center, mut need, mut asked) = (first.center.clone(), Need::of_command(&first), vec![first]);
            while let Some(next) = commands.next_if(|next| next.center == center) {
                need.add_command(&next);
                asked.push(next);
            }
            decided.extend(self.decide(&center, &need, now, |loaded| {
                let (mut outcome, mut writes) = (Vec::with_capacity(asked.len()), Vec::new());
                for command in asked {
                    let decision = gwanje_ledger::decide(loaded, command, now)?;
                    outcome.push(decision.outcome);
                    writes.extend(decision.writes);
                }
                Ok(Decision { outcome, writes })
            })?);
        }
        Ok(decided)
    }

    pub(super) fn execute_batch(
        &mut self,
        command: BatchCommand,
        now: Moment,
    ) -> Result<BatchOutcome, StoreError> {
        let (center, need) = (command.center.clone(), Need::of_batch(&command));
        self.decide(&center, &need, now, |loaded| gwanje_ledger::decide_batch(loaded, command, now))
    }

    pub(super) fn close_command(
        &mut self,
        account: &Text,
        center: &CenterId,
        key: String,
        now: Moment,
    ) -> Result<CloseReply, StoreError> {
        let need = Need::of_close(account.clone(), key.clone());
        self.decide(center, &need, now, |loaded| Ok(gwanje_ledger::close(loaded, account, &key)))
    }

    pub(super) fn give_word(
        &mut self,
        center: &CenterId,
        receipt: &AlarmReceipt,
        by: &Signature,
        now: Moment,
    ) -> Result<Result<(), WordRefused>, StoreError> {
        let AlarmReceipt { id, kind, raised_at, stage: _ } = *receipt;
        let given = self.change(center, now, |center, standing| {
            let found = center.load_alarm(AlarmRef { id, kind, raised_at }, by);
            match gwanje_ledger::receive(standing, &found, receipt, by, now) {
                Ok(writes) => (Ok(()), writes),
                Err(refused) => (Err(refused), Vec::new()),
            }
        })?;
        Ok(given.unwrap_or(Err(WordRefused::NoAlarm)))
    }

    pub(super) fn write_due(&mut self, center: &CenterId, now: Moment) -> Result<usize, StoreError> {
        let written = self.change(center, now, |center, standing| {
            let (due, unheard) = center.due(now, DUE_AT_ONCE);
            (due.len() + unheard.len(), gwanje_ledger::look_at_clock(standing, due, unheard))
        })?;
        Ok(written.unwrap_or(0))
    }

    pub(super) fn archive(
        &mut self,
        center: &CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
        now: Moment,
    ) -> Result<usize, StoreError> {
        let left = self.change(center, now, |center, standing| {
            let mut ended = center.ended_before(day_at);
            ended.truncate(at_most);
            (ended.len(), gwanje_ledger::archive(standing, ended))
        })?;
        self.keep_tombstones(center, kept, now)?;
        self.change(center, now, |center, _| {
            let old = center.old_alarms(now, ALARMS_FORGOTTEN_AT_ONCE);
            ((), old.into_iter().map(Write::AlarmGone).collect())
        })?;
        Ok(left.unwrap_or(0))
    }

    pub(super) fn forget_past(
        &mut self,
        center: &CenterId,
        day_at: UtcMillis,
        at_most: usize,
        now: Moment,
    ) -> usize {
        let Some(center) = self.centers.center_mut(center) else { return 0 };
        let old = center.old_past(day_at, at_most);
        old.iter().for_each(|id| center.forget_past(*id));
        center.forget_outcomes(now);
        old.len()
    }

    pub(super) fn keep_tombstones(
        &mut self,
        center: &CenterId,
        kept: u64,
        now: Moment,
    ) -> Result<(), StoreError> {
        self.change(center, now, |center, standing| {
            ((), gwanje_ledger::forget_tombstones(standing, center.newest_too_many(kept)))
        })?;
        Ok(())
    }

    pub(super) fn erase(
        &mut self,
        center: &CenterId,
        mut erasure: Erasure,
        by: &Text,
        now: Moment,
    ) -> Result<Erased, StoreError> {
        let Some(found) = self.centers.center(center) else { return Ok(Erased::default()) };
        found.find_own(&mut erasure);
        let written = self.change(center, now, |center, standing| {
            let rows = center.rows_to_erase(&erasure);
            match gwanje_ledger::erase(standing, rows, by, now.day) {
                Ok(writes) => (Ok(writes.len()), writes),
                Err(error) => (Err(unwritable(error)), Vec::new()),
            }
        })?;
        let told = written.unwrap_or(Ok(0))?;
        let records = self.centers.center_mut(center).map_or(0, |center| center.erase_past(&erasure));
        let is_here = |center: &MemoryCenter| {
            erasure.deliveries().iter().filter(|id| center.delivery(**id).is_some()).count()
        };
        Ok(Erased { deliveries: self.centers.center(center).map_or(0, is_here), told, records })
    }

    pub(super) fn begin_epoch(
        &mut self,
        center: CenterId,
        epoch: Epoch,
        now: Moment,
    ) -> Result<(), StoreError> {
        let begun = self.change(&center, now, |center, standing| {
            if epoch <= center.standing().epoch {
                return (Some(epoch), Vec::new());
            }
            standing.begin_epoch(epoch);
            (None, Vec::new())
        })?;
        match begun {
            None => Err(StoreError::UnknownCenter(center)),
            Some(Some(epoch)) => Err(StoreError::OldEpoch { center, epoch }),
            Some(None) => Ok(()),
        }
    }

    /// Sets a center up, or changes its name, place and zone; a new one begins with that epoch.
    pub(super) fn ensure_center(&mut self, record: CenterRecord, epoch: Epoch) {
        let (id, standing) = (record.id.clone(), Standing::new(epoch));
        if self.records.insert(id.clone(), record).is_none() {
            let people = Arc::new(self.people.names());
            self.centers.add_center(MemoryCenter::new(id.clone(), standing.clone(), Vec::new(), people));
            for lines in self.handles.iter().filter_map(Weak::upgrade) {
                lines.add(id.clone(), standing.clone(), None);
            }
        }
    }

    /// Lists riders to a center; a place that is not said stays as it was.
    pub(super) fn list_riders(&mut self, center: &CenterId, riders: Vec<Rider>) {
        for mut rider in riders {
            let listed = self.centers.center(center).and_then(|center| center.riders().get(&rider.id));
            rider.pos = rider.pos.or(listed.and_then(|listed| listed.pos));
            rider.seen_at = rider.seen_at.or(listed.and_then(|listed| listed.seen_at));
            self.centers.put_rider(center, rider);
        }
    }

    /// Takes a lease, or goes on with it, where no other handle has it.
    pub(super) fn take_lease(
        &mut self,
        chore: Chore,
        center: CenterId,
        holder: u64,
        now: UtcMillis,
    ) -> Lease {
        let until = now.plus_ms(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX));
        let held = self.leases.entry((chore, center)).or_insert(HeldLease { holder, fence: 1, until });
        if held.holder != holder && held.until > now {
            let left = u64::try_from(held.until.since(now)).unwrap_or(0);
            return Lease { is_ours: false, fence: held.fence, left: Duration::from_millis(left) };
        }
        let fence = held.fence + u64::from(held.holder != holder);
        *held = HeldLease { holder, fence, until };
        Lease { is_ours: true, fence, left: LEASE }
    }

    /// Decides over what is needed, and writes what that leaves to write.
    fn decide<T>(
        &mut self,
        center: &CenterId,
        need: &Need,
        now: Moment,
        decide: impl FnOnce(&mut LoadedCenter) -> Result<Decision<T>, Undecided>,
    ) -> Result<T, StoreError> {
        // Nobody else has it: whoever would holds this store's lock.
        let mut transaction = self.centers.lock(center).ok_or(StoreError::NotCommitted)?;
        let mut loaded = self.centers.load(&mut transaction, need);
        match decide(&mut loaded) {
            Ok(Decision { outcome, writes }) => {
                self.commit(transaction, loaded.standing, writes, now)?;
                Ok(outcome)
            }
            Err(error) => {
                tracing::error!(%error, %center, "an ask can't be decided");
                self.centers.roll_back(transaction);
                Err(StoreError::NotCommitted)
            }
        }
    }

    /// Looks at a center and writes what that leaves to write; none: there is no such center.
    fn change<T>(
        &mut self,
        center: &CenterId,
        now: Moment,
        look: impl FnOnce(&MemoryCenter, &mut Standing) -> (T, Vec<Write>),
    ) -> Result<Option<T>, StoreError> {
        let Some(found) = self.centers.center(center) else { return Ok(None) };
        let mut standing = found.standing().clone();
        let (value, writes) = look(found, &mut standing);
        let transaction = self.centers.lock(center).ok_or(StoreError::NotCommitted)?;
        self.commit(transaction, Some(standing), writes, now)?;
        Ok(Some(value))
    }

    fn commit(
        &mut self,
        transaction: MemoryTransaction,
        standing: Option<Standing>,
        writes: Vec<Write>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let committed = self.centers.commit(transaction, standing, writes, now).map_err(damaged)?;
        if std::mem::take(&mut self.loses_answer) {
            return Err(StoreError::Unsettled);
        }
        if let Some(commit) = committed.filter(|commit| commit.before != commit.standing) {
            self.tell(&commit);
        }
        Ok(())
    }

    fn tell(&mut self, MemoryCommit { center, standing, changes, .. }: &MemoryCommit) {
        self.handles.retain(|lines| lines.strong_count() > 0);
        for lines in self.handles.iter().filter_map(Weak::upgrade) {
            match lines.get(center) {
                Some(line) => line.publish(standing.clone(), changes.clone()),
                None => lines.add(center.clone(), standing.clone(), None),
            }
        }
    }
}

fn damaged(source: Misfit) -> StoreError {
    StoreError::Unusable {
        doing: "writing into memory".into(),
        source: source.into(),
        remedy: "this is a mistake of the program; start it again",
    }
}

pub(super) fn unwritable(source: serde_json::Error) -> StoreError {
    StoreError::Unusable {
        doing: "writing JSON".into(),
        source: source.into(),
        remedy: "this is a mistake of the program; start it again",
    }
}
