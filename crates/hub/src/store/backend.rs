//! What a store must do, whatever keeps it: few, whole methods. Each write is one transaction and answers once that is
//! durable; each read is one transaction, so that a row, a frame and a head of one answer agree.

use super::audit::{AuditSearch, Placed};
use super::board::Wanted;
use super::changing::{By, PeopleChange, PeopleRefused, PeopleWrite};
use super::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotation};
use super::throttle::{Attempt, Counted, Verdict};
use super::{
    After, BoardStream, CenterRecord, Chore, Erased, Found, Lease, Now, PastSearch, Preference,
    PreferenceKept, Replaces, Selection, StoreError,
};
use crate::fanout::Fanout;
use async_trait::async_trait;
use gwanje_ledger::{
    BatchCommand, BatchDecided, Command, Decided, Erasure, Signature, Standing, WordRefused,
};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RowDigest, Text, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{Frame, Problem, ResyncReason, WireRow};
use std::sync::Arc;

/// Forgets at most this many outcomes or tickets at once: bounds the transaction that does it.
pub(super) const FORGOTTEN_AT_ONCE: i64 = 64;

/// Alarms written in one transaction at most, and as many escalated: bounds how long commands wait for it.
pub(super) const DUE_AT_ONCE: usize = 200;
/// The most alarms forgotten in one transaction, first those of which nobody has given word for the longest.
pub(super) const ALARMS_FORGOTTEN_AT_ONCE: usize = 500;

/// For whom something is read: whatever is asked for, and however much, keeps nobody waiting for what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody asks, and may wait.
    Asked,
    /// All who follow a center are to be told.
    Told,
}

/// A read of a center beside its standing and a frame; none: there is no such center.
pub(super) type Beside<T> = Option<Result<(Standing, Option<Frame>, T), ResyncReason>>;

/// What became of a batch.
pub(super) type BatchOutcome = Result<BatchDecided, Box<Problem>>;

/// A store behind the hub's [`Store`](super::Store): it loads, asks the ledger, writes, and publishes what it committed to
/// the centers in memory before it answers. When a write fails, nothing of it happened.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    // What changes centers.

    async fn execute(&self, command: Command) -> Result<Decided, StoreError>;
    /// In order, in one transaction; each has its own revision and outcome.
    async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError>;
    async fn execute_batch(&self, command: BatchCommand) -> Result<BatchOutcome, StoreError>;
    async fn close_command(
        &self,
        account: Text,
        center: CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError>;
    async fn give_word(
        &self,
        center: CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<Result<(), WordRefused>, StoreError>;
    /// Writes some of what is due, and escalates; returns how many.
    async fn write_due(&self, center: CenterId) -> Result<usize, StoreError>;
    /// Archives at most so many that ended before `day_at`, drops tombstones beyond `kept` and old alarms; returns how many
    /// left the board.
    async fn archive(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
        kept: u64,
    ) -> Result<usize, StoreError>;
    /// Forgets at most so many deliveries that left the board before `day_at` and that no alarm names, with their histories,
    /// and outcomes that are over; returns how many deliveries.
    async fn forget_past(
        &self,
        center: CenterId,
        day_at: UtcMillis,
        at_most: usize,
    ) -> Result<usize, StoreError>;
    /// Erases a customer from a center: from live rows under revisions of their own, from all that is past in place.
    async fn erase(&self, center: CenterId, erasure: Erasure, by: Text) -> Result<Erased, StoreError>;
    /// Erases a customer from what belongs to no center; from how many records.
    async fn erase_beside(&self, erasure: Erasure) -> Result<usize, StoreError>;
    /// Writes anew what holds rows, so that nothing is left of what was overwritten or deleted. Commits wait for it.
    async fn rewrite(&self) -> Result<(), StoreError>;
    async fn keep_tombstones(&self, center: CenterId, kept: u64) -> Result<(), StoreError>;
    async fn begin_epoch(&self, center: CenterId, epoch: Epoch) -> Result<(), StoreError>;
    /// Sets a center up, or changes its name, place and zone; a new one begins with this epoch.
    async fn ensure_center(&self, center: CenterRecord, epoch: Epoch) -> Result<(), StoreError>;
    async fn upsert_riders(&self, center: CenterId, riders: Vec<Rider>) -> Result<(), StoreError>;

    // What is read of centers.

    async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError>;
    /// `at` is now.
    async fn standing(&self, center: CenterId, at: Now, lane: Lane) -> Result<Option<Standing>, StoreError>;
    /// The frame after `from`; none: it can't start there.
    async fn frame(
        &self,
        center: CenterId,
        from: Rev,
        limit: usize,
        at: UtcMillis,
        lane: Lane,
    ) -> Result<Option<(Standing, Option<Frame>)>, StoreError>;
    async fn buckets(
        &self,
        center: CenterId,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<RowDigest>>, StoreError>;
    async fn rows(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<WireRow>>, StoreError>;
    async fn revs(
        &self,
        center: CenterId,
        selection: Selection,
        after: After,
        at: UtcMillis,
    ) -> Result<Beside<Vec<(DeliveryId, Rev)>>, StoreError>;
    /// Rows as JSON, read and handed over piece by piece.
    async fn stream(&self, center: CenterId, wanted: Wanted) -> Result<BoardStream, StoreError>;
    /// Live or archived.
    async fn delivery(&self, center: CenterId, id: DeliveryId) -> Result<Option<Delivery>, StoreError>;
    async fn history(&self, center: CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError>;
    async fn alarms(
        &self,
        center: CenterId,
        after: u64,
        limit: usize,
        lane: Lane,
    ) -> Result<Option<AlarmsReply>, StoreError>;
    /// Whether [`Self::write_due`] would find anything, at the cost of two looks at an index and no lock.
    async fn is_anything_due(&self, center: CenterId, now: Now) -> Result<bool, StoreError>;
    async fn riders(&self, center: CenterId) -> Result<Vec<Rider>, StoreError>;
    async fn search(&self, center: CenterId, search: PastSearch) -> Result<Found, StoreError>;

    /// Takes the lease of a chore, or goes on with it, where no other hub has it.
    async fn take_lease(&self, chore: Chore, center: CenterId) -> Result<Lease, StoreError>;

    // What is kept beside them.

    async fn note(&self, key: String) -> Result<Option<String>, StoreError>;
    /// Keeps a text where there is none yet; gives what is kept then.
    async fn keep_first_note(&self, key: String, value: String) -> Result<String, StoreError>;
    async fn keep_note(&self, key: String, value: String) -> Result<(), StoreError>;
    async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError>;
    async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError>;

    // Who may come in.

    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;
    async fn account(&self, name: String) -> Result<Option<Account>, StoreError>;
    /// Decides it as [`super::changing::decide`] does, over all there are, and writes it with its line of the audit.
    async fn change_people(
        &self,
        change: PeopleChange,
        by: Option<By>,
        at: UtcMillis,
    ) -> Result<Result<PeopleWrite, PeopleRefused>, StoreError>;
    async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError>;
    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError>;
    /// Forgets sign-ins that were not used since then; how many.
    async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<usize, StoreError>;
    /// Id and account of each that lives.
    async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError>;
    /// The account of a sign-in that lives.
    async fn sign_in(&self, id: String) -> Result<Option<Text>, StoreError>;
    /// The account of one, whether or not it lives still.
    async fn sign_in_of_ever(&self, id: String) -> Result<Option<Text>, StoreError>;
    /// Those that live, of an account or of all, oldest first.
    async fn sign_ins_of(&self, account: Option<Text>) -> Result<Vec<KeptSignIn>, StoreError>;
    /// False: the account is not any more as it is here.
    async fn begin_sign_in(
        &self,
        id: String,
        account: Account,
        first: Rotation,
        from: Text,
    ) -> Result<bool, StoreError>;
    /// Spends the refresh token of a generation, as [`super::people::rotate`] decides; none: the sign-in is over.
    async fn rotate(
        &self,
        id: String,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError>;
    /// Notes that a ticket is spent; false: it was before. Those that can't be spent any more are forgotten.
    async fn spend_ticket(
        &self,
        nonce: String,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError>;
    /// What is known of a sign-in before its password is checked.
    async fn look_at_attempt(&self, attempt: Attempt) -> Result<Counted, StoreError>;
    /// Counts it as failed, unless it has to wait.
    async fn begin_attempt(&self, attempt: Attempt) -> Result<Verdict, StoreError>;
    /// Takes back that it failed; what failed of the same account from there counts no more.
    async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), StoreError>;
    async fn end_sign_in(&self, id: String) -> Result<(), StoreError>;
    async fn end_sign_ins_of(&self, account: String) -> Result<(), StoreError>;

    // What is told of who did what.

    async fn write_audit(&self, lines: Vec<Placed>) -> Result<(), StoreError>;
    /// By instant and id.
    async fn audit(&self, search: AuditSearch) -> Result<Vec<Placed>, StoreError>;
    /// Forgets at most so many of before an instant; how many.
    async fn forget_audit(&self, before: UtcMillis, at_most: usize) -> Result<usize, StoreError>;

    // The store itself.

    /// Whether it can be read, and takes writes where that can change while it runs.
    async fn answers(&self) -> Result<(), StoreError>;
    /// A number that grows with every write of accounts and keys, and with every end of a sign-in, by whichever process.
    async fn people_version(&self) -> Result<i64, StoreError>;
    /// Whether other hubs may serve it, too.
    fn is_shared(&self) -> bool;
    /// What it does without at present, by name: nothing that it needs.
    fn without(&self) -> Vec<&'static str>;
    /// The way to the other hubs; none: it has no others, or hears of them by the store alone.
    fn fanout(&self) -> Option<Arc<dyn Fanout>>;
    /// Whether it takes writes: no more after [`Self::close`], and if it ever failed.
    fn takes_writes(&self) -> bool;
    /// Commits what is under way and ends; later writes are refused.
    async fn close(&self);
}
