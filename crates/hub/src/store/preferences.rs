//! What each account keeps here for itself: JSON under a few names, each write with the version that it replaces.

use super::{Store, StoreError};
use gwanje_model::Text;
use rusqlite::{Connection, OptionalExtension, params};

/// The most preferences of one account.
pub const PREFERENCES_MAX: i64 = 32;

/// A preference as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Grows with each write, and is never given twice under one name.
    pub version: i64,
    /// The JSON, as it was written.
    pub body: String,
}

/// Which version a write is to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaces {
    /// None: it is the first under its name.
    Nothing,
    /// One of these.
    Versions(Vec<i64>),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreferenceKept {
    /// It is kept, with this version.
    As(i64),
    /// Another one is kept; none: nothing is.
    Another(Option<i64>),
    /// The account keeps [`PREFERENCES_MAX`] of them already.
    TooMany,
}

impl Store {
    /// What an account keeps under a name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn preference(&self, account: Text, key: String) -> Result<Option<Preference>, StoreError> {
        self.read("reading a preference", move |db| {
            db.prepare_cached("SELECT version, body FROM preference WHERE account = ?1 AND key = ?2")?
                .query_row([account.as_str(), &key], |row| {
                    Ok(Preference { version: row.get(0)?, body: row.get(1)? })
                })
                .optional()
        })
        .await
    }

    /// Keeps a preference of an account, where nobody has written in between.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn keep_preference(
        &self,
        account: Text,
        key: String,
        body: String,
        replaces: Replaces,
    ) -> Result<PreferenceKept, StoreError> {
        self.write(move |batch| keep(batch.db(), &account, &key, &body, &replaces)).await
    }
}

fn keep(
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
    let fits = match (replaces, present) {
        (Replaces::Nothing, present) => present.is_none(),
        (Replaces::Versions(versions), Some(present)) => versions.contains(&present),
        (Replaces::Versions(_), None) => false,
    };
    if !fits {
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
