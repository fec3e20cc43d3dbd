//! Batches that wait, melted: one a center, in which what came later wins.

use crate::translate::{cached_alarm, cached_command, cached_cursor, cached_own, cached_row, cached_skip};
use gwanje_cache::{CacheBatch, CachedDraft, CachedName, DraftChanges, DraftKey};
use gwanje_model::{CenterId, DeliveryId, RowDigest, UtcMillis};
use gwanje_sync::mutation::{Mutation, is_mutated};
use gwanje_sync::{
    AlarmKey, Batch, CommandId, ForeignName, OwnCancellation, SkippedAlarms, StoredAlarm, StoredCommand,
};
use gwanje_wire::WireRow;
use gwanje_wire::socket::Cursor;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// What is written as one transaction.
#[derive(Debug, Default)]
pub struct Melted {
    centers: BTreeMap<CenterId, Gathered>,
    drafts: DraftChanges,
}

/// Several batches of one center as one.
#[derive(Debug)]
struct Gathered {
    /// Of its last batch.
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
    own: BTreeMap<DeliveryId, OwnCancellation>,
    /// Of a foreign server; none: forgotten.
    names: BTreeMap<DeliveryId, Option<ForeignName>>,
}

impl Melted {
    /// Up to which batch of each center.
    #[must_use]
    pub fn upto(&self) -> Vec<(CenterId, u64)> {
        self.centers.iter().map(|(center, gathered)| (center.clone(), gathered.seq)).collect()
    }

    /// How many rows come, change or leave.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.centers.values().map(|gathered| gathered.rows.len()).sum()
    }

    /// For the cache; kept, since the machine may refuse it.
    #[must_use]
    pub fn batches(&self) -> Vec<CacheBatch> {
        self.centers.iter().map(|(center, gathered)| gathered.batch(center)).collect()
    }

    /// Drafts that are new, have changed or are gone; written with the batches.
    #[must_use]
    pub fn drafts(&self) -> &DraftChanges {
        &self.drafts
    }

    /// Takes in a draft as it is now; none: gone.
    pub(crate) fn set_draft(&mut self, key: DraftKey, draft: Option<CachedDraft>) {
        self.drafts.insert(key, draft);
    }

    /// Takes in a batch that came later.
    pub(crate) fn add(&mut self, batch: Batch) {
        let (center, later) = (batch.center.clone(), Gathered::from(batch));
        self.put(center, later);
    }

    /// Takes in all that came later.
    pub(crate) fn melt(&mut self, later: Self) {
        for (center, gathered) in later.centers {
            self.put(center, gathered);
        }
        self.drafts.extend(later.drafts);
    }

    fn put(&mut self, center: CenterId, later: Gathered) {
        match self.centers.get_mut(&center) {
            Some(gathered) => gathered.absorb(later),
            None => {
                self.centers.insert(center, later);
            }
        }
    }

    /// Parts the rows from what is written with them (a deliberate bug). None: no rows with a cursor.
    pub(crate) fn part_rows(&mut self) -> Option<Self> {
        let mut rows = Self::default();
        for (center, gathered) in &mut self.centers {
            if gathered.cursor.is_some() && !gathered.rows.is_empty() {
                let mut parted = Gathered::empty(gathered.seq, gathered.digest);
                parted.replace = std::mem::take(&mut gathered.replace);
                parted.rows = std::mem::take(&mut gathered.rows);
                rows.centers.insert(center.clone(), parted);
            }
        }
        (!rows.centers.is_empty()).then_some(rows)
    }
}

impl From<Batch> for Gathered {
    fn from(batch: Batch) -> Self {
        let mut gathered = Self::empty(batch.seq, batch.rows);
        gathered.replace = batch.replace;
        // Within a batch a row either left or is there; removes first, as the cache writes them.
        gathered.rows.reserve(batch.removes.len() + batch.upserts.len());
        gathered.rows.extend(batch.removes.into_iter().map(|id| (id, None)));
        gathered.rows.extend(batch.upserts.into_iter().map(|row| (row.id(), Some(row))));
        gathered.cursor = batch.cursor;
        gathered.alarms = batch.alarms.into_iter().map(|alarm| (alarm.key, alarm)).collect();
        gathered.alarm_seq = batch.alarm_seq;
        gathered.proven_at = batch.proven_at;
        gathered.alarms_skipped = batch.alarms_skipped;
        gathered.commands =
            batch.commands.into_iter().map(|command| (command.command.clone(), command)).collect();
        gathered.settle(batch.settled);
        gathered.own = batch.own.into_iter().map(|own| (own.id, own)).collect();
        gathered.names = batch.names.into_iter().collect();
        gathered
    }
}

impl Gathered {
    fn empty(seq: u64, digest: RowDigest) -> Self {
        Self {
            seq,
            replace: false,
            rows: FxHashMap::default(),
            cursor: None,
            digest,
            alarms: BTreeMap::new(),
            alarm_seq: None,
            proven_at: None,
            alarms_skipped: None,
            commands: BTreeMap::new(),
            settled: BTreeSet::new(),
            own: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// What came later, on top.
    fn absorb(&mut self, later: Self) {
        if later.replace {
            self.replace = true;
            self.rows.clear();
        }
        self.rows.reserve(later.rows.len());
        for (id, row) in later.rows {
            if is_mutated(Mutation::EarlierRowWins) && self.rows.contains_key(&id) {
                continue;
            }
            self.rows.insert(id, row);
        }
        self.seq = later.seq;
        self.digest = later.digest;
        self.cursor = later.cursor.or(self.cursor.take());
        self.alarms.extend(later.alarms);
        self.alarm_seq = later.alarm_seq.or(self.alarm_seq);
        self.proven_at = later.proven_at.or(self.proven_at);
        self.alarms_skipped = later.alarms_skipped.or(self.alarms_skipped.take());
        self.commands.extend(later.commands);
        self.settle(later.settled);
        self.own.extend(later.own);
        self.names.extend(later.names);
    }

    /// One that began and ended while it waited needs no place on the disk; its removal harms nothing.
    fn settle(&mut self, settled: impl IntoIterator<Item = CommandId>) {
        for command in settled {
            self.commands.remove(&command);
            self.settled.insert(command);
        }
    }

    fn batch(&self, center: &CenterId) -> CacheBatch {
        let mut batch = CacheBatch {
            center: center.clone(),
            replace: self.replace,
            upserts: Vec::with_capacity(self.rows.len()),
            removes: Vec::new(),
            cursor: self.cursor.as_ref().map(cached_cursor),
            rows: self.digest,
            alarms: self.alarms.values().map(cached_alarm).collect(),
            alarm_seq: self.alarm_seq,
            proven_at: self.proven_at,
            alarms_skipped: self.alarms_skipped.as_ref().map(cached_skip),
            commands: self.commands.values().map(cached_command).collect(),
            settled: self.settled.iter().map(|command| command.0.as_str().into()).collect(),
            own: self.own.values().map(cached_own).collect(),
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
