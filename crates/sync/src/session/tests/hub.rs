//! A model hub: rows, revisions, tombstones, floor, epoch; answers requests, makes frames and heads.

use super::super::fetch::{Fetch, FetchFailure, Fetched};
use super::super::notified::key_of;
use crate::io::AlarmKey;
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::{
    Cancel, CancelBy, Delivery, DeliveryId, Dropoff, Epoch, Rev, RowDigest, SeatId, Shop, Status, UtcMillis,
};
use gwanje_wire::rest::{
    AlarmEntry, AlarmKind, AlarmsRead, ChangesReply, DigestReply, Receipt, ReceiptStage, RevsReply,
    RowsReply, Snapshot,
};
use gwanje_wire::socket::{Cursor, SubscribeAck};
use gwanje_wire::{ErrorCode, Frame, Gone, Head, Problem, ResyncReason, WireRow};
use std::collections::BTreeMap;

#[derive(Clone)]
pub(super) struct Hub {
    pub(super) epoch: Epoch,
    pub(super) rev: Rev,
    pub(super) rows: BTreeMap<DeliveryId, Delivery>,
    gone: BTreeMap<DeliveryId, Rev>,
    floor: Rev,
    pub(super) alarms: Vec<AlarmEntry>,
    pub(super) alarm_seq: u64,
    /// The most alarms in an answer.
    pub(super) alarms_page: usize,
    next_id: u64,
    pub(super) target_min: u32,
    /// Every (epoch, rev) that ever was, with its digest and when it came.
    pub(super) history: BTreeMap<(Epoch, Rev), (RowDigest, u64)>,
    pub(super) time: u64,
}

/// Operations time is simulated time; zero would be before every horizon.
pub(super) fn day(time: u64) -> UtcMillis {
    UtcMillis(1_000_000_000 + time as i64)
}

pub(super) fn delivery(id: u64, rev: Rev, at: UtcMillis) -> Delivery {
    Delivery {
        id: DeliveryId(id),
        center: "gangnam".into(),
        rev,
        modified_at: at,
        number: format!("{id}").into(),
        order_no: "".into(),
        status: Status::Waiting,
        shop: Shop {
            id: "s".into(),
            name: "s".into(),
            phone: "".into(),
            address: "".into(),
            pos: None,
            remark: "".into(),
        },
        dropoff: Dropoff {
            address: "a".into(),
            detail: "".into(),
            phone: "".into(),
            recipient_phone: "".into(),
            pos: None,
        },
        rider: None,
        pickup_target_min: 15,
        delivery_target_min: 30,
        distance_m: 1,
        items: Vec::new(),
        price_won: 0,
        request: "".into(),
        notes: Vec::new(),
        received_at: at,
        ready_at: None,
        waiting_at: None,
        assigned_at: None,
        picked_up_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel: None,
        unknown: Default::default(),
    }
}

/// An alarm of which nobody has said anything.
pub(super) fn entry(key: AlarmKey, row: &Delivery) -> AlarmEntry {
    AlarmEntry {
        seq: 0,
        id: key.id,
        kind: key.kind,
        raised_at: key.raised_at,
        at: None,
        delivery: Some(row.into()),
        was: None,
        by: None,
        receipts: Vec::new(),
        more: 0,
        acknowledged: None,
        escalated_at: None,
        settled_at: None,
    }
}

impl Hub {
    pub(super) fn new() -> Self {
        let mut hub = Self {
            epoch: "01A".into(),
            rev: Rev(0),
            rows: BTreeMap::new(),
            gone: BTreeMap::new(),
            floor: Rev(0),
            alarms: Vec::new(),
            alarm_seq: 0,
            alarms_page: 1_000,
            next_id: 0,
            target_min: 30,
            history: BTreeMap::new(),
            time: 0,
        };
        hub.log();
        hub
    }

    fn log(&mut self) {
        self.history.insert((self.epoch.clone(), self.rev), (self.sum(), self.time));
    }

    pub(super) fn sum(&self) -> RowDigest {
        RowDigest::of(self.rows.values().map(|row| (row.id, row.rev)))
    }

    pub(super) fn create(&mut self) -> DeliveryId {
        self.next_id += 1;
        self.rev = self.rev.next();
        let mut row = delivery(self.next_id, self.rev, day(self.time));
        row.delivery_target_min = self.target_min;
        self.rows.insert(row.id, row);
        self.log();
        DeliveryId(self.next_id)
    }

    pub(super) fn touch(&mut self, id: DeliveryId) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        self.rev = self.rev.next();
        row.rev = self.rev;
        row.price_won += 2;
        self.log();
    }

    pub(super) fn cancel(&mut self, id: DeliveryId) {
        let at = day(self.time);
        let Some(row) = self.rows.get_mut(&id).filter(|row| row.status != Status::Cancelled) else { return };
        self.rev = self.rev.next();
        row.rev = self.rev;
        row.status = Status::Cancelled;
        row.cancelled_at = Some(at);
        row.cancel = Some(Cancel { reason: "r".into(), by: CancelBy::Shop });
        self.alarm_seq += 1;
        let key = AlarmKey { id, kind: AlarmKind::Cancelled, raised_at: at };
        self.alarms.push(AlarmEntry { seq: self.alarm_seq, ..entry(key, row) });
        self.log();
    }

    /// Any change of a delivery.
    pub(super) fn edit(&mut self, id: DeliveryId, change: impl FnOnce(&mut Delivery)) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        self.rev = self.rev.next();
        change(row);
        row.rev = self.rev;
        self.log();
    }

    /// The alarm that comes due by the clock, as the hub writes it.
    pub(super) fn write_alarm(&mut self, key: AlarmKey) {
        let Some(row) = self.rows.get(&key.id) else { return };
        self.alarm_seq += 1;
        self.alarms.push(AlarmEntry { seq: self.alarm_seq, ..entry(key, row) });
    }

    /// Changes what the hub says of an alarm.
    pub(super) fn edit_alarm(&mut self, key: AlarmKey, change: impl FnOnce(&mut AlarmEntry)) {
        let Some(alarm) = self.alarms.iter_mut().find(|alarm| key_of(alarm) == key) else { return };
        self.alarm_seq += 1;
        change(alarm);
        alarm.seq = self.alarm_seq;
    }

    /// A seat's word; the first word on an alarm that the clock raises makes the entry.
    pub(super) fn receipt(&mut self, key: AlarmKey, seat: SeatId, stage: ReceiptStage) {
        let place = self.alarms.iter().position(|alarm| key_of(alarm) == key);
        let row = self.rows.get(&key.id).filter(|_| key.kind != AlarmKind::Cancelled);
        if place.is_none() {
            self.alarms.extend(row.map(|row| entry(key, row)));
        }
        let Some(alarm) = self.alarms.iter_mut().find(|alarm| key_of(alarm) == key) else { return };
        if alarm.receipts.iter().any(|r| r.seat == seat && r.stage >= stage) {
            return;
        }
        alarm.receipts.retain(|r| r.seat != seat);
        self.alarm_seq += 1;
        alarm.seq = self.alarm_seq;
        alarm.receipts.push(Receipt { account: "kim".into(), seat, stage, at: day(self.time) });
    }

    pub(super) fn archive(&mut self, id: DeliveryId) {
        if self.rows.remove(&id).is_some() {
            self.rev = self.rev.next();
            self.gone.insert(id, self.rev);
            self.log();
        }
    }

    /// Tombstones below the head are thrown away.
    pub(super) fn raise_floor(&mut self) {
        self.floor = self.rev;
        let floor = self.floor;
        self.gone.retain(|_, rev| *rev > floor);
    }

    /// The history can't be continued: revisions count from anew.
    pub(super) fn new_epoch(&mut self, epoch: &str) {
        self.epoch = epoch.into();
        self.rev = Rev(0);
        self.gone.clear();
        self.floor = Rev(0);
        for row in self.rows.values_mut() {
            self.rev = self.rev.next();
            row.rev = self.rev;
        }
        self.log();
    }

    pub(super) fn frame(&self, from: Rev, to: Rev) -> Frame {
        let mut rows: Vec<_> =
            self.rows.values().filter(|row| row.rev > from && row.rev <= to).cloned().collect();
        rows.sort_by_key(|row| row.rev);
        let gone = self.gone.iter().filter(|(_, rev)| **rev > from && **rev <= to);
        Frame {
            epoch: self.epoch.clone(),
            from,
            to,
            as_of: self.rev,
            at: day(self.time),
            rows: rows.into_iter().map(WireRow::from).collect(),
            gone: gone.map(|(id, rev)| Gone { id: *id, rev: *rev }).collect(),
        }
    }

    pub(super) fn head(&self) -> Head {
        let RowDigest { count, digest } = self.sum();
        Head {
            epoch: self.epoch.clone(),
            rev: self.rev,
            count,
            digest,
            at: day(self.time),
            day_at: day(self.time),
            alarm_seq: self.alarm_seq,
        }
    }

    fn judge(&self, cursor: &Cursor) -> Option<ResyncReason> {
        if cursor.epoch != self.epoch {
            Some(ResyncReason::Epoch)
        } else if cursor.rev < self.floor {
            Some(ResyncReason::Floor)
        } else if cursor.rev > self.rev {
            Some(ResyncReason::Ahead)
        } else {
            None
        }
    }

    pub(super) fn subscribe(&self, cursor: Option<&Cursor>) -> SubscribeAck {
        let resync = cursor.and_then(|cursor| self.judge(cursor));
        let missed = cursor.filter(|_| resync.is_none()).map(|cursor| self.frame(cursor.rev, self.rev));
        SubscribeAck { ok: true, head: Some(self.head()), missed, resync, code: None }
    }

    pub(super) fn answer(&self, fetch: &Fetch, page: usize) -> Result<Fetched, FetchFailure> {
        let after = |after: Rev| (after <= self.rev).then(|| self.frame(after, self.rev));
        let epoch = self.epoch.clone();
        Ok(match fetch {
            Fetch::Changes { cursor, limit } => {
                if let Some(reason) = self.judge(cursor) {
                    let problem =
                        Problem { reason: Some(reason), ..Problem::new(ErrorCode::Resync, "resync") };
                    return Err(FetchFailure::Problem { problem, retry_after_s: None });
                }
                let limit = page.min(*limit as usize);
                let whole = self.frame(cursor.rev, self.rev);
                let mut revs: Vec<Rev> = whole.rows.iter().map(WireRow::rev).collect();
                revs.extend(whole.gone.iter().map(|gone| gone.rev));
                revs.sort();
                let frame = match revs.get(limit - 1) {
                    Some(cut) if revs.len() > limit => self.frame(cursor.rev, *cut),
                    Some(_) | None => whole,
                };
                Fetched::Changes(ChangesReply { frame, head: self.head() })
            }
            Fetch::Snapshot => {
                let RowDigest { count, digest } = self.sum();
                let rows = self.rows.values().cloned().map(WireRow::from).collect();
                Fetched::Snapshot(Snapshot { epoch, rev: self.rev, count, digest, rows })
            }
            Fetch::Digest { after: from } => {
                let buckets = BucketDigests::of(self.rows.values().map(|row| (row.id, row.rev)));
                let buckets = buckets.as_slice().to_vec();
                Fetched::Digest(DigestReply { head: self.head(), frame: after(*from), buckets })
            }
            Fetch::Revs { buckets, after: from } => {
                let rows = self.rows.values().filter(|row| buckets.contains(&bucket_of(row.id)));
                let rows = rows.map(|row| (row.id, row.rev)).collect();
                Fetched::Revs(RevsReply { epoch, rev: self.rev, frame: after(*from), rows })
            }
            Fetch::Buckets { buckets, after: from } => {
                let rows = self.rows.values().filter(|row| buckets.contains(&bucket_of(row.id)));
                let rows = rows.cloned().map(WireRow::from).collect();
                Fetched::Rows(RowsReply { epoch, rev: self.rev, frame: after(*from), rows })
            }
            Fetch::Rows { ids, after: from } => {
                let rows =
                    ids.iter().filter_map(|id| self.rows.get(id)).cloned().map(WireRow::from).collect();
                Fetched::Rows(RowsReply { epoch, rev: self.rev, frame: after(*from), rows })
            }
            Fetch::Alarms { after } => {
                let mut alarms: Vec<_> = self.alarms.iter().filter(|a| a.seq > *after).cloned().collect();
                alarms.sort_by_key(|alarm| alarm.seq);
                let cut = alarms.len() > self.alarms_page;
                alarms.truncate(self.alarms_page);
                let next = alarms.last().filter(|_| cut).map(|alarm| alarm.seq);
                Fetched::Alarms(AlarmsRead { alarm_seq: self.alarm_seq, alarms, next, unreadable: 0 })
            }
        })
    }
}
