//! Failed sign-ins of the last minute, and from where accounts signed in before.

use crate::store::throttle::{
    Attempt, Counted, DEVICE_KEPT_MS, FORGOTTEN, Failures, KEPT_MAX, ThrottleKey, Verdict,
};
use gwanje_model::UtcMillis;
use rusqlite::{Connection, OptionalExtension, params};

/// What is known of a sign-in.
pub(super) fn look(db: &Connection, attempt: &Attempt) -> rusqlite::Result<Counted> {
    let mut found = Vec::new();
    for key in attempt.keys() {
        found.extend(failures(db, &key)?.map(|failures| (key, failures)));
    }
    let is_known = db
        .prepare_cached("SELECT 1 FROM device WHERE who = ?1 AND used_at > ?2")?
        .exists(params![attempt.pair, attempt.now.plus_ms(-DEVICE_KEPT_MS).0])?;
    Ok(attempt.count(&found, is_known))
}

/// Counts it as failed, unless it has to wait.
pub(super) fn begin(db: &Connection, attempt: &Attempt) -> rusqlite::Result<Verdict> {
    let verdict = look(db, attempt)?.verdict(attempt.now);
    if matches!(verdict, Verdict::Waits(_)) {
        return Ok(verdict);
    }
    forget(db, "failure", "since", attempt.forgotten_until())?;
    for key in attempt.keys() {
        let Failures { since, count } = Failures::and_one(failures(db, &key)?, attempt.now);
        db.prepare_cached("INSERT OR REPLACE INTO failure (who, since, count) VALUES (?1, ?2, ?3)")?
            .execute(params![key, since.0, count])?;
    }
    Ok(verdict)
}

/// Takes back that it failed, and remembers from where the account signed in.
pub(super) fn succeeded(db: &Connection, attempt: &Attempt) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM failure WHERE who = ?1")?.execute([attempt.pair])?;
    db.prepare_cached("UPDATE failure SET count = count - 1 WHERE who IN (?1, ?2) AND count > 0")?
        .execute([attempt.address, attempt.account])?;
    forget(db, "device", "used_at", attempt.now.plus_ms(-DEVICE_KEPT_MS))?;
    db.prepare_cached("INSERT OR REPLACE INTO device (who, used_at) VALUES (?1, ?2)")?
        .execute(params![attempt.pair, attempt.now.0])?;
    Ok(())
}

fn failures(db: &Connection, key: &ThrottleKey) -> rusqlite::Result<Option<Failures>> {
    db.prepare_cached("SELECT since, count FROM failure WHERE who = ?1")?
        .query_row([key], |row| Ok(Failures { since: UtcMillis(row.get(0)?), count: row.get(1)? }))
        .optional()
}

/// Forgets some of what is over; where there is too much, some of the oldest.
fn forget(db: &Connection, table: &str, age: &str, until: UtcMillis) -> rusqlite::Result<()> {
    let is_full: bool = db
        .prepare_cached(&format!("SELECT count(*) >= ?1 FROM {table}"))?
        .query_row([KEPT_MAX], |row| row.get(0))?;
    let until = if is_full { i64::MAX } else { until.0 };
    db.prepare_cached(&format!(
        "DELETE FROM {table} WHERE who IN (SELECT who FROM {table} WHERE {age} <= ?1 ORDER BY {age} LIMIT ?2)"
    ))?
    .execute([until, FORGOTTEN])?;
    Ok(())
}
