//! Writes what was decided, and refuses what was decided from anything else than what is here.

use super::{MemoryCenter, Past};
use crate::ask::Signature;
use crate::standing::Standing;
use crate::write::{AlarmRef, AlarmWrite, LeftWrite, Moment, RowWrite, Write};
use gwanje_model::{DeliveryId, Text, UtcMillis};
use gwanje_wire::Person;
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{Acknowledgement, AlarmEntry, Receipt};
use std::sync::Arc;
use thiserror::Error;

/// Something is to be written that was not decided from what is here, so that the center is damaged.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}; it was not decided from what is stored")]
pub struct Misfit(pub(super) String);

/// Whoever writes what no account does.
const SYSTEM: &str = "system";

impl MemoryCenter {
    /// Writes what was decided at `now`, and where the center stands after it.
    ///
    /// # Errors
    /// When it does not fit what is here; a part of it may be written then.
    pub fn apply(&mut self, standing: Standing, writes: Vec<Write>, now: Moment) -> Result<(), Misfit> {
        self.standing = standing;
        writes.into_iter().try_for_each(|write| self.write(write, now))
    }

    /// Forgets a delivery that left the board, with its history.
    pub fn forget_past(&mut self, id: DeliveryId) {
        if self.left.remove(&id).is_some() {
            self.history.remove(&id);
        }
    }

    /// Forgets outcomes that are over.
    pub fn forget_outcomes(&mut self, now: Moment) {
        self.outcomes.forget(now);
    }

    fn write(&mut self, write: Write, now: Moment) -> Result<(), Misfit> {
        match write {
            Write::Row(write) => self.write_row(*write, now)?,
            Write::Due(alarm) => {
                let before = self.due.insert((alarm.id, alarm.kind.as_str()), alarm);
                fits(before.is_none(), || format!("two alarms of a kind wait: {alarm:?}"))?;
            }
            Write::NotDue(alarm) => _ = self.due.remove(&(alarm.id, alarm.kind.as_str())),
            Write::Alarm(write) => self.raise(*write, now)?,
            Write::Settled { alarm, seq } => {
                let entry = self.alarm(alarm)?;
                (entry.seq, entry.settled_at) = (seq, Some(now.wall));
            }
            Write::Escalated { alarm, seq } => {
                let entry = self.alarm(alarm)?;
                (entry.seq, entry.escalated_at) = (seq, Some(now.wall));
            }
            Write::Receipt { alarm, by: Signature { account, seat }, stage } => {
                let entry = self.alarm(alarm)?;
                entry.receipts.retain(|known| known.account != account || known.seat != seat);
                entry.receipts.push(Receipt { account, seat, stage, at: now.wall });
                entry.receipts.sort_by(|a, b| (&a.account, &a.seat).cmp(&(&b.account, &b.seat)));
            }
            Write::ReceiptGone { alarm, by } => {
                let is_other = |known: &Receipt| known.account != by.account || known.seat != by.seat;
                self.alarm(alarm)?.receipts.retain(is_other);
            }
            Write::Acknowledged { alarm, by } => {
                self.alarm(alarm)?.acknowledged =
                    Some(Acknowledgement { who: by_account(&by), at: now.wall });
            }
            Write::Worded { alarm, seq, is_kept } => {
                let entry = self.alarm(alarm)?;
                entry.seq = seq;
                entry.more += u64::from(!is_kept);
            }
            Write::Left(write) => self.leave(&write, now)?,
            Write::Floor(rev) => self.tombstones.retain(|kept, _| *kept > rev),
            Write::AlarmGone(alarm) => _ = self.alarms.remove(&alarm),
            Write::Outcome(write) => {
                let key = write.key.clone();
                let is_new = self.outcomes.record(*write, now);
                fits(is_new, || format!("{key:?} was decided already"))?;
            }
        }
        Ok(())
    }

    fn write_row(&mut self, write: RowWrite, now: Moment) -> Result<(), Misfit> {
        let RowWrite { row, body, before, from, by, action, detail } = write;
        let found = self.rows.get(&row.id).map(|row| row.rev);
        fits(found == before, || format!("delivery {} is at {found:?}, not at {before:?}", row.id))?;
        let event = HistoryEvent {
            rev: row.rev,
            at: row.modified_at,
            by: by_account(&by),
            action: action.into(),
            from: from.map(|status| status.as_str().into()),
            to: Some(row.status.as_str().into()),
            detail,
        };
        let past = Past { event, wall: now.wall, row: Some(Arc::clone(&row)) };
        self.history.entry(row.id).or_default().push(past);
        self.bytes.insert(row.id, body.len());
        self.rows.insert(row.id, row);
        Ok(())
    }

    fn raise(&mut self, write: AlarmWrite, now: Moment) -> Result<(), Misfit> {
        let AlarmWrite { alarm, seq, delivery, was, by } = write;
        self.due.remove(&(alarm.id, alarm.kind.as_str()));
        let entry = AlarmEntry {
            seq,
            id: alarm.id,
            kind: alarm.kind,
            raised_at: alarm.raised_at,
            at: Some(now.wall),
            delivery: Some(delivery),
            was,
            by: by.as_ref().map(by_account),
            receipts: Vec::new(),
            more: 0,
            acknowledged: None,
            escalated_at: None,
            settled_at: None,
        };
        let before = self.alarms.insert(alarm, entry);
        fits(before.is_none(), || format!("{alarm:?} is raised twice"))
    }

    fn leave(&mut self, write: &LeftWrite, now: Moment) -> Result<(), Misfit> {
        let LeftWrite { row, rev } = write;
        let found = self.rows.remove(&row.id).filter(|found| found.rev == row.rev);
        let Some(row) = found else {
            return fits(false, || format!("delivery {} leaves the board and is not on it", row.id));
        };
        self.bytes.remove(&row.id);
        let event = HistoryEvent {
            rev: *rev,
            at: now.day,
            by: by_account(&SYSTEM.into()),
            action: "archive".into(),
            from: Some(row.status.as_str().into()),
            to: None,
            detail: Text::default(),
        };
        // So long ago that nobody could take it back.
        let past = Past { event, wall: UtcMillis(0), row: None };
        self.history.entry(row.id).or_default().push(past);
        self.tombstones.insert(*rev, row.id);
        self.left.insert(row.id, row);
        Ok(())
    }

    fn alarm(&mut self, alarm: AlarmRef) -> Result<&mut AlarmEntry, Misfit> {
        self.alarms
            .get_mut(&alarm)
            .ok_or_else(|| Misfit(format!("{alarm:?} is changed and was never raised")))
    }
}

/// Names are added where somebody reads.
fn by_account(account: &Text) -> Person {
    Person { account: account.clone(), name: account.clone() }
}

fn fits(does: bool, what: impl FnOnce() -> String) -> Result<(), Misfit> {
    if does { Ok(()) } else { Err(Misfit(what())) }
}
