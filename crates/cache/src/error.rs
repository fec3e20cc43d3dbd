//! What can go wrong with a cache file, told apart by what to do about it.

use rusqlite::ErrorCode;
use std::path::PathBuf;
use thiserror::Error;

/// What can go wrong with a cache file.
#[derive(Debug, Error)]
pub enum CacheError {
    /// The file is no cache, of a newer version, or damaged: it is to be set aside.
    #[error("{doing} of the cache {path}: {why}; it will be set aside and rebuilt from the server")]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is fine, the machine says no (disk full, locked, no permission): worth trying again.
    #[error("{doing} of the cache {path}: {why}; free some space or close what locks it")]
    NotNow {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the machine said.
        why: String,
    },
}

impl CacheError {
    /// Whether the file must be set aside.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }
}

/// Says of an SQLite error what was being done, and sorts it.
pub(crate) fn sorted(doing: &'static str, path: &std::path::Path, error: &rusqlite::Error) -> CacheError {
    let path = path.to_owned();
    let why = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::OperationInterrupted,
        ) => CacheError::NotNow { doing, path, why },
        _ => CacheError::Damaged { doing, path, why },
    }
}
