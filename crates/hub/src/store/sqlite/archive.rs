//! Deliveries that leave the board after retention: row out, tombstone in, history and search kept for longer; alarms for a
//! week.

use super::alarms::alarm_ref;
use super::apply::apply;
use super::read::json;
use super::writer::{Batch, signed, unsigned};
use crate::store::backend::ALARMS_FORGOTTEN_AT_ONCE;
use gwanje_ledger::{AlarmRef, Moment, Retention, Write};
use gwanje_model::{CenterId, Delivery, Rev, UtcMillis};
use rusqlite::{Connection, OptionalExtension, params};

/// Archives at most so many that ended before `day_at` and drops tombstones beyond `kept`. Returns how many left the board.
pub(super) fn ended_before(
    batch: &mut Batch<'_>,
    center: &CenterId,
    day_at: UtcMillis,
    at_most: usize,
    kept: u64,
) -> rusqlite::Result<usize> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return Ok(0) };
    let ended: Vec<Delivery> = db
        .prepare_cached(
            "SELECT body FROM delivery WHERE center = ?1 AND ended_at IS NOT NULL AND ended_at < ?2 \
             ORDER BY ended_at, id LIMIT ?3",
        )?
        .query_map(params![center.as_str(), day_at.0, at_most], |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    let count = ended.len();
    let writes = gwanje_ledger::archive(&mut staged.standing, ended);
    apply(batch, center, writes)?;
    keep_tombstones(batch, center, kept)?;
    let old = old_alarms(db, center, batch.now)?;
    apply(batch, center, old.into_iter().map(Write::AlarmGone).collect())?;
    Ok(count)
}

/// Forgets at most so many deliveries that left the board before `day_at` and that no alarm names, with their histories, and
/// outcomes that are over. Returns how many deliveries.
pub(super) fn forget_past(
    batch: &Batch<'_>,
    center: &CenterId,
    day_at: UtcMillis,
    at_most: usize,
) -> rusqlite::Result<usize> {
    let (db, at_most) = (batch.db(), i64::try_from(at_most).unwrap_or(i64::MAX));
    let old: Vec<i64> = db
        .prepare_cached(
            "SELECT id FROM archive WHERE center = ?1 AND received_at < ?2 AND NOT EXISTS \
             (SELECT 1 FROM history WHERE delivery = archive.id AND action = 'archive' AND at >= ?2) \
             AND NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.center = ?1 AND alarm.id = archive.id) \
             ORDER BY received_at, id LIMIT ?3",
        )?
        .query_map(params![center.as_str(), day_at.0, at_most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &old {
        db.prepare_cached("DELETE FROM history WHERE delivery = ?1")?.execute([id])?;
        db.prepare_cached("DELETE FROM archive WHERE id = ?1")?.execute([id])?;
    }
    db.prepare_cached(
        "DELETE FROM outcome WHERE (account, center, key, path) IN \
         (SELECT account, center, key, path FROM outcome WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?
    .execute([Retention::at(batch.now).outcomes_from.0, at_most])?;
    Ok(old.len())
}

/// Alarms that were raised long ago about deliveries that left the board.
fn old_alarms(db: &Connection, center: &CenterId, now: Moment) -> rusqlite::Result<Vec<AlarmRef>> {
    let at_most = i64::try_from(ALARMS_FORGOTTEN_AT_ONCE).unwrap_or(i64::MAX);
    db.prepare_cached(
        "SELECT id, kind, raised_at FROM alarm WHERE center = ?1 AND raised_at < ?2 \
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = alarm.id) ORDER BY seq LIMIT ?3",
    )?
    .query_map(params![center.as_str(), Retention::at(now).alarms_from.0, at_most], alarm_ref)?
    .collect()
}

/// Drops all but the newest `kept` tombstones of a center.
pub(super) fn keep_tombstones(batch: &mut Batch<'_>, center: &CenterId, kept: u64) -> rusqlite::Result<()> {
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return Ok(()) };
    // The newest tombstone that is one too many.
    let floor: Option<i64> = db
        .prepare_cached("SELECT rev FROM tombstone WHERE center = ?1 ORDER BY rev DESC LIMIT 1 OFFSET ?2")?
        .query_row(params![center.as_str(), signed(kept)], |row| row.get(0))
        .optional()?;
    let writes = gwanje_ledger::forget_tombstones(&mut staged.standing, floor.map(|rev| Rev(unsigned(rev))));
    apply(batch, center, writes)
}
