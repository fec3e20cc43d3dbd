//! What waits for the cache thread: batches of a center melt into one, so that the queue never outgrows the board.

use crate::writer::Job;
use gwanje_cache::{CacheBatch, CacheCursor, CachedAlarm, CachedCommand, CachedName, CachedRow, CachedSkip};
use gwanje_model::{CenterId, DeliveryId, RowDigest, UtcMillis};
use gwanje_sync::{AlarmKey, Batch, CommandId, ForeignName, Mono, SkippedAlarms, StoredAlarm, StoredCommand};
use gwanje_wire::WireRow;
use gwanje_wire::rest::ReceiptStage;
use gwanje_wire::socket::Cursor;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Batches that wait, one a center.
pub(crate) type Melted = BTreeMap<CenterId, Gathered>;

/// A batch waits this long for others to melt with, milliseconds (write-behind is to stay below 50).
const GATHER_MS: u64 = 20;
/// What the machine refused (disk full, file locked) is tried again after this, milliseconds.
const RETRY_MS: u64 = 1_000;

/// Jobs in order. *Invariant:* two neighbours are never both [`Waiting::Write`].
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Waiting>,
    due: Option<Mono>,
    /// The first job was refused by the machine and waits until then; what only reads goes past it.
    retry_at: Option<Mono>,
    in_flight: bool,
}

#[derive(Debug)]
enum Waiting {
    Write(Melted),
    Other(Job),
}

/// Several batches of one center as one.
#[derive(Debug)]
pub(crate) struct Gathered {
    seq: u64,
    replace: bool,
    /// None: it left.
    rows: FxHashMap<DeliveryId, Option<WireRow>>,
    cursor: Option<Cursor>,
    digest: RowDigest,
    alarms: BTreeMap<AlarmKey, StoredAlarm>,
    alarm_seq: Option<u64>,
    proven_at: Option<UtcMillis>,
    alarms_skipped: Option<SkippedAlarms>,
    commands: BTreeMap<CommandId, StoredCommand>,
    settled: BTreeSet<CommandId>,
    /// Of a foreign server; none: forgotten.
    names: BTreeMap<DeliveryId, Option<ForeignName>>,
}

impl Outbox {
    /// Takes a batch in.
    pub(crate) fn write(&mut self, batch: Batch, now: Mono) {
        let due = self.due.get_or_insert(now.plus_ms(GATHER_MS));
        if !batch.commands.is_empty() {
            // A person waits for what is sent once this is written.
            *due = now;
        }
        if !matches!(self.waiting.back(), Some(Waiting::Write(_))) {
            self.waiting.push_back(Waiting::Write(Melted::new()));
        }
        if let Some(Waiting::Write(centers)) = self.waiting.back_mut() {
            match centers.get_mut(&batch.center) {
                Some(gathered) => gathered.add(batch),
                None => {
                    let center = batch.center.clone();
                    let mut gathered = Gathered::empty();
                    gathered.add(batch);
                    centers.insert(center, gathered);
                }
            }
        }
    }

    /// Jobs that wait, rows in them, and whether the machine refuses writes at present.
    pub(crate) fn depth(&self) -> (usize, usize, bool) {
        let rows = |waiting: &Waiting| match waiting {
            Waiting::Write(centers) => centers.values().map(|gathered| gathered.rows.len()).sum(),
            Waiting::Other(_) => 0,
        };
        (self.waiting.len(), self.waiting.iter().map(rows).sum(), self.retry_at.is_some())
    }

    /// Takes any other job in, behind all that came before.
    pub(crate) fn push(&mut self, job: Job) {
        if matches!(job, Job::Open(_)) {
            self.retry_at = None; // One last try of what the present file was refused, then the next file.
        }
        self.waiting.push_back(Waiting::Other(job));
    }

    /// The machine refused a job: it is tried again before all others, melted with what came since.
    pub(crate) fn put_back(&mut self, job: Job, now: Mono) {
        if self.waiting.iter().any(|waiting| matches!(waiting, Waiting::Other(Job::Open(_)))) {
            tracing::error!("the cache that was in use is left without its last changes");
            let open =
                self.waiting.iter().position(|waiting| matches!(waiting, Waiting::Other(Job::Open(_))));
            // Later changes without these would leave holes.
            self.waiting.drain(..open.unwrap_or(0));
            return;
        }
        self.retry_at = Some(now.plus_ms(RETRY_MS));
        match job {
            Job::Write(mut centers) => {
                if let Some(Waiting::Write(_)) = self.waiting.front()
                    && let Some(Waiting::Write(later)) = self.waiting.pop_front()
                {
                    melt(&mut centers, later);
                }
                self.waiting.push_front(Waiting::Write(centers));
            }
            job @ (Job::Open(_)
            | Job::Restore(_)
            | Job::Wipe(_)
            | Job::Audit(_)
            | Job::Keep(..)
            | Job::Forget(_)) => self.waiting.push_front(Waiting::Other(job)),
        }
    }

    /// The first job that needs no write and nothing of what waits before it.
    fn take_past(&mut self) -> Option<Job> {
        let at = self
            .waiting
            .iter()
            .position(|waiting| matches!(waiting, Waiting::Other(job) if job.only_reads()))?;
        let Some(Waiting::Other(Job::Restore(center) | Job::Audit(center))) = self.waiting.get(at) else {
            return None;
        };
        let is_held = |waiting: &Waiting| match waiting {
            Waiting::Other(Job::Wipe(of)) => of == center,
            Waiting::Other(Job::Open(_)) => true,
            Waiting::Write(_) | Waiting::Other(_) => false,
        };
        if self.waiting.iter().take(at).any(is_held) {
            return None;
        }
        let job = match self.waiting.remove(at)? {
            Waiting::Other(job) => job,
            Waiting::Write(_) => return None,
        };
        let are_neighbours = matches!(
            (self.waiting.get(at.wrapping_sub(1)), self.waiting.get(at)),
            (Some(Waiting::Write(_)), Some(Waiting::Write(_)))
        );
        if are_neighbours
            && let Some(Waiting::Write(later)) = self.waiting.remove(at)
            && let Some(Waiting::Write(earlier)) = self.waiting.get_mut(at - 1)
        {
            melt(earlier, later);
        }
        Some(job)
    }

    /// The cache was set aside: what waits to be written would leave holes in an empty one. The core persists everything
    /// afresh, under later numbers.
    pub(crate) fn forget_writes(&mut self) {
        let mut is_of_next_file = false;
        self.waiting.retain(|waiting| {
            is_of_next_file |= matches!(waiting, Waiting::Other(Job::Open(_)));
            is_of_next_file || !matches!(waiting, Waiting::Write(_))
        });
        if !is_of_next_file {
            self.due = None;
        }
    }

    /// The next job, when the thread is free and it is time.
    pub(crate) fn take(&mut self, now: Mono) -> Option<Job> {
        let only_writes = matches!(self.waiting.front(), Some(Waiting::Write(_))) && self.waiting.len() == 1;
        if self.in_flight || (only_writes && self.due.is_some_and(|due| now < due)) {
            return None;
        }
        let job = match self.retry_at {
            // Reads first: a write that fails again may take seconds.
            Some(at) => match self.take_past() {
                Some(job) => job,
                None if now < at => return None,
                None => self.take_now()?,
            },
            None => self.take_now()?,
        };
        self.in_flight = true;
        Some(job)
    }

    /// The next job whatever the time, for the end.
    pub(crate) fn take_now(&mut self) -> Option<Job> {
        match self.waiting.pop_front()? {
            Waiting::Write(centers) => {
                if self.waiting.iter().all(|waiting| !matches!(waiting, Waiting::Write(_))) {
                    self.due = None;
                }
                Some(Job::Write(centers))
            }
            Waiting::Other(job) => Some(job),
        }
    }

    /// The machine takes writes (again).
    pub(crate) fn mended(&mut self) {
        self.retry_at = None;
    }

    /// The thread is free again.
    pub(crate) fn freed(&mut self) {
        self.in_flight = false;
    }

    /// When to look again.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        if self.in_flight || self.waiting.is_empty() {
            return None;
        }
        self.retry_at.or(Some(self.due.unwrap_or_default()))
    }
}

impl Gathered {
    fn empty() -> Self {
        Self {
            seq: 0,
            replace: false,
            rows: FxHashMap::default(),
            cursor: None,
            digest: RowDigest::default(),
            alarms: BTreeMap::new(),
            alarm_seq: None,
            proven_at: None,
            alarms_skipped: None,
            commands: BTreeMap::new(),
            settled: BTreeSet::new(),
            names: BTreeMap::new(),
        }
    }

    fn add(&mut self, batch: Batch) {
        if batch.replace {
            self.replace = true;
            self.rows.clear();
        }
        // Within a batch a row either left or is there; removes first, as the cache writes them.
        self.rows.extend(batch.removes.into_iter().map(|id| (id, None)));
        self.rows.extend(batch.upserts.into_iter().map(|row| (row.id(), Some(row))));
        self.seq = batch.seq;
        self.digest = batch.rows;
        self.cursor = batch.cursor.or(self.cursor.take());
        self.alarms.extend(batch.alarms.into_iter().map(|alarm| (alarm.key, alarm)));
        self.alarm_seq = batch.alarm_seq.or(self.alarm_seq);
        self.proven_at = batch.proven_at.or(self.proven_at);
        self.alarms_skipped = batch.alarms_skipped.or(self.alarms_skipped.take());
        self.commands.extend(batch.commands.into_iter().map(|command| (command.command.clone(), command)));
        self.settle(batch.settled);
        self.names.extend(batch.names);
    }

    /// One that began and ended while it waited needs no place on the disk; its removal harms nothing.
    fn settle(&mut self, settled: impl IntoIterator<Item = CommandId>) {
        for command in settled {
            self.commands.remove(&command);
            self.settled.insert(command);
        }
    }

    /// What came later, on top.
    fn absorb(&mut self, later: Self) {
        if later.replace {
            self.replace = true;
            self.rows.clear();
        }
        self.rows.extend(later.rows);
        self.seq = later.seq;
        self.digest = later.digest;
        self.cursor = later.cursor.or(self.cursor.take());
        self.alarms.extend(later.alarms);
        self.alarm_seq = later.alarm_seq.or(self.alarm_seq);
        self.proven_at = later.proven_at.or(self.proven_at);
        self.alarms_skipped = later.alarms_skipped.or(self.alarms_skipped.take());
        self.commands.extend(later.commands);
        self.settle(later.settled);
        self.names.extend(later.names);
    }

    /// The number of its last batch.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// For the cache; kept, since the machine may refuse it.
    pub(crate) fn to_batch(&self, center: &CenterId) -> CacheBatch {
        let mut batch = CacheBatch {
            center: center.clone(),
            replace: self.replace,
            upserts: Vec::with_capacity(self.rows.len()),
            removes: Vec::new(),
            cursor: self
                .cursor
                .as_ref()
                .map(|cursor| CacheCursor { epoch: cursor.epoch.clone(), rev: cursor.rev }),
            rows: self.digest,
            alarms: self.alarms.values().map(cached_alarm).collect(),
            alarm_seq: self.alarm_seq,
            proven_at: self.proven_at,
            alarms_skipped: self
                .alarms_skipped
                .as_ref()
                .map(|skipped| CachedSkip { after: skipped.after, reader: skipped.reader.clone() }),
            commands: self.commands.values().map(cached_command).collect(),
            settled: self.settled.iter().map(|command| command.0.as_str().into()).collect(),
            names: Vec::new(),
            unnamed: Vec::new(),
        };
        for (id, name) in &self.names {
            match name {
                Some(ForeignName { name, left_at }) => {
                    batch.names.push(CachedName { id: *id, name: name.clone(), left_at: *left_at });
                }
                None => batch.unnamed.push(*id),
            }
        }
        for (id, row) in &self.rows {
            match row {
                Some(row) => batch.upserts.push(cached_row(row)),
                None => batch.removes.push(*id),
            }
        }
        // In the order of the tree, which SQLite writes fastest.
        batch.upserts.sort_unstable_by_key(|row| row.id);
        batch
    }
}

fn cached_row(row: &WireRow) -> CachedRow {
    CachedRow { id: row.id(), rev: row.rev(), delivery: row.delivery().cloned() }
}

fn melt(earlier: &mut Melted, later: Melted) {
    for (center, gathered) in later {
        match earlier.get_mut(&center) {
            Some(before) => before.absorb(gathered),
            None => {
                earlier.insert(center, gathered);
            }
        }
    }
}

fn cached_command(command: &StoredCommand) -> CachedCommand {
    CachedCommand {
        key: command.command.0.as_str().into(),
        delivery: command.delivery,
        action: command.action.clone(),
        clicked_at: command.clicked_at,
    }
}

fn cached_alarm(alarm: &StoredAlarm) -> CachedAlarm {
    CachedAlarm {
        id: alarm.key.id,
        kind: alarm.key.kind.as_str().into(),
        raised_at: alarm.key.raised_at,
        stage: alarm.stage.as_str().into(),
        at_hub: alarm.at_hub.map_or("", ReceiptStage::as_str).into(),
        row: alarm.delivery.as_ref().map(cached_row),
    }
}

/// The stage of a wire name.
pub(crate) fn stage_of(name: &str) -> Option<ReceiptStage> {
    [ReceiptStage::Delivered, ReceiptStage::Displayed, ReceiptStage::Acknowledged]
        .into_iter()
        .find(|stage| stage.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{Epoch, Rev};
    use gwanje_wire::rest::AlarmKind;
    use std::path::PathBuf;

    const NOW: Mono = Mono(1_000);

    fn row(id: u64, rev: u64) -> WireRow {
        WireRow::Unreadable { id: DeliveryId(id), rev: Rev(rev) }
    }

    fn batch(seq: u64, upserts: &[(u64, u64)], removes: &[u64]) -> Batch {
        Batch {
            center: CenterId::from("gangnam"),
            seq,
            replace: false,
            upserts: upserts.iter().map(|(id, rev)| row(*id, *rev)).collect(),
            removes: removes.iter().map(|id| DeliveryId(*id)).collect(),
            cursor: Some(Cursor { epoch: Epoch::from("E"), rev: Rev(seq) }),
            rows: RowDigest { count: seq, ..RowDigest::default() },
            alarms: Vec::new(),
            alarm_seq: None,
            proven_at: None,
            alarms_skipped: None,
            commands: Vec::new(),
            settled: Vec::new(),
            names: Vec::new(),
        }
    }

    fn written(job: Option<Job>) -> (Vec<CacheBatch>, Vec<(CenterId, u64)>) {
        match job {
            Some(Job::Write(centers)) => (
                centers.iter().map(|(center, gathered)| gathered.to_batch(center)).collect(),
                centers.iter().map(|(center, gathered)| (center.clone(), gathered.seq)).collect(),
            ),
            other => panic!("{other:?} is no write"),
        }
    }

    #[test]
    fn batches_of_a_center_melt_into_one() {
        let mut outbox = Outbox::default();
        let key = AlarmKey { id: DeliveryId(1), kind: AlarmKind::Cancelled, raised_at: UtcMillis(5) };
        let alarm = |stage| StoredAlarm { key, stage, at_hub: None, delivery: None };
        outbox.write(
            Batch {
                alarms: vec![alarm(ReceiptStage::Delivered)],
                alarm_seq: Some(4),
                ..batch(1, &[(1, 1), (2, 2)], &[])
            },
            NOW,
        );
        outbox.write(Batch { cursor: None, ..batch(2, &[(3, 3)], &[1]) }, NOW);
        outbox.write(
            Batch { alarms: vec![alarm(ReceiptStage::Acknowledged)], ..batch(3, &[(1, 4)], &[2]) },
            NOW,
        );
        assert!(outbox.take(NOW.plus_ms(GATHER_MS - 1)).is_none(), "others may still come");
        let (batches, upto) = written(outbox.take(NOW.plus_ms(GATHER_MS)));
        assert_eq!(upto, [(CenterId::from("gangnam"), 3)]);
        let [batch] = batches.as_slice() else { panic!("{batches:?}") };
        let rows: Vec<_> = batch.upserts.iter().map(|row| (row.id.0, row.rev.0)).collect();
        assert_eq!(rows, [(1, 4), (3, 3)]);
        assert_eq!(batch.removes, [DeliveryId(2)]);
        assert_eq!(batch.cursor.as_ref().unwrap().rev, Rev(3));
        assert_eq!((batch.rows.count, batch.alarm_seq), (3, Some(4)));
        assert_eq!(batch.alarms.len(), 1);
        assert_eq!(batch.alarms[0].stage, "acknowledged");
    }

    #[test]
    fn a_replacement_forgets_what_came_before_and_keeps_what_comes_after() {
        let mut outbox = Outbox::default();
        outbox.write(batch(1, &[(1, 1)], &[]), NOW);
        outbox.write(Batch { replace: true, ..batch(2, &[(2, 2)], &[]) }, NOW);
        outbox.write(batch(3, &[(3, 3)], &[2]), NOW);
        let (batches, _) = written(outbox.take_now());
        assert!(batches[0].replace);
        assert_eq!(batches[0].upserts.len(), 1);
        assert_eq!(batches[0].upserts[0].id, DeliveryId(3));
    }

    #[test]
    fn one_job_is_out_at_a_time_and_order_is_kept() {
        let mut outbox = Outbox::default();
        outbox.write(batch(1, &[(1, 1)], &[]), NOW);
        outbox.push(Job::Wipe(CenterId::from("gangnam")));
        outbox.write(batch(2, &[(2, 2)], &[]), NOW);
        // A write that something waits behind does not wait for company.
        assert_eq!(written(outbox.take(NOW)).1[0].1, 1);
        assert!(outbox.take(NOW.plus_ms(1_000)).is_none());
        assert_eq!(outbox.deadline(), None);
        outbox.freed();
        assert!(matches!(outbox.take(NOW), Some(Job::Wipe(_))));
        outbox.freed();
        assert_eq!(outbox.deadline(), Some(NOW.plus_ms(GATHER_MS)));
        assert_eq!(written(outbox.take(NOW.plus_ms(GATHER_MS))).1[0].1, 2);
        outbox.freed();
        assert_eq!(outbox.deadline(), None);
    }

    #[test]
    fn reads_go_past_a_refused_write_which_melts_with_what_came_since() {
        let mut outbox = Outbox::default();
        outbox.write(batch(1, &[(1, 1)], &[]), NOW);
        let refused = outbox.take_now().unwrap();
        outbox.push(Job::Restore(CenterId::from("songpa")));
        outbox.write(batch(2, &[(2, 2)], &[1]), NOW);
        outbox.put_back(refused, NOW);
        assert!(matches!(outbox.take(NOW), Some(Job::Restore(_))));
        outbox.freed();
        assert!(outbox.take(NOW).is_none());
        assert_eq!(outbox.deadline(), Some(NOW.plus_ms(RETRY_MS)));
        let (batches, upto) = written(outbox.take(NOW.plus_ms(RETRY_MS)));
        assert_eq!((upto[0].1, batches.len(), batches[0].upserts.len()), (2, 1, 1));
        assert_eq!(batches[0].removes, [DeliveryId(1)]);
    }

    #[test]
    fn a_read_waits_for_the_wiping_of_its_center() {
        let mut outbox = Outbox::default();
        outbox.put_back(Job::Wipe(CenterId::from("gangnam")), NOW);
        outbox.push(Job::Restore(CenterId::from("gangnam")));
        assert!(outbox.take(NOW).is_none());
        assert!(matches!(outbox.take(NOW.plus_ms(RETRY_MS)), Some(Job::Wipe(_))));
        outbox.mended();
        outbox.freed();
        assert!(matches!(outbox.take(NOW), Some(Job::Restore(_))));
    }

    #[test]
    fn what_waits_for_a_lost_cache_is_forgotten_and_nothing_else() {
        let mut outbox = Outbox::default();
        outbox.write(batch(1, &[(1, 1)], &[]), NOW);
        outbox.push(Job::Forget(PathBuf::from("session.json")));
        outbox.write(batch(2, &[(2, 2)], &[]), NOW);
        outbox.forget_writes();
        assert!(matches!(outbox.take(NOW), Some(Job::Forget(_))));
        outbox.freed();
        assert_eq!(outbox.deadline(), None);
    }
}
