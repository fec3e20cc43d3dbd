//! A fresh query, as plain as can be: filter all rows, sort them, cut out what is in sight.

use crate::search::{Wanted, parse};
use gwanje_board::{Filter, GroupBy, RowMark, SortKey, SortOrder, ViewSpec};
use gwanje_model::{Delivery, Status, UtcMillis};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A row.
#[derive(Debug, Clone)]
pub enum Known {
    Read(Arc<Delivery>),
    Unreadable(String, u64),
}

/// All that is true.
#[derive(Debug, Default)]
pub struct World {
    pub rows: BTreeMap<u64, Known>,
    /// The last copy of every row that ever was: a held view shows it after the row is gone.
    last: BTreeMap<u64, Known>,
    pub marks: BTreeMap<u64, RowMark>,
    pub as_of: BTreeMap<String, u64>,
    pub day_at: UtcMillis,
}

/// A list as it was when it was held.
#[derive(Debug)]
pub struct Frozen(Vec<(u64, Known)>);

impl Known {
    pub fn center(&self) -> &str {
        match self {
            Self::Read(row) => row.center.as_str(),
            Self::Unreadable(center, _) => center,
        }
    }
}

/// Which rows a spec lists in which order, whatever part is in sight.
pub fn list_of(spec: &ViewSpec) -> impl PartialEq {
    let centers: BTreeSet<_> = spec.centers.iter().cloned().collect();
    let statuses: BTreeSet<_> = spec.filter.statuses.iter().cloned().collect();
    let Filter { late, unconfirmed, noted, rider, .. } = &spec.filter;
    let filter = (statuses, *late, *unconfirmed, *noted, rider.clone());
    (centers, filter, spec.filter.shop.clone(), sort_of(spec), spec.group, parse(&spec.search))
}

impl World {
    pub fn put(&mut self, id: u64, known: Known) {
        self.last.insert(id, known.clone());
        self.rows.insert(id, known);
    }

    pub fn freeze(&self, spec: &ViewSpec) -> Frozen {
        Frozen(self.listed(spec).into_iter().map(|(id, known)| (id, known.clone())).collect())
    }

    /// All ids of the list, in their places.
    pub fn order(&self, spec: &ViewSpec, frozen: Option<&Frozen>) -> Vec<u64> {
        match frozen {
            Some(frozen) => frozen.0.iter().map(|&(id, _)| id).collect(),
            None => self.listed(spec).into_iter().map(|(id, _)| id).collect(),
        }
    }

    /// What a page should show.
    pub fn fresh(&self, spec: &ViewSpec, frozen: Option<&Frozen>) -> Value {
        let order = self.order(spec, frozen);
        let len = spec.len as usize;
        let first = (spec.first as usize).min(order.len().saturating_sub(len));
        let in_sight = order.iter().skip(first).take(len);
        let rows: Vec<_> = in_sight.map(|id| self.shown(*id, &self.last[id])).collect();
        let centers: BTreeMap<_, _> = self.as_of.iter().filter(|(center, _)| covers(spec, center)).collect();
        let moved = frozen.map_or(0, |frozen| self.moved(spec, frozen));
        let rest = json!({ "total": order.len(), "first": first, "moved": moved, "asOf": centers });
        json!({ "rest": rest, "rows": rows, "counters": self.counters(spec), "found": self.found(spec) })
    }

    fn listed(&self, spec: &ViewSpec) -> Vec<(u64, &Known)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(&id, known)| (id, known)).collect();
        let search = parse(&spec.search);
        rows.retain(|(_, known)| self.has(spec, &search, known));
        rows.sort_by(|a, b| compare(spec, a.1, b.1).then(a.0.cmp(&b.0)));
        rows
    }

    fn found(&self, spec: &ViewSpec) -> Value {
        let search = parse(&spec.search);
        let rows: Vec<&Delivery> = self
            .listed(spec)
            .into_iter()
            .filter_map(|(_, known)| match known {
                Known::Read(row) => Some(row.as_ref()),
                Known::Unreadable(..) => None,
            })
            .collect();
        let mut by_field: BTreeMap<&str, u64> = BTreeMap::new();
        let texts = rows.iter().flat_map(|row| search.texts(row).unwrap());
        texts.for_each(|text| *by_field.entry(text).or_default() += 1);
        let exact: Vec<_> = rows.iter().filter(|row| search.is_number_of(row)).map(|row| row.id).collect();
        let exact = match exact.as_slice() {
            [one] => Some(*one),
            [] | [_, _, ..] => None,
        };
        let missing = search.missing(&rows);
        json!({ "kind": search.kind(), "byField": by_field, "missing": missing, "leftOut": 0, "exact": exact })
    }

    fn moved(&self, spec: &ViewSpec, frozen: &Frozen) -> usize {
        let now: BTreeMap<_, _> = self.listed(spec).into_iter().collect();
        let then: BTreeMap<_, _> = frozen.0.iter().map(|(id, known)| (*id, known)).collect();
        let ids: BTreeSet<_> = now.keys().chain(then.keys()).collect();
        let stayed = |id: &u64| match (then.get(id), now.get(id)) {
            (Some(then), Some(now)) => compare(spec, then, now) == Ordering::Equal,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        ids.into_iter().filter(|id| !stayed(id)).count()
    }

    fn has(&self, spec: &ViewSpec, search: &Wanted, known: &Known) -> bool {
        let filter = &spec.filter;
        let wanted = match known {
            Known::Unreadable(..) => *filter == Default::default() && search.is_all(),
            Known::Read(row) => {
                (filter.statuses.is_empty() || filter.statuses.iter().any(|name| name == row.status.as_str()))
                    && (!filter.late || self.is_late(row))
                    && (!filter.unconfirmed || is_unconfirmed(row))
                    && (!filter.noted || (!row.status.is_final() && !row.notes.is_empty()))
                    && (filter.rider.is_none()
                        || filter.rider == row.rider.as_ref().map(|r| r.id.to_string()))
                    && (filter.shop.is_none() || filter.shop == Some(row.shop.id.to_string()))
                    && search.texts(row).is_some()
            }
        };
        wanted && covers(spec, known.center())
    }

    fn is_late(&self, row: &Delivery) -> bool {
        !row.status.is_final() && self.day_at >= row.late_at()
    }

    fn shown(&self, id: u64, known: &Known) -> Value {
        let mark = self.marks.get(&id).map(|mark| match mark {
            RowMark::Pending => "pending",
            RowMark::Unknown => "unknown",
        });
        let none: Option<u8> = None;
        match known {
            Known::Unreadable(center, rev) => json!({
                "id": id, "center": center, "rev": rev, "number": "", "status": none, "shop": "",
                "shopRemark": "", "address": "", "rider": none, "pickupTargetMin": 0, "deliveryTargetMin": 0,
                "distanceM": 0, "receivedAt": 0, "waitingAt": none, "assignedAt": none, "pickedUpAt": none,
                "deliveredAt": none, "cancelledAt": none, "lateAt": none, "notes": 0, "mark": mark,
            }),
            Known::Read(row) => json!({
                "id": id, "center": row.center, "rev": row.rev, "number": row.number, "status": row.status,
                "shop": row.shop.name, "shopRemark": row.shop.remark,
                "address": format!("{} {}", row.dropoff.address, row.dropoff.detail).trim_end(),
                "rider": row.rider.as_ref().map(|rider| json!({
                    "id": rider.id, "name": rider.name, "confirmed": rider.confirmed,
                    "lentFrom": (rider.home != row.center).then_some(&rider.home),
                })),
                "pickupTargetMin": row.pickup_target_min, "deliveryTargetMin": row.delivery_target_min,
                "distanceM": row.distance_m, "receivedAt": row.received_at, "waitingAt": row.waiting_at,
                "assignedAt": row.assigned_at, "pickedUpAt": row.picked_up_at,
                "deliveredAt": row.delivered_at, "cancelledAt": row.cancelled_at,
                "lateAt": (!row.status.is_final()).then(|| row.late_at()),
                "notes": row.notes.len(), "mark": mark,
            }),
        }
    }

    fn counters(&self, spec: &ViewSpec) -> Value {
        let known: Vec<_> = self.rows.values().filter(|known| covers(spec, known.center())).collect();
        let rows: Vec<&Delivery> = known
            .iter()
            .filter_map(|known| match known {
                Known::Read(row) => Some(row.as_ref()),
                Known::Unreadable(..) => None,
            })
            .collect();
        let count = |is: &dyn Fn(&Delivery) -> bool| rows.iter().filter(|row| is(row)).count();
        let by_status: BTreeMap<_, _> =
            Status::ALL.iter().map(|&status| (status.as_str(), count(&|row| row.status == status))).collect();
        let mean = |at: &dyn Fn(&Delivery) -> Option<UtcMillis>| {
            let lasting: Vec<_> =
                rows.iter().filter_map(|row| Some(at(row)?.since(row.received_at))).collect();
            let count = lasting.len() as i64;
            (count > 0).then(|| (lasting.iter().sum::<i64>() / count / 6000).max(0))
        };
        let delivered = count(&|row| row.delivered_at.is_some());
        let in_time = count(&|row| row.delivered_at.is_some_and(|at| at < row.late_at()));
        let mut half_hours: BTreeMap<i64, u64> = BTreeMap::new();
        rows.iter()
            .for_each(|row| *half_hours.entry(row.received_at.0 / 1_800_000 * 1_800_000).or_default() += 1);
        let older = half_hours.len().saturating_sub(12);
        json!({
            "byStatus": by_status,
            "late": count(&|row| self.is_late(row)),
            "unconfirmed": count(&is_unconfirmed),
            "noted": count(&|row| !row.status.is_final() && !row.notes.is_empty()),
            "unreadable": known.len() - rows.len(),
            "meanPickupMin10": mean(&|row| row.picked_up_at),
            "meanDeliveryMin10": mean(&|row| row.delivered_at),
            "onTimePermille": (delivered > 0).then(|| in_time * 1000 / delivered),
            "byHalfHour": half_hours.into_iter().skip(older).collect::<Vec<_>>(),
        })
    }
}

fn covers(spec: &ViewSpec, center: &str) -> bool {
    spec.centers.is_empty() || spec.centers.iter().any(|own| own == center)
}

fn is_unconfirmed(row: &Delivery) -> bool {
    !row.status.is_final() && row.rider.as_ref().is_some_and(|rider| !rider.confirmed)
}

fn sort_of(spec: &ViewSpec) -> Vec<SortOrder> {
    match spec.sort.as_slice() {
        [] => vec![SortOrder { key: SortKey::Number, descending: true }],
        sort => sort.to_vec(),
    }
}

/// By group, then by the columns; rows that can't be read after all others.
fn compare(spec: &ViewSpec, a: &Known, b: &Known) -> Ordering {
    let (a, b) = match (a, b) {
        (Known::Read(a), Known::Read(b)) => (a, b),
        (a, b) => return matches!(a, Known::Unreadable(..)).cmp(&matches!(b, Known::Unreadable(..))),
    };
    let up = |key| SortOrder { key, descending: false };
    let rider = |row: &Delivery| row.rider.as_ref().map(|rider| rider.id.clone());
    let group = match spec.group {
        None => Ordering::Equal,
        Some(GroupBy::Status) => by_column(up(SortKey::Status), a, b),
        Some(GroupBy::Rider) => by_column(up(SortKey::Rider), a, b).then(rider(a).cmp(&rider(b))),
        Some(GroupBy::Shop) => by_column(up(SortKey::Shop), a, b).then(a.shop.id.cmp(&b.shop.id)),
    };
    sort_of(spec).into_iter().fold(group, |so_far, sort| so_far.then(by_column(sort, a, b)))
}

fn by_column(sort: SortOrder, a: &Delivery, b: &Delivery) -> Ordering {
    fn values<T: Ord>(sort: SortOrder, a: Option<T>, b: Option<T>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
    let both = |value: &dyn Fn(&Delivery) -> Option<i64>| values(sort, value(a), value(b));
    let instants = |at: &dyn Fn(&Delivery) -> Option<UtcMillis>| values(sort, at(a), at(b));
    let texts = |text: &dyn Fn(&Delivery) -> Option<String>| values(sort, text(a), text(b));
    match sort.key {
        SortKey::Number => values(sort, Some(natural(&a.number)), Some(natural(&b.number))),
        SortKey::Status => both(&|row| Some(row.status as i64)),
        SortKey::Elapsed => both(&|row| Some(row.received_at.0)),
        SortKey::Target => instants(&|row| (!row.status.is_final()).then(|| row.late_at())),
        SortKey::Rider => texts(&|row| row.rider.as_ref().map(|rider| rider.name.as_str().to_lowercase())),
        SortKey::Shop => texts(&|row| Some(row.shop.name.as_str().to_lowercase())),
        SortKey::Address => {
            let address =
                |row: &Delivery| (row.dropoff.address.to_lowercase(), row.dropoff.detail.to_lowercase());
            values(sort, Some(address(a)), Some(address(b)))
        }
        SortKey::Distance => both(&|row| Some(row.distance_m.into())),
        SortKey::WaitingAt => instants(&|row| row.waiting_at),
        SortKey::AssignedAt => instants(&|row| row.assigned_at),
        SortKey::PickedUpAt => instants(&|row| row.picked_up_at),
        SortKey::DeliveredAt => instants(&|row| row.delivered_at),
    }
}

/// Characters, a run of digits being one with a number.
fn natural(text: &str) -> Vec<(char, u64)> {
    let mut parts: Vec<(char, u64)> = Vec::new();
    let mut in_digits = false;
    for c in text.to_lowercase().chars() {
        match c.to_digit(10) {
            Some(digit) if in_digits => {
                let (_, number) = parts.last_mut().unwrap();
                *number = *number * 10 + u64::from(digit);
            }
            Some(digit) => parts.push(('0', digit.into())),
            None => parts.push((c, 0)),
        }
        in_digits = c.is_ascii_digit();
    }
    parts
}
