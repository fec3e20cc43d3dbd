//! Alarms of the clock: written when they are due, escalated when nobody takes note.
//!
//! What will be due stands in a table by its instant and changes with the row, so that a look at the clock costs what
//! came due and not a look at every row. Whoever looks decides within the writer's transaction: twice is once.

use super::super::apply::apply;
use super::super::read;
use super::super::writer::Batch;
use super::alarm_ref;
use crate::store::Now;
use crate::store::backend::DUE_AT_ONCE;
use gwanje_ledger::AlarmRef;
use gwanje_model::{CenterId, UtcMillis};
use rusqlite::{Connection, params};

/// Whether [`write_due`] would find anything.
pub(in crate::store::sqlite) fn is_anything_due(
    db: &Connection,
    center: &CenterId,
    now: Now,
) -> rusqlite::Result<bool> {
    Ok(!due(db, center, now.day, 1)?.is_empty() || !unheard(db, center, now.wall, 1)?.is_empty())
}

/// Writes what is due by now, and escalates; at most so many of each. Returns how many.
pub(in crate::store::sqlite) fn write_due(
    batch: &mut Batch<'_>,
    center: &CenterId,
) -> rusqlite::Result<usize> {
    let (db, now) = (batch.db(), batch.now);
    let mut raised = Vec::new();
    for alarm in due(db, center, now.day, DUE_AT_ONCE)? {
        match read::live_row(db, center, alarm.id) {
            Ok(row) => raised.push((alarm, row)),
            // A newer hub wrote it, and raises its alarms.
            Err(rusqlite::Error::FromSqlConversionFailure(..)) => {}
            Err(error) => return Err(error),
        }
    }
    let unheard = unheard(db, center, now.wall, DUE_AT_ONCE)?;
    let Some(staged) = batch.center(center)? else { return Ok(0) };
    let count = raised.len() + unheard.len();
    let writes = gwanje_ledger::look_at_clock(&mut staged.standing, raised, unheard);
    apply(batch, center, writes)?;
    Ok(count)
}

/// What is due by `day`, the oldest first.
fn due(db: &Connection, center: &CenterId, day: UtcMillis, limit: usize) -> rusqlite::Result<Vec<AlarmRef>> {
    let sql = "SELECT id, kind, at FROM due WHERE center = ?1 AND at <= ?2 ORDER BY at, id, kind LIMIT ?3";
    keys(db, sql, center, day, limit)
}

/// Alarms that stand unacknowledged for too long by `wall`, the oldest first.
fn unheard(
    db: &Connection,
    center: &CenterId,
    wall: UtcMillis,
    limit: usize,
) -> rusqlite::Result<Vec<AlarmRef>> {
    let sql = "SELECT id, kind, raised_at FROM alarm WHERE center = ?1 AND at <= ?2 AND acknowledged_at IS NULL \
               AND settled_at IS NULL AND escalated_at IS NULL AND at > 0 \
               ORDER BY at, id, kind, raised_at LIMIT ?3";
    keys(db, sql, center, gwanje_ledger::unheard_until(wall), limit)
}

fn keys(
    db: &Connection,
    sql: &str,
    center: &CenterId,
    until: UtcMillis,
    limit: usize,
) -> rusqlite::Result<Vec<AlarmRef>> {
    db.prepare_cached(sql)?
        .query_map(params![center.as_str(), until.0, i64::try_from(limit).unwrap_or(i64::MAX)], alarm_ref)?
        .collect()
}
