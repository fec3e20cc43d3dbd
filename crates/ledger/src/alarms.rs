//! Alarms of a delivery: which are due of it and when, what a change of it does to them.

use crate::standing::Standing;
use crate::write::{AlarmRef, AlarmWrite, Write};
use gwanje_model::{Delivery, DueAt, Status, Text, UtcMillis};
use gwanje_wire::rest::{AlarmDelivery, AlarmKind};

/// Nobody took note for this long, milliseconds of the wall's clock: the alarm is the supervisors' too.
const ESCALATED_AFTER_MS: i64 = 60_000;

/// The clock's alarms of a delivery.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Clocked {
    /// What is not due yet, or not written yet.
    pub waiting: Vec<AlarmRef>,
    /// What was written, and whether it is settled.
    pub written: Vec<(AlarmRef, bool)>,
}

/// What is due of a row, as it is.
fn due_of(row: &Delivery) -> impl Iterator<Item = AlarmRef> {
    let DueAt { late, unconfirmed, unaccepted } = DueAt::of(row);
    let id = row.id;
    let kinds =
        [(AlarmKind::Late, late), (AlarmKind::Unconfirmed, unconfirmed), (AlarmKind::Unaccepted, unaccepted)];
    kinds.into_iter().filter_map(move |(kind, at)| at.map(|raised_at| AlarmRef { id, kind, raised_at }))
}

/// Whether the alarm is due of that row at `day`.
pub(crate) fn is_due(row: &Delivery, alarm: AlarmRef, day: UtcMillis) -> bool {
    alarm.raised_at <= day && due_of(row).any(|due| due == alarm)
}

/// A row was changed by `by`; its status was `was` before. What is due of it follows: what can't come any more is
/// forgotten, and an alarm whose reason is gone is settled. It stays so, whatever becomes of the row: one alarm a
/// delivery, kind and instant.
pub(crate) fn follow(
    standing: &mut Standing,
    clocked: &mut Clocked,
    row: &Delivery,
    was: Option<Status>,
    by: &Text,
    writes: &mut Vec<Write>,
) {
    let due: Vec<AlarmRef> = due_of(row).collect();
    clocked.waiting.retain(|alarm| {
        let stays = due.contains(alarm);
        if !stays {
            writes.push(Write::NotDue(*alarm));
        }
        stays
    });
    for alarm in due.iter().copied() {
        let is_written = clocked.written.iter().any(|(known, _)| *known == alarm);
        if !is_written && !clocked.waiting.contains(&alarm) {
            clocked.waiting.push(alarm);
            writes.push(Write::Due(alarm));
        }
    }
    // Whatever order a store loads them in, they are numbered in this one.
    clocked.written.sort_by_key(|(alarm, _)| (alarm.kind.as_str(), alarm.raised_at));
    for (alarm, is_settled) in &mut clocked.written {
        if !*is_settled && !due.contains(alarm) {
            *is_settled = true;
            writes.push(Write::Settled { alarm: *alarm, seq: standing.next_alarm() });
        }
    }
    if let (Some(raised_at), true) = (row.cancelled_at, was != Some(Status::Cancelled)) {
        let alarm = AlarmRef { id: row.id, kind: AlarmKind::Cancelled, raised_at };
        writes.push(raised(standing, row, alarm, was, Some(by)));
    }
}

/// Alarms written until then, of which nobody has taken note, are escalated at `wall`.
#[must_use]
pub fn unheard_until(wall: UtcMillis) -> UtcMillis {
    wall.plus_ms(-ESCALATED_AFTER_MS)
}

/// A look at the clock: writes alarms that are `due`, each with its live row if there is one, and escalates those that
/// are `unheard`.
pub fn look_at_clock(
    standing: &mut Standing,
    due: Vec<(AlarmRef, Option<Delivery>)>,
    unheard: Vec<AlarmRef>,
) -> Vec<Write> {
    let mut writes = Vec::with_capacity(due.len() + unheard.len());
    for (alarm, row) in due {
        writes.push(match row {
            Some(row) => raised(standing, &row, alarm, Some(row.status), None),
            None => Write::NotDue(alarm),
        });
    }
    let escalated = unheard.into_iter().map(|alarm| Write::Escalated { alarm, seq: standing.next_alarm() });
    writes.extend(escalated);
    writes
}

/// Raises an alarm about a row.
pub(crate) fn raised(
    standing: &mut Standing,
    row: &Delivery,
    alarm: AlarmRef,
    was: Option<Status>,
    by: Option<&Text>,
) -> Write {
    let (seq, delivery) = (standing.next_alarm(), AlarmDelivery::from(row));
    Write::Alarm(Box::new(AlarmWrite { alarm, seq, delivery, was, by: by.cloned() }))
}
