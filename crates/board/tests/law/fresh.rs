//! A fresh query, as plain as can be: filters all rows, sorts them, puts heads between them, and cuts out what is in
//! sight.

use crate::groups::Stood;
use crate::search::parse;
use gwanje_board::{Filter, Place, RowMark, SortKey, SortOrder, ViewSpec};
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

/// Everything that is true.
#[derive(Debug, Default)]
pub struct World {
    pub rows: BTreeMap<u64, Known>,
    /// The last copy of every row that ever existed: a held view shows it after the row is gone.
    last: BTreeMap<u64, Known>,
    pub marks: BTreeMap<u64, RowMark>,
    pub as_of: BTreeMap<String, u64>,
    pub day_at: UtcMillis,
    /// Cancellations that a person acknowledged.
    pub acknowledged: BTreeSet<u64>,
    /// What is set for centers.
    pub at_risk_min: BTreeMap<String, u32>,
    pub names: Names,
}

/// What centers are called.
pub type Names = BTreeMap<String, String>;

/// A list as it was when it was held.
#[derive(Debug)]
pub struct Frozen {
    pub rows: BTreeMap<u64, Stood>,
    pub places: Vec<Place>,
    /// What the heads were called.
    pub called: BTreeMap<String, String>,
}

impl Known {
    pub fn center(&self) -> &str {
        match self {
            Self::Read(row) => row.center.as_str(),
            Self::Unreadable(center, _) => center,
        }
    }
}

/// Which rows a spec lists, and in which order, whatever part is in sight.
pub fn list_of(spec: &ViewSpec) -> impl PartialEq {
    let centers: BTreeSet<_> = spec.centers.iter().cloned().collect();
    let statuses: BTreeSet<_> = spec.filter.statuses.iter().cloned().collect();
    let Filter { late, unconfirmed, noted, rider, .. } = &spec.filter;
    let filter = (statuses, *late, *unconfirmed, *noted, rider.clone());
    let collapsed: BTreeSet<_> = spec.collapsed.iter().cloned().collect();
    let below = (spec.group, spec.pinned, collapsed);
    (centers, filter, spec.filter.shop.clone(), sort_of(spec), below, parse(&spec.search))
}

impl World {
    pub fn put(&mut self, id: u64, known: Known) {
        self.last.insert(id, known.clone());
        self.rows.insert(id, known);
    }

    /// Takes rows out, for good or until they are put in again.
    pub fn retain(&mut self, keep: impl Fn(u64, &Known) -> bool) {
        let gone: Vec<_> =
            self.rows.iter().filter(|(id, known)| !keep(**id, known)).map(|(id, _)| *id).collect();
        for id in gone {
            self.rows.remove(&id);
            self.acknowledged.remove(&id);
        }
    }

    /// What stands where in the list, in sight or not.
    pub fn places(&self, spec: &ViewSpec, frozen: Option<&Frozen>) -> Vec<Place> {
        frozen.map_or_else(|| self.unheld_places(spec), |frozen| frozen.places.clone())
    }

    /// What a page should show.
    pub fn fresh(&self, spec: &ViewSpec, frozen: Option<&Frozen>) -> Value {
        let places = self.places(spec, frozen);
        let len = spec.len as usize;
        let first = (spec.first as usize).min(places.len().saturating_sub(len));
        let sight: Vec<_> = places.iter().skip(first).take(len).collect();
        let listed: BTreeMap<_, _> = self.listed(spec).into_iter().collect();
        let shown = |place: &&Place| match place {
            Place::Row(id) => self.shown(*id, &self.last[id]),
            Place::Head { group } => self.head(spec, group, &listed, frozen),
        };
        let seen: Vec<_> = sight.iter().map(shown).collect();
        let left = sight.iter().filter_map(|place| match place {
            Place::Row(id) if !listed.contains_key(id) => Some(*id),
            Place::Row(_) | Place::Head { .. } => None,
        });
        let left: Vec<_> = left.collect();
        let centers: BTreeMap<_, _> = self.as_of.iter().filter(|(center, _)| covers(spec, center)).collect();
        let matching = self.rows.values().filter(|known| self.has(spec, known)).count();
        let rest = json!({
            "total": places.len(), "matching": matching, "first": first, "asOf": centers,
            "held": frozen.map(|frozen| self.waiting(spec, frozen, &listed)),
        });
        let found = self.found(spec, listed.keys());
        json!({ "rest": rest, "places": seen, "left": left, "counters": self.counters(spec), "found": found })
    }

    fn found<'a>(&self, spec: &ViewSpec, listed: impl Iterator<Item = &'a u64>) -> Value {
        let search = parse(&spec.search);
        let rows: Vec<&Delivery> = listed
            .filter_map(|id| match self.rows.get(id)? {
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

    /// Whether the row matches.
    pub fn has(&self, spec: &ViewSpec, known: &Known) -> bool {
        let filter = &spec.filter;
        let narrowed = match known {
            Known::Unreadable(..) => *filter != Default::default() || !parse(&spec.search).is_all(),
            Known::Read(row) => {
                let statuses = &filter.statuses;
                !(statuses.is_empty() || statuses.iter().any(|name| name == row.status.as_str()))
                    || (filter.late && !self.is_late(row))
                    || (filter.unconfirmed && !is_unconfirmed(row))
                    || (filter.noted && !asks(row))
                    || !concerns(spec, row)
            }
        };
        !narrowed && covers(spec, known.center())
    }

    pub fn is_late(&self, row: &Delivery) -> bool {
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
                "deliveredAt": none, "cancelledAt": none, "lateAt": none, "riskAt": none, "notes": 0, "asks": false,
                "mark": mark,
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
                "riskAt": self.risk_at(row),
                "notes": row.notes.len(), "asks": asks(row), "mark": mark,
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
            "atRisk": count(&|row| self.is_at_risk(row)),
            "unconfirmed": count(&is_unconfirmed),
            "noted": count(&asks),
            "unreadable": known.len() - rows.len(),
            "meanPickupMin10": mean(&|row| row.picked_up_at),
            "meanDeliveryMin10": mean(&|row| row.delivered_at),
            "onTimePermille": (delivered > 0).then(|| in_time * 1000 / delivered),
            "byHalfHour": half_hours.into_iter().skip(older).collect::<Vec<_>>(),
        })
    }
}

pub fn covers(spec: &ViewSpec, center: &str) -> bool {
    spec.centers.is_empty() || spec.centers.iter().any(|own| own == center)
}

/// The conditions that *Act now* obeys, too.
pub fn concerns(spec: &ViewSpec, row: &Delivery) -> bool {
    let Filter { rider, shop, .. } = &spec.filter;
    (rider.is_none() || *rider == row.rider.as_ref().map(|r| r.id.to_string()))
        && (shop.is_none() || *shop == Some(row.shop.id.to_string()))
        && parse(&spec.search).texts(row).is_some()
}

pub fn is_unconfirmed(row: &Delivery) -> bool {
    !row.status.is_final() && row.rider.as_ref().is_some_and(|rider| !rider.confirmed)
}

fn sort_of(spec: &ViewSpec) -> Vec<SortOrder> {
    match spec.sort.as_slice() {
        [] => vec![SortOrder { key: SortKey::Number, descending: true }],
        sort => sort.to_vec(),
    }
}

/// Compares by the columns; unreadable rows come after all others. Each row comes with the names of centers at its
/// time.
pub fn compare(spec: &ViewSpec, a: (&Known, &Names), b: (&Known, &Names)) -> Ordering {
    let (a, b) = match (a, b) {
        ((Known::Read(a), names), (Known::Read(b), others)) => ((a.as_ref(), names), (b.as_ref(), others)),
        ((a, _), (b, _)) => {
            return matches!(a, Known::Unreadable(..)).cmp(&matches!(b, Known::Unreadable(..)));
        }
    };
    let equal = Ordering::Equal;
    sort_of(spec).into_iter().fold(equal, |so_far, sort| so_far.then_with(|| by_column(sort, a, b)))
}

/// What a center is called.
pub fn center_name(names: &Names, center: &str) -> String {
    names.get(center).cloned().unwrap_or_else(|| center.to_owned())
}

fn by_column(sort: SortOrder, (a, names): (&Delivery, &Names), (b, others): (&Delivery, &Names)) -> Ordering {
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
        SortKey::Elapsed => {
            let class = |row: &Delivery| match (row.status.is_final(), row.ended_at()) {
                (false, _) => 0,
                (true, Some(_)) => 1,
                (true, None) => 2,
            };
            // Minus the time it took, or has taken so far.
            let lasting = |row: &Delivery| match row.ended_at() {
                Some(at) => row.received_at.since(at),
                None if row.status.is_final() => 0,
                None => row.received_at.0,
            };
            class(a).cmp(&class(b)).then(values(sort, Some(lasting(a)), Some(lasting(b))))
        }
        SortKey::Center => {
            let name = |row: &Delivery, names| {
                (center_name(names, row.center.as_str()).to_lowercase(), row.center.to_string())
            };
            values(sort, Some(name(a, names)), Some(name(b, others)))
        }
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

/// The characters of a text; a run of digits is one character with a number.
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

/// Under way, and the last word is of somebody to whom the staff owes an answer.
fn asks(row: &Delivery) -> bool {
    let last = row.notes.last().map_or("", |note| note.role.as_str());
    !row.status.is_final() && (last == "rider" || last == "key")
}
