//! Deliveries that leave the board after retention: row out, tombstone in, history and search kept; alarms for a week.

use super::read::json;
use super::text_json;
use super::writer::{Batch, signed, unsigned};
use gwanje_model::{CenterId, Delivery, Rev, UtcMillis};
use rusqlite::{Connection, OptionalExtension, params};

/// Archives at most this many deliveries in one transaction: bounds how long commands wait for it.
pub(super) const ARCHIVED_AT_ONCE: i64 = 500;

/// How long an alarm is kept once its delivery has left the board, milliseconds of operations time: a week, as in the
/// caches of those who were told.
const ALARMS_KEPT_MS: i64 = 7 * 86_400_000;
/// The most alarms looked at in one transaction, first those of which nobody has given word for the longest.
const ALARMS_LOOKED_AT: i64 = 500;

/// Archives what ended before `day_at`, as an event at `now` (operations time), and drops tombstones beyond `kept`.
/// Returns how many left the board.
pub(super) fn ended_before(
    batch: &mut Batch<'_>,
    center: &CenterId,
    day_at: UtcMillis,
    now: UtcMillis,
    kept: u64,
) -> rusqlite::Result<usize> {
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return Ok(0) };
    let ended: Vec<Delivery> = db
        .prepare_cached(
            "SELECT body FROM delivery WHERE center = ?1 AND ended_at IS NOT NULL AND ended_at < ?2 \
             ORDER BY ended_at LIMIT ?3",
        )?
        .query_map(params![center.as_str(), day_at.0, ARCHIVED_AT_ONCE], |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    for row in &ended {
        let (id, rev) = (signed(row.id.0), staged.standing.next_rev());
        db.prepare_cached(
            "INSERT INTO archive (id, center, status, rider, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            center.as_str(),
            row.status.as_str(),
            row.rider.as_ref().map(|rider| rider.id.as_str()),
            row.received_at.0,
            text_json(row)?
        ])?;
        db.prepare_cached("DELETE FROM delivery WHERE id = ?1")?.execute([id])?;
        db.prepare_cached("INSERT INTO tombstone (center, rev, id) VALUES (?1, ?2, ?3)")?
            .execute(params![center.as_str(), signed(rev.0), id])?;
        db.prepare_cached(
            "INSERT INTO history (delivery, rev, center, at, by, action, from_status) \
             VALUES (?1, ?2, ?3, ?4, 'system', 'archive', ?5)",
        )?
        .execute(params![id, signed(rev.0), center.as_str(), now.0, row.status.as_str()])?;
        staged.row_left(row.id, row.rev, rev);
    }
    keep_tombstones(batch, center, kept)?;
    forget_alarms(db, center, now)?;
    Ok(ended.len())
}

/// Forgets alarms that were raised long before `now` about deliveries that left the board, with every seat's word on them.
fn forget_alarms(db: &Connection, center: &CenterId, now: UtcMillis) -> rusqlite::Result<()> {
    let old: Vec<(i64, String, i64)> = db
        .prepare_cached(
            "SELECT id, kind, raised_at FROM \
             (SELECT id, kind, raised_at FROM alarm WHERE center = ?1 ORDER BY seq LIMIT ?3) old \
             WHERE raised_at < ?2 AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = old.id)",
        )?
        .query_map(params![center.as_str(), now.plus_ms(-ALARMS_KEPT_MS).0, ALARMS_LOOKED_AT], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (id, kind, raised_at) in old {
        for forget in [
            "DELETE FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
            "DELETE FROM alarm WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        ] {
            db.prepare_cached(forget)?.execute(params![center.as_str(), id, kind, raised_at])?;
        }
    }
    Ok(())
}

/// Drops all but the newest `kept` tombstones of a center.
pub(super) fn keep_tombstones(batch: &mut Batch<'_>, center: &CenterId, kept: u64) -> rusqlite::Result<()> {
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return Ok(()) };
    // The newest tombstone that is one too many; nothing at or below it can be told apart any more.
    let floor: Option<i64> = db
        .prepare_cached("SELECT rev FROM tombstone WHERE center = ?1 ORDER BY rev DESC LIMIT 1 OFFSET ?2")?
        .query_row(params![center.as_str(), signed(kept)], |row| row.get(0))
        .optional()?;
    if let Some(floor) = floor {
        db.prepare_cached("DELETE FROM tombstone WHERE center = ?1 AND rev <= ?2")?
            .execute(params![center.as_str(), floor])?;
        staged.standing.raise_floor(Rev(unsigned(floor)));
    }
    Ok(())
}
