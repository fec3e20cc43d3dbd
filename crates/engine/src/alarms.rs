//! The alarms that a person sees: those that stand open, and those of which somebody took note while their reason lasts.

use crate::ipc::{AlarmReceiptView, AlarmView};
use gwanje_board::Board;
use gwanje_model::{CenterId, DeliveryId};
use gwanje_sync::{AlarmKey, AlarmNotice, AlarmPriority, Mono};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmEntry, AlarmKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A cancellation that somebody took note of is shown for this long, milliseconds.
const HEARD_MS: u64 = 600_000;
/// What the hub said of alarms that are not open here (yet). Beyond it the oldest deliveries are forgotten: only who took
/// note of them is not shown.
const SAID_MAX: usize = 4_096;
/// Of so many a page is told: more than anybody looks through. The most urgent come first, and the rest is counted.
const TOLD_MAX: usize = 200;
/// Deliveries that this seat assigned are remembered, up to this many: more than a shift assigns.
const ASSIGNED_MAX: usize = 1_024;
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
    /// The delivery whose details are open at this seat.
    opened: Option<(CenterId, DeliveryId)>,
    /// Deliveries that this seat assigned, the oldest first.
    assigned: VecDeque<(CenterId, DeliveryId)>,
    /// Of the listed ones: cancellations of what was open here when they came, or has been since.
    under_eyes: BTreeSet<Place>,
    /// Of the listed ones: somebody else took note, and this seat has to as well.
    owed: BTreeSet<Place>,
    /// A page is told when that moment has come; none: it knows all.
    due: Option<Mono>,
    told: Mono,
}

impl Alarms {
    /// An alarm stands open.
    pub(crate) fn raise(&mut self, center: CenterId, notice: Arc<AlarmNotice>) {
        let place = (center, notice.key);
        self.heard.remove(&place);
        self.owed.remove(&place);
        if self.is_opened(&place) {
            self.under_eyes.insert(place.clone());
        }
        self.listed.insert(place, notice);
        self.changed();
    }

    /// The person here takes note.
    pub(crate) fn acknowledge(&mut self, center: &CenterId, key: AlarmKey, now: Mono) {
        let place = (center.clone(), key);
        if self.owed.remove(&place) {
            self.heard.insert(place.clone(), now);
            self.changed();
        }
        if self.listed.contains_key(&place) {
            self.here.insert(place);
        }
    }

    /// The details of a delivery are open at this seat; none: of no delivery.
    pub(crate) fn open_details(&mut self, opened: Option<(CenterId, DeliveryId)>) {
        self.opened = opened;
        let found: Vec<Place> = self.listed.keys().filter(|place| self.is_opened(place)).cloned().collect();
        self.under_eyes.extend(found);
        self.changed();
    }

    /// This seat assigned a delivery.
    pub(crate) fn assigned(&mut self, center: &CenterId, id: DeliveryId) {
        let of = (center.clone(), id);
        self.assigned.retain(|other| *other != of);
        if self.assigned.len() == ASSIGNED_MAX {
            self.assigned.pop_front();
        }
        self.assigned.push_back(of);
    }

    /// Somebody took note, or its reason is gone: it stands open no more. `keeps`: the hub tells when the reason is gone.
    pub(crate) fn settle(&mut self, center: &CenterId, key: AlarmKey, keeps: bool, now: Mono) {
        let place = (center.clone(), key);
        let said = self.said.get(&place).filter(|entry| entry.settled_at.is_none());
        let is_heard = self.here.contains(&place) || said.is_some_and(|entry| entry.is_acknowledged());
        if keeps && is_heard && self.listed.contains_key(&place) {
            if !self.here.contains(&place) && self.concerns(&place) {
                self.owed.insert(place);
            } else {
                self.heard.entry(place).or_insert(now);
            }
        } else {
            self.remove(&place);
        }
        self.changed();
    }

    /// What the hub says of an alarm.
    pub(crate) fn hear(&mut self, center: CenterId, entry: Box<AlarmEntry>) {
        let key = AlarmKey { id: entry.id, kind: entry.kind, raised_at: entry.raised_at };
        let place = (center, key);
        let is_noted = self.heard.contains_key(&place) || self.owed.contains(&place);
        if entry.settled_at.is_some() && is_noted {
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
        self.under_eyes.retain(|(of, _)| of != center);
        self.owed.retain(|(of, _)| of != center);
        self.assigned.retain(|(of, _)| of != center);
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

    fn is_opened(&self, (center, key): &Place) -> bool {
        key.kind == AlarmKind::Cancelled
            && self.opened.as_ref().is_some_and(|(of, id)| of == center && *id == key.id)
    }

    /// Whether this seat takes note for itself: the delivery is open here, or this seat assigned it.
    fn concerns(&self, place: &Place) -> bool {
        let (center, key) = place;
        self.under_eyes.contains(place) || self.assigned.iter().any(|(of, id)| of == center && *id == key.id)
    }

    fn priority(&self, place: &Place, notice: &AlarmNotice) -> AlarmPriority {
        // Somebody is working on it at this moment.
        if self.under_eyes.contains(place) {
            return AlarmPriority::Critical;
        }
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
            lost: notice.lost,
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
        self.under_eyes.remove(place);
        self.owed.remove(place);
    }

    fn changed(&mut self) {
        self.due.get_or_insert(self.told.plus_ms(TELL_MS));
    }
}

/// The delivery whose cancellation somebody has taken note of, as the hub says.
pub(crate) fn acknowledged_cancellation(entry: &AlarmEntry) -> Option<DeliveryId> {
    (entry.kind == AlarmKind::Cancelled && entry.is_acknowledged()).then_some(entry.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{Status, UtcMillis};
    use gwanje_wire::Person;
    use gwanje_wire::rest::Acknowledgement;

    fn notice(id: u64, kind: AlarmKind, raised_at: i64, was: Option<Status>) -> Arc<AlarmNotice> {
        let key = AlarmKey { id: DeliveryId(id), kind, raised_at: UtcMillis(raised_at) };
        Arc::new(AlarmNotice { key, relisted: false, yours: false, lost: false, delivery: None, was })
    }

    fn center() -> CenterId {
        "gangnam".into()
    }

    fn said(notice: &AlarmNotice, change: impl FnOnce(&mut AlarmEntry)) -> Box<AlarmEntry> {
        let text = r#"{"seq":1,"id":1,"kind":"late","raisedAt":1,"at":7,
            "delivery":{"id":1,"rev":1,"number":"10007","shop":{"id":"s","name":"한솥"},"status":"waiting"}}"#;
        let mut entry: AlarmEntry = serde_json::from_str(text).unwrap();
        (entry.id, entry.kind, entry.raised_at) = (notice.key.id, notice.key.kind, notice.key.raised_at);
        change(&mut entry);
        Box::new(entry)
    }

    fn acknowledged(entry: &mut AlarmEntry) {
        let who = Person { account: "lee".into(), name: "이몽룡".into() };
        entry.acknowledged = Some(Acknowledgement { who, at: UtcMillis(9) });
    }

    fn list(alarms: &Alarms) -> Vec<AlarmView> {
        alarms.list(&Board::default(), &BTreeMap::from([(center(), "강남".to_owned())])).0
    }

    #[test]
    fn the_most_urgent_stands_first_and_the_oldest_of_equals() {
        let mut alarms = Alarms::default();
        for (id, kind, at, was) in [
            (1, AlarmKind::Unaccepted, 1, None),
            (2, AlarmKind::Late, 5, None),
            (3, AlarmKind::Cancelled, 9, Some(Status::Assigned)),
            (4, AlarmKind::Late, 4, None),
            (5, AlarmKind::Cancelled, 2, Some(Status::Received)),
        ] {
            alarms.raise(center(), notice(id, kind, at, was));
        }
        assert_eq!(list(&alarms).iter().map(|alarm| alarm.id).collect::<Vec<_>>(), [3, 4, 2, 1, 5]);
        assert_eq!(alarms.open().count(), 5);
    }

    #[test]
    fn what_somebody_took_note_of_is_listed_until_its_reason_is_gone() {
        let mut alarms = Alarms::default();
        let (late, own) = (notice(1, AlarmKind::Late, 1, None), notice(2, AlarmKind::Late, 2, None));
        for notice in [&late, &own] {
            alarms.raise(center(), Arc::clone(notice));
        }
        // Another seat's word is told by the hub, this seat's own before the hub knows.
        alarms.hear(center(), said(&late, acknowledged));
        alarms.settle(&center(), late.key, true, Mono(0));
        alarms.acknowledge(&center(), own.key, Mono(0));
        alarms.settle(&center(), own.key, true, Mono(0));
        assert_eq!(alarms.open().count(), 0);
        let listed = list(&alarms);
        assert!(listed.iter().all(|alarm| alarm.acknowledged) && listed.len() == 2);
        let named =
            (listed[0].acknowledged_by.as_deref(), listed[0].number.as_deref(), listed[0].shop.as_deref());
        assert_eq!(named, (Some("이몽룡"), Some("10007"), Some("한솥")));
        assert_eq!((listed[0].center_name.as_str(), listed[1].acknowledged_by.as_deref()), ("강남", None));
        alarms.hear(center(), said(&late, |entry| entry.settled_at = Some(UtcMillis(8))));
        assert_eq!(list(&alarms).iter().map(|alarm| alarm.id).collect::<Vec<_>>(), [2]);
        // Nobody takes note of one whose reason is gone.
        let ended = notice(3, AlarmKind::Late, 3, None);
        alarms.raise(center(), Arc::clone(&ended));
        alarms.settle(&center(), ended.key, true, Mono(0));
        assert_eq!(list(&alarms).len(), 1);
    }

    #[test]
    fn a_cancellation_that_somebody_took_note_of_leaves_after_ten_minutes() {
        let mut alarms = Alarms::default();
        let cancelled = notice(1, AlarmKind::Cancelled, 1, Some(Status::Waiting));
        alarms.raise(center(), Arc::clone(&cancelled));
        let entry = said(&cancelled, acknowledged);
        assert_eq!(acknowledged_cancellation(&entry), Some(DeliveryId(1)));
        alarms.hear(center(), entry);
        alarms.settle(&center(), cancelled.key, true, Mono(1_000));
        alarms.forget_heard(Mono(1_000 + HEARD_MS - 1));
        assert_eq!(list(&alarms).len(), 1);
        alarms.forget_heard(Mono(1_000 + HEARD_MS));
        assert!(list(&alarms).is_empty());
    }

    #[test]
    fn a_page_is_told_at_most_five_times_a_second_and_only_what_changed() {
        let (mut alarms, board, names) = (Alarms::default(), Board::default(), BTreeMap::new());
        assert_eq!(alarms.deadline(), None);
        alarms.raise(center(), notice(1, AlarmKind::Late, 1, None));
        let now = Mono(10_000);
        assert!(alarms.due(&board, &names, now).is_some_and(|(told, count)| told.len() == 1 && count == 1));
        assert_eq!(alarms.due(&board, &names, now), None);
        alarms.raise(center(), notice(2, AlarmKind::Late, 2, None));
        assert_eq!(alarms.due(&board, &names, now.plus_ms(TELL_MS - 1)), None);
        assert_eq!(alarms.deadline(), Some(now.plus_ms(TELL_MS)));
        assert!(alarms.due(&board, &names, now.plus_ms(TELL_MS)).is_some());
    }

    #[test]
    fn where_nobody_tells_that_a_reason_is_gone_what_is_settled_leaves_at_once() {
        let mut alarms = Alarms::default();
        let late = notice(1, AlarmKind::Late, 1, None);
        alarms.raise(center(), Arc::clone(&late));
        alarms.acknowledge(&center(), late.key, Mono(0));
        alarms.settle(&center(), late.key, false, Mono(0));
        assert!(list(&alarms).is_empty());
    }

    #[test]
    fn a_cancellation_of_what_is_open_here_is_critical_and_stays_until_this_seat_takes_note() {
        let mut alarms = Alarms::default();
        let [open, assigned, other] =
            [1, 2, 3].map(|id| notice(id, AlarmKind::Cancelled, 1, Some(Status::Received)));
        alarms.open_details(Some((center(), DeliveryId(1))));
        alarms.assigned(&center(), DeliveryId(2));
        for notice in [&open, &assigned, &other] {
            alarms.raise(center(), Arc::clone(notice));
        }
        let priority = |alarms: &Alarms, id| {
            list(alarms).iter().find(|alarm| alarm.id == id).map(|alarm| alarm.priority)
        };
        assert_eq!(priority(&alarms, 1), Some(AlarmPriority::Critical));
        assert_eq!(priority(&alarms, 2), Some(AlarmPriority::Normal));
        // Closing the details makes it no less urgent, opening others makes theirs so.
        alarms.open_details(None);
        assert_eq!(priority(&alarms, 1), Some(AlarmPriority::Critical));
        alarms.open_details(Some((center(), DeliveryId(3))));
        assert_eq!(priority(&alarms, 3), Some(AlarmPriority::Critical));
        for notice in [&open, &assigned, &other] {
            alarms.hear(center(), said(notice, acknowledged));
            alarms.settle(&center(), notice.key, true, Mono(0));
        }
        assert_eq!(alarms.open().count(), 3, "another seat's word is not this one's");
        alarms.acknowledge(&center(), open.key, Mono(5));
        alarms.hear(center(), said(&assigned, |entry| entry.settled_at = Some(UtcMillis(8))));
        assert_eq!(alarms.open().map(|(_, notice)| notice.key.id.0).collect::<Vec<_>>(), [3]);
        assert!(list(&alarms).iter().any(|alarm| alarm.id == 1 && alarm.acknowledged));
    }

    #[test]
    fn what_this_seat_assigned_is_remembered_up_to_a_bound() {
        let mut alarms = Alarms::default();
        for id in 0..=ASSIGNED_MAX as u64 {
            alarms.assigned(&center(), DeliveryId(id));
        }
        assert_eq!(alarms.assigned.len(), ASSIGNED_MAX);
        assert_eq!(alarms.assigned.front(), Some(&(center(), DeliveryId(1))));
    }
}
