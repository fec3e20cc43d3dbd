//! One center: rows, revisions, tombstones, the floor, and its frames.

use super::At;
use gwanje_model::{
    CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RiderId, RowDigest, Status, Text, UtcMillis,
};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::frame::{FRAME_MAX_BYTES, FRAME_MAX_ENTRIES};
use gwanje_wire::rest::{AlarmEntry, AlarmKind};
use gwanje_wire::{Frame, Gone, LatestChange, Person, WireRow};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that a hub reckons for a frame beside its entries.
const AROUND_BYTES: usize = 512;
/// Bytes that a hub reckons for a tombstone.
const GONE_BYTES: usize = 64;

/// Keeps alarms this long after they were raised, and until their deliveries have left the board, milliseconds of
/// operations time: a week.
const ALARMS_KEPT_MS: i64 = 7 * 86_400_000;
/// Forgets so many alarms at most with each archiving.
const ALARMS_FORGOTTEN: usize = 500;

/// One center.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Naive {
    /// Its id.
    pub id: CenterId,
    /// The history in which `rev` counts.
    pub epoch: Epoch,
    /// The latest revision.
    pub rev: Rev,
    /// No frame starts below this revision.
    pub floor: Rev,
    /// Live rows.
    pub rows: BTreeMap<DeliveryId, Arc<Delivery>>,
    /// Kept tombstones, by the revision at which the row left.
    pub gone: BTreeMap<Rev, DeliveryId>,
    /// Rows as they were when they left the board.
    pub archive: BTreeMap<DeliveryId, Arc<Delivery>>,
    /// Who did it is kept by account alone: names are added where it is told.
    pub(crate) history: BTreeMap<DeliveryId, Vec<HistoryEvent>>,
    /// Of live rows: what their latest change replaced.
    pub(super) changed: BTreeMap<DeliveryId, Changed>,
    /// Alarms by delivery, kind and instant.
    pub alarms: BTreeMap<(DeliveryId, AlarmKind, UtcMillis), AlarmEntry>,
    /// The seq of the latest alarm or receipt.
    pub alarm_seq: u64,
    pub(super) orders_taken: u64,
    /// The riders of this center, as it lists them.
    pub riders: BTreeMap<RiderId, Rider>,
}

/// What the latest change of a row replaced.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Changed {
    /// When, by the wall's clock.
    pub wall: UtcMillis,
    /// The row before; none: the row is new.
    pub before: Option<Arc<Delivery>>,
}

enum Change {
    Row(Arc<Delivery>),
    Gone(DeliveryId),
}

impl Naive {
    pub(super) fn new(id: CenterId, epoch: Epoch, riders: Vec<Rider>) -> Self {
        Self {
            id,
            epoch,
            rev: Rev::ZERO,
            floor: Rev::ZERO,
            rows: BTreeMap::new(),
            gone: BTreeMap::new(),
            archive: BTreeMap::new(),
            history: BTreeMap::new(),
            changed: BTreeMap::new(),
            alarms: BTreeMap::new(),
            alarm_seq: 0,
            orders_taken: 0,
            riders: riders.into_iter().map(|rider| (rider.id.clone(), rider)).collect(),
        }
    }

    /// Count and digest of the live rows.
    #[must_use]
    pub(crate) fn digest(&self) -> RowDigest {
        RowDigest::of(self.rows.values().map(|row| (row.id, row.rev)))
    }

    /// The change that made a live row what it is.
    pub(super) fn latest_change(&self, row: &Delivery) -> Option<LatestChange> {
        let event = self.history.get(&row.id)?.iter().rev().find(|event| event.rev == row.rev)?;
        let HistoryEvent { rev, at, by, action, .. } = event.clone();
        Some(LatestChange { rev, at, by, action })
    }

    /// What changed after `from`, oldest first: at most `limit` entries, and no more than one frame holds.
    pub(crate) fn frame(&self, from: Rev, limit: usize, at: UtcMillis) -> Frame {
        let rows = self.rows.values().map(|row| (row.rev, Change::Row(Arc::clone(row))));
        let gone = self.gone.iter().map(|(rev, id)| (*rev, Change::Gone(*id)));
        let changes: BTreeMap<Rev, Change> = rows.chain(gone).filter(|(rev, _)| *rev > from).collect();
        let mut frame = Frame::empty(self.epoch.clone(), from, at);
        frame.as_of = self.rev;
        let mut bytes = AROUND_BYTES;
        for (rev, change) in changes {
            bytes += match &change {
                Change::Row(row) => json_bytes(row) + 1,
                Change::Gone(_) => GONE_BYTES,
            };
            let too_large = bytes > FRAME_MAX_BYTES && frame.entries() > 0;
            if frame.entries() == limit.min(FRAME_MAX_ENTRIES) || too_large {
                return frame;
            }
            match change {
                Change::Row(row) => frame.rows.push(WireRow::Row(row)),
                Change::Gone(id) => frame.gone.push(Gone { id, rev }),
            }
            frame.to = rev;
        }
        frame.to = self.rev;
        frame
    }

    /// Commits a row at the next revision, with its entry in the history.
    pub(super) fn commit(
        &mut self,
        mut row: Delivery,
        by: &Text,
        action: &str,
        detail: Text,
        wall: UtcMillis,
    ) -> Arc<Delivery> {
        self.rev = self.rev.next();
        row.rev = self.rev;
        let before = self.rows.get(&row.id).map(|row| row.status);
        let row = Arc::new(row);
        self.remember(&row, before, by, action, Some(row.status), detail);
        let earlier = self.rows.insert(row.id, Arc::clone(&row));
        self.alarms_follow(&row, before, by, wall);
        self.changed.insert(row.id, Changed { wall, before: earlier });
        row
    }

    /// Takes deliveries that ended before an instant off the board. Keeps `kept` tombstones.
    pub(super) fn archive_before(&mut self, ended_before: UtcMillis, at: At, kept: u64) -> usize {
        let mut ended: Vec<_> = self
            .rows
            .values()
            .filter_map(|row| row.ended_at().map(|ended| (ended, row.id, Arc::clone(row))))
            .filter(|(ended, _, _)| *ended < ended_before)
            .collect();
        ended.sort_by_key(|(ended, id, _)| (*ended, *id));
        for (_, id, row) in &ended {
            self.rev = self.rev.next();
            self.rows.remove(id);
            self.changed.remove(id);
            self.gone.insert(self.rev, *id);
            self.archive.insert(*id, Arc::clone(row));
            let mut left = Delivery::clone(row);
            (left.rev, left.modified_at) = (self.rev, at.day);
            self.remember(&left, Some(row.status), &"system".into(), "archive", None, Text::default());
        }
        self.drop_tombstones(kept);
        self.forget_alarms(at.day);
        ended.len()
    }

    /// Forgets alarms that are older than a week and whose deliveries have left the board, a few hundred at a time.
    fn forget_alarms(&mut self, day: UtcMillis) {
        let lately = day.plus_ms(-ALARMS_KEPT_MS);
        let mut old: Vec<_> = self.alarms.iter().map(|(key, entry)| (entry.seq, *key)).collect();
        old.retain(|(_, (id, _, raised_at))| *raised_at < lately && !self.rows.contains_key(id));
        old.sort_unstable();
        for (_, key) in old.into_iter().take(ALARMS_FORGOTTEN) {
            self.alarms.remove(&key);
        }
    }

    /// Keeps the newest `kept` tombstones. The newest one dropped becomes the floor.
    pub(super) fn drop_tombstones(&mut self, kept: u64) {
        while u64::try_from(self.gone.len()).is_ok_and(|count| count > kept) {
            let Some((rev, _)) = self.gone.pop_first() else { return };
            self.floor = self.floor.max(rev);
        }
    }

    /// Begins another history: nothing can go on from an older cursor.
    pub(super) fn begin_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.floor = self.rev;
    }

    fn remember(
        &mut self,
        row: &Delivery,
        from: Option<Status>,
        by: &Text,
        action: &str,
        to: Option<Status>,
        detail: Text,
    ) {
        self.history.entry(row.id).or_default().push(HistoryEvent {
            rev: row.rev,
            at: row.modified_at,
            by: Person { account: by.clone(), name: by.clone() },
            action: action.into(),
            from: from.map(|status| status.as_str().into()),
            to: to.map(|status| status.as_str().into()),
            detail,
        });
    }
}

/// Bytes of a row as JSON.
pub(super) fn json_bytes(row: &impl serde::Serialize) -> usize {
    serde_json::to_vec(row).map_or(0, |json| json.len())
}
