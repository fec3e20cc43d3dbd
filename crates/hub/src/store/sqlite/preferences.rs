//! What each account keeps for itself.

use crate::store::{PREFERENCES_MAX, Preference, PreferenceKept, Replaces};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn kept(db: &Connection, account: &str, key: &str) -> rusqlite::Result<Option<Preference>> {
    db.prepare_cached("SELECT version, body FROM preference WHERE account = ?1 AND key = ?2")?
        .query_row([account, key], |row| Ok(Preference { version: row.get(0)?, body: row.get(1)? }))
        .optional()
}

/// Keeps a preference where nobody has written in between.
pub(super) fn keep(
    db: &Connection,
    account: &str,
    key: &str,
    body: &str,
    replaces: &Replaces,
) -> rusqlite::Result<PreferenceKept> {
    let present: Option<i64> = db
        .prepare_cached("SELECT version FROM preference WHERE account = ?1 AND key = ?2")?
        .query_row([account, key], |row| row.get(0))
        .optional()?;
    if !replaces.fits(present) {
        return Ok(PreferenceKept::Another(present));
    }
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM preference WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    if present.is_none() && count >= PREFERENCES_MAX {
        return Ok(PreferenceKept::TooMany);
    }
    let version = present.unwrap_or(0) + 1;
    db.prepare_cached(
        "INSERT INTO preference (account, key, version, body) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (account, key) DO UPDATE SET version = excluded.version, body = excluded.body",
    )?
    .execute(params![account, key, version, body])?;
    Ok(PreferenceKept::As(version))
}
