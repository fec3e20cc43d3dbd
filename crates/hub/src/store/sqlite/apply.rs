//! Writes what was decided: the one place where decisions become statements.

use super::text_json;
use super::writer::{Batch, signed};
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::outcomes::without_rows;
use gwanje_ledger::{
    AlarmRef, AlarmWrite, Entry, LeftWrite, Moment, OutcomeWrite, Retention, RowWrite, Signature, Write,
};
use gwanje_model::{CenterId, Epoch, Rev, Status, Text, UtcMillis};
use gwanje_wire::Gone;
use gwanje_wire::rest::ReceiptStage;
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Writes what a decision about a center leaves to write, in its order.
pub(super) fn apply(batch: &mut Batch<'_>, center: &CenterId, writes: Vec<Write>) -> rusqlite::Result<()> {
    let (db, now) = (batch.db(), batch.now);
    let wall = now.wall;
    for write in writes {
        match write {
            Write::Row(write) => {
                row(db, center, &write, now)?;
                if write.before.is_none() {
                    batch.delivery_created(write.row.id);
                }
                if let Some(staged) = batch.center(center)? {
                    staged.changes.push(Entry::Row(Arc::clone(&write.row), write.body.len()));
                }
            }
            Write::Due(alarm) => due(db, center, alarm)?,
            Write::NotDue(alarm) => not_due(db, alarm)?,
            Write::Alarm(write) => alarm(db, center, &write, wall)?,
            Write::Settled { alarm, seq } => {
                change_alarm(db, center, alarm, seq, "UPDATE alarm SET settled_at = ?6, seq = ?5", wall.0)?;
            }
            Write::Escalated { alarm, seq } => {
                change_alarm(db, center, alarm, seq, "UPDATE alarm SET escalated_at = ?6, seq = ?5", wall.0)?;
            }
            Write::Receipt { alarm, by, stage } => receipt(db, center, alarm, &by, stage, wall)?,
            Write::ReceiptGone { alarm, by } => receipt_gone(db, center, alarm, &by)?,
            Write::Acknowledged { alarm, by } => acknowledged(db, center, alarm, &by, wall)?,
            Write::Worded { alarm, seq, is_kept } => {
                let more = i64::from(!is_kept);
                change_alarm(db, center, alarm, seq, "UPDATE alarm SET more = more + ?6, seq = ?5", more)?;
            }
            Write::Left(write) => {
                left(db, center, &write, now)?;
                if let Some(staged) = batch.center(center)? {
                    staged.changes.push(Entry::Gone(Gone { id: write.row.id, rev: write.rev }));
                }
            }
            Write::Floor(rev) => floor(db, center, rev)?,
            Write::AlarmGone(alarm) => alarm_gone(db, center, alarm)?,
            Write::Outcome(write) => outcome(db, center, &write, now)?,
        }
    }
    Ok(())
}

fn row(db: &Connection, center: &CenterId, write: &RowWrite, now: Moment) -> rusqlite::Result<()> {
    let RowWrite { row, body, before: _, from, by, action, detail } = write;
    let (id, rev) = (signed(row.id.0), signed(row.rev.0));
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
        row.rider.as_ref().map(|rider| rider.id.as_str()),
        row.received_at.0,
        row.ended_at().map(|at| at.0),
        &**body,
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
        action,
        from.map(Status::as_str),
        row.status.as_str(),
        detail.as_str(),
        &**body,
        now.wall.0,
    ])?;
    Ok(())
}

fn due(db: &Connection, center: &CenterId, alarm: AlarmRef) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO due (id, kind, center, at) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        signed(alarm.id.0),
        alarm.kind.as_str(),
        center.as_str(),
        alarm.raised_at.0
    ])?;
    Ok(())
}

fn not_due(db: &Connection, alarm: AlarmRef) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM due WHERE id = ?1 AND kind = ?2")?
        .execute(params![signed(alarm.id.0), alarm.kind.as_str()])?;
    Ok(())
}

fn alarm(db: &Connection, center: &CenterId, write: &AlarmWrite, wall: UtcMillis) -> rusqlite::Result<()> {
    let AlarmWrite { alarm, seq, delivery, was, by } = write;
    not_due(db, *alarm)?;
    db.prepare_cached(
        "INSERT INTO alarm (center, id, kind, raised_at, seq, body, at, was, by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        center.as_str(),
        signed(alarm.id.0),
        alarm.kind.as_str(),
        alarm.raised_at.0,
        signed(*seq),
        text_json(delivery)?,
        wall.0,
        was.map(Status::as_str),
        by.as_ref().map(Text::as_str),
    ])?;
    Ok(())
}

/// Changes an alarm, under a new number: `?5` is the number, `?6` the value.
fn change_alarm(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    seq: u64,
    set: &str,
    value: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(&format!("{set} WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4"))?
        .execute(params![
            center.as_str(),
            signed(alarm.id.0),
            alarm.kind.as_str(),
            alarm.raised_at.0,
            signed(seq),
            value
        ])?;
    Ok(())
}

fn receipt(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Signature,
    stage: ReceiptStage,
    at: UtcMillis,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO receipt (center, id, kind, raised_at, account, seat, stage, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (center, id, kind, raised_at, account, seat) \
         DO UPDATE SET stage = excluded.stage, at = excluded.at",
    )?
    .execute(params![
        center.as_str(),
        signed(alarm.id.0),
        alarm.kind.as_str(),
        alarm.raised_at.0,
        by.account.as_str(),
        by.seat.as_str(),
        stage.as_str(),
        at.0
    ])?;
    Ok(())
}

fn receipt_gone(db: &Connection, center: &CenterId, alarm: AlarmRef, by: &Signature) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM receipt \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 AND account = ?5 AND seat = ?6",
    )?
    .execute(params![
        center.as_str(),
        signed(alarm.id.0),
        alarm.kind.as_str(),
        alarm.raised_at.0,
        by.account.as_str(),
        by.seat.as_str()
    ])?;
    Ok(())
}

fn acknowledged(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Text,
    at: UtcMillis,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE alarm SET acknowledged_by = ?5, acknowledged_at = ?6 \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
    )?
    .execute(params![
        center.as_str(),
        signed(alarm.id.0),
        alarm.kind.as_str(),
        alarm.raised_at.0,
        by.as_str(),
        at.0
    ])?;
    Ok(())
}

fn left(db: &Connection, center: &CenterId, write: &LeftWrite, now: Moment) -> rusqlite::Result<()> {
    let LeftWrite { row, rev } = write;
    let (id, rev) = (signed(row.id.0), signed(rev.0));
    db.prepare_cached(
        "INSERT INTO archive (id, center, status, rider, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id,
        center.as_str(),
        row.status.as_str(),
        row.rider.as_ref().map(|rider| rider.id.as_str()),
        row.received_at.0,
        text_json(&**row)?
    ])?;
    db.prepare_cached("DELETE FROM delivery WHERE id = ?1")?.execute([id])?;
    db.prepare_cached("INSERT INTO tombstone (center, rev, id) VALUES (?1, ?2, ?3)")?.execute(params![
        center.as_str(),
        rev,
        id
    ])?;
    db.prepare_cached(
        "INSERT INTO history (delivery, rev, center, at, by, action, from_status) \
         VALUES (?1, ?2, ?3, ?4, 'system', 'archive', ?5)",
    )?
    .execute(params![id, rev, center.as_str(), now.day.0, row.status.as_str()])?;
    Ok(())
}

fn floor(db: &Connection, center: &CenterId, rev: Rev) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM tombstone WHERE center = ?1 AND rev <= ?2")?
        .execute(params![center.as_str(), signed(rev.0)])?;
    Ok(())
}

fn alarm_gone(db: &Connection, center: &CenterId, alarm: AlarmRef) -> rusqlite::Result<()> {
    for forget in [
        "DELETE FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        "DELETE FROM alarm WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
    ] {
        db.prepare_cached(forget)?.execute(params![
            center.as_str(),
            signed(alarm.id.0),
            alarm.kind.as_str(),
            alarm.raised_at.0
        ])?;
    }
    Ok(())
}

fn outcome(db: &Connection, center: &CenterId, write: &OutcomeWrite, now: Moment) -> rusqlite::Result<()> {
    let OutcomeWrite { key, recorded } = write;
    db.prepare_cached(
        "INSERT INTO outcome (account, center, key, path, body_hash, status, epoch, body, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        key.account.as_str(),
        center.as_str(),
        key.key,
        key.path,
        recorded.body_hash,
        recorded.status,
        recorded.epoch.as_ref().map(Epoch::as_str),
        without_rows(recorded),
        now.wall.0
    ])?;
    db.prepare_cached(
        "DELETE FROM outcome WHERE (account, center, key, path) IN \
         (SELECT account, center, key, path FROM outcome WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?
    .execute([Retention::at(now).outcomes_from.0, FORGOTTEN_AT_ONCE])?;
    Ok(())
}
