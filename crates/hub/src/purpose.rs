//! What a store is for. A demo's accounts are known to everybody: no demo puts them into a store of real days, and nothing
//! real is served from a store that has them.

use crate::hub::Hub;
use crate::store::{
    BACKUP_KEY, DEMO_DAY_KEY, MOVED_KEY, OF_DEMO, PURPOSE_KEY, StoreError, is_backup, marked,
};
use thiserror::Error;

/// What a store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Real days.
    Production,
    /// A simulated day.
    Demo,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Demo => OF_DEMO,
        }
    }

    fn read(said: String) -> Result<Self, PurposeError> {
        [Self::Production, Self::Demo]
            .into_iter()
            .find(|purpose| purpose.as_str() == said)
            .ok_or(PurposeError::Unknown(said))
    }
}

/// Why a store is not used.
#[derive(Debug, Error)]
pub enum PurposeError {
    /// It is a demo's.
    #[error("it holds a demo's day, and everybody knows a demo's accounts; choose another `data`")]
    IsDemo,
    /// It holds real days.
    #[error("it holds real days, and a demo would let everybody in by its accounts; choose another folder")]
    IsProduction,
    /// All of it is somewhere else.
    #[error("it was moved to {0}, where its history goes on; set `database` to that")]
    Moved(String),
    /// It is being moved.
    #[error("it is being moved to {0}; run `gwanje-hub move` again, which finishes that")]
    Moving(String),
    /// It is a backup, or is being made of one.
    #[error(
        "it is a backup, or half restored from one; run `gwanje-hub restore FILE`, which makes a store of it"
    )]
    Backup,
    /// It says something that this version does not know.
    #[error("it is for {0:?}, which this version does not know; use a newer gwanje-hub")]
    Unknown(String),
    /// It can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PurposeError {
    /// Whether the store works, and is another one than was meant.
    #[must_use]
    pub fn is_other_store(&self) -> bool {
        !matches!(self, Self::Store(_))
    }
}

/// What a hub's store is for; none where nothing was ever kept in it.
///
/// # Errors
/// When it can't be read, or says what this version does not know.
pub async fn purpose_of(hub: &Hub) -> Result<Option<Purpose>, PurposeError> {
    let store = &hub.store;
    if let Some(mark) = marked(store.meta_get(MOVED_KEY).await?) {
        let said = if mark.done { PurposeError::Moved } else { PurposeError::Moving };
        return Err(said(mark.to));
    }
    if is_backup(store.meta_get(BACKUP_KEY).await?.as_deref()) {
        return Err(PurposeError::Backup);
    }
    match store.meta_get(PURPOSE_KEY).await? {
        Some(said) => Purpose::read(said).map(Some),
        // It was made before stores said so.
        None if store.meta_get(DEMO_DAY_KEY).await?.is_some() => Ok(Some(Purpose::Demo)),
        None if store.center_ids().is_empty() && !hub.auth.knows_anybody() => Ok(None),
        None => Ok(Some(Purpose::Production)),
    }
}

/// Uses a hub's store for that from now on. Of two that begin with an empty one at once, the first has its way.
///
/// # Errors
/// When it is for something else, or can't be written.
pub async fn use_for(hub: &Hub, wanted: Purpose) -> Result<(), PurposeError> {
    let is = purpose_of(hub).await?.unwrap_or(wanted);
    let kept = hub.store.meta_keep_first(PURPOSE_KEY, is.as_str()).await?;
    match (Purpose::read(kept)?, wanted) {
        (Purpose::Demo, Purpose::Production) => Err(PurposeError::IsDemo),
        (Purpose::Production, Purpose::Demo) => Err(PurposeError::IsProduction),
        (Purpose::Production, Purpose::Production) | (Purpose::Demo, Purpose::Demo) => Ok(()),
    }
}
