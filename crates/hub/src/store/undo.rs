//! Taking back the latest change of a delivery, within the transaction that decides it.

use super::decided::Decision;
use super::read::json;
use super::row::{Event, assigned, moved_on, refuse, write};
use super::writer::{Batch, signed};
use gwanje_model::undo::{NotUndone, Undoable, undone};
use gwanje_model::{CenterId, Delivery, Permission, Rev, Role, Text, UtcMillis};
use gwanje_wire::ErrorCode;
use rusqlite::{Connection, OptionalExtension};

/// A change to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// The revision that it made.
    pub rev: Rev,
    /// The role that must allow what is taken back; none: whoever asks may do everything.
    pub role: Option<Role>,
}

/// Decides about the latest change of that live row.
pub(super) fn undo(
    batch: &mut Batch<'_>,
    center: &CenterId,
    row: Delivery,
    asked: Undo,
    by: &Text,
    at: UtcMillis,
) -> rusqlite::Result<Decision> {
    let (db, now, id) = (batch.db(), batch.wall, row.id);
    let Some((account, action, wall)) = latest(db, &row)? else { return moved_on(db, row) };
    let change = Undoable { rev: row.rev, by: &account, action: &action, wall };
    let taken = match change.take_back(by, asked.rev, now) {
        Ok(taken) => taken,
        Err(NotUndone::MovedOn) => return moved_on(db, row),
        Err(stays @ (NotUndone::Stays | NotUndone::TooLate)) => {
            let detail = format!("delivery {id}: its latest change is {action}; {stays}");
            return refuse(ErrorCode::InvalidTransition, detail);
        }
    };
    if asked.role.is_some_and(|role| !role.may(Permission::Act(taken))) {
        return refuse(ErrorCode::Forbidden, format!("this account may not {taken}, nor take it back"));
    }
    let Some(before) = before(db, &row)? else {
        return refuse(ErrorCode::InvalidTransition, format!("delivery {id} has no state before {taken}"));
    };
    if let Some(rider) = &before.rider
        && assigned(db, center, &rider.id)?.is_none()
    {
        let detail = format!("rider {} is not listed to center {center} any more; choose another", rider.id);
        return refuse(ErrorCode::Invalid, detail);
    }
    let Some(staged) = batch.center(center)? else { return moved_on(db, row) };
    let rev = staged.standing.next_rev();
    let back = Delivery { rev, ..undone(before, at) };
    let event = Event { action: "undo", from: Some(row.status), detail: taken.as_str() };
    Ok(Ok(write(batch, center, Some(row.rev), back, by, &event)?))
}

/// Who made the row what it is, how, and when by the wall's clock.
fn latest(db: &Connection, row: &Delivery) -> rusqlite::Result<Option<(String, String, UtcMillis)>> {
    db.prepare_cached("SELECT by, action, wall FROM history WHERE delivery = ?1 AND rev = ?2")?
        .query_row([signed(row.id.0), signed(row.rev.0)], |found| {
            Ok((found.get(0)?, found.get(1)?, UtcMillis(found.get(2)?)))
        })
        .optional()
}

/// The row before its latest change.
fn before(db: &Connection, row: &Delivery) -> rusqlite::Result<Option<Delivery>> {
    db.prepare_cached(
        "SELECT body FROM history WHERE delivery = ?1 AND rev < ?2 AND body IS NOT NULL ORDER BY rev DESC LIMIT 1",
    )?
    .query_row([signed(row.id.0), signed(row.rev.0)], |found| json(found, 0))
    .optional()
}
