//! Texts kept under names: a demo's day, the key of tokens. The cheapest read of all.

use super::{Store, StoreError};
use rusqlite::OptionalExtension;

impl Store {
    /// Whether it can be read at all.
    ///
    /// # Errors
    /// When it can't.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.meta_get("readiness").await.map(|_| ())
    }

    /// A text kept under a name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn meta_get(&self, key: impl Into<String>) -> Result<Option<String>, StoreError> {
        let key = format!("note:{}", key.into());
        self.read("reading a setting", move |db| {
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
        })
        .await
    }

    /// Keeps a text under a name where there is none yet; gives what is kept there then.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn meta_keep_first(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<String, StoreError> {
        let (key, value) = (format!("note:{}", key.into()), value.into());
        self.write(move |batch| {
            let db = batch.db();
            db.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING")?
                .execute([&key, &value])?;
            db.query_row("SELECT value FROM meta WHERE key = ?1", [&key], |row| row.get(0))
        })
        .await
    }

    /// Keeps a text under a name.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn meta_set(&self, key: impl Into<String>, value: impl Into<String>) -> Result<(), StoreError> {
        let (key, value) = (format!("note:{}", key.into()), value.into());
        self.write(move |batch| {
            batch
                .db()
                .prepare_cached(
                    "INSERT INTO meta (key, value) VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute([key, value])?;
            Ok(())
        })
        .await
    }
}
