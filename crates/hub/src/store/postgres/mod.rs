//! A store for several hubs at once: PostgreSQL 14 or newer.
//!
//! Commit order is revision order: a transaction changes one center, whose row it locks first. Each node keeps the latest
//! changes that it committed itself in memory; those of others it sees when it next reads where a center stands.

mod apply;
mod asks;
mod board;
mod centers;
mod commit;
mod connecting;
mod encryption;
mod failure;
mod identity;
mod leases;
mod loading;
mod moving;
mod people;
mod pruning;
mod reads;
mod rows;
mod schema;
#[macro_use]
mod transacting;

use super::backend::{Backend, BatchOutcome, Beside};
use super::lines::Lines;
use super::people::{Account, ApiKey, KeyHash, Rotation};
use super::signals::Signals;
use super::{
    After, BoardStream, CenterRecord, Chore, Found, Lease, Now, PastSearch, Preference, PreferenceKept,
    Replaces, Replication, Selection, StoreError,
};
use crate::fanout::{Fanout, RedisFanout};
use asks::{Answer, CenterAsk};
use async_trait::async_trait;
use commit::Queue;
use deadpool_postgres::{Object, Pool};
use failure::Failure;
use gwanje_ledger::{BatchCommand, Command, Decided, Moment, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RiderId, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, WireRow};
use identity::Used;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// Centers of a node that commit at once.
const WRITING: usize = 4;
/// Boards streamed at once at the most, and in half of the connections: each may wait for a slow client.
const BOARDS: usize = 8;
/// How long a hub that ends waits until others may have its leases at once.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How a node uses its database.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// Between two looks at what others have committed.
    pub look: Duration,
    /// Its connections at the most.
    pub connections: usize,
    pub replication: Replication,
}

/// A store in a PostgreSQL database.
pub(super) struct Postgres {
    shared: Arc<Shared>,
    /// The queues of the centers; none once it is closed.
    queues: Mutex<Option<BTreeMap<CenterId, Queue>>>,
    looking: JoinHandle<()>,
}

/// What the tasks of a store share.
struct Shared {
    pool: Pool,
    lines: Arc<Lines>,
    used: Used,
    /// Whether this machine's clock is off the database's.
    is_clock_off: AtomicBool,
    writing: Semaphore,
    boards: Arc<Semaphore>,
    replication: Replication,
    /// What this node is called where it has leases.
    holder: String,
    /// None: nobody else is told or heard at once.
    signals: Option<Signals>,
}

impl Postgres {
    /// Connects, makes or migrates the tables, puts the centers into memory and begins to look at what others commit.
    pub async fn open(
        url: &str,
        redis: Option<&str>,
        settings: Settings,
        lines: &Arc<Lines>,
    ) -> Result<Self, StoreError> {
        let Settings { look, connections, replication } = settings;
        let pool = connecting::pool(url, connections)?;
        let migrated = async {
            let mut client = pool.get().await?;
            let migrated = schema::migrate(&mut client).await?;
            Ok(migrated.map(|()| client))
        };
        let mut client = migrated
            .await
            .map_err(|failure: Failure| failure.while_doing("preparing the database"))?
            .map_err(|found| StoreError::Newer { found, known: schema::VERSION })?;
        let signals = match redis {
            Some(address) => Some(begin_signals(address, &mut client, lines).await?),
            None => None,
        };
        drop(client);
        let shared = Arc::new(Shared {
            pool,
            lines: Arc::clone(lines),
            used: Used::default(),
            is_clock_off: AtomicBool::new(false),
            writing: Semaphore::new(WRITING),
            boards: Arc::new(Semaphore::new(BOARDS.min(connections / 2).max(1))),
            replication,
            holder: ulid::Ulid::generate().to_string(),
            signals,
        });
        shared.look().await.map_err(|failure| failure.while_doing("reading the centers of the database"))?;
        let looking = tokio::spawn(Arc::clone(&shared).keep_looking(look));
        Ok(Self { shared, queues: Mutex::new(Some(BTreeMap::new())), looking })
    }

    /// The queue of a center; none: the store is closed.
    fn queue(&self, center: &CenterId) -> Option<mpsc::Sender<CenterAsk>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_mut()?;
        if !queues.contains_key(center) {
            // Nobody fills the memory with queues of centers that do not exist: these are asked for nothing.
            let queue = commit::begin(Arc::clone(&self.shared), center.clone());
            queues.insert(center.clone(), queue);
        }
        queues.get(center).map(|queue| queue.asks.clone())
    }

    /// Others may do the chores of this node from now on.
    async fn give_up_leases(&self) {
        let given_up =
            async { write!(self, "giving leases up", |tx| leases::give_up(tx, &self.shared.holder).await?) };
        // Else they wait until the leases are over.
        match timeout(GIVE_UP, given_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "leases are not given up"),
            Err(_) => tracing::debug!("leases are not given up in time"),
        }
    }

    /// Asks a center, and waits until the answer is durable.
    async fn ask<T: Send + 'static>(
        &self,
        center: &CenterId,
        ask: impl FnOnce(Answer<T>) -> CenterAsk + Send,
    ) -> Result<T, StoreError> {
        let queue = self.queue(center).ok_or(StoreError::NotCommitted)?;
        let (answer, answered) = Answer::new();
        queue.send(ask(answer)).await.map_err(|_| StoreError::NotCommitted)?;
        drop(queue);
        answered.await.map_err(|_| StoreError::NotCommitted)?
    }
}

/// Begins to tell and to hear the other hubs of this database.
async fn begin_signals(
    address: &str,
    client: &mut Object,
    lines: &Arc<Lines>,
) -> Result<Signals, StoreError> {
    let named = async {
        let tx = client.transaction().await?;
        // A database has a name of its own, so that several can share a Redis.
        let name = people::keep_first_note(&tx, "name", &ulid::Ulid::generate().to_string()).await?;
        tx.commit().await?;
        Ok(name)
    };
    let name = named.await.map_err(|failure: Failure| failure.while_doing("naming the database"))?;
    let fanout = RedisFanout::join(address, &name).map_err(|source| StoreError::Unusable {
        doing: "reading the address of Redis".into(),
        source: source.into(),
        remedy: "write it as redis://user:password@host",
    })?;
    Ok(Signals::begin(Arc::new(fanout), lines))
}

impl Shared {
    async fn keep_looking(self: Arc<Self>, every: Duration) {
        // It was looked when the store was opened.
        let mut tick = interval_at(Instant::now() + every, every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match &self.signals {
                Some(signals) => tokio::select! {
                    _ = tick.tick() => {}
                    () = signals.missed() => {}
                },
                None => _ = tick.tick().await,
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "what other nodes committed is not seen");
            }
        }
    }
}

#[async_trait]
impl Backend for Postgres {
    async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        let center = command.center.clone();
        self.ask(&center, |answer| CenterAsk::Command(Box::new(command), answer)).await
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
            decided.extend(self.ask(&center, |answer| CenterAsk::Commands(asked, answer)).await?);
        }
        Ok(decided)
    }

    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError> {
        let center = command.center.clone();
        self.ask(&center, |answer| CenterAsk::Batch(Box::new(command), answer)).await
    }

    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.ask(&center, |answer| CenterAsk::Close { account, key, answer }).await
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

    async fn standing(&self, center: CenterId, at: Now) -> Result<Option<Standing>, StoreError> {
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
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError> {
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
        beside!(self, center, after, at, |tx| reads::buckets(tx, &center).await?)
    }

    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError> {
        beside!(self, center, after, at, |tx| reads::rows(tx, &center, &selection).await?)
    }

    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError> {
        beside!(self, center, after, at, |tx| reads::selected(tx, &center, &selection).await?)
    }

    async fn board(&self, center: CenterId, only_rider: Option<RiderId>) -> Result<BoardStream, StoreError> {
        self.shared.stream_board(center, only_rider).await
    }

    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        read!(self, "reading a delivery", |tx| loading::any_row(tx, &center, id).await?)
    }

    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        read!(self, "reading a history", |tx| reads::history(tx, &center, id).await?)
    }

    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
    ) -> Result<Option<AlarmsReply>, StoreError> {
        read!(self, "reading alarms", |tx| reads::alarms(tx, &center, after, limit).await?)
    }

    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError> {
        read!(self, "looking for alarms that are due", |tx| {
            !asks::due(tx, &center, now.day, 1).await?.is_empty()
                || !asks::unheard(tx, &center, now.wall, 1).await?.is_empty()
        })
    }

    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError> {
        read!(self, "reading riders", |tx| reads::riders(tx, &center).await?)
    }

    async fn board_at(&self, center: CenterId, time: UtcMillis) -> Result<Vec<Delivery>, StoreError> {
        read!(self, "reading a past board", |tx| reads::board_at(tx, &center, time).await?)
    }

    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError> {
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

    async fn put_account(&self, account: Account) -> Result<(), StoreError> {
        write!(self, "keeping an account", |tx| people::put_account(tx, &account).await?)
    }

    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        read!(self, "reading API keys", |tx| people::keys(tx).await?)
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        read!(self, "reading an API key", |tx| people::key(tx, &hash).await?)
    }

    async fn put_key(&self, hash: KeyHash, key: ApiKey) -> Result<(), StoreError> {
        write!(self, "keeping an API key", |tx| people::put_key(tx, &hash, &key).await?)
    }

    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<(), StoreError> {
        write!(self, "forgetting sign-ins", |tx| people::forget_sign_ins(tx, used_since).await?)
    }

    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        read!(self, "reading sign-ins", |tx| people::live_sign_ins(tx).await?)
    }

    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError> {
        read!(self, "reading a sign-in", |tx| people::sign_in(tx, &id).await?)
    }

    async fn begin_sign_in(&self, id: String, account: Text, first: Rotation) -> Result<(), StoreError> {
        write!(self, "beginning a sign-in", |tx| people::begin_sign_in(tx, &id, &account, first).await?)
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

    async fn end_sign_in(&self, id: String) -> Result<(), StoreError> {
        write!(self, "ending a sign-in", |tx| people::end_sign_in(tx, &id).await?)
    }

    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError> {
        write!(self, "ending sign-ins", |tx| people::end_sign_ins_of(tx, &account).await?)
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

    async fn version_of_others(&self) -> Result<i64, StoreError> {
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

impl Drop for Postgres {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
