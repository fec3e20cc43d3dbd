//! What every store must do, in a database: what changes a center goes through its queue, all else is a transaction of its own.

use super::asks::{self, CenterAsk};
use super::commit::Queue;
use super::failure::Failure;
use super::named::NamedAsk;
use super::{Postgres, Shared, audit, centers, erasing, leases, loading, people, pruning, reads, throttle};
use crate::fanout::Fanout;
use crate::store::audit::{AuditSearch, Placed};
use crate::store::backend::{Backend, BatchOutcome, Beside, Lane};
use crate::store::board::Wanted;
use crate::store::changing::{By, PeopleChange, PeopleRefused, PeopleWrite};
use crate::store::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotation};
use crate::store::signals::Signals;
use crate::store::throttle::{Attempt, Counted, Verdict};
use crate::store::{
    After, BoardStream, CenterRecord, Chore, Erased, Found, Lease, Now, PastSearch, Preference,
    PreferenceKept, Replaces, Selection, StoreError,
};
use async_trait::async_trait;
use gwanje_ledger::{BatchCommand, Command, Decided, Erasure, Moment, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, WireRow};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

#[async_trait]
impl Backend for Postgres {
    async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        let center = command.center.clone();
        self.ask(&center, |answer| CenterAsk::Named(NamedAsk::Command(Box::new(command), answer))).await
    }

    async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        let mut decided = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter().peekable();
        while let Some(first) = commands.next() {
            let center = first.center.clone();
            let mut asked = vec![first];
            while let Some(next) = commands.next_if(|next| next.center == center) {
                asked.push(next);
            }
            decided.extend(
                self.ask(&center, |answer| CenterAsk::Named(NamedAsk::Commands(asked, answer))).await?,
            );
        }
        Ok(decided)
    }

    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError> {
        let center = command.center.clone();
        self.ask(&center, |answer| CenterAsk::Named(NamedAsk::Batch(Box::new(command), answer))).await
    }

    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.ask(&center, |answer| CenterAsk::Named(NamedAsk::Close { account, key, answer })).await
    }

    async fn give_word(
        &self,
        center: CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<Result<(), WordRefused>, StoreError> {
        self.ask(&center, |answer| CenterAsk::Word { receipt, by, answer }).await
    }

    async fn write_due(&self, center: CenterId) -> Result<usize, StoreError> {
        self.ask(&center, CenterAsk::Due).await
    }

    async fn archive(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
    ) -> Result<usize, StoreError> {
        self.ask(&center, |answer| CenterAsk::Archive { day_at, at_most, kept, answer }).await
    }

    async fn forget_past(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
    ) -> Result<usize, StoreError> {
        let Now { wall, day } = Now::of(&self.shared.lines.clock);
        write!(self, "forgetting the past", |tx| {
            pruning::forget_past(tx, &center, day_at, at_most, Moment { wall, day }).await?
        })
    }

    async fn erase(&self, center: CenterId, erasure: Erasure, by: Text) -> Result<Erased, StoreError> {
        let suspects =
            read!(self, "looking for a customer", |tx| erasing::suspects(tx, &center, &erasure).await?)?;
        self.ask(&center, |answer| CenterAsk::Erase { erasure, suspects, by, answer }).await
    }

    async fn erase_beside(&self, erasure: Erasure) -> Result<usize, StoreError> {
        write!(self, "erasing a customer", |tx| erasing::beside(tx, &erasure).await?)
    }

    async fn rewrite(&self) -> Result<(), StoreError> {
        self.shared.rewrite().await.map_err(|failure| failure.while_doing("writing the tables anew"))
    }

    async fn keep_tombstones(&self, center: CenterId, kept: u64) -> Result<(), StoreError> {
        self.ask(&center, |answer| CenterAsk::KeepTombstones(kept, answer)).await
    }

    async fn begin_epoch(&self, center: CenterId, epoch: Epoch) -> Result<(), StoreError> {
        self.ask(&center, |answer| CenterAsk::BeginEpoch(epoch, answer)).await?
    }

    async fn ensure_center(&self, center: CenterRecord, epoch: Epoch) -> Result<(), StoreError> {
        write!(self, "setting up a center", |tx| centers::ensure(tx, &center, &epoch).await?)?;
        self.shared.look().await.map_err(|failure| failure.while_doing("reading the centers"))
    }

    async fn upsert_riders(&self, center: CenterId, riders: Vec<Rider>) -> Result<(), StoreError> {
        // In one order everywhere: two that list the same riders at once do not wait for each other in a circle.
        let mut riders = riders;
        riders.sort_by(|a, b| a.id.cmp(&b.id));
        write!(self, "listing riders", |tx| centers::list_riders(tx, &center, &riders).await?)
    }

    async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        let read = read!(self, "reading the centers", |tx| reads::centers(tx).await?)?;
        Ok(read.into_iter().map(|(center, _)| center).collect())
    }

    async fn standing(&self, center: CenterId, at: Now, lane: Lane) -> Result<Option<Standing>, StoreError> {
        let _turn = self.shared.turn(lane).await?;
        let standing = believed!(self, "reading a head", self.shared.standing(&center))?;
        if let (Some(line), Some(standing)) = (self.shared.lines.get(&center), &standing) {
            line.catch_up(standing.clone(), at);
        }
        Ok(standing)
    }

    async fn frame(
        &self,
        center: CenterId,
        from: Rev,
        limit: usize,
        at: UtcMillis,
        lane: Lane,
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError> {
        let _turn = self.shared.turn(lane).await?;
        read!(self, "reading changes", |tx| match reads::standing(tx, &center).await? {
            None => None,
            Some(standing) if standing.resumable(from).is_err() => Some((standing, None)),
            Some(standing) => {
                let frame = reads::frame(tx, &center, &standing, from, limit, at).await?;
                Some((standing, Some(frame)))
            }
        })
    }

    async fn buckets(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<RowDigest>>, StoreError> {
        let _turn = self.shared.list_turn().await?;
        beside!(self, center, after, at, |tx| reads::buckets(tx, &center).await?)
    }

    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError> {
        let _turn = self.shared.list_turn().await?;
        beside!(self, center, after, at, |tx| reads::rows(tx, &center, &selection).await?)
    }

    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError> {
        let _turn = self.shared.list_turn().await?;
        beside!(self, center, after, at, |tx| reads::selected(tx, &center, &selection).await?)
    }

    async fn stream(&self, center: CenterId, wanted: Wanted) -> Result<BoardStream, StoreError> {
        self.shared.stream_rows(center, wanted).await
    }

    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let _turn = self.shared.turn(Lane::Asked).await?;
        read!(self, "reading a delivery", |tx| loading::any_row(tx, &center, id).await?)
    }

    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        let _turn = self.shared.list_turn().await?;
        read!(self, "reading a history", |tx| reads::history(tx, &center, id).await?)
    }

    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
        lane: Lane,
    ) -> Result<Option<AlarmsReply>, StoreError> {
        let _turn = match lane {
            Lane::Asked => Some(self.shared.list_turn().await?),
            Lane::Told => None,
        };
        read!(self, "reading alarms", |tx| reads::alarms(tx, &center, after, limit).await?)
    }

    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError> {
        read!(self, "looking for alarms that are due", |tx| {
            !asks::due(tx, &center, now.day, 1).await?.is_empty()
                || !asks::unheard(tx, &center, now.wall, 1).await?.is_empty()
        })
    }

    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError> {
        let _turn = self.shared.list_turn().await?;
        read!(self, "reading riders", |tx| reads::riders(tx, &center).await?)
    }

    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError> {
        let _turn = self.shared.list_turn().await?;
        read!(self, "searching deliveries", |tx| reads::find(tx, &center, &search).await?)
    }

    async fn take_lease(&self, chore: Chore, center: CenterId) -> Result<Lease, StoreError> {
        write!(self, "taking a lease", |tx| leases::take(tx, chore, &center, &self.shared.holder).await?)
    }

    async fn note(&self, key: String) -> Result<Option<String>, StoreError> {
        read!(self, "reading a setting", |tx| people::note(tx, &key).await?)
    }

    async fn keep_first_note(&self, key: String, value: String) -> Result<String, StoreError> {
        write!(self, "keeping a setting", |tx| people::keep_first_note(tx, &key, &value).await?)
    }

    async fn keep_note(&self, key: String, value: String) -> Result<(), StoreError> {
        write!(self, "keeping a setting", |tx| people::keep_note(tx, &key, &value).await?)
    }

    async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError> {
        read!(self, "reading a preference", |tx| people::preference(tx, &account, &key).await?)
    }

    async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError> {
        write!(self, "keeping a preference", |tx| {
            people::keep_preference(tx, &account, &key, &body, &replaces).await?
        })
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        read!(self, "reading accounts", |tx| people::accounts(tx).await?)
    }

    async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        read!(self, "reading an account", |tx| people::account(tx, &name).await?)
    }

    async fn change_people(
        &self,
        change: PeopleChange,
        by: Option<By>,
        at: UtcMillis,
    ) -> Result<Result<PeopleWrite, PeopleRefused>, StoreError> {
        write!(self, "changing accounts or keys", |tx| {
            people::change(tx, change.clone(), by.as_ref(), at).await?
        })
    }

    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        read!(self, "reading API keys", |tx| people::keys(tx).await?)
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        read!(self, "reading an API key", |tx| people::key(tx, &hash).await?)
    }

    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<usize, StoreError> {
        write!(self, "forgetting sign-ins", |tx| people::forget_sign_ins(tx, used_since).await?)
    }

    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        read!(self, "reading sign-ins", |tx| people::live_sign_ins(tx).await?)
    }

    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError> {
        read!(self, "reading a sign-in", |tx| people::sign_in(tx, &id).await?)
    }

    async fn sign_in_of_ever(&self, id: String) -> Result<Option<Text>, StoreError> {
        read!(self, "reading a sign-in", |tx| people::sign_in_of_ever(tx, &id).await?)
    }

    async fn sign_ins_of(&self, account: Option<Text>) -> Result<Vec<KeptSignIn>, StoreError> {
        read!(self, "reading sign-ins", |tx| people::sign_ins_of(tx, account.as_ref()).await?)
    }

    async fn begin_sign_in(
        &self,
        id: String,
        account: Account,
        first: Rotation,
        from: Text,
    ) -> Result<bool, StoreError> {
        write!(self, "beginning a sign-in", |tx| {
            people::begin_sign_in(tx, &id, &account, first, &from).await?
        })
    }

    async fn rotate(
        &self,
        id: String,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        write!(self, "refreshing a sign-in", |tx| people::spend(tx, &id, generation, now).await?)
    }

    async fn spend_ticket(
        &self,
        nonce: String,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError> {
        write!(self, "spending a ticket", |tx| people::spend_ticket(tx, &nonce, expires_at, now).await?)
    }

    async fn look_at_attempt(&self, attempt: Attempt) -> Result<Counted, StoreError> {
        read!(self, "reading failed sign-ins", |tx| throttle::look(tx, &attempt).await?)
    }

    async fn begin_attempt(&self, attempt: Attempt) -> Result<Verdict, StoreError> {
        write!(self, "counting a sign-in", |tx| throttle::begin(tx, &attempt).await?)
    }

    async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        write!(self, "counting a sign-in", |tx| throttle::succeeded(tx, &attempt).await?)
    }

    async fn end_sign_in(&self, id: String) -> Result<(), StoreError> {
        write!(self, "ending a sign-in", |tx| people::end_sign_in(tx, &id).await?)
    }

    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError> {
        write!(self, "ending sign-ins", |tx| people::end_sign_ins_of(tx, &account).await?)
    }

    async fn write_audit(&self, lines: Vec<Placed>) -> Result<(), StoreError> {
        write!(self, "writing the audit", |tx| audit::write(tx, &lines).await?)
    }

    async fn audit(&self, search: AuditSearch) -> Result<Vec<Placed>, StoreError> {
        read!(self, "reading the audit", |tx| audit::read(tx, &search).await?)
    }

    async fn forget_audit(&self, before: UtcMillis, at_most: usize) -> Result<usize, StoreError> {
        write!(self, "forgetting old lines of the audit", |tx| audit::forget(tx, before, at_most).await?)
    }

    async fn answers(&self) -> Result<(), StoreError> {
        write!(self, "looking at the database", |tx| {
            let sql = "SELECT current_setting('transaction_read_only')::bool";
            let statement = tx.prepare_cached(sql).await?;
            if tx.query_one(&statement, &[]).await?.get(0) {
                return Err(Failure::ReadOnly);
            }
        })
    }

    async fn people_version(&self) -> Result<i64, StoreError> {
        read!(self, "asking the store's version", |tx| people::version(tx).await?)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn without(&self) -> Vec<&'static str> {
        if self.shared.is_clock_off.load(Ordering::Relaxed) { vec!["clock"] } else { Vec::new() }
    }

    fn fanout(&self) -> Option<Arc<dyn Fanout>> {
        self.shared.signals.as_ref().map(Signals::fanout)
    }

    fn takes_writes(&self) -> bool {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn close(&self) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.looking.abort();
        for Queue { asks, committing } in queues.into_iter().flat_map(BTreeMap::into_values) {
            drop(asks);
            // A panic in it was logged by the hook.
            _ = committing.await;
        }
        self.give_up_leases().await;
        self.shared.pool.close();
    }
}
