//! The alarms that a person sees: those that stand open, and those of which somebody took note while their reason lasts.

use crate::ipc::{AlarmReceiptView, AlarmView};
use gwanje_board::Board;
use gwanje_model::{CenterId, DeliveryId};
use gwanje_sync::{AlarmKey, AlarmNotice, AlarmPriority, Mono};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmEntry, AlarmKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A cancellation that somebody took note of is shown for this long, milliseconds.
const HEARD_MS: u64 = 600_000;
/// What the hub said of alarms that are not open here (yet). Beyond it the oldest deliveries are forgotten: only who took
/// note of them is not shown.
const SAID_MAX: usize = 4_096;
/// Of so many a page is told: more than anybody looks through. The most urgent come first, and the rest is counted.
const TOLD_MAX: usize = 200;
/// Between two tellings of the list, milliseconds: in a rush every seat gives word of each alarm.
const TELL_MS: u64 = 200;

type Place = (CenterId, AlarmKey);

/// See the module's doc.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    listed: BTreeMap<Place, Arc<AlarmNotice>>,
    /// Of the listed ones: somebody took note, here or elsewhere; from when on.
    heard: BTreeMap<Place, Mono>,
    /// Acknowledged at this seat, which the hub may not know yet.
    here: BTreeSet<Place>,
    said: BTreeMap<Place, Box<AlarmEntry>>,
    /// A page is told when that moment has come; none: it knows all.
    due: Option<Mono>,
    told: Mono,
}

impl Alarms {
    /// An alarm stands open.
    pub(crate) fn raise(&mut self, center: CenterId, notice: Arc<AlarmNotice>) {
        self.heard.remove(&(center.clone(), notice.key));
        self.listed.insert((center, notice.key), notice);
        self.changed();
    }

    /// The person here takes note.
    pub(crate) fn acknowledge(&mut self, center: &CenterId, key: AlarmKey) {
        let place = (center.clone(), key);
        if self.listed.contains_key(&place) {
            self.here.insert(place);
        }
    }

    /// Somebody took note, or its reason is gone: it stands open no more. `keeps`: the hub tells when the reason is gone.
    pub(crate) fn settle(&mut self, center: &CenterId, key: AlarmKey, keeps: bool, now: Mono) {
        let place = (center.clone(), key);
        let said = self.said.get(&place).filter(|entry| entry.settled_at.is_none());
        let is_heard = self.here.contains(&place) || said.is_some_and(|entry| entry.is_acknowledged());
        if keeps && is_heard && self.listed.contains_key(&place) {
            self.heard.entry(place).or_insert(now);
        } else {
            self.remove(&place);
        }
        self.changed();
    }

    /// What the hub says of an alarm.
    pub(crate) fn hear(&mut self, center: CenterId, entry: Box<AlarmEntry>) {
        let key = AlarmKey { id: entry.id, kind: entry.kind, raised_at: entry.raised_at };
        let place = (center, key);
        if entry.settled_at.is_some() && self.heard.contains_key(&place) {
            self.remove(&place);
        } else if entry.settled_at.is_some() && !self.listed.contains_key(&place) {
            self.said.remove(&place);
            return;
        } else {
            self.said.insert(place, entry);
            if self.said.len() > SAID_MAX
                && let Some(old) = self.said.keys().find(|place| !self.listed.contains_key(*place)).cloned()
            {
                self.said.remove(&old);
            }
        }
        self.changed();
    }

    /// A center is out of view.
    pub(crate) fn drop_center(&mut self, center: &CenterId) {
        self.listed.retain(|(of, _), _| of != center);
        self.heard.retain(|(of, _), _| of != center);
        self.here.retain(|(of, _)| of != center);
        self.said.retain(|(of, _), _| of != center);
        self.changed();
    }

    /// Takes cancellations off the list that somebody took note of long ago.
    pub(crate) fn forget_heard(&mut self, now: Mono) {
        let over = |(place, since): (&Place, &Mono)| {
            (place.1.kind == AlarmKind::Cancelled && now.since(*since) >= HEARD_MS).then(|| place.clone())
        };
        let over: Vec<Place> = self.heard.iter().filter_map(over).collect();
        for place in over {
            self.remove(&place);
            self.changed();
        }
    }

    /// Those that stand open.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&CenterId, &Arc<AlarmNotice>)> {
        let open = self.listed.iter().filter(|(place, _)| !self.heard.contains_key(*place));
        open.map(|((center, _), notice)| (center, notice))
    }

    /// When a page is to be told of the list; none: it knows all.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.due
    }

    /// The list, if it is time to tell it.
    pub(crate) fn due(
        &mut self,
        board: &Board,
        names: &BTreeMap<CenterId, String>,
        now: Mono,
    ) -> Option<(Vec<AlarmView>, u64)> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        self.told = now;
        Some(self.list(board, names))
    }

    /// The most urgent first, the oldest of equals first; and how many there are.
    pub(crate) fn list(&self, board: &Board, names: &BTreeMap<CenterId, String>) -> (Vec<AlarmView>, u64) {
        let mut all: Vec<(AlarmPriority, &Place, &Arc<AlarmNotice>)> =
            self.listed.iter().map(|(place, notice)| (self.priority(place, notice), place, notice)).collect();
        all.sort_unstable_by_key(|(priority, (_, key), _)| (*priority, key.raised_at, key.id, key.kind));
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let told = all.into_iter().take(TOLD_MAX);
        (
            told.map(|(priority, place, notice)| self.view(place, notice, priority, board, names)).collect(),
            count,
        )
    }

    fn priority(&self, place: &Place, notice: &AlarmNotice) -> AlarmPriority {
        match self.said.get(place).and_then(|entry| entry.was) {
            Some(was) => AlarmPriority::of(notice.key.kind, None, Some(was)),
            None => notice.priority(),
        }
    }

    fn view(
        &self,
        place: &Place,
        notice: &AlarmNotice,
        priority: AlarmPriority,
        board: &Board,
        names: &BTreeMap<CenterId, String>,
    ) -> AlarmView {
        let (center, key) = place;
        let said = self.said.get(place);
        let row = board.get(key.id).or(notice.delivery.as_ref().and_then(WireRow::delivery));
        let named = said.and_then(|entry| entry.delivery.as_ref());
        let number = row.map(|row| &row.number).or(named.map(|named| &named.number));
        let shop = row.map(|row| &row.shop.name).or(named.map(|named| &named.shop.name));
        let rider = row.and_then(|row| row.rider.as_ref()).map(|rider| rider.name.to_string());
        let acknowledged = said.and_then(|entry| entry.acknowledged.as_ref());
        let receipts = said.into_iter().flat_map(|entry| &entry.receipts).map(|receipt| AlarmReceiptView {
            account: receipt.account.to_string(),
            seat: receipt.seat.to_string(),
            stage: receipt.stage,
            at: receipt.at.0,
        });
        AlarmView {
            center: center.to_string(),
            center_name: names.get(center).cloned().unwrap_or_else(|| center.to_string()),
            id: key.id.0,
            kind: key.kind,
            raised_at: key.raised_at.0,
            at: said.and_then(|entry| entry.at).map(|at| at.0),
            priority,
            number: number.map(ToString::to_string),
            shop: shop.map(ToString::to_string),
            rider,
            was: said.and_then(|entry| entry.was).or(notice.was),
            by: said.and_then(|entry| entry.by.as_ref()).map(|by| by.name.to_string()),
            yours: notice.yours,
            receipts: receipts.collect(),
            more: said.map_or(0, |entry| entry.more),
            acknowledged: self.heard.contains_key(place),
            acknowledged_by: acknowledged.map(|acknowledged| acknowledged.who.name.to_string()),
            acknowledged_at: acknowledged.map(|acknowledged| acknowledged.at.0),
            escalated_at: said.and_then(|entry| entry.escalated_at).map(|at| at.0),
            settled_at: said.and_then(|entry| entry.settled_at).map(|at| at.0),
        }
    }

    fn remove(&mut self, place: &Place) {
        self.listed.remove(place);
        self.heard.remove(place);
        self.here.remove(place);
        self.said.remove(place);
    }

    fn changed(&mut self) {
        self.due.get_or_insert(self.told.plus_ms(TELL_MS));
    }
}

/// The delivery whose cancellation somebody has taken note of, as the hub says.
pub(crate) fn acknowledged_cancellation(entry: &AlarmEntry) -> Option<DeliveryId> {
    (entry.kind == AlarmKind::Cancelled && entry.is_acknowledged()).then_some(entry.id)
}
