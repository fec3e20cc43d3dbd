//! Alarms of a center: what the clock and cancellations raise, what ends them, and each seat's word on them.

use super::center::Naive;
use super::{At, refuse};
use gwanje_model::{Delivery, DeliveryId, SeatId, Status, Text, UtcMillis};
use gwanje_wire::rest::{Acknowledgement, AlarmDelivery, AlarmEntry, AlarmKind, Receipt, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{ErrorCode, Person, Problem};
use std::sync::Arc;

/// Nobody has taken note for this long, milliseconds of the wall's clock: the alarm is escalated.
const ESCALATED_AFTER_MS: i64 = 60_000;
/// The hub writes so many at once, and escalates so many.
const AT_ONCE: usize = 200;
/// Seats of one account whose words an alarm keeps.
const SEATS_OF_ACCOUNT: usize = 8;
/// Words that an alarm keeps.
const WORDS_OF_ALARM: usize = 256;

/// Delivery, kind, instant.
pub(super) type AlarmId = (DeliveryId, AlarmKind, UtcMillis);

/// What the clock raises of a row as it is now, and when.
#[must_use]
pub fn raised_by_clock(row: &Delivery) -> Vec<(AlarmKind, UtcMillis)> {
    let mut raised = Vec::new();
    match row.status {
        Status::Delivered | Status::Cancelled => return raised,
        Status::Received => raised.push((AlarmKind::Unaccepted, row.received_at.plus_ms(60_000))),
        Status::Assigned => {
            let confirmed = row.rider.as_ref().is_none_or(|rider| rider.confirmed);
            if let Some(assigned_at) = row.assigned_at.filter(|_| !confirmed) {
                raised.push((AlarmKind::Unconfirmed, assigned_at.plus_ms(180_000)));
            }
        }
        Status::Waiting | Status::PickedUp => {}
    }
    let target_ms = i64::from(row.delivery_target_min) * 60_000;
    raised.push((AlarmKind::Late, row.received_at.plus_ms(target_ms)));
    raised
}

impl Naive {
    /// The entries after `seq`, by seq.
    pub(crate) fn alarms_after(&self, seq: u64) -> Vec<AlarmEntry> {
        let mut entries: Vec<_> = self.alarms.values().filter(|entry| entry.seq > seq).cloned().collect();
        entries.sort_by_key(|entry| entry.seq);
        entries
    }

    /// A row was committed by somebody; `was` is its status before. Whatever no longer holds is settled, and a
    /// cancellation raises its alarm.
    pub(super) fn alarms_follow(
        &mut self,
        row: &Arc<Delivery>,
        was: Option<Status>,
        by: &Text,
        wall: UtcMillis,
    ) {
        let holding = raised_by_clock(row);
        let over = self.alarms.iter().filter(|((id, kind, raised_at), entry)| {
            let by_clock = *kind != AlarmKind::Cancelled;
            *id == row.id && by_clock && entry.settled_at.is_none() && !holding.contains(&(*kind, *raised_at))
        });
        let mut over: Vec<AlarmId> = over.map(|(key, _)| *key).collect();
        over.sort_by_key(|(_, kind, raised_at)| (kind.as_str(), *raised_at));
        for key in over {
            self.change_alarm(key, |entry| entry.settled_at = Some(wall));
        }
        let cancelled_at = row.cancelled_at.filter(|_| was != Some(Status::Cancelled));
        if let Some(raised_at) = cancelled_at {
            let who = Person { account: by.clone(), name: by.clone() };
            self.raise((row.id, AlarmKind::Cancelled, raised_at), row, was, Some(who), wall);
        }
    }

    /// Looks at the clock: writes what is due, and escalates what nobody has taken note of. Returns how many.
    pub(super) fn look_at_alarms(&mut self, at: At) -> usize {
        let mut changed = 0;
        loop {
            let mut due: Vec<(UtcMillis, DeliveryId, &str, AlarmKind)> = Vec::new();
            for row in self.rows.values() {
                let raised = raised_by_clock(row).into_iter().filter(|(_, instant)| *instant <= at.day);
                let unwritten =
                    raised.filter(|(kind, instant)| !self.alarms.contains_key(&(row.id, *kind, *instant)));
                due.extend(unwritten.map(|(kind, instant)| (instant, row.id, kind.as_str(), kind)));
            }
            due.sort_unstable();
            due.truncate(AT_ONCE);
            for (instant, id, _, kind) in &due {
                if let Some(row) = self.rows.get(id).cloned() {
                    self.raise((*id, *kind, *instant), &row, Some(row.status), None, at.wall);
                }
            }
            let limit = at.wall.plus_ms(-ESCALATED_AFTER_MS);
            let unheard = self.alarms.iter().filter(|(_, entry)| {
                let open = entry.acknowledged.is_none() && entry.settled_at.is_none();
                open && entry.escalated_at.is_none() && entry.at.is_some_and(|written| written <= limit)
            });
            let mut unheard: Vec<_> =
                unheard.map(|(key, entry)| ((entry.at, key.0, key.1.as_str(), key.2), *key)).collect();
            unheard.sort_unstable_by_key(|(order, _)| *order);
            unheard.truncate(AT_ONCE);
            for (_, key) in &unheard {
                self.change_alarm(*key, |entry| entry.escalated_at = Some(at.wall));
            }
            if due.is_empty() && unheard.is_empty() {
                return changed;
            }
            changed += due.len() + unheard.len();
        }
    }

    fn raise(
        &mut self,
        key: AlarmId,
        row: &Arc<Delivery>,
        was: Option<Status>,
        by: Option<Person>,
        wall: UtcMillis,
    ) {
        let (id, kind, raised_at) = key;
        self.alarm_seq += 1;
        let entry = AlarmEntry {
            seq: self.alarm_seq,
            id,
            kind,
            raised_at,
            at: Some(wall),
            delivery: Some(AlarmDelivery::from(&**row)),
            was,
            by,
            receipts: Vec::new(),
            more: 0,
            acknowledged: None,
            escalated_at: None,
            settled_at: None,
        };
        self.alarms.insert(key, entry);
    }

    fn change_alarm(&mut self, key: AlarmId, change: impl FnOnce(&mut AlarmEntry)) {
        let Some(entry) = self.alarms.get_mut(&key) else { return };
        change(entry);
        self.alarm_seq += 1;
        entry.seq = self.alarm_seq;
    }

    /// Takes the word of a seat of an account. A word on an alarm that is due but not written makes the entry. Only a
    /// further stage changes anything, and gives the entry a new seq.
    pub(super) fn receipt(
        &mut self,
        word: &AlarmReceipt,
        account: &Text,
        seat: &SeatId,
        at: At,
    ) -> Result<(), Problem> {
        let AlarmReceipt { id, kind, raised_at, stage } = *word;
        let key = (id, kind, raised_at);
        if !self.alarms.contains_key(&key) {
            let row = match self.rows.get(&id) {
                _ if kind == AlarmKind::Unproven => return refuse(ErrorCode::Invalid, "no alarm of the hub"),
                Some(row) => Arc::clone(row),
                None if self.archive.contains_key(&id) => {
                    return refuse(ErrorCode::Invalid, "no such alarm is due");
                }
                None => return refuse(ErrorCode::NotFound, "there is no such alarm"),
            };
            if raised_at > at.day || !raised_by_clock(&row).contains(&(kind, raised_at)) {
                return refuse(ErrorCode::Invalid, "no such alarm is due");
            }
            self.raise(key, &row, Some(row.status), None, at.wall);
        }
        let Some(entry) = self.alarms.get_mut(&key) else { return Ok(()) };
        let of_seat = |receipt: &Receipt| receipt.account == *account && receipt.seat == *seat;
        let before = entry.receipts.iter().find(|receipt| of_seat(receipt)).map(|receipt| receipt.stage);
        if before >= Some(stage) {
            return Ok(());
        }
        entry.receipts.retain(|receipt| !of_seat(receipt));
        let others = entry.receipts.iter().filter(|receipt| receipt.account == *account);
        let oldest = others.clone().min_by_key(|receipt| (receipt.at, receipt.seat.clone())).cloned();
        let replaces = before.is_none() && others.count() >= SEATS_OF_ACCOUNT;
        if replaces {
            entry.receipts.retain(|receipt| Some(receipt) != oldest.as_ref());
        }
        let kept = before.is_some() || replaces || entry.receipts.len() < WORDS_OF_ALARM;
        if kept {
            let (account, seat) = (account.clone(), seat.clone());
            entry.receipts.push(Receipt { account, seat, stage, at: at.wall });
            entry.receipts.sort_by(|a, b| (&a.account, &a.seat).cmp(&(&b.account, &b.seat)));
        }
        let who = || Person { account: account.clone(), name: account.clone() };
        self.change_alarm(key, |entry| {
            entry.more += u64::from(!kept);
            if stage == ReceiptStage::Acknowledged && entry.acknowledged.is_none() {
                entry.acknowledged = Some(Acknowledgement { who: who(), at: at.wall });
            }
        });
        Ok(())
    }
}
