//! What really happened at the hub, kept beside it: every change, every head there ever was, every cancellation, every
//! command with what was recorded of it. The truth that invariants compare with.

use crate::hub::raised_by_clock;
use gwanje_ledger::AlarmRef;
use gwanje_ledger::memory::MemoryCenter;
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, RowDigest};
use gwanje_sync::AlarmKey;
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::{AlarmKind, CloseReply, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// An alarm by the ledger's name.
pub(crate) fn alarm_of(key: &AlarmKey) -> AlarmRef {
    let AlarmKey { id, kind, raised_at } = *key;
    AlarmRef { id, kind, raised_at }
}

/// Where a center stood from some moment on.
#[derive(Debug, Clone)]
pub(crate) struct Stood {
    pub(crate) epoch: Epoch,
    pub(crate) rev: Rev,
    pub(crate) rows: RowDigest,
    pub(crate) from_ms: u64,
}

/// The truth about one center.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) stood: Vec<Stood>,
    /// (revision, delivery, left) in the order of revisions.
    pub(crate) changes: Vec<(Rev, DeliveryId, bool)>,
    /// Deliveries that left, and at which revision.
    pub(crate) gone: BTreeMap<DeliveryId, Rev>,
    /// Every cancellation there ever was.
    pub(crate) cancelled: BTreeSet<AlarmKey>,
    /// Every alarm that the clock would raise of a row as it ever was, if the row stayed so.
    pub(crate) coming: BTreeSet<AlarmKey>,
    pub(crate) alarm_seq: u64,
    /// The hub went on from a backup, and some seat has not yet come together with it: revisions were given twice.
    pub(crate) went_back: bool,
    /// Those seats.
    pub(crate) astray: BTreeSet<usize>,
    /// It ever did: what it forgot stays forgotten.
    pub(crate) forgot: bool,
    /// The epoch in which it went on without its last changes: cursors of older ones say nothing about it.
    pub(crate) lost_before: Option<Epoch>,
}

impl Truth {
    pub(crate) fn last(&self) -> Option<&Stood> {
        self.stood.last()
    }

    /// Takes note of what the center has become.
    pub(crate) fn note(&mut self, center: &MemoryCenter, now_ms: u64) {
        let alarms = std::mem::replace(&mut self.alarm_seq, center.standing().alarm_seq)
            != center.standing().alarm_seq;
        if alarms {
            let keys = center.alarms().keys().filter(|alarm| alarm.kind == AlarmKind::Cancelled);
            self.cancelled.extend(keys.map(|&AlarmRef { id, kind, raised_at }| AlarmKey {
                id,
                kind,
                raised_at,
            }));
        }
        let last = self.last().map(|last| (last.epoch.clone(), last.rev));
        if last.as_ref() == Some(&(center.standing().epoch.clone(), center.standing().rev)) {
            return;
        }
        let since = last.map_or(Rev::ZERO, |(_, rev)| rev);
        for row in center.rows().values() {
            let raised = raised_by_clock(row).into_iter();
            self.coming.extend(raised.map(|(kind, raised_at)| AlarmKey { id: row.id, kind, raised_at }));
        }
        let mut new: Vec<_> = center.rows().values().map(|row| (row.rev, row.id, false)).collect();
        new.extend(center.tombstones().iter().map(|(rev, id)| (*rev, *id, true)));
        new.retain(|(rev, _, _)| *rev > since);
        new.sort_unstable();
        self.gone.extend(new.iter().filter(|(_, _, left)| *left).map(|(rev, id, _)| (*id, *rev)));
        self.changes.extend(new);
        let (epoch, rev, rows) =
            (center.standing().epoch.clone(), center.standing().rev, center.standing().rows);
        self.stood.push(Stood { epoch, rev, rows, from_ms: now_ms });
    }

    /// The hub goes on from a backup.
    pub(crate) fn go_back(&mut self, center: &MemoryCenter, seats: BTreeSet<usize>, now_ms: u64) {
        self.went_back = !seats.is_empty();
        self.astray = seats;
        self.forgot = true;
        self.changes.retain(|(rev, _, _)| *rev <= center.standing().rev);
        self.gone.retain(|_, rev| *rev <= center.standing().rev);
        self.alarm_seq = center.standing().alarm_seq;
        let (epoch, rev, rows) =
            (center.standing().epoch.clone(), center.standing().rev, center.standing().rows);
        self.stood.push(Stood { epoch, rev, rows, from_ms: now_ms });
    }

    /// What is wrong with rows that are said to be complete up to a cursor: a change up to there that they lack. A
    /// delivery that has changed again since may lack both, where the cursor is not whole.
    pub(crate) fn lacks(
        &self,
        held: &BTreeMap<DeliveryId, Rev>,
        cursor: Rev,
        excused: &BTreeSet<DeliveryId>,
    ) -> Option<String> {
        let last: BTreeMap<DeliveryId, (Rev, bool)> =
            self.changes.iter().map(|(rev, id, left)| (*id, (*rev, *left))).collect();
        let last = last.into_iter().filter(|(_, (rev, _))| *rev <= cursor);
        last.filter(|(id, _)| !excused.contains(id)).find_map(|(id, (rev, left))| match held.get(&id) {
            Some(held) if left => Some(format!("delivery {id} left at {rev} and is held at {held}")),
            Some(held) if *held < rev => {
                Some(format!("delivery {id} is held at {held}, it was changed at {rev}"))
            }
            Some(_) => None,
            None if left => None,
            None => Some(format!("delivery {id} of {rev} is lacking")),
        })
    }
}

/// A command of a seat, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Clicked {
    pub(crate) seat: usize,
    pub(crate) life: u32,
    pub(crate) center: CenterId,
    pub(crate) at_ms: u64,
    /// When it was sent first.
    pub(crate) sent_ms: Option<u64>,
    /// It carries its key as a note's text, so that its effects can be counted.
    pub(crate) is_note: bool,
    /// What it was told to have made of which delivery.
    pub(crate) made: Option<(DeliveryId, Rev)>,
    /// On how many deliveries it was told to have been done.
    pub(crate) done: usize,
    /// What the hub recorded, each time that it was looked at.
    pub(crate) recorded: Option<(Outcome, Option<ErrorCode>)>,
    /// The hub has answered to the question that the account may not see the center.
    pub(crate) hidden: bool,
    /// As what it was told; without an outcome: as one that can't be known.
    pub(crate) settled: Option<(Option<Outcome>, Option<ErrorCode>)>,
    /// In which life of the app that was told.
    pub(crate) settled_in: u32,
    /// The hub began an epoch without what it had done.
    pub(crate) is_lost: bool,
    /// That was told.
    pub(crate) told_lost: bool,
    /// Its center was wiped before it was settled, or a slow disk did not hold it yet when the app was killed: nobody
    /// may know of it any more.
    pub(crate) forgotten: bool,
}

impl Clicked {
    pub(crate) fn record(&mut self, reply: &CloseReply) {
        let code = reply.body.as_ref().and_then(|body| body.get("code")).cloned();
        let code = code.and_then(|code| serde_json::from_value(code).ok());
        self.recorded = Some((reply.outcome, code.filter(|_| reply.outcome == Outcome::Refused)));
    }
}
