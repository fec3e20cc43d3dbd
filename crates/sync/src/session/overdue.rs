//! Alarms whose condition ends by itself: a late delivery, an unconfirmed rider, an order that nobody accepts, a center
//! without proof (rule 10).
//!
//! Deadlines are kept in order as rows change, so that a head costs what came due and not a look at every row. A key
//! raises once; when its condition ends it is settled without a word, and the board no longer lists it. The hub writes
//! the same alarms under the same keys: what it says of one is added to what is known here, and what came due while this
//! seat was away is listed.

use super::fetch::SessionAction;
use super::notified::{Notified, key_of};
use super::rows::Rows;
use crate::io::{AlarmKey, AlarmNotice, StoredAlarm};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::{DeliveryId, DueAt, SeatId, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, ReceiptStage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// At most this many of a kind are open at once: more than a shift works through, and the board tints and counts every late row
/// anyway. What is due beyond them waits in its order and raises as others end.
pub(super) const OPEN_MAX: usize = 500;
/// The kinds that come due by the clock.
const KINDS: usize = 3;
/// Settled keys remembered so that they don't raise again: some days of a busy center. Beyond it the oldest are forgotten.
const SETTLED_MAX: usize = 4_096;

#[derive(Debug)]
struct Known {
    stage: ReceiptStage,
    delivery: Option<WireRow>,
    at_hub: Option<ReceiptStage>,
    notified: Notified,
    /// In this run; what an earlier run raised is listed again only once its condition is seen to hold.
    listed: bool,
    /// The hub told of it before its row was here, and nobody has heard of it: raised with the row, not listed quietly.
    aloud: bool,
}

/// What can come due of a delivery as it is now.
fn keys(due: DueAt, id: DeliveryId) -> [Option<AlarmKey>; 3] {
    let key = |kind| move |raised_at| AlarmKey { id, kind, raised_at };
    [
        due.late.map(key(AlarmKind::Late)),
        due.unconfirmed.map(key(AlarmKind::Unconfirmed)),
        due.unaccepted.map(key(AlarmKind::Unaccepted)),
    ]
}

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Overdue {
    seat: SeatId,
    /// No hub writes the same alarms: what was due before this run is listed by this seat itself.
    pub(super) alone: bool,
    watched: BTreeMap<DeliveryId, DueAt>,
    /// By kind: of one with too many open, no other has to wait.
    due: BTreeMap<AlarmKind, BTreeSet<(UtcMillis, AlarmKey)>>,
    /// The center's clock when this run first saw it: what was due by then is old news, however much of it a snapshot
    /// brings.
    since: Option<UtcMillis>,
    known: BTreeMap<AlarmKey, Known>,
    /// Those of the known that are listed, or about to be, and not settled.
    open: BTreeSet<AlarmKey>,
    /// Those of the known that wait for a commit.
    untold: BTreeSet<AlarmKey>,
    changed: BTreeSet<AlarmKey>,
    /// Of which the hub knows more: written with whatever batch comes next.
    known_better: BTreeSet<AlarmKey>,
    news: VecDeque<SessionAction>,
}

impl Overdue {
    pub(super) fn new(seat: SeatId) -> Self {
        Self {
            seat,
            alone: false,
            watched: BTreeMap::new(),
            due: BTreeMap::new(),
            since: None,
            known: BTreeMap::new(),
            open: BTreeSet::new(),
            untold: BTreeSet::new(),
            changed: BTreeSet::new(),
            known_better: BTreeSet::new(),
            news: VecDeque::new(),
        }
    }

    /// What the cache held; it is listed when the rows of the cache show that it still holds.
    pub(super) fn restore(&mut self, alarm: StoredAlarm) {
        let StoredAlarm { key, stage, at_hub, lost: _, delivery } = alarm;
        let aloud = delivery.is_none() && at_hub.is_none();
        let known = Known { stage, delivery, at_hub, notified: Notified::Yes, listed: false, aloud };
        self.known.insert(key, known);
    }

    /// All rows of the cache were seen: what was not listed by now has ended meanwhile, unless it waits for a row.
    pub(super) fn restored(&mut self) {
        for (key, known) in &mut self.known {
            if !known.listed && known.stage < ReceiptStage::Acknowledged && !known.waits(key.kind) {
                known.settle();
                self.changed.insert(*key);
            }
        }
        self.forget_old();
    }

    /// A row, as it is now. One that can't be read says nothing.
    pub(super) fn see(&mut self, row: &WireRow) {
        if let Some(delivery) = row.delivery() {
            self.watch(delivery.id, DueAt::of(delivery), Some(row));
        }
    }

    /// The delivery is not on the board any more.
    pub(super) fn gone(&mut self, id: DeliveryId) {
        self.watch(id, DueAt::default(), None);
    }

    /// The center's clock, by a head: raises what has come due since this run first saw the clock.
    pub(super) fn clock(&mut self, day_at: UtcMillis, rows: &Rows) {
        // When the clock went back, a day is run again: it counts from there.
        let since = self.since.map_or(day_at, |since| since.min(day_at));
        self.since = Some(since);
        let kinds: Vec<AlarmKind> = self.due.keys().copied().collect();
        for kind in kinds {
            let mut open = self.open_of(kind);
            while let Some(&(at, key)) = self.due.get(&kind).and_then(BTreeSet::first) {
                let is_news = at > since;
                let is_wanted = is_news || self.alone;
                if at > day_at || is_wanted && open >= OPEN_MAX {
                    break;
                }
                self.not_due(key);
                if is_wanted {
                    open += 1;
                    let delivery = rows.get(key.id).cloned();
                    if is_news { self.raise(key, delivery) } else { self.list(key, delivery, None) }
                }
            }
        }
    }

    /// Raises, unless that key has been raised.
    pub(super) fn raise(&mut self, key: AlarmKey, delivery: Option<WireRow>) {
        if self.known.contains_key(&key) {
            return;
        }
        let stage = ReceiptStage::Delivered;
        let notified = Notified::Unstored;
        let known = Known { stage, delivery, at_hub: None, notified, listed: true, aloud: false };
        self.known.insert(key, known);
        self.open.insert(key);
        self.changed.insert(key);
        self.forget_old();
    }

    /// The condition has ended, or somebody took note: off the list, and never raised again.
    pub(super) fn settle(&mut self, key: AlarmKey) {
        let Some(known) = self.known.get_mut(&key) else { return };
        if known.stage == ReceiptStage::Acknowledged {
            return;
        }
        let told = known.listed && known.notified == Notified::Yes;
        known.settle();
        self.untold.remove(&key);
        if self.open.remove(&key) {
            self.changed.insert(key);
        }
        if told {
            self.news.push_back(SessionAction::AlarmSettled(key));
        }
    }

    /// An entry of the hub, which writes each alarm when it is due, and what seats say of it.
    pub(super) fn take(&mut self, entry: &AlarmEntry, row: Option<&WireRow>) {
        let key = key_of(entry);
        let own = entry.receipts.iter().filter(|r| r.seat == self.seat).map(|r| r.stage).max();
        let is_over = entry.is_acknowledged() || entry.settled_at.is_some();
        if let Some(known) = self.known.get_mut(&key) {
            if own > known.at_hub {
                known.at_hub = own;
                self.known_better.insert(key);
            }
            if is_over {
                self.settle(key);
            } else if let Some(stage) = own.filter(|own| *own > known.stage) {
                known.stage = stage;
                self.changed.insert(key);
            } else if is_mutated(Mutation::RaiseHubsToo) && own.is_none() && known.listed {
                let notice = known.notice(key, false);
                self.news.push_back(SessionAction::Alarm(notice));
            }
            return;
        }
        if is_over {
            // Somebody took note before this seat's clock came to it, or it has ended: that is kept of what this seat
            // could still raise.
            if self.since.is_some_and(|since| key.raised_at > since) {
                let stage = ReceiptStage::Acknowledged;
                let at_hub = Some(stage);
                let notified = Notified::Yes;
                let known = Known { stage, delivery: None, at_hub, notified, listed: false, aloud: false };
                self.known.insert(key, known);
                self.changed.insert(key);
                self.not_due(key);
            }
        } else if own.is_some() || self.was_missed(key) {
            // Raised here before the cache was lost, or while this seat was away.
            self.not_due(key);
            self.list(key, row.cloned(), own);
        } else if self.since.is_some_and(|since| key.raised_at > since) && self.open_of(key.kind) < OPEN_MAX {
            // Due by the hub's clock, and not yet by this seat's. It is not left to that: a run that ends before would have
            // read of it, and none would raise it.
            self.not_due(key);
            if self.holds(key) {
                self.raise(key, row.cloned());
            } else {
                self.await_row(key, None, true);
            }
        }
        self.forget_old();
    }

    /// Lists what came due before this run, without a sound, as soon as its row shows that it still holds.
    fn list(&mut self, key: AlarmKey, delivery: Option<WireRow>, at_hub: Option<ReceiptStage>) {
        if !self.holds(key) {
            return self.await_row(key, at_hub, false);
        }
        let stage = at_hub.unwrap_or(ReceiptStage::Delivered);
        let known = Known { stage, delivery, at_hub, notified: Notified::Yes, listed: false, aloud: false };
        self.known.insert(key, known);
        self.list_again(key);
        if at_hub.is_none() {
            self.send(key, stage);
        }
    }

    /// The row that an alarm of the hub is about is not here yet. That is stored: the hub tells it only once.
    fn await_row(&mut self, key: AlarmKey, at_hub: Option<ReceiptStage>, aloud: bool) {
        let stage = at_hub.unwrap_or(ReceiptStage::Delivered);
        let known = Known { stage, delivery: None, at_hub, notified: Notified::Yes, listed: false, aloud };
        self.known.insert(key, known);
        self.changed.insert(key);
    }

    /// Whether an alarm that the hub has open came due before this seat saw the clock in this run: its own clock will not
    /// raise it. The horizon does not matter: what is late now wants a person, however new the seat.
    fn was_missed(&self, key: AlarmKey) -> bool {
        let is_past = self.since.is_none_or(|since| key.raised_at <= since);
        is_past && self.open_of(key.kind) < OPEN_MAX
    }

    fn open_of(&self, kind: AlarmKind) -> usize {
        self.open.iter().filter(|key| key.kind == kind).count()
    }

    /// Whether it is due of its delivery as it is on this board.
    fn holds(&self, key: AlarmKey) -> bool {
        self.watched.get(&key.id).is_some_and(|due| keys(*due, key.id).contains(&Some(key)))
    }

    fn not_due(&mut self, key: AlarmKey) {
        if let Some(due) = self.due.get_mut(&key.kind) {
            due.remove(&(key.raised_at, key));
        }
    }

    /// A person took note, or the window shows it. False: nothing new.
    pub(super) fn receipt(&mut self, key: AlarmKey, stage: ReceiptStage) -> bool {
        let Some(known) = self.known.get_mut(&key).filter(|known| known.stage < stage) else { return false };
        let at_hub = known.at_hub;
        if stage == ReceiptStage::Acknowledged {
            self.settle(key);
        } else {
            known.stage = stage;
            self.changed.insert(key);
        }
        if let Some(known) = self.known.get_mut(&key) {
            known.at_hub = at_hub;
        }
        self.send(key, stage);
        true
    }

    /// The hub has that receipt, or wants none.
    pub(super) fn receipt_taken(&mut self, key: AlarmKey, stage: ReceiptStage) {
        if let Some(known) = self.known.get_mut(&key).filter(|known| known.at_hub < Some(stage)) {
            known.at_hub = Some(stage);
            self.known_better.insert(key);
        }
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What the batch with that number holds of them.
    pub(super) fn store(&mut self, batch: u64, stored: &mut Vec<StoredAlarm>) {
        self.changed.append(&mut self.known_better);
        for key in std::mem::take(&mut self.changed) {
            if let Some(known) = self.known.get_mut(&key) {
                if known.notified == Notified::Unstored {
                    known.notified = Notified::Stored(batch);
                    self.untold.insert(key);
                }
                let (stage, at_hub) = (known.stage, known.at_hub);
                stored.push(StoredAlarm {
                    key,
                    stage,
                    at_hub,
                    lost: false,
                    delivery: known.delivery.clone(),
                });
            }
        }
    }

    /// The cache is new and empty.
    pub(super) fn store_all(&mut self) {
        for key in std::mem::take(&mut self.untold) {
            if let Some(known) = self.known.get_mut(&key) {
                known.notified = Notified::Unstored;
            }
        }
        self.changed = self.known.keys().copied().collect();
    }

    /// The cache committed up to that batch: the person is told, and the hub that this seat has it.
    pub(super) fn committed(&mut self, batch: u64) {
        let known = &self.known;
        let is_stored = |key: &AlarmKey| {
            known.get(key).is_none_or(|known| matches!(known.notified, Notified::Stored(at) if at <= batch))
        };
        let stored: Vec<AlarmKey> = self.untold.extract_if(.., |key| is_stored(key)).collect();
        for key in stored {
            if let Some(known) = self.known.get_mut(&key) {
                known.notified = Notified::Yes;
                let stage = known.stage;
                let notice = known.notice(key, false);
                self.news.push_back(SessionAction::Alarm(notice));
                self.send(key, stage);
            }
        }
    }

    /// Receipts that the hub turned out to lack.
    pub(super) fn send_missing(&mut self) {
        // A word of an earlier run is listed no more, but still owed to the hub; a condition that ended owes none.
        let lacks = |known: &Known| {
            let said = known.listed || known.stage == ReceiptStage::Acknowledged;
            said && known.notified == Notified::Yes && known.at_hub < Some(known.stage)
        };
        let missing: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| lacks(known))
            .map(|(key, known)| (*key, known.stage))
            .collect();
        for (key, stage) in missing {
            self.send(key, stage);
        }
    }

    /// What there is to tell.
    pub(super) fn tell(&mut self, out: &mut VecDeque<SessionAction>) {
        out.append(&mut self.news);
    }

    fn watch(&mut self, id: DeliveryId, new: DueAt, row: Option<&WireRow>) {
        let old = self.watched.get(&id).copied().unwrap_or_default();
        if old == new {
            return;
        }
        let changed = keys(old, id).into_iter().zip(keys(new, id)).filter(|(old, new)| old != new);
        for (old, new) in changed {
            if let Some(key) = old {
                self.not_due(key);
                self.settle(key);
            }
            if let Some(key) = new {
                self.begin(key, row);
            }
        }
        if new == DueAt::default() {
            self.watched.remove(&id);
        } else {
            self.watched.insert(id, new);
        }
    }

    fn begin(&mut self, key: AlarmKey, row: Option<&WireRow>) {
        let Some(known) = self.known.get_mut(&key) else {
            self.due.entry(key.kind).or_default().insert((key.raised_at, key));
            return;
        };
        if known.listed || known.stage == ReceiptStage::Acknowledged {
            return;
        }
        if known.delivery.is_none() {
            known.delivery = row.cloned();
        }
        if known.aloud {
            (known.aloud, known.listed, known.notified) = (false, true, Notified::Unstored);
            self.open.insert(key);
            self.changed.insert(key);
        } else {
            self.list_again(key);
        }
    }

    /// It was raised in an earlier run, or while this seat was away, and still holds.
    fn list_again(&mut self, key: AlarmKey) {
        let Some(known) = self.known.get_mut(&key) else { return };
        known.listed = true;
        self.open.insert(key);
        self.changed.insert(key);
        let notice = known.notice(key, true);
        self.news.push_back(SessionAction::Alarm(notice));
    }

    /// Whether a center was proven is this seat's own affair; for the others each seat has its receipts at the hub.
    fn send(&mut self, key: AlarmKey, stage: ReceiptStage) {
        match key.kind {
            AlarmKind::Unproven => {}
            AlarmKind::Cancelled | AlarmKind::Late | AlarmKind::Unconfirmed | AlarmKind::Unaccepted => {
                self.news.push_back(SessionAction::SendReceipt(key, stage));
            }
        }
    }

    /// Keeps the memory of what is over bounded: halves it when it is full, the oldest first. What still holds stays.
    fn forget_old(&mut self) {
        if self.known.len() <= KINDS * OPEN_MAX + SETTLED_MAX {
            return;
        }
        let over = self.known.keys().filter(|key| !self.open.contains(key) && !self.holds(**key));
        let mut over: Vec<_> = over.map(|key| (key.raised_at, *key)).collect();
        over.sort_unstable();
        over.truncate(over.len().saturating_sub(SETTLED_MAX / 2));
        for (_, key) in over {
            self.known.remove(&key);
        }
    }
}

impl Known {
    /// For its row, which has never been here. A center without proof is about none.
    fn waits(&self, kind: AlarmKind) -> bool {
        self.delivery.is_none() && kind != AlarmKind::Unproven
    }

    fn notice(&self, key: AlarmKey, relisted: bool) -> Box<AlarmNotice> {
        Box::new(AlarmNotice {
            key,
            relisted,
            yours: false,
            lost: false,
            delivery: self.delivery.clone(),
            was: None,
        })
    }

    /// Stored as acknowledged, so that no later run lists or raises it. Taken for known to the hub, so that no word is
    /// sent that nobody gave.
    fn settle(&mut self) {
        self.stage = ReceiptStage::Acknowledged;
        self.delivery = None;
        self.at_hub = Some(ReceiptStage::Acknowledged);
        self.notified = Notified::Yes;
    }
}
