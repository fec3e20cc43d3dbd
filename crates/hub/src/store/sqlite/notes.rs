//! Texts kept under names.

use rusqlite::{Connection, OptionalExtension};

/// How a name stands among what else the store keeps of itself.
fn named(key: &str) -> String {
    format!("note:{key}")
}

pub(super) fn note(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([named(key)], |row| row.get(0))
        .optional()
}

/// Keeps a text where there is none yet; gives what is kept then.
pub(super) fn keep_first(db: &Connection, key: &str, value: &str) -> rusqlite::Result<String> {
    let key = named(key);
    db.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING")?
        .execute([key.as_str(), value])?;
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |row| row.get(0))
}

pub(super) fn keep(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute([named(key).as_str(), value])
    .map(drop)
}
