//! The tables: numbered, forward-only migrations under one lock, so that nodes that start at once do not race.

use super::failure::Failure;
use deadpool_postgres::Object;

/// Each entry leads from the version that is its index to the next. Never edit one that was released: add another.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001.sql"),
    include_str!("migrations/002.sql"),
    include_str!("migrations/003.sql"),
    include_str!("migrations/004.sql"),
    include_str!("migrations/005.sql"),
    include_str!("migrations/006.sql"),
];

/// The version that this build writes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// The earliest version whose hubs read and write a database of [`VERSION`] as they should: those that are replaced one by
/// one run beside newer ones.
const READABLE_FROM: usize = 1;

/// Any number that no other program takes for its lock: "gwanje" in hexadecimal.
pub(super) const LOCK: i64 = 0x6777_616e_6a65;

/// Brings the database to [`VERSION`]. A newer one is left alone where it can be read by this build; otherwise its version
/// is returned.
pub(super) async fn migrate(client: &mut Object) -> Result<Result<(), usize>, Failure> {
    let tx = client.transaction().await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let is_empty: bool = tx.query_one("SELECT to_regclass('meta') IS NULL", &[]).await?.get(0);
    let found = if is_empty { 0 } else { number(&tx, "schema").await?.unwrap_or(0) };
    let Some(pending) = MIGRATIONS.get(found..) else {
        let readable_from = number(&tx, "readable_from").await?.unwrap_or(found);
        return Ok(if readable_from <= VERSION { Ok(()) } else { Err(found) });
    };
    for migration in pending {
        tx.batch_execute(migration).await?;
    }
    if !pending.is_empty() {
        for (key, version) in [("schema", VERSION), ("readable_from", READABLE_FROM)] {
            tx.execute(
                "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                &[&key, &version.to_string()],
            )
            .await?;
        }
    }
    tx.commit().await?;
    Ok(Ok(()))
}

async fn number(tx: &deadpool_postgres::Transaction<'_>, key: &str) -> Result<Option<usize>, Failure> {
    let found = tx.query_opt("SELECT value FROM meta WHERE key = $1", &[&key]).await?;
    Ok(found.and_then(|row| row.get::<_, String>(0).parse().ok()))
}
