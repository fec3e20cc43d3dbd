//! A page: knows only what patches told it.

use gwanje_board::{Cell, Findings, Patch, Place};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a page holds.
#[derive(Debug, Default)]
pub struct Page {
    seq: u64,
    acknowledged: u64,
    lost: bool,
    order: Vec<Place>,
    left: Vec<u64>,
    rows: BTreeMap<u64, Value>,
    heads: BTreeMap<String, Value>,
    rest: Value,
    counters: Value,
    found: Findings,
}

impl Page {
    /// Applies the next patch, read from its JSON.
    pub fn apply(&mut self, patch: Patch) {
        let patch: Patch = serde_json::from_str(&serde_json::to_string(&patch).unwrap()).unwrap();
        assert_eq!(patch.seq, self.seq + 1);
        assert_eq!(patch.reset, self.seq == 0 || self.lost, "a reset when, and only when, one is due");
        self.seq = patch.seq;
        if patch.reset {
            self.order.clear();
            self.left.clear();
            self.rows.clear();
            self.heads.clear();
            self.counters = Value::Null;
            self.found = Findings::default();
            self.lost = false;
        }
        if let Some(order) = patch.order {
            assert!(patch.reset || self.order != order, "an order that changes nothing");
            self.rows.retain(|&id, _| order.contains(&Place::Row(id)));
            self.heads.retain(|group, _| order.contains(&Place::Head { group: group.clone() }));
            self.order = order;
        } else {
            assert!(!patch.reset, "a reset without an order");
        }
        if let Some(left) = patch.left {
            assert_ne!(self.left, left, "ids that left, although the page knows");
            self.left = left;
        }
        for head in patch.groups {
            let head_now = serde_json::to_value(&head).unwrap();
            let before = self.heads.insert(head.key.clone(), head_now.clone());
            assert_ne!(before, Some(head_now), "a head that the page holds as it is");
        }
        for row in patch.rows {
            let before = self.rows.insert(row.id, serde_json::to_value(&row).unwrap());
            assert!(before.is_none(), "row {} came although the page holds it", row.id);
        }
        for Cell(id, column, value) in patch.cells {
            let row = self.rows.get_mut(&id).unwrap_or_else(|| panic!("cell of row {id}, not on the page"));
            let cell = row.get_mut(&column).unwrap_or_else(|| panic!("no column {column}"));
            assert_ne!(*cell, value, "a cell of {column} that changes nothing");
            *cell = value;
        }
        if let Some(counters) = patch.counters {
            self.counters = serde_json::to_value(counters).unwrap();
        }
        if let Some(found) = patch.found {
            assert_ne!(self.found, found, "findings that are no news");
            self.found = found;
        }
        self.rest = json!({
            "total": patch.total, "matching": patch.matching, "first": patch.first, "held": patch.held,
            "asOf": patch.as_of,
        });
    }

    /// Whether two patches are on their way, so that no further one may come.
    pub fn waits(&self) -> bool {
        !self.lost && self.seq - self.acknowledged >= 2
    }

    /// Acknowledges everything it has.
    pub fn acknowledge(&mut self) -> u64 {
        self.acknowledged = self.seq;
        self.seq
    }

    /// Loses everything.
    pub fn lose(&mut self) {
        self.lost = true;
        self.acknowledged = self.seq;
    }

    /// All of it.
    pub fn seen(&self) -> Value {
        assert_eq!(self.rows.len() + self.heads.len(), self.order.len(), "more than is in sight, or less");
        let shown = |place: &Place| match place {
            Place::Row(id) => self.rows[id].clone(),
            Place::Head { group } => self.heads[group].clone(),
        };
        let places: Vec<_> = self.order.iter().map(shown).collect();
        json!({ "rest": self.rest, "places": places, "left": self.left, "counters": self.counters, "found": self.found })
    }
}
