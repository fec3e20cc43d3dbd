//! The one writer: a thread that drains a queue and commits everything it finds there in one transaction.
//!
//! Under load a commit costs one flush to disk for many commands. Nothing is published or answered before that
//! commit is durable; when it fails, nothing of it happened and every caller is told so. A job that fails takes no other
//! with it: what it did is taken back, in the transaction and in memory.

use super::tidying::Tidying;
use crate::store::gathering::Gathering;
use crate::store::lines::Lines;
use gwanje_ledger::{Entry, Moment, Standing};
use gwanje_model::digest::DigestSum;
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, RowDigest};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// The most jobs that one transaction takes: bounds how long the first waits for the last.
const BATCH_JOBS: usize = 256;
/// Between two looks for a job while more are expected.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// What a job leaves behind: its answer, given once the transaction is durable.
pub(super) type Settle = Box<dyn FnOnce() + Send>;
/// Something to do within the next transaction.
pub(super) type Job = Box<dyn FnOnce(&mut Batch<'_>) -> rusqlite::Result<Settle> + Send>;

/// The transaction under way, and what it will change in memory once it is durable.
pub(crate) struct Batch<'db> {
    tx: &'db Transaction<'db>,
    staged: BTreeMap<CenterId, Staged>,
    fresh: Vec<CenterId>,
    /// Both clocks at the start of the transaction.
    pub now: Moment,
    deliveries: Option<Deliveries>,
    /// How it was when the job under way began.
    begun: Begun,
}

/// What a job that fails is taken back to.
#[derive(Default)]
struct Begun {
    /// Where the centers stood that it has touched, and how many changes they had.
    touched: BTreeMap<CenterId, (Standing, usize)>,
    fresh: usize,
    last_delivery: Option<u64>,
}

/// The last id that was given to a delivery.
struct Deliveries {
    /// As the store has it.
    stored: u64,
    last: u64,
}

/// A center within a transaction.
pub(crate) struct Staged {
    pub(super) standing: Standing,
    /// Where it stood before this transaction.
    before: Standing,
    /// What followers will be told, by revision.
    pub(super) changes: Vec<Entry>,
}

impl Staged {
    fn new(standing: Standing) -> Self {
        Self { before: standing.clone(), standing, changes: Vec::new() }
    }

    fn is_changed(&self) -> bool {
        self.standing != self.before
    }

    /// Begins a new history.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        self.standing.begin_epoch(epoch);
        self.changes.clear();
    }
}

impl<'db> Batch<'db> {
    /// The open transaction.
    pub fn db(&self) -> &'db Transaction<'db> {
        self.tx
    }

    /// A center in this transaction, where it exists.
    pub fn center(&mut self, id: &CenterId) -> rusqlite::Result<Option<&mut Staged>> {
        if !self.staged.contains_key(id) {
            let Some(standing) = read_standing(self.tx, id)? else { return Ok(None) };
            self.staged.insert(id.clone(), Staged::new(standing));
        }
        let staged = self.staged.get_mut(id);
        if let Some(staged) = &staged
            && !self.begun.touched.contains_key(id)
        {
            self.begun.touched.insert(id.clone(), (staged.standing.clone(), staged.changes.len()));
        }
        Ok(staged)
    }

    /// Runs a job; what one that fails did is taken back.
    fn run(&mut self, job: Job) -> rusqlite::Result<Option<Settle>> {
        let last_delivery = self.deliveries.as_ref().map(|known| known.last);
        self.begun = Begun { touched: BTreeMap::new(), fresh: self.fresh.len(), last_delivery };
        self.tx.prepare_cached("SAVEPOINT job")?.execute([])?;
        match job(self) {
            Ok(settle) => {
                self.tx.prepare_cached("RELEASE job")?.execute([])?;
                Ok(Some(settle))
            }
            // With the transaction gone, the savepoint is gone, too: nobody's job was done.
            Err(error) if self.tx.is_autocommit() => Err(error),
            Err(error) => {
                tracing::error!(%error, "a job failed and is refused; the others of its transaction go on");
                self.tx.prepare_cached("ROLLBACK TO job")?.execute([])?;
                self.tx.prepare_cached("RELEASE job")?.execute([])?;
                self.take_back();
                Ok(None)
            }
        }
    }

    fn take_back(&mut self) {
        for (id, (standing, changes)) in std::mem::take(&mut self.begun.touched) {
            if let Some(staged) = self.staged.get_mut(&id) {
                staged.standing = standing;
                staged.changes.truncate(changes);
            }
        }
        self.fresh.truncate(self.begun.fresh);
        match (&mut self.deliveries, self.begun.last_delivery) {
            (Some(known), Some(last)) => known.last = last,
            (known, _) => *known = None,
        }
    }

    /// The last id that was given to a delivery; 0: none was.
    pub fn last_delivery(&mut self) -> rusqlite::Result<u64> {
        if let Some(Deliveries { last, .. }) = self.deliveries {
            return Ok(last);
        }
        let stored = self
            .tx
            .prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_delivery'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let last = stored.map_or(0, unsigned);
        self.deliveries = Some(Deliveries { stored: last, last });
        Ok(last)
    }

    /// Notes that this id was given to a delivery.
    pub fn delivery_created(&mut self, id: DeliveryId) {
        if let Some(deliveries) = &mut self.deliveries {
            deliveries.last = deliveries.last.max(id.0);
        }
    }

    /// Notes that a center was created in this transaction.
    pub fn center_created(&mut self, id: CenterId) {
        self.fresh.push(id);
    }
}

/// A center's standing as the store has it.
pub(super) fn read_standing(db: &Connection, id: &CenterId) -> rusqlite::Result<Option<Standing>> {
    db.prepare_cached(
        "SELECT epoch, rev, count, digest, floor, alarm_seq, next_number FROM center WHERE id = ?1",
    )?
    .query_row([id.as_str()], |row| {
        Ok(Standing {
            epoch: Epoch::from(row.get::<_, String>(0)?),
            rev: Rev(unsigned(row.get(1)?)),
            rows: RowDigest { count: unsigned(row.get(2)?), digest: DigestSum(unsigned(row.get(3)?)) },
            floor: Rev(unsigned(row.get(4)?)),
            alarm_seq: unsigned(row.get(5)?),
            next_number: unsigned(row.get(6)?),
        })
    })
    .optional()
}

/// An integer as SQLite keeps it: the same 64 bits, signed.
pub(super) fn signed(value: u64) -> i64 {
    value.cast_signed()
}

/// The integer behind [`signed`].
pub(super) fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

/// Runs until every sender of jobs is gone. Leaves the write-ahead log folded into the store.
pub(super) fn run(mut db: Connection, mut jobs: mpsc::Receiver<Job>, lines: &Lines, tidying: &Tidying) {
    let mut gathering = Gathering::default();
    while let Some(first) = jobs.blocking_recv() {
        let batch = gather(first, &mut jobs, &gathering);
        let (count, begun) = (batch.len(), Instant::now());
        match commit(&mut db, batch, lines) {
            Ok(settled) => {
                lines.meters.committed(begun.elapsed());
                settled.into_iter().for_each(|settle| settle());
            }
            // Dropping the settles tells each caller that nothing was written.
            Err(error) => tracing::error!(%error, "a transaction was rolled back; its commands are refused"),
        }
        gathering.committed(count, begun.elapsed());
        tidying.committed();
        tidying.rewrite_if_asked(&db);
    }
    if let Err((_, error)) = db.close() {
        tracing::warn!(%error, "closing the store");
    }
}

/// What goes into one transaction: what is there, and under load what comes in a moment.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>, gathering: &Gathering) -> Vec<Job> {
    let mut batch = vec![first];
    let mut until = None;
    while batch.len() < BATCH_JOBS {
        match jobs.try_recv() {
            Ok(job) => batch.push(job),
            Err(TryRecvError::Empty) if batch.len() < gathering.expected(BATCH_JOBS) => {
                let patience = gathering.patience(batch.len());
                if Instant::now() >= *until.get_or_insert_with(|| Instant::now() + patience) {
                    break;
                }
                std::thread::sleep(LOOK_AGAIN);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    batch
}

fn commit(db: &mut Connection, jobs: Vec<Job>, lines: &Lines) -> rusqlite::Result<Vec<Settle>> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let now = Moment { wall: lines.clock.wall_now(), day: lines.clock.day_now() };
    let begun = Begun::default();
    let mut batch =
        Batch { tx: &tx, staged: BTreeMap::new(), fresh: Vec::new(), now, deliveries: None, begun };
    let mut settled = Vec::with_capacity(jobs.len());
    for job in jobs {
        settled.extend(batch.run(job)?);
    }
    let Batch { staged, fresh, deliveries, .. } = batch;
    if let Some(Deliveries { last, .. }) = deliveries.filter(|known| known.last != known.stored) {
        tx.prepare_cached(
            "INSERT INTO meta (key, value) VALUES ('last_delivery', ?1) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([last.to_string()])?;
    }
    for (id, center) in staged.iter().filter(|(_, center)| center.is_changed()) {
        let Standing { epoch, rev, rows, floor, alarm_seq, next_number } = &center.standing;
        tx.prepare_cached(
            "UPDATE center SET epoch = ?2, rev = ?3, count = ?4, digest = ?5, floor = ?6, alarm_seq = ?7, \
             next_number = ?8 WHERE id = ?1",
        )?
        .execute(params![
            id.as_str(),
            epoch.as_str(),
            signed(rev.0),
            signed(rows.count),
            signed(rows.digest.0),
            signed(floor.0),
            signed(*alarm_seq),
            signed(*next_number),
        ])?;
    }
    let mut created = Vec::new();
    for id in fresh {
        if !staged.contains_key(&id)
            && let Some(standing) = read_standing(&tx, &id)?
        {
            created.push((id, standing));
        }
    }
    tx.commit()?;
    for (id, standing) in created {
        if lines.get(&id).is_none() {
            lines.add(id, standing, None);
        }
    }
    for (id, center) in staged {
        match lines.get(&id) {
            Some(line) if center.is_changed() => line.publish(center.standing, center.changes),
            Some(_) => {}
            None => lines.add(id, center.standing, None),
        }
    }
    Ok(settled)
}
