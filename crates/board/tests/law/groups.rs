//! Act now, groups and holds, by their definitions: counts everything anew from all rows.

use crate::fresh::{Frozen, Known, Names, World, center_name, compare, concerns, covers, is_unconfirmed};
use gwanje_board::{GroupBy, Place, ViewSpec};
use gwanje_model::{Delivery, Status, UtcMillis};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: i64 = 60_000;

/// A row as it stood when its list was held.
#[derive(Debug, Clone)]
pub struct Stood {
    group: String,
    known: Known,
    names: Names,
}

impl World {
    /// Minutes left, in milliseconds.
    fn left(&self, row: &Delivery) -> i64 {
        row.late_at().since(self.day_at)
    }

    fn at_risk_ms(&self, row: &Delivery) -> i64 {
        i64::from(self.at_risk_min.get(row.center.as_str()).copied().unwrap_or(5)) * MINUTE
    }

    pub fn is_at_risk(&self, row: &Delivery) -> bool {
        let is_short = self.left(row) < self.at_risk_ms(row);
        let waits = [Status::Received, Status::Waiting, Status::Assigned].contains(&row.status);
        let taken = self.day_at.since(row.received_at);
        let is_pickup_over = waits && taken >= i64::from(row.pickup_target_min) * MINUTE;
        !row.status.is_final() && !self.is_late(row) && (is_short || is_pickup_over)
    }

    /// The first instant at which the row would be at risk.
    pub fn risk_at(&self, row: &Delivery) -> Option<i64> {
        let at = |day_at: i64| {
            let mut then = World::default();
            then.day_at = UtcMillis(day_at);
            then.at_risk_min = self.at_risk_min.clone();
            then.is_at_risk(row)
        };
        let short = row.late_at().0 - self.at_risk_ms(row) + 1;
        let pickup = row.received_at.0 + i64::from(row.pickup_target_min) * MINUTE;
        [short, pickup].into_iter().filter(|&from| at(from)).min()
    }

    pub fn is_act_now(&self, row: &Delivery) -> bool {
        let since = |at: Option<UtcMillis>| at.map(|at| self.day_at.since(at));
        let is_silent = is_unconfirmed(row) && since(row.assigned_at).is_some_and(|ms| ms >= 3 * MINUTE);
        let rider_knows = false;
        let is_settled = self.acknowledged.contains(&row.id.0) && (row.rider.is_none() || rider_knows);
        let is_cancelled = row.status == Status::Cancelled
            && since(row.cancelled_at).is_some_and(|ms| ms < 30 * MINUTE)
            && !is_settled;
        self.is_late(row) || self.is_at_risk(row) || is_silent || is_cancelled
    }

    /// The group in which a row stands when it is not pinned.
    fn home(&self, spec: &ViewSpec, known: &Known) -> String {
        let Known::Read(row) = known else { return "unreadable".to_owned() };
        match spec.group {
            None => "rest".to_owned(),
            Some(GroupBy::Status) => row.status.as_str().to_owned(),
            Some(GroupBy::Rider) => row.rider.as_ref().map_or("none".to_owned(), |r| key_of(r.id.as_str())),
            Some(GroupBy::Shop) => key_of(row.shop.id.as_str()),
            Some(GroupBy::Center) => key_of(row.center.as_str()),
        }
    }

    /// The group in which a row stands; `None`: it is not in the list. Without heads all rows stand in one group.
    fn group_of(&self, spec: &ViewSpec, known: &Known) -> Option<String> {
        let is_pinned = match known {
            Known::Read(row) => spec.pinned.is_some() && concerns(spec, row) && self.is_act_now(row),
            Known::Unreadable(..) => false,
        };
        if is_pinned && covers(spec, known.center()) {
            return Some("act".to_owned());
        }
        let heads = has_heads(spec);
        self.has(spec, known).then(|| if heads { self.home(spec, known) } else { String::new() })
    }

    /// Rows of the list with their groups, in order.
    pub fn listed(&self, spec: &ViewSpec) -> Vec<(u64, String)> {
        let mut groups: BTreeMap<String, Vec<(u64, &Known)>> = BTreeMap::new();
        for (&id, known) in &self.rows {
            if let Some(group) = self.group_of(spec, known) {
                groups.entry(group).or_default().push((id, known));
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_cached_key(|(group, rows)| {
            let called = self.called(spec, group, rows);
            let rank = match group.as_str() {
                "act" => 0,
                "none" => 2,
                "unreadable" => 3,
                _ => 1,
            };
            let status = Status::ALL.iter().position(|status| status.as_str() == group);
            (rank, status, called.to_lowercase(), group.clone())
        });
        let mut listed = Vec::new();
        for (group, mut rows) in groups {
            let names = &self.names;
            rows.sort_by(|a, b| compare(spec, (a.1, names), (b.1, names)).then(a.0.cmp(&b.0)));
            listed.extend(rows.into_iter().map(|(id, _)| (id, group.clone())));
        }
        listed
    }

    /// The name that most rows of a group give it.
    fn called(&self, spec: &ViewSpec, group: &str, rows: &[(u64, &Known)]) -> String {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for (_, known) in rows {
            let Known::Read(row) = known else { continue };
            let name = match spec.group {
                Some(GroupBy::Rider) => row.rider.as_ref().map(|rider| rider.name.to_string()),
                Some(GroupBy::Shop) => Some(row.shop.name.to_string()),
                Some(GroupBy::Center) => Some(center_name(&self.names, row.center.as_str())),
                Some(GroupBy::Status) | None => None,
            };
            *names.entry(name.unwrap_or_else(|| group.to_owned())).or_default() += 1;
        }
        if ["act", "unreadable", "none"].contains(&group) {
            return group.to_owned();
        }
        let most = names.values().max().copied();
        names.into_iter().find(|(_, rows)| Some(*rows) == most).map_or(String::new(), |(name, _)| name)
    }

    /// What stands where while nothing is held.
    pub fn unheld_places(&self, spec: &ViewSpec) -> Vec<Place> {
        let mut places = Vec::new();
        let mut above = None;
        for (id, group) in self.listed(spec) {
            if has_heads(spec) && above.as_ref() != Some(&group) {
                places.push(Place::Head { group: group.clone() });
            }
            if !has_heads(spec) || !spec.collapsed.contains(&group) {
                places.push(Place::Row(id));
            }
            above = Some(group);
        }
        places
    }

    /// What a head says; `listed` has the rows of the list by id and group.
    pub fn head(
        &self,
        spec: &ViewSpec,
        group: &str,
        listed: &BTreeMap<u64, String>,
        frozen: Option<&Frozen>,
    ) -> Value {
        let standing = listed.iter().filter(|(_, own)| *own == group);
        let rows: Vec<_> = standing.map(|(id, _)| (*id, &self.rows[id])).collect();
        let read: Vec<&Delivery> = rows
            .iter()
            .filter_map(|(_, known)| match known {
                Known::Read(row) => Some(row.as_ref()),
                Known::Unreadable(..) => None,
            })
            .collect();
        let pinned = listed.iter().filter(|(_, own)| *own == "act").map(|(id, _)| &self.rows[id]);
        let above = pinned.filter(|known| self.has(spec, known) && self.home(spec, known) == group).count();
        let count = |is: &dyn Fn(&Delivery) -> bool| read.iter().filter(|row| is(row)).count();
        let value = match frozen {
            Some(frozen) if rows.is_empty() => frozen.called[group].clone(),
            _ => self.called(spec, group, &rows),
        };
        json!({
            "key": group, "value": value, "count": rows.len(), "above": above,
            "outside": rows.iter().filter(|(_, known)| !self.has(spec, known)).count(),
            "late": count(&|row| self.is_late(row)),
            "atRisk": count(&|row| self.is_at_risk(row)),
            "unconfirmed": count(&is_unconfirmed),
            "cancelled": count(&|row| row.status == Status::Cancelled),
            "oldestAt": read.iter().filter(|row| !row.status.is_final()).map(|row| row.received_at).min(),
            "collapsed": spec.collapsed.iter().any(|key| key == group),
        })
    }

    /// Holds a list.
    pub fn freeze(&self, spec: &ViewSpec) -> Frozen {
        let places = self.unheld_places(spec);
        let listed: BTreeMap<_, _> = self.listed(spec).into_iter().collect();
        let called = places.iter().filter_map(|place| match place {
            Place::Row(_) => None,
            Place::Head { group } => {
                Some((group.clone(), self.head(spec, group, &listed, None)["value"].as_str()?.to_owned()))
            }
        });
        Frozen {
            rows: listed.iter().map(|(id, group)| (*id, self.stood(*id, group.clone()))).collect(),
            called: called.collect(),
            places,
        }
    }

    fn stood(&self, id: u64, group: String) -> Stood {
        Stood { group, known: self.rows[&id].clone(), names: self.names.clone() }
    }

    /// Gives a place at the head of a held list to rows of Act now that have none.
    pub fn admit(&self, spec: &ViewSpec, frozen: &mut Frozen) {
        let mut admitted = Vec::new();
        for (id, group) in self.listed(spec) {
            let waits = match frozen.rows.get(&id) {
                None => true,
                Some(stood) => stood.group != "act" && spec.collapsed.contains(&stood.group),
            };
            if group == "act" && waits {
                admitted.push(Place::Row(id));
                frozen.rows.insert(id, self.stood(id, group));
            }
        }
        if admitted.is_empty() {
            return;
        }
        let head = Place::Head { group: "act".to_owned() };
        if frozen.places.first() != Some(&head) {
            frozen.places.insert(0, head);
            frozen.called.insert("act".to_owned(), "act".to_owned());
        }
        if !spec.collapsed.iter().any(|key| key == "act") {
            frozen.places.splice(1..1, admitted);
        }
    }

    /// What waits while a list is held; `now` has the rows of the list by id and group.
    pub fn waiting(&self, spec: &ViewSpec, frozen: &Frozen, now: &BTreeMap<u64, String>) -> Value {
        let then = &frozen.rows;
        let ids: BTreeSet<_> = now.keys().chain(then.keys()).copied().collect();
        let count = |is: &dyn Fn(&u64) -> bool| ids.iter().filter(|id| is(id)).count();
        let stayed = |id: &u64| match (then.get(id), now.get(id)) {
            (Some(stood), Some(group)) => {
                let columns = compare(spec, (&stood.known, &stood.names), (&self.rows[id], &self.names));
                stood.group == *group && columns == Ordering::Equal
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let was_act = |id: &u64| then.get(id).is_some_and(|stood| stood.group == "act");
        json!({
            "new": count(&|id| now.contains_key(id) && !then.contains_key(id)),
            "act": count(&|id| now.get(id).is_some_and(|group| group == "act") && !was_act(id)),
            "gone": count(&|id| !now.contains_key(id) && then.contains_key(id)),
            "moved": count(&|id| !stayed(id)),
        })
    }
}

pub fn has_heads(spec: &ViewSpec) -> bool {
    spec.group.is_some() || spec.pinned.is_some()
}

/// The key of a group that an id names.
fn key_of(id: &str) -> String {
    let is_taken = ["act", "none", "rest", "unreadable"].contains(&id) || id.starts_with('=');
    if is_taken { format!("={id}") } else { id.to_owned() }
}
