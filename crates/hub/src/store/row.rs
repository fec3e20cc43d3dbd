//! A row on its way into the store: with its history, in the transaction that decides; and what keeps it out.

use super::decided::{Accepted, Decision};
use super::writer::{Batch, signed};
use super::{alarms, text_json};
use gwanje_model::{AssignedRider, CenterId, Delivery, Rev, RiderId, Status, Text};
use gwanje_wire::{ErrorCode, Problem};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Refuses.
pub(super) fn refuse<T>(
    code: ErrorCode,
    detail: impl Into<String>,
) -> rusqlite::Result<Result<T, Box<Problem>>> {
    Ok(Err(Box::new(Problem::new(code, detail))))
}

/// Refuses what was meant for another revision: with the row as it is, and who made it so.
pub(super) fn moved_on(db: &Connection, row: Delivery) -> rusqlite::Result<Decision> {
    let detail =
        format!("delivery {} has moved on to revision {}; look at it and ask again", row.id, row.rev);
    let mut problem = Problem::new(ErrorCode::Conflict, detail);
    problem.latest = super::read::latest_change(db, row.id, row.rev)?.map(Box::new);
    problem.current = Some(Box::new(row));
    Ok(Err(Box::new(problem)))
}

/// A rider as listed to the center; not confirmed.
pub(super) fn assigned(
    db: &Connection,
    center: &CenterId,
    rider: &RiderId,
) -> rusqlite::Result<Option<AssignedRider>> {
    db.prepare_cached("SELECT name, home FROM rider WHERE center = ?1 AND id = ?2")?
        .query_row([center.as_str(), rider.as_str()], |row| {
            Ok(AssignedRider {
                id: rider.clone(),
                name: row.get::<_, String>(0)?.into(),
                home: CenterId::from(row.get::<_, String>(1)?),
                confirmed: false,
            })
        })
        .optional()
}

/// What goes into history beside the row.
pub(super) struct Event<'a> {
    pub action: &'a str,
    pub from: Option<Status>,
    pub detail: &'a str,
}

/// Writes a row that has its revision, with its event.
pub(super) fn write(
    batch: &mut Batch<'_>,
    center: &CenterId,
    before: Option<Rev>,
    row: Delivery,
    by: &Text,
    event: &Event<'_>,
) -> rusqlite::Result<Accepted> {
    let db = batch.db();
    let body = text_json(&row)?;
    let (id, rev) = (signed(row.id.0), signed(row.rev.0));
    let rider = row.rider.as_ref().map(|rider| rider.id.as_str());
    db.prepare_cached(
        "INSERT INTO delivery (id, center, rev, status, rider, received_at, ended_at, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET \
         rev = excluded.rev, status = excluded.status, rider = excluded.rider, ended_at = excluded.ended_at, \
         body = excluded.body",
    )?
    .execute(params![
        id,
        center.as_str(),
        rev,
        row.status.as_str(),
        rider,
        row.received_at.0,
        row.ended_at().map(|at| at.0),
        body,
    ])?;
    db.prepare_cached(
        "INSERT INTO history (delivery, rev, center, at, by, action, from_status, to_status, detail, body, wall) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        id,
        rev,
        center.as_str(),
        row.modified_at.0,
        by.as_str(),
        event.action,
        event.from.map(Status::as_str),
        row.status.as_str(),
        event.detail,
        body,
        batch.wall.0,
    ])?;
    alarms::follow(batch, center, &row, event.from, by)?;
    let row = Arc::new(row);
    let created = before.is_none();
    let staged = batch.center(center)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    staged.row_changed(before, Arc::clone(&row), body.len());
    Ok(Accepted { row, epoch: staged.standing.epoch.clone(), created })
}
