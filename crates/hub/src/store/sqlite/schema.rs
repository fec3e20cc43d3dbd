//! The tables of a hub's store: numbered, forward-only migrations, counted in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

/// Each entry leads from the version that is its index to the next. Never edit one that was released: add another.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001.sql"),
    include_str!("migrations/002.sql"),
    include_str!("migrations/003.sql"),
    include_str!("migrations/004.sql"),
    include_str!("migrations/005.sql"),
    include_str!("migrations/006.sql"),
    include_str!("migrations/007.sql"),
    include_str!("migrations/008.sql"),
];

/// The version that this build writes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Brings the store to [`VERSION`]. Returns the version found when it is of a newer build, untouched.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<Result<(), usize>> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    let Some(pending) = MIGRATIONS.get(found..) else { return Ok(Err(found)) };
    for migration in pending {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "user_version", i64::try_from(VERSION).unwrap_or(i64::MAX))?;
    tx.commit()?;
    Ok(Ok(()))
}
