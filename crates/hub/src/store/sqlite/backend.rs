//! What every store must do, in a file: each write on the writer's thread, each read on a reader of its kind.

use super::{
    Sqlite, alarms, archive, audit, centers, connect, deciding, erasing, notes, past, people, preferences,
    read, riders, throttle, unusable,
};
use crate::fanout::Fanout;
use crate::store::audit::{AuditSearch, Placed};
use crate::store::backend::{Backend, BatchOutcome, Beside, Lane};
use crate::store::board::Wanted;
use crate::store::changing::{By, PeopleChange, PeopleRefused, PeopleWrite};
use crate::store::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotation};
use crate::store::throttle::{Attempt, Counted, Verdict};
use crate::store::{
    After, BoardStream, CenterRecord, Chore, Erased, Found, Lease, Now, PastSearch, Preference,
    PreferenceKept, Replaces, Selection, StoreError,
};
use async_trait::async_trait;
use gwanje_ledger::{BatchCommand, Command, Decided, Erasure, Need, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, WireRow};
use rusqlite::Transaction;
use std::sync::{Arc, PoisonError};

#[async_trait]
impl Backend for Sqlite {
    async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_command(&command));
            deciding::one(batch, &center, &need, |loaded, now| gwanje_ledger::decide(loaded, command, now))
        })
        .await
    }

    async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        self.write(move |batch| deciding::many(batch, commands)).await
    }

    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_batch(&command));
            deciding::one(batch, &center, &need, |loaded, now| {
                gwanje_ledger::decide_batch(loaded, command, now)
            })
        })
        .await
    }

    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.write(move |batch| {
            let need = Need::of_close(account.clone(), key.clone());
            deciding::one(batch, &center, &need, |loaded, _| Ok(gwanje_ledger::close(loaded, &account, &key)))
        })
        .await
    }

    async fn give_word(
        &self,
        center: CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<Result<(), WordRefused>, StoreError> {
        self.write(move |batch| alarms::receipts::record(batch, &center, &receipt, &by)).await
    }

    async fn write_due(&self, center: CenterId) -> Result<usize, StoreError> {
        self.write(move |batch| alarms::due::write_due(batch, &center)).await
    }

    async fn archive(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
    ) -> Result<usize, StoreError> {
        self.write(move |batch| archive::ended_before(batch, &center, day_at, at_most, kept)).await
    }

    async fn forget_past(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
    ) -> Result<usize, StoreError> {
        self.write(move |batch| archive::forget_past(batch, &center, day_at, at_most)).await
    }

    async fn erase(&self, center: CenterId, erasure: Erasure, by: Text) -> Result<Erased, StoreError> {
        self.write(move |batch| erasing::erase(batch, &center, erasure, &by)).await
    }

    async fn erase_beside(&self, erasure: Erasure) -> Result<usize, StoreError> {
        self.write(move |batch| erasing::beside(batch.db(), &erasure)).await
    }

    async fn rewrite(&self) -> Result<(), StoreError> {
        let mut turns = Vec::new();
        for pool in [&self.readers.boards, &self.readers.past, &self.readers.lists, &self.readers.prompt] {
            turns.push(pool.all_turns().await);
        }
        // The other process that may have it open reads nothing of it at present.
        drop(self.watching.lock().unwrap_or_else(PoisonError::into_inner).take());
        let rewritten = self.tidying.ask_rewrite();
        // Wakes the writer.
        self.write(|_| Ok(())).await?;
        rewritten.await.unwrap_or(Err(StoreError::NotCommitted))
    }

    async fn keep_tombstones(&self, center: CenterId, kept: u64) -> Result<(), StoreError> {
        self.write(move |batch| archive::keep_tombstones(batch, &center, kept)).await
    }

    async fn begin_epoch(&self, center: CenterId, epoch: Epoch) -> Result<(), StoreError> {
        self.write(move |batch| centers::begin_epoch(batch, center, epoch)).await?
    }

    async fn ensure_center(&self, center: CenterRecord, epoch: Epoch) -> Result<(), StoreError> {
        self.write(move |batch| centers::ensure(batch, center, &epoch)).await
    }

    async fn upsert_riders(&self, center: CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        self.write(move |batch| riders::upsert(batch, &center, &riders)).await
    }

    async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        let read = self.read("reading the centers", |db| centers::standings(db)).await?;
        Ok(read.into_iter().map(|(center, _)| center).collect())
    }

    async fn standing(&self, center: CenterId, _: Now, lane: Lane) -> Result<Option<Standing>, StoreError> {
        self.read_by(lane, "reading a head", move |db| read::standing(db, &center)).await
    }

    async fn frame(
        &self,
        center: CenterId,
        from: Rev,
        limit: usize,
        at: UtcMillis,
        lane: Lane,
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError> {
        self.read_by(lane, "reading changes", move |db| {
            let Some(standing) = read::standing(db, &center)? else { return Ok(None) };
            if standing.resumable(from).is_err() {
                return Ok(Some((standing, None)));
            }
            let frame = read::frame(db, &center, &standing, from, limit, at)?;
            Ok(Some((standing, Some(frame))))
        })
        .await
    }

    async fn buckets(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<RowDigest>>, StoreError> {
        self.read_beside(center, after, at, read::buckets).await
    }

    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError> {
        self.read_beside(center, after, at, move |db, center| {
            let ids = read::selected(db, center, &selection)?;
            read::bodies(db, center, &ids)
        })
        .await
    }

    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError> {
        self.read_beside(center, after, at, move |db, center| read::selected(db, center, &selection)).await
    }

    async fn stream(&self, center: CenterId, wanted: Wanted) -> Result<BoardStream, StoreError> {
        self.stream_rows(center, wanted).await
    }

    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.read("reading a delivery", move |db| read::any_row(db, &center, id)).await
    }

    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read_list("reading a history", move |db| read::history(db, &center, id)).await
    }

    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
        lane: Lane,
    ) -> Result<Option<AlarmsReply>, StoreError> {
        let page = move |db: &Transaction<'_>| alarms::page(db, &center, after, limit);
        match lane {
            Lane::Asked => self.read_list("reading alarms", page).await,
            Lane::Told => self.read_by(lane, "reading alarms", page).await,
        }
    }

    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError> {
        let read = move |db: &Transaction<'_>| alarms::due::is_anything_due(db, &center, now);
        self.read("looking for alarms that are due", read).await
    }

    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError> {
        self.read_list("reading riders", move |db| riders::listed(db, &center)).await
    }

    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError> {
        self.read_past("searching deliveries", move |db| past::find(db, &center, &search)).await
    }

    async fn take_lease(&self, _: Chore, _: CenterId) -> Result<Lease, StoreError> {
        // One hub has the file.
        Ok(Lease::alone())
    }

    async fn note(&self, key: String) -> Result<Option<String>, StoreError> {
        self.read("reading a setting", move |db| notes::note(db, &key)).await
    }

    async fn keep_first_note(&self, key: String, value: String) -> Result<String, StoreError> {
        self.write(move |batch| notes::keep_first(batch.db(), &key, &value)).await
    }

    async fn keep_note(&self, key: String, value: String) -> Result<(), StoreError> {
        self.write(move |batch| notes::keep(batch.db(), &key, &value)).await
    }

    async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError> {
        self.read("reading a preference", move |db| preferences::kept(db, &account, &key)).await
    }

    async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError> {
        self.write(move |batch| preferences::keep(batch.db(), &account, &key, &body, &replaces)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read("reading accounts", |db| people::accounts(db)).await
    }

    async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        self.read("reading an account", move |db| people::account(db, &name)).await
    }

    async fn change_people(
        &self,
        change: PeopleChange,
        by: Option<By>,
        at: UtcMillis,
    ) -> Result<Result<PeopleWrite, PeopleRefused>, StoreError> {
        self.write(move |batch| people::change(batch.db(), change, by.as_ref(), at)).await
    }

    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        self.read("reading API keys", |db| people::keys(db)).await
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.read("reading an API key", move |db| people::key(db, &hash)).await
    }

    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<usize, StoreError> {
        self.write(move |batch| people::forget_sign_ins(batch.db(), used_since)).await
    }

    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        self.read_list("reading sign-ins", |db| people::live_sign_ins(db)).await
    }

    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError> {
        self.read("reading a sign-in", move |db| people::sign_in(db, &id)).await
    }

    async fn sign_in_of_ever(&self, id: String) -> Result<Option<Text>, StoreError> {
        self.read("reading a sign-in", move |db| people::sign_in_of_ever(db, &id)).await
    }

    async fn sign_ins_of(&self, account: Option<Text>) -> Result<Vec<KeptSignIn>, StoreError> {
        self.read_list("reading sign-ins", move |db| people::sign_ins_of(db, account.as_ref())).await
    }

    async fn begin_sign_in(
        &self,
        id: String,
        account: Account,
        first: Rotation,
        from: Text,
    ) -> Result<bool, StoreError> {
        self.write(move |batch| people::begin_sign_in(batch.db(), &id, &account, first, &from)).await
    }

    async fn rotate(
        &self,
        id: String,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        self.write(move |batch| people::spend(batch.db(), &id, generation, now)).await
    }

    async fn spend_ticket(
        &self,
        nonce: String,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError> {
        self.write(move |batch| people::spend_ticket(batch.db(), &nonce, expires_at, now)).await
    }

    async fn look_at_attempt(&self, attempt: Attempt) -> Result<Counted, StoreError> {
        self.read("reading failed sign-ins", move |db| throttle::look(db, &attempt)).await
    }

    async fn begin_attempt(&self, attempt: Attempt) -> Result<Verdict, StoreError> {
        self.write(move |batch| throttle::begin(batch.db(), &attempt)).await
    }

    async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.write(move |batch| throttle::succeeded(batch.db(), &attempt)).await
    }

    async fn end_sign_in(&self, id: String) -> Result<(), StoreError> {
        self.write(move |batch| people::end_sign_in(batch.db(), &id)).await
    }

    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError> {
        self.write(move |batch| people::end_sign_ins_of(batch.db(), &account)).await
    }

    async fn write_audit(&self, lines: Vec<Placed>) -> Result<(), StoreError> {
        self.write(move |batch| audit::write(batch.db(), &lines)).await
    }

    async fn audit(&self, search: AuditSearch) -> Result<Vec<Placed>, StoreError> {
        self.read_list("reading the audit", move |db| audit::read(db, &search)).await
    }

    async fn forget_audit(&self, before: UtcMillis, at_most: usize) -> Result<usize, StoreError> {
        self.write(move |batch| audit::forget(batch.db(), before, at_most)).await
    }

    async fn answers(&self) -> Result<(), StoreError> {
        self.note("readiness".into()).await.map(|_| ())
    }

    async fn people_version(&self) -> Result<i64, StoreError> {
        // On a connection of its own: an account that is taken away must not wait for readers of boards.
        let (kept, path) =
            (self.watching.lock().unwrap_or_else(PoisonError::into_inner).take(), self.path.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let db = kept.map_or_else(|| connect(&path), Ok)?;
            let version = people::version(&db);
            let version = version.map_err(unusable("asking how often people were written"))?;
            Ok((version, db))
        });
        let (version, db) = asked.await.unwrap_or(Err(StoreError::NotCommitted))?;
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(db);
        Ok(version)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn without(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn fanout(&self) -> Option<Arc<dyn Fanout>> {
        None
    }

    fn takes_writes(&self) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().is_some_and(|jobs| !jobs.is_closed())
    }

    async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The writer ends by itself once its queue is drained; a panic in it was logged by the hook.
            _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        drop(self.watching.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.readers.close();
    }
}
