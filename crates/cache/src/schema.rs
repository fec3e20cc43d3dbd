//! The tables, by numbered migrations that only go forward.

use rusqlite::Connection;

/// Tells a cache from any other SQLite file ("GWJE").
pub(crate) const APPLICATION_ID: i32 = 0x4757_4A45;

/// A migration is never changed once applied; a test opens a fixture of every version.
pub(crate) const MIGRATIONS: [&str; 5] = [
    // 1: rows are keyed by center number × 2^53 + id (ids are below 2^53), so that one tree holds them and a center's rows
    // lie side by side: a board is read in one sweep and written with one insert a row.
    "CREATE TABLE centers (
        no INTEGER PRIMARY KEY,
        center TEXT NOT NULL UNIQUE,
        epoch TEXT NOT NULL DEFAULT '',
        rev INTEGER NOT NULL DEFAULT 0,
        count INTEGER NOT NULL DEFAULT 0,
        digest INTEGER NOT NULL DEFAULT 0,
        alarm_seq INTEGER NOT NULL DEFAULT -1,
        proven_at INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE rows (
        key INTEGER PRIMARY KEY,
        rev INTEGER NOT NULL DEFAULT 0,
        checksum INTEGER NOT NULL DEFAULT 0,
        body TEXT
    ) STRICT;
    CREATE TABLE alarms (
        center INTEGER NOT NULL DEFAULT 0,
        id INTEGER NOT NULL DEFAULT 0,
        kind TEXT NOT NULL DEFAULT '',
        raised_at INTEGER NOT NULL DEFAULT 0,
        stage TEXT NOT NULL DEFAULT '',
        row_rev INTEGER NOT NULL DEFAULT -1,
        body TEXT,
        PRIMARY KEY (center, id, kind, raised_at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;",
    // 2: what must not be forgotten over a restart. A cancellation of version 1 counts as unknown to the hub: a receipt
    // that is sent twice harms nobody, one that is never sent does. For the other kinds, version 1 does not tell what a
    // person took note of from what ended by itself: no word is sent that nobody gave.
    "ALTER TABLE alarms ADD COLUMN at_hub TEXT NOT NULL DEFAULT '';
    UPDATE alarms SET at_hub = stage WHERE kind <> 'cancelled' AND stage = 'acknowledged';
    ALTER TABLE centers ADD COLUMN skipped_after INTEGER NOT NULL DEFAULT -1;
    ALTER TABLE centers ADD COLUMN skipped_by TEXT NOT NULL DEFAULT '';
    CREATE TABLE commands (
        center INTEGER NOT NULL DEFAULT 0,
        key TEXT NOT NULL DEFAULT '',
        delivery INTEGER NOT NULL DEFAULT -1,
        action TEXT NOT NULL DEFAULT '',
        clicked_at INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (center, key)
    ) STRICT, WITHOUT ROWID;",
    // 3: numbers for the ids of a foreign server, which are texts: a table, so that no two ever share one.
    "CREATE TABLE names (
        center INTEGER NOT NULL DEFAULT 0,
        id INTEGER NOT NULL DEFAULT 0,
        name TEXT NOT NULL DEFAULT '',
        left_at INTEGER,
        PRIMARY KEY (center, id)
    ) STRICT, WITHOUT ROWID;",
    // 4: drafts, by the center's name: one may be kept before anything of its board. What this seat cancelled itself
    // (with the alarm that told it quietly), and the deliveries of a batch (ids, separated by blanks), so that neither is
    // another's doing after a restart.
    "CREATE TABLE drafts (
        center TEXT NOT NULL DEFAULT '',
        subject TEXT NOT NULL DEFAULT '',
        text TEXT NOT NULL DEFAULT '',
        at INTEGER NOT NULL DEFAULT 0,
        command TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (center, subject)
    ) STRICT;
    CREATE TABLE own (
        center INTEGER NOT NULL DEFAULT 0,
        delivery INTEGER NOT NULL DEFAULT 0,
        raised_at INTEGER,
        done INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (center, delivery)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE commands ADD COLUMN batch TEXT NOT NULL DEFAULT '';",
    // 5: whether the hub has lost what an alarm is about.
    "ALTER TABLE alarms ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;",
];

/// Brings a file to the newest version. `Ok(Err(why))`: it is none of ours, or of a newer version.
pub(crate) fn migrate(db: &mut Connection) -> rusqlite::Result<Result<(), String>> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A negative version is nobody's; it fails the application check or is caught as unknown below.
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    let fresh = application == 0 && version == 0;
    if !fresh && application != APPLICATION_ID {
        return Ok(Err("it is no cache of this program".to_owned()));
    }
    if version > MIGRATIONS.len() {
        return Ok(Err(format!("it is of version {version}, this program knows {}", MIGRATIONS.len())));
    }
    for (number, migration) in (1_i64..).zip(MIGRATIONS).skip(version) {
        let transaction = db.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(Ok(()))
}
