//! Alarms: those of cancelled deliveries are raised once by whichever path, told after the commit, acknowledged at the hub (rule 10).

use super::fetch::SessionAction;
use super::notified::{Notified, key_of};
use super::overdue::Overdue;
use super::own::OwnCancellations;
use super::rows::Rows;
use crate::io::{AlarmKey, AlarmNotice, CommandId, CommandOutcome, Mono, SkippedAlarms, StoredAlarm};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::{DeliveryId, SeatId, Status, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, AlarmsRead, ReceiptStage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Settled alarms older than this against the newest are forgotten: their deliveries are long archived.
const SETTLED_KEPT_DAYS: i64 = 7;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Which version reads: what it must skip, another may be able to read.
const READER: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug)]
struct Known {
    stage: ReceiptStage,
    delivery: Option<WireRow>,
    /// How far the hub knows this seat to be; what the hub lacks is sent again at the next join.
    at_hub: Option<ReceiptStage>,
    notified: Notified,
    /// This seat cancelled it.
    yours: bool,
    /// The hub has lost it: it goes on from a state before it.
    lost: bool,
    /// The delivery's status before, as the hub has told.
    was: Option<Status>,
}

impl Known {
    fn notice(&self, key: AlarmKey, relisted: bool) -> Box<AlarmNotice> {
        let Self { yours, lost, was, delivery, .. } = self;
        let (yours, lost, was) = (*yours, *lost, *was);
        Box::new(AlarmNotice { key, relisted, yours, lost, delivery: delivery.clone(), was })
    }
}

/// What a batch takes along.
#[derive(Debug)]
pub(super) struct AlarmNews {
    /// Alarms that are new or have come further.
    pub(super) stored: Vec<StoredAlarm>,
    /// The hub's sequence; none: unchanged.
    pub(super) seq: Option<u64>,
    /// What could not be read; none: unchanged.
    pub(super) skipped: Option<SkippedAlarms>,
}

/// A cancellation that can't be judged before `/alarms` and the horizon are known.
#[derive(Debug)]
struct Held {
    delivery: Option<WireRow>,
    was: Option<Status>,
    seen_alive: bool,
}

/// The alarms of one center.
#[derive(Debug)]
pub(super) struct Alarms {
    seat: SeatId,
    horizon: Option<UtcMillis>,
    /// The hub's sequence read so far; none: `/alarms` was never read, so nothing is raised yet.
    seq: Option<u64>,
    seq_changed: bool,
    /// Where the next page of `/alarms` begins; none: no answer was cut.
    next_page: Option<u64>,
    /// Of those that are known, which the reading that began with the first alarm has told; none: no such is under way,
    /// or it could not be read whole.
    told_anew: Option<BTreeSet<AlarmKey>>,
    /// Entries after that sequence could not be read, by that version.
    skipped: Option<SkippedAlarms>,
    skipped_changed: bool,
    known: BTreeMap<AlarmKey, Known>,
    held: BTreeMap<AlarmKey, Held>,
    /// To be written with the next batch, which they make due.
    changed: BTreeSet<AlarmKey>,
    /// To be written with whatever batch comes next: the hub knows more of them. If that is forgotten, it is only sent
    /// again.
    known_better: BTreeSet<AlarmKey>,
    /// When to read `/alarms`; none: up to date.
    pub(super) due: Option<Mono>,
    /// The kinds whose condition ends by itself.
    pub(super) overdue: Overdue,
    /// What this seat did itself.
    pub(super) own: OwnCancellations,
}

impl Alarms {
    pub(super) fn new(seat: SeatId) -> Self {
        Self {
            overdue: Overdue::new(seat.clone()),
            seat,
            horizon: None,
            seq: None,
            seq_changed: false,
            skipped: None,
            skipped_changed: false,
            known: BTreeMap::new(),
            held: BTreeMap::new(),
            changed: BTreeSet::new(),
            known_better: BTreeSet::new(),
            due: None,
            next_page: None,
            told_anew: None,
            own: OwnCancellations::default(),
        }
    }

    /// Of a center of a foreign server, which writes none itself.
    pub(super) fn foreign(seat: SeatId) -> Self {
        let mut alarms = Self::new(seat);
        alarms.overdue.alone = true;
        alarms
    }

    /// What the cache held; open ones are listed again, marked so.
    pub(super) fn restore(
        &mut self,
        alarms: Vec<StoredAlarm>,
        seq: Option<u64>,
        skipped: Option<SkippedAlarms>,
        horizon: Option<UtcMillis>,
        out: &mut VecDeque<SessionAction>,
    ) {
        self.horizon = horizon;
        self.seq = seq;
        self.skipped = skipped;
        self.read_skipped();
        let mut acknowledged = Vec::new();
        for alarm in alarms {
            let StoredAlarm { key, stage, at_hub, lost, delivery } = match alarm.key.kind {
                AlarmKind::Cancelled => alarm,
                AlarmKind::Late | AlarmKind::Unconfirmed | AlarmKind::Unaccepted | AlarmKind::Unproven => {
                    self.overdue.restore(alarm);
                    continue;
                }
            };
            let stage =
                if is_mutated(Mutation::ForgetAcknowledged) { ReceiptStage::Delivered } else { stage };
            let yours = self.own.claimed(key.id, key.raised_at);
            let known = Known { stage, delivery, at_hub, notified: Notified::Yes, yours, lost, was: None };
            if stage < ReceiptStage::Acknowledged {
                out.push_back(SessionAction::Alarm(known.notice(key, true)));
            } else {
                acknowledged.push(key.id);
            }
            self.known.insert(key, known);
        }
        if !acknowledged.is_empty() {
            out.push_back(SessionAction::Acknowledged(acknowledged));
        }
    }

    /// Reads again what another version had to skip; known keys raise nothing.
    fn read_skipped(&mut self) {
        let Some(skipped) = self.skipped.as_mut().filter(|skipped| skipped.reader != READER) else { return };
        self.seq = self.seq.map(|seq| seq.min(skipped.after));
        // From here on this version says what can't be read.
        *skipped = SkippedAlarms { after: self.seq.unwrap_or(0), reader: READER.into() };
        self.skipped_changed = true;
        self.seq_changed = self.seq.is_some();
    }

    /// The sequence to ask `/alarms` after.
    pub(super) fn after(&self) -> u64 {
        self.next_page.or(self.seq).unwrap_or(0)
    }

    /// The latest cancellation of a delivery that an alarm was raised for.
    pub(super) fn cancellation_of(&self, id: DeliveryId) -> Option<UtcMillis> {
        let key = |raised_at| AlarmKey { id, kind: AlarmKind::Cancelled, raised_at: UtcMillis(raised_at) };
        let (last, _) = self.known.range(key(i64::MIN)..=key(i64::MAX)).next_back()?;
        Some(last.raised_at)
    }

    /// A row takes the place of another: raises when the delivery is seen cancelled.
    pub(super) fn see(&mut self, old: Option<&WireRow>, new: &WireRow) {
        self.overdue.see(new);
        let Some(key) = cancellation(new) else { return };
        if old.and_then(cancellation) == Some(key) {
            return;
        }
        let seen_alive = old.is_some_and(is_alive);
        self.offer(key, Some(new), None, seen_alive);
    }

    /// A head was read: what it says of time and of alarms.
    pub(super) fn head(
        &mut self,
        day_at: UtcMillis,
        alarm_seq: u64,
        rows: &Rows,
        now: Mono,
        out: &mut VecDeque<SessionAction>,
    ) {
        if self.horizon.is_none() {
            self.horizon = Some(day_at);
            out.push_back(SessionAction::KeepHorizon(day_at));
            self.judge_held();
        }
        self.overdue.clock(day_at, rows);
        if self.seq.is_none_or(|seq| alarm_seq > seq) && self.due.is_none() {
            self.due = Some(now);
        }
    }

    /// The epoch is another: its alarms are counted anew, so all are read again (keys tell which are known).
    pub(super) fn reread(&mut self, now: Mono) {
        self.next_page = None;
        self.seq = self.seq.map(|_| 0);
        // Written with the new epoch's cursor: after a crash in between they are still to be read.
        self.seq_changed = self.seq.is_some();
        self.due = Some(now);
    }

    /// The answer of `/alarms` to a question for what comes after `after`. When it was cut, nothing that is held is judged
    /// before the last page.
    pub(super) fn page(
        &mut self,
        after: u64,
        reply: AlarmsRead,
        rows: &Rows,
        now: Mono,
        out: &mut VecDeque<SessionAction>,
    ) {
        let first = self.seq.is_none();
        if reply.unreadable > 0 && self.skipped.as_ref().is_none_or(|skipped| skipped.after > after) {
            self.skipped = Some(SkippedAlarms { after, reader: READER.into() });
            self.skipped_changed = true;
        }
        if after == 0 {
            self.told_anew = Some(BTreeSet::new());
        }
        if reply.unreadable > 0 {
            self.told_anew = None;
        }
        // Entries with this seat's receipt count as raised: they must be known before anything held is judged.
        for entry in reply.alarms {
            self.take(entry, rows, out);
        }
        // A page that leads nowhere is the last.
        self.next_page = reply.next.filter(|next| *next > after);
        if self.next_page.is_some() {
            self.due = Some(now);
            return;
        }
        if first || self.seq != Some(reply.alarm_seq) {
            self.seq = Some(reply.alarm_seq);
            self.seq_changed = true;
        }
        if let Some(told) = self.told_anew.take() {
            self.judge_lost(&told, rows, out);
        }
        self.judge_held();
        self.forget_old();
        self.send_missing(out);
        self.overdue.send_missing();
    }

    /// An `alarm` event.
    pub(super) fn event(
        &mut self,
        entry: AlarmEntry,
        rows: &Rows,
        now: Mono,
        out: &mut VecDeque<SessionAction>,
    ) {
        match self.seq {
            Some(seq) if entry.seq <= seq => {}
            Some(seq) if entry.seq == seq + 1 => {
                self.seq = Some(entry.seq);
                self.seq_changed = true;
            }
            Some(_) | None => self.due = Some(self.due.unwrap_or(now)),
        }
        self.take(entry, rows, out);
    }

    /// A command of this seat has ended. Where it did not cancel a delivery that was cancelled, somebody else did: the
    /// person, who was told quietly, is told aloud.
    pub(super) fn command_ended(
        &mut self,
        command: &CommandId,
        outcome: &CommandOutcome,
        out: &mut VecDeque<SessionAction>,
    ) {
        for id in self.own.end(command, outcome) {
            let key =
                |raised_at| AlarmKey { id, kind: AlarmKind::Cancelled, raised_at: UtcMillis(raised_at) };
            for (key, known) in self.known.range_mut(key(i64::MIN)..=key(i64::MAX)) {
                let was_yours = std::mem::take(&mut known.yours);
                if was_yours && known.notified == Notified::Yes && known.stage < ReceiptStage::Acknowledged {
                    out.push_back(SessionAction::Alarm(known.notice(*key, false)));
                }
            }
        }
    }

    /// A person took note, or the window shows it. False: nothing new.
    pub(super) fn receipt(
        &mut self,
        key: AlarmKey,
        stage: ReceiptStage,
        out: &mut VecDeque<SessionAction>,
    ) -> bool {
        let Some(known) = self.known.get_mut(&key) else { return self.overdue.receipt(key, stage) };
        if stage <= known.stage {
            return false;
        }
        known.stage = stage;
        self.changed.insert(key);
        out.push_back(SessionAction::SendReceipt(key, stage));
        if stage == ReceiptStage::Acknowledged {
            known.notified = Notified::Yes;
            out.push_back(SessionAction::AlarmSettled(key));
        }
        true
    }

    /// The hub has that receipt, or wants none for that alarm: it is not sent again.
    pub(super) fn receipt_taken(&mut self, key: AlarmKey, stage: ReceiptStage) {
        match self.known.get_mut(&key) {
            Some(known) if known.at_hub < Some(stage) => {
                known.at_hub = Some(stage);
                self.known_better.insert(key);
            }
            Some(_) => {}
            None => self.overdue.receipt_taken(key, stage),
        }
    }

    /// Whether the next batch has something to say of alarms.
    pub(super) fn has_changes(&self) -> bool {
        let sequence = self.seq_changed || self.skipped_changed;
        !self.changed.is_empty() || sequence || self.overdue.has_changes()
    }

    /// What the batch with that number holds of alarms.
    pub(super) fn store(&mut self, batch: u64) -> AlarmNews {
        self.changed.append(&mut self.known_better);
        let mut stored = Vec::with_capacity(self.changed.len());
        for key in std::mem::take(&mut self.changed) {
            if let Some(known) = self.known.get_mut(&key) {
                if known.notified == Notified::Unstored {
                    known.notified = Notified::Stored(batch);
                }
                let (stage, at_hub) = (known.stage, known.at_hub);
                let (lost, delivery) = (known.lost, known.delivery.clone());
                stored.push(StoredAlarm { key, stage, at_hub, lost, delivery });
            }
        }
        self.overdue.store(batch, &mut stored);
        let seq = std::mem::take(&mut self.seq_changed).then_some(self.seq).flatten();
        let skipped = std::mem::take(&mut self.skipped_changed).then(|| self.skipped.clone()).flatten();
        AlarmNews { stored, seq, skipped }
    }

    /// The cache is new and empty: everything goes into the next batch, and what waited for an older one waits for it.
    pub(super) fn store_all(&mut self) {
        self.overdue.store_all();
        self.changed = self.known.keys().copied().collect();
        self.seq_changed = self.seq.is_some();
        self.skipped_changed = self.skipped.is_some();
        for known in self.known.values_mut() {
            if matches!(known.notified, Notified::Stored(_)) {
                known.notified = Notified::Unstored;
            }
        }
    }

    /// The cache committed up to that batch: the person is told, and the hub that this seat has it.
    pub(super) fn committed(&mut self, batch: u64, out: &mut VecDeque<SessionAction>) {
        self.overdue.committed(batch);
        for (key, known) in &mut self.known {
            match known.notified {
                Notified::Stored(stored) if stored <= batch || is_mutated(Mutation::TellBeforeCommit) => {}
                Notified::Stored(_) | Notified::Unstored | Notified::Yes => continue,
            }
            known.notified = Notified::Yes;
            out.push_back(SessionAction::Alarm(known.notice(*key, false)));
            out.push_back(SessionAction::SendReceipt(*key, known.stage));
        }
    }

    fn take(&mut self, entry: AlarmEntry, rows: &Rows, out: &mut VecDeque<SessionAction>) {
        match entry.kind {
            AlarmKind::Cancelled => self.take_cancelled(&entry, rows.get(entry.id), out),
            AlarmKind::Late | AlarmKind::Unconfirmed | AlarmKind::Unaccepted => {
                self.overdue.take(&entry, rows.get(entry.id));
            }
            AlarmKind::Unproven => return,
        }
        out.push_back(SessionAction::AlarmTold(Box::new(entry)));
    }

    fn take_cancelled(
        &mut self,
        entry: &AlarmEntry,
        row: Option<&WireRow>,
        out: &mut VecDeque<SessionAction>,
    ) {
        let key = key_of(entry);
        let own = entry.receipts.iter().filter(|r| r.seat == self.seat).map(|r| r.stage).max();
        let settled = entry.is_acknowledged() || entry.settled_at.is_some();
        let stage = if settled { Some(ReceiptStage::Acknowledged) } else { own };
        if self.known.contains_key(&key) {
            self.note_told(key);
        }
        if let Some(known) = self.known.get_mut(&key) {
            if std::mem::take(&mut known.lost) {
                self.changed.insert(key);
                if known.notified == Notified::Yes && known.stage < ReceiptStage::Acknowledged {
                    out.push_back(SessionAction::Alarm(known.notice(key, true)));
                }
            }
            // A hub that went on from a backup may have lost receipts that it had.
            let lost = own < known.at_hub && !settled && !entry.may_lack_receipts();
            if own > known.at_hub || lost {
                known.at_hub = own;
                self.known_better.insert(key);
            }
            known.was = known.was.or(entry.was);
            if known.delivery.is_none() {
                known.delivery = row.cloned();
            }
            if let Some(stage) = stage.filter(|stage| *stage > known.stage) {
                known.stage = stage;
                self.changed.insert(key);
                if settled {
                    // Nobody needs to send an acknowledgement that the hub has from another seat.
                    known.at_hub = Some(stage);
                    known.notified = Notified::Yes;
                    out.push_back(SessionAction::AlarmSettled(key));
                }
            }
            return;
        }
        if stage.is_none() && is_mutated(Mutation::AlarmFromRowsOnly) {
            return;
        }
        let Some(stage) = stage else {
            return self.offer(key, row, entry.was, row.is_some_and(is_alive));
        };
        // Raised here before the cache was lost, or settled elsewhere: known, and listed again while open.
        self.held.remove(&key);
        self.note_told(key);
        let yours = self.own.claims(key.id, key.raised_at);
        let known = Known {
            stage,
            delivery: row.cloned(),
            at_hub: Some(stage),
            notified: Notified::Yes,
            yours,
            lost: false,
            was: entry.was,
        };
        if stage < ReceiptStage::Acknowledged {
            out.push_back(SessionAction::Alarm(known.notice(key, true)));
        }
        self.known.insert(key, known);
        self.changed.insert(key);
    }

    /// The hub has told of one that is known.
    fn note_told(&mut self, key: AlarmKey) {
        if let Some(told) = &mut self.told_anew {
            told.insert(key);
        }
    }

    fn offer(&mut self, key: AlarmKey, delivery: Option<&WireRow>, was: Option<Status>, seen_alive: bool) {
        if let Some(known) = self.known.get_mut(&key) {
            // The row may come after the entry, which found it as it was before, or not at all.
            if known.delivery.as_ref().map(WireRow::rev) < delivery.map(WireRow::rev) {
                known.delivery = delivery.cloned();
            }
            return;
        }
        let held = self.held.entry(key).or_insert(Held { delivery: None, was, seen_alive });
        held.seen_alive |= seen_alive;
        held.was = held.was.or(was);
        if held.delivery.as_ref().map(WireRow::rev) < delivery.map(WireRow::rev) {
            held.delivery = delivery.cloned();
        }
        self.judge_held();
    }

    /// Raises what can be judged: nothing before `/alarms` was read, and no first sight before the horizon is known.
    fn judge_held(&mut self) {
        if self.seq.is_none() {
            return;
        }
        let horizon = self.horizon;
        let ready = self.held.extract_if(.., |_, held| held.seen_alive || horizon.is_some());
        for (key, held) in ready {
            if held.seen_alive || horizon.is_some_and(|horizon| key.raised_at > horizon) {
                let yours = self.own.claims(key.id, key.raised_at);
                let known = Known {
                    // Whoever did it sees it at once, and has not taken note of what others say of it.
                    stage: if yours { ReceiptStage::Displayed } else { ReceiptStage::Delivered },
                    delivery: held.delivery,
                    at_hub: None,
                    notified: Notified::Unstored,
                    yours,
                    lost: false,
                    was: held.was,
                };
                self.known.insert(key, known);
                self.changed.insert(key);
            }
        }
    }

    /// All alarms of the hub were read anew. A cancellation that still stands open here, and is neither among them nor in
    /// its row, is lost: the hub goes on from a state before it. It stays listed, marked, because a person has to know
    /// that the delivery lives again. One that the hub may have forgotten for its age is not judged.
    fn judge_lost(&mut self, told: &BTreeSet<AlarmKey>, rows: &Rows, out: &mut VecDeque<SessionAction>) {
        let Some(newest) = self.known.keys().map(|key| key.raised_at).max() else { return };
        let limit = newest.plus_ms(-DAY_MS);
        for (key, known) in &mut self.known {
            let is_in_row = || rows.get(key.id).and_then(cancellation) == Some(*key);
            let is_open = known.stage < ReceiptStage::Acknowledged && !known.lost;
            if !is_open || key.raised_at < limit || told.contains(key) || is_in_row() {
                continue;
            }
            known.lost = true;
            self.changed.insert(*key);
            if known.notified == Notified::Yes {
                out.push_back(SessionAction::Alarm(known.notice(*key, true)));
            }
        }
    }

    /// Receipts that the hub turned out to lack (sent while it was away).
    fn send_missing(&self, out: &mut VecDeque<SessionAction>) {
        for (key, known) in &self.known {
            if known.notified == Notified::Yes && known.at_hub < Some(known.stage) {
                out.push_back(SessionAction::SendReceipt(*key, known.stage));
            }
        }
    }

    fn forget_old(&mut self) {
        let Some(newest) = self.known.keys().map(|key| key.raised_at).max() else { return };
        let limit = newest.plus_ms(-SETTLED_KEPT_DAYS * DAY_MS);
        self.known.retain(|key, known| known.stage < ReceiptStage::Acknowledged || key.raised_at >= limit);
    }
}

/// The key of the alarm that a cancelled row is about.
fn cancellation(row: &WireRow) -> Option<AlarmKey> {
    let delivery = row.delivery().filter(|delivery| delivery.status == Status::Cancelled)?;
    let raised_at = delivery.cancelled_at.unwrap_or(delivery.modified_at);
    Some(AlarmKey { id: delivery.id, kind: AlarmKind::Cancelled, raised_at })
}

/// Whether the row is of a delivery that was readable and not cancelled.
fn is_alive(row: &WireRow) -> bool {
    row.delivery().is_some_and(|delivery| delivery.status != Status::Cancelled)
}
