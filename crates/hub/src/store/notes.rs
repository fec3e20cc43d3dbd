//! Texts kept under names: a demo's day, the key of tokens.

use super::{Store, StoreError};

/// The name under which the store keeps what it is for.
pub(crate) const PURPOSE_KEY: &str = "purpose";
/// What is kept there of a demo.
pub(crate) const OF_DEMO: &str = "demo";
/// The name under which a demo keeps its day. Older stores say by it what they are for.
pub const DEMO_DAY_KEY: &str = "demo-day";

impl Store {
    /// Whether it can be read, and takes writes.
    ///
    /// # Errors
    /// When it can't, or takes none.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.shared.backend.answers().await
    }

    /// A text kept under a name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn meta_get(&self, key: impl Into<String>) -> Result<Option<String>, StoreError> {
        self.shared.backend.note(key.into()).await
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
        self.shared.backend.keep_first_note(key.into(), value.into()).await
    }

    /// Keeps a text under a name.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn meta_set(&self, key: impl Into<String>, value: impl Into<String>) -> Result<(), StoreError> {
        self.shared.backend.keep_note(key.into(), value.into()).await
    }
}
