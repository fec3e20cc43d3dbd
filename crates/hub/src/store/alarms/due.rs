//! Alarms that the hub writes: a cancellation's with the cancellation, the clock's when they are due; and how they end.
//!
//! What will be due stands in a table by its instant and changes with the row, so that a look at the clock costs what
//! came due and not a look at every row. Whoever looks decides within the writer's transaction: twice is once.

use super::super::writer::{Batch, signed, unsigned};
use super::super::{Store, StoreError, read, text_json};
use super::{Key, kind};
use gwanje_model::{CenterId, Delivery, DeliveryId, DueAt, Status, Text, UtcMillis};
use gwanje_wire::rest::{AlarmDelivery, AlarmKind};
use rusqlite::{Connection, params};

/// Nobody took note for this long, milliseconds of the wall's clock: the alarm is the supervisors' too.
const ESCALATED_AFTER_MS: i64 = 60_000;
/// Written in one transaction at most: bounds how long commands wait for it.
const AT_ONCE: usize = 200;

impl Store {
    /// Writes the alarms of a center that are due by now, and escalates those of which nobody has taken note. Returns how
    /// many. A center where nothing is due costs two looks at an index, and no lock.
    ///
    /// # Errors
    /// When there is no such center, or the store can't be used.
    pub async fn write_due_alarms(&self, center: &CenterId) -> Result<usize, StoreError> {
        let mut written = 0;
        loop {
            let (id, now) = (center.clone(), self.now());
            let is_due = self
                .read("looking for alarms that are due", move |db| {
                    let due = due(db, &id, now.day, 1)?;
                    Ok(!due.is_empty() || !unheard(db, &id, now.wall, 1)?.is_empty())
                })
                .await?;
            if !is_due {
                return Ok(written);
            }
            let id = center.clone();
            written += self.write(move |batch| write_due(batch, &id)).await?;
        }
    }
}

/// What is due of a row, as it is.
fn keys_of(row: &Delivery) -> impl Iterator<Item = Key> {
    let DueAt { late, unconfirmed, unaccepted } = DueAt::of(row);
    let id = row.id;
    let kinds =
        [(AlarmKind::Late, late), (AlarmKind::Unconfirmed, unconfirmed), (AlarmKind::Unaccepted, unaccepted)];
    kinds.into_iter().filter_map(move |(kind, at)| at.map(|raised_at| Key { id, kind, raised_at }))
}

/// Whether the alarm is due of that row.
pub(super) fn is_due(row: &Delivery, key: Key, day: UtcMillis) -> bool {
    key.raised_at <= day && keys_of(row).any(|due| due == key)
}

/// A row was written, by `by`; its status was `was` before. What is due of it follows: what can't come any more is
/// forgotten, and an alarm whose reason is gone is settled. It stays so, whatever becomes of the row: one alarm a
/// delivery, kind and instant.
pub(in crate::store) fn follow(
    batch: &mut Batch<'_>,
    center: &CenterId,
    row: &Delivery,
    was: Option<Status>,
    by: &Text,
) -> rusqlite::Result<()> {
    let db = batch.db();
    let keys: Vec<Key> = keys_of(row).collect();
    let waiting = waiting(db, row.id)?;
    for key in waiting.iter().filter(|key| !keys.contains(key)) {
        forget(db, *key)?;
    }
    let written = written(db, center, row.id)?;
    for key in keys.iter().filter(|key| !waiting.contains(key)) {
        if !written.iter().any(|(known, _)| known == key) {
            db.prepare_cached("INSERT INTO due (id, kind, center, at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![signed(key.id.0), key.kind.as_str(), center.as_str(), key.raised_at.0])?;
        }
    }
    let wall = batch.wall;
    for (key, _) in written.into_iter().filter(|(key, is_settled)| !is_settled && !keys.contains(key)) {
        change(batch, center, key, "UPDATE alarm SET settled_at = ?6, seq = ?5", wall.0)?;
    }
    if let (Some(raised_at), true) = (row.cancelled_at, was != Some(Status::Cancelled)) {
        let key = Key { id: row.id, kind: AlarmKind::Cancelled, raised_at };
        write(batch, center, row, key, was, Some(by))?;
    }
    Ok(())
}

/// Writes what is due by now, and escalates; at most so many of each. Returns how many.
fn write_due(batch: &mut Batch<'_>, center: &CenterId) -> rusqlite::Result<usize> {
    let (db, day, wall) = (batch.db(), batch.day, batch.wall);
    let mut count = 0;
    for key in due(db, center, day, AT_ONCE)? {
        count += 1;
        match read::live_row(db, center, key.id)? {
            Some(row) => write(batch, center, &row, key, Some(row.status), None)?,
            None => forget(db, key)?,
        }
    }
    for key in unheard(db, center, wall, AT_ONCE)? {
        count += 1;
        change(batch, center, key, "UPDATE alarm SET escalated_at = ?6, seq = ?5", wall.0)?;
    }
    Ok(count)
}

/// Writes an alarm about a row; it waits no more.
pub(super) fn write(
    batch: &mut Batch<'_>,
    center: &CenterId,
    row: &Delivery,
    key: Key,
    was: Option<Status>,
    by: Option<&Text>,
) -> rusqlite::Result<()> {
    let (db, wall) = (batch.db(), batch.wall);
    forget(db, key)?;
    let Some(staged) = batch.center(center)? else { return Ok(()) };
    let seq = signed(staged.standing.next_alarm());
    db.prepare_cached(
        "INSERT INTO alarm (center, id, kind, raised_at, seq, body, at, was, by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        center.as_str(),
        signed(key.id.0),
        key.kind.as_str(),
        key.raised_at.0,
        seq,
        text_json(&AlarmDelivery::from(row))?,
        wall.0,
        was.map(Status::as_str),
        by.map(Text::as_str),
    ])?;
    Ok(())
}

/// Changes an alarm, under a new number: `?5` is the number, `?6` the value.
pub(super) fn change(
    batch: &mut Batch<'_>,
    center: &CenterId,
    key: Key,
    set: &str,
    value: i64,
) -> rusqlite::Result<()> {
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return Ok(()) };
    let seq = signed(staged.standing.next_alarm());
    db.prepare_cached(&format!("{set} WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4"))?
        .execute(params![
            center.as_str(),
            signed(key.id.0),
            key.kind.as_str(),
            key.raised_at.0,
            seq,
            value
        ])?;
    Ok(())
}

fn forget(db: &Connection, key: Key) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM due WHERE id = ?1 AND kind = ?2")?
        .execute(params![signed(key.id.0), key.kind.as_str()])?;
    Ok(())
}

/// What of a delivery is not due yet.
fn waiting(db: &Connection, id: DeliveryId) -> rusqlite::Result<Vec<Key>> {
    db.prepare_cached("SELECT kind, at FROM due WHERE id = ?1")?
        .query_map([signed(id.0)], |row| {
            Ok(Key { id, kind: kind(row, 0)?, raised_at: UtcMillis(row.get(1)?) })
        })?
        .collect()
}

/// The clock's alarms of a delivery, and whether each is settled.
fn written(db: &Connection, center: &CenterId, id: DeliveryId) -> rusqlite::Result<Vec<(Key, bool)>> {
    db.prepare_cached(
        "SELECT kind, raised_at, settled_at IS NOT NULL FROM alarm \
         WHERE center = ?1 AND id = ?2 AND kind <> 'cancelled'",
    )?
    .query_map(params![center.as_str(), signed(id.0)], |row| {
        Ok((Key { id, kind: kind(row, 0)?, raised_at: UtcMillis(row.get(1)?) }, row.get(2)?))
    })?
    .collect()
}

/// What is due by `day`, the oldest first.
fn due(db: &Connection, center: &CenterId, day: UtcMillis, limit: usize) -> rusqlite::Result<Vec<Key>> {
    let sql = "SELECT id, kind, at FROM due WHERE center = ?1 AND at <= ?2 ORDER BY at, id, kind LIMIT ?3";
    keys(db, sql, center, day, limit)
}

/// Alarms that stand unacknowledged for too long by `wall`, the oldest first.
fn unheard(db: &Connection, center: &CenterId, wall: UtcMillis, limit: usize) -> rusqlite::Result<Vec<Key>> {
    let sql = "SELECT id, kind, raised_at FROM alarm WHERE center = ?1 AND at <= ?2 AND acknowledged_at IS NULL \
               AND settled_at IS NULL AND escalated_at IS NULL AND at > 0 \
               ORDER BY at, id, kind, raised_at LIMIT ?3";
    keys(db, sql, center, wall.plus_ms(-ESCALATED_AFTER_MS), limit)
}

fn keys(
    db: &Connection,
    sql: &str,
    center: &CenterId,
    until: UtcMillis,
    limit: usize,
) -> rusqlite::Result<Vec<Key>> {
    db.prepare_cached(sql)?
        .query_map(params![center.as_str(), until.0, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(Key {
                id: DeliveryId(unsigned(row.get(0)?)),
                kind: kind(row, 1)?,
                raised_at: UtcMillis(row.get(2)?),
            })
        })?
        .collect()
}
