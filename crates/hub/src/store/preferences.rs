//! What each account keeps here for itself: JSON under a few names, each write with the version that it replaces.

use super::{Store, StoreError};
use gwanje_model::Text;

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

impl Replaces {
    /// Whether that may be replaced which is kept; none: nothing is.
    pub(super) fn fits(&self, present: Option<i64>) -> bool {
        match (self, present) {
            (Self::Nothing, present) => present.is_none(),
            (Self::Versions(versions), Some(present)) => versions.contains(&present),
            (Self::Versions(_), None) => false,
        }
    }
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
        self.shared.backend.preference(account, key).await
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
        self.shared.backend.keep_preference(account, key, body, replaces).await
    }
}
