//! A store in this process's memory, over the ledger's own: for tests, and as a third witness of what every store must do.
//!
//! All handles on one [`MemoryPlace`] are told of each commit before it is answered, as hubs with a Redis are soon after it.

mod asks;
mod board;
mod people;
mod reads;
mod throttle;

use super::audit::{AuditSearch, Placed};
use super::backend::{Backend, BatchOutcome, Beside, Lane};
use super::board::Wanted;
use super::changing::{By, PeopleChange, PeopleRefused, PeopleWrite};
use super::lines::Lines;
use super::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotation};
use super::throttle::{Attempt, Counted, Verdict};
use super::{
    After, BoardStream, CenterRecord, Chore, Erased, Found, Lease, Now, PREFERENCES_MAX, PastSearch,
    Preference, PreferenceKept, Replaces, Selection, StoreError,
};
use crate::fanout::Fanout;
use async_trait::async_trait;
use gwanje_ledger::memory::MemoryStore;
use gwanje_ledger::{BatchCommand, Command, Decided, Erasure, Moment, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, WireRow};
use people::People;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use throttle::Throttle;
use tokio::sync::Semaphore;

/// Boards streamed at once: each may wait for a slow client.
const BOARDS: usize = 8;

/// What stores in memory keep. All that are opened over clones of one share it, as hubs share a database; it goes with the
/// last clone.
#[derive(Clone, Default)]
pub struct MemoryPlace {
    kept: Arc<Mutex<Kept>>,
}

impl MemoryPlace {
    /// The next commit of a center is kept, and nobody is told: whoever asked hears
    /// [`StoreError::Unsettled`], as of a database that is lost while it commits.
    pub fn lose_next_answer(&self) {
        self.kept().loses_answer = true;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is kept. Whoever holds its lock is in a transaction.
#[derive(Default)]
struct Kept {
    centers: MemoryStore,
    records: BTreeMap<CenterId, CenterRecord>,
    people: People,
    throttle: Throttle,
    notes: BTreeMap<String, String>,
    preferences: BTreeMap<(Text, String), Preference>,
    /// The centers in memory of each handle.
    handles: Vec<Weak<Lines>>,
    /// How many handles there ever were.
    opened: u64,
    leases: BTreeMap<(Chore, CenterId), HeldLease>,
    loses_answer: bool,
}

/// Which handle has a lease, until when.
struct HeldLease {
    holder: u64,
    fence: u64,
    until: UtcMillis,
}

/// A handle on a store in memory.
pub(super) struct Memory {
    number: u64,
    place: MemoryPlace,
    lines: Arc<Lines>,
    boards: Arc<Semaphore>,
    is_closed: AtomicBool,
}

impl Memory {
    /// Puts the centers into memory, which are told from now on what changes.
    pub fn open(place: &MemoryPlace, lines: &Arc<Lines>) -> Self {
        let mut kept = place.kept();
        for id in kept.records.keys() {
            if let Some(center) = kept.centers.center(id) {
                lines.add(id.clone(), center.standing().clone(), None);
            }
        }
        kept.handles.push(Arc::downgrade(lines));
        kept.opened += 1;
        let number = kept.opened;
        drop(kept);
        let boards = Arc::new(Semaphore::new(BOARDS));
        Self {
            number,
            place: place.clone(),
            lines: Arc::clone(lines),
            boards,
            is_closed: AtomicBool::new(false),
        }
    }

    /// A transaction that reads.
    fn read<T>(&self, read: impl FnOnce(&Kept) -> T) -> T {
        read(&self.place.kept())
    }

    /// A transaction that writes.
    fn write<T>(&self, write: impl FnOnce(&mut Kept) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if !self.takes_writes() {
            return Err(StoreError::NotCommitted);
        }
        write(&mut self.place.kept())
    }

    /// Both clocks within a transaction.
    fn now(&self) -> Moment {
        let clock = &self.lines.clock;
        Moment { wall: clock.wall_now(), day: clock.day_now() }
    }
}

#[async_trait]
impl Backend for Memory {
    async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        self.write(|kept| kept.execute(command, self.now()))
    }

    async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        self.write(|kept| kept.execute_many(commands, self.now()))
    }

    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError> {
        self.write(|kept| kept.execute_batch(command, self.now()))
    }

    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.write(|kept| kept.close_command(&account, &center, key, self.now()))
    }

    async fn give_word(
        &self,
        center: CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<Result<(), WordRefused>, StoreError> {
        self.write(|kept| kept.give_word(&center, &receipt, &by, self.now()))
    }

    async fn write_due(&self, center: CenterId) -> Result<usize, StoreError> {
        self.write(|kept| kept.write_due(&center, self.now()))
    }

    async fn archive(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
    ) -> Result<usize, StoreError> {
        self.write(|all| all.archive(&center, day_at, at_most, kept, self.now()))
    }

    async fn forget_past(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
    ) -> Result<usize, StoreError> {
        self.write(|kept| Ok(kept.forget_past(&center, day_at, at_most, self.now())))
    }

    async fn erase(&self, center: CenterId, erasure: Erasure, by: Text) -> Result<Erased, StoreError> {
        self.write(|kept| kept.erase(&center, erasure, &by, self.now()))
    }

    async fn erase_beside(&self, erasure: Erasure) -> Result<usize, StoreError> {
        self.write(|kept| {
            let mut erased = 0;
            for preference in kept.preferences.values_mut() {
                if let Some(without) = erasure.json(&preference.body) {
                    preference.body = without;
                    erased += 1;
                }
            }
            Ok(erased)
        })
    }

    async fn rewrite(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn keep_tombstones(&self, center: CenterId, kept: u64) -> Result<(), StoreError> {
        self.write(|all| all.keep_tombstones(&center, kept, self.now()))
    }

    async fn begin_epoch(&self, center: CenterId, epoch: Epoch) -> Result<(), StoreError> {
        self.write(|kept| kept.begin_epoch(center, epoch, self.now()))
    }

    async fn ensure_center(&self, center: CenterRecord, epoch: Epoch) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.ensure_center(center, epoch);
            Ok(())
        })
    }

    async fn upsert_riders(&self, center: CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.list_riders(&center, riders);
            Ok(())
        })
    }

    async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        Ok(self.read(|kept| kept.records.values().cloned().collect()))
    }

    async fn standing(&self, center: CenterId, _: Now, _: Lane) -> Result<Option<Standing>, StoreError> {
        let standing = self.read(|kept| kept.centers.center(&center).map(|found| found.standing().clone()));
        if let (Some(line), Some(standing)) = (self.lines.get(&center), &standing) {
            line.hear(standing.clone(), Vec::new());
        }
        Ok(standing)
    }

    async fn frame(
        &self,
        center: CenterId,
        from: Rev,
        limit: usize,
        at: UtcMillis,
        _: Lane,
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError> {
        Ok(self.read(|kept| {
            let found = kept.centers.center(&center)?;
            let is_resumable = found.standing().resumable(from).is_ok();
            Some((found.standing().clone(), is_resumable.then(|| found.frame(from, limit, at))))
        }))
    }

    async fn buckets(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<RowDigest>>, StoreError> {
        Ok(self.read(|kept| kept.beside(&center, &after, at, reads::buckets)))
    }

    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError> {
        Ok(self.read(|kept| {
            kept.beside(&center, &after, at, |center| {
                reads::selected(center, &selection).into_iter().map(WireRow::Row).collect()
            })
        }))
    }

    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError> {
        Ok(self.read(|kept| {
            kept.beside(&center, &after, at, |center| {
                reads::selected(center, &selection).iter().map(|row| (row.id, row.rev)).collect()
            })
        }))
    }

    async fn stream(&self, center: CenterId, wanted: Wanted) -> Result<BoardStream, StoreError> {
        self.stream_rows(center, wanted).await
    }

    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.read(|kept| kept.centers.center(&center)?.delivery(id).map(|row| Delivery::clone(row))))
    }

    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        let history = self.read(|kept| kept.centers.center(&center).map(|center| center.history(id)));
        Ok(history.unwrap_or_default())
    }

    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
        _: Lane,
    ) -> Result<Option<AlarmsReply>, StoreError> {
        Ok(self.read(|kept| Some(reads::alarms(kept.centers.center(&center)?, after, limit))))
    }

    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError> {
        let now = Moment { wall: now.wall, day: now.day };
        let due = self.read(|kept| kept.centers.center(&center).map(|center| center.due(now, 1)));
        Ok(due.is_some_and(|(due, unheard)| !due.is_empty() || !unheard.is_empty()))
    }

    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError> {
        Ok(self.read(|kept| kept.centers.center(&center).map(reads::riders)).unwrap_or_default())
    }

    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError> {
        let found = self.read(|kept| kept.centers.center(&center).map(|center| reads::find(center, &search)));
        let found = found.transpose().map_err(asks::unwritable)?;
        Ok(found.unwrap_or(Found { rows: Vec::new(), next: None }))
    }

    async fn take_lease(&self, chore: Chore, center: CenterId) -> Result<Lease, StoreError> {
        let now = self.now().wall;
        self.write(|kept| Ok(kept.take_lease(chore, center, self.number, now)))
    }

    async fn note(&self, key: String) -> Result<Option<String>, StoreError> {
        Ok(self.read(|kept| kept.notes.get(&key).cloned()))
    }

    async fn keep_first_note(&self, key: String, value: String) -> Result<String, StoreError> {
        self.write(|kept| Ok(kept.notes.entry(key).or_insert(value).clone()))
    }

    async fn keep_note(&self, key: String, value: String) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.notes.insert(key, value);
            Ok(())
        })
    }

    async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError> {
        Ok(self.read(|kept| kept.preferences.get(&(account, key)).cloned()))
    }

    async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError> {
        self.write(|kept| {
            let of_account = kept.preferences.keys().filter(|(of, _)| *of == account).count();
            let name = (account, key);
            let present = kept.preferences.get(&name).map(|present| present.version);
            if !replaces.fits(present) {
                return Ok(PreferenceKept::Another(present));
            }
            if present.is_none() && i64::try_from(of_account).is_ok_and(|count| count >= PREFERENCES_MAX) {
                return Ok(PreferenceKept::TooMany);
            }
            let version = present.unwrap_or(0) + 1;
            kept.preferences.insert(name, Preference { version, body });
            Ok(PreferenceKept::As(version))
        })
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        Ok(self.read(|kept| kept.people.accounts()))
    }

    async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        Ok(self.read(|kept| kept.people.account(&name)))
    }

    async fn change_people(
        &self,
        change: PeopleChange,
        by: Option<By>,
        at: UtcMillis,
    ) -> Result<Result<PeopleWrite, PeopleRefused>, StoreError> {
        self.write(|kept| {
            let changed = kept.people.change(change, by.as_ref(), at);
            if let Ok(PeopleWrite::Removal(name)) = &changed {
                kept.preferences.retain(|(account, _), _| account != name);
            }
            kept.centers.name_people(kept.people.names());
            Ok(changed)
        })
    }

    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        Ok(self.read(|kept| kept.people.keys()))
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.read(|kept| kept.people.key(&hash)))
    }

    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<usize, StoreError> {
        self.write(|kept| Ok(kept.people.forget_sign_ins(used_since)))
    }

    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        Ok(self.read(|kept| kept.people.live_sign_ins()))
    }

    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError> {
        Ok(self.read(|kept| kept.people.sign_in(&id)))
    }

    async fn sign_in_of_ever(&self, id: String) -> Result<Option<Text>, StoreError> {
        Ok(self.read(|kept| kept.people.sign_in_of_ever(&id)))
    }

    async fn sign_ins_of(&self, account: Option<Text>) -> Result<Vec<KeptSignIn>, StoreError> {
        Ok(self.read(|kept| kept.people.sign_ins_of(account.as_ref())))
    }

    async fn begin_sign_in(
        &self,
        id: String,
        account: Account,
        first: Rotation,
        from: Text,
    ) -> Result<bool, StoreError> {
        self.write(|kept| Ok(kept.people.begin_sign_in(id, &account, first, from)))
    }

    async fn rotate(
        &self,
        id: String,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        self.write(|kept| Ok(kept.people.spend(&id, generation, now)))
    }

    async fn spend_ticket(
        &self,
        nonce: String,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError> {
        self.write(|kept| Ok(kept.people.spend_ticket(nonce, expires_at, now)))
    }

    async fn look_at_attempt(&self, attempt: Attempt) -> Result<Counted, StoreError> {
        Ok(self.read(|kept| kept.throttle.look(&attempt)))
    }

    async fn begin_attempt(&self, attempt: Attempt) -> Result<Verdict, StoreError> {
        self.write(|kept| Ok(kept.throttle.begin(&attempt)))
    }

    async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.throttle.succeeded(&attempt);
            Ok(())
        })
    }

    async fn end_sign_in(&self, id: String) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.people.end_sign_ins(|of, _| of == id);
            Ok(())
        })
    }

    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.people.end_sign_ins(|_, of| of.as_str() == account);
            Ok(())
        })
    }

    async fn write_audit(&self, lines: Vec<Placed>) -> Result<(), StoreError> {
        self.write(|kept| {
            kept.people.write_audit(lines);
            Ok(())
        })
    }

    async fn audit(&self, search: AuditSearch) -> Result<Vec<Placed>, StoreError> {
        Ok(self.read(|kept| kept.people.audit(&search)))
    }

    async fn forget_audit(&self, before: UtcMillis, at_most: usize) -> Result<usize, StoreError> {
        self.write(|kept| Ok(kept.people.forget_audit(before, at_most)))
    }

    async fn answers(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }

    async fn people_version(&self) -> Result<i64, StoreError> {
        Ok(self.read(|kept| kept.people.version()))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn without(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn fanout(&self) -> Option<Arc<dyn Fanout>> {
        None
    }

    fn takes_writes(&self) -> bool {
        !self.is_closed.load(Ordering::Acquire)
    }

    async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let mut kept = self.place.kept();
        for lease in kept.leases.values_mut().filter(|lease| lease.holder == self.number) {
            lease.until = UtcMillis(0);
        }
    }
}
