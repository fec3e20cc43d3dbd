//! Erases a customer from what is kept of a center.

use super::MemoryCenter;
use crate::erasure::Erasure;
use gwanje_model::Delivery;
use std::borrow::Cow;
use std::sync::Arc;

impl MemoryCenter {
    /// Takes note of the deliveries that are the customer's in any of their states.
    pub fn find_own(&self, erasure: &mut Erasure) {
        let past = self.history.values().flatten().filter_map(|past| past.row.as_ref());
        for row in self.rows.values().chain(self.left.values()).chain(past) {
            if serde_json::to_string(&**row).is_ok_and(|body| erasure.owns(&body)) {
                erasure.add(row.id);
            }
        }
    }

    /// The live rows that hold what is erased, and how they are without it.
    #[must_use]
    pub fn rows_to_erase(&self, erasure: &Erasure) -> Vec<(Cow<'_, Delivery>, Delivery)> {
        let erased = |row: &'_ Arc<Delivery>| erasure.row(row);
        let mut rows: Vec<_> =
            self.rows.values().filter_map(|row| Some((Cow::Borrowed(&**row), erased(row)?))).collect();
        rows.sort_by_key(|(row, _)| row.rev);
        rows
    }

    /// Erases it from all that is past: history, rows that left the board, alarms, outcomes. How many of these held it.
    pub fn erase_past(&mut self, erasure: &Erasure) -> usize {
        let mut erased = 0;
        let mut replace = |row: &mut Arc<Delivery>| {
            if let Some(without) = erasure.row(row) {
                *row = Arc::new(without);
                erased += 1;
            }
        };
        self.left.values_mut().for_each(&mut replace);
        for (id, past) in
            self.history.iter_mut().flat_map(|(id, past)| past.iter_mut().map(move |one| (id, one)))
        {
            past.row.as_mut().map(&mut replace);
            if let Some(detail) = erasure.detail(*id, &past.event.action, &past.event.detail) {
                past.event.detail = detail.into();
            }
        }
        for (alarm, entry) in &mut self.alarms {
            let body = entry.delivery.as_ref().and_then(|delivery| serde_json::to_string(delivery).ok());
            let without = body.and_then(|body| erasure.body(alarm.id, &body));
            if let Some(without) = without.and_then(|body| serde_json::from_str(&body).ok()) {
                entry.delivery = Some(without);
                erased += 1;
            }
        }
        erased + self.outcomes.erase(erasure)
    }
}
