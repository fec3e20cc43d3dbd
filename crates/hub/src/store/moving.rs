//! Moving all that a store keeps into another, empty one, in one transaction: from a file into a database, or back. Histories
//! go on: the epochs, revisions, outcomes and sign-ins are the same there.
//!
//! A store that went on in both places would give the same revisions to different rows, and boards would prove what is not
//! so. So the source is marked before the target has anything, and no hub serves a store with the mark. A move that was cut
//! short is run again: by the move's id the target says whether it has happened.

use super::backend::Backend;
use super::lines::Lines;
use super::notes::{DEMO_DAY_KEY, OF_DEMO, PURPOSE_KEY};
use super::postgres::{Postgres, Settings};
use super::sqlite::Sqlite;
use super::transfer::{Coming, MOVED_KEY, Mark, MoveError, Moved, Own, marked};
use super::{CONNECTIONS, Replication, StoreError};
use crate::clock::Clock;
use gwanje_ledger::RecentBounds;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Nothing looks at what others commit meanwhile.
const SETTINGS: Settings = Settings {
    look: Duration::from_secs(3_600),
    connections: CONNECTIONS,
    replication: Replication::Asynchronous,
};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// In this file.
    File(PathBuf),
    /// In the PostgreSQL database at this address.
    Postgres(String),
}

impl fmt::Display for StorePlace {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => {
                let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "{scheme}://{}", place.split('?').next().unwrap_or_default())
            }
        }
    }
}

/// A store on either side of a move.
pub(super) enum Side {
    File(Box<Sqlite>),
    Database(Box<Postgres>),
}

impl Side {
    /// Brings its tables to this version.
    pub(super) async fn open(place: &StorePlace) -> Result<Self, StoreError> {
        let lines = Arc::new(Lines::new(Clock::wall(), RecentBounds { entries: 1, bytes: 1 }));
        Ok(match place {
            StorePlace::File(path) => Self::File(Box::new(Sqlite::open(Some(path.clone()), &lines)?)),
            StorePlace::Postgres(url) => {
                Self::Database(Box::new(Postgres::open(url, None, SETTINGS, &lines).await?))
            }
        })
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        match self {
            Self::File(store) => &**store,
            Self::Database(store) => &**store,
        }
    }

    pub(super) async fn own(&self) -> Result<Own, StoreError> {
        match self {
            Self::File(store) => store.own().await,
            Self::Database(store) => store.own().await,
        }
    }

    pub(super) fn tables(&self) -> Coming {
        match self {
            Self::File(store) => store.tables(),
            Self::Database(store) => store.tables(),
        }
    }

    pub(super) async fn fill(&self, id: &str, coming: Coming, own: Own) -> Result<Moved, MoveError> {
        match self {
            Self::File(store) => store.fill(id, coming, own).await,
            Self::Database(store) => store.fill(id, coming, own).await,
        }
    }

    /// Whether nobody else uses it: of a file that is the claim's business.
    async fn is_alone(&self) -> Result<(), MoveError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Database(store) => store.is_alone().await,
        }
    }
}

/// Moves all that one store keeps into the other. Nobody may use a file meanwhile: hold its
/// [`Claim`](crate::claim::Claim).
///
/// # Errors
/// When either can't be used, the source is a demo's, in use, or was moved before, or the target is not empty. Nothing was
/// moved then; a move whose end is not known is to be run again.
pub async fn move_store(from: &StorePlace, to: &StorePlace) -> Result<Moved, MoveError> {
    let source = Side::open(from).await?;
    let moved = move_from(&source, to).await;
    source.backend().close().await;
    moved
}

async fn move_from(source: &Side, to: &StorePlace) -> Result<Moved, MoveError> {
    let mark = begin(source, &to.to_string()).await?;
    let moved = fill(source, &mark, to).await;
    match &moved {
        Ok(_) => keep(source, &Mark { done: true, ..mark }).await?,
        Err(MoveError::Unsettled(_)) => {}
        // Nothing of it is there: the source may serve on.
        Err(_) => source.backend().keep_note(MOVED_KEY.into(), String::new()).await?,
    }
    moved
}

async fn fill(source: &Side, mark: &Mark, to: &StorePlace) -> Result<Moved, MoveError> {
    // A hub that starts from now on sees the mark.
    source.is_alone().await?;
    let own = source.own().await?;
    let target = Side::open(to).await?;
    let moved = target.fill(&mark.id, source.tables(), own).await;
    target.backend().close().await;
    moved
}

/// Marks the source: from now on no hub serves it.
async fn begin(source: &Side, to: &str) -> Result<Mark, MoveError> {
    let store = source.backend();
    let purpose = store.note(PURPOSE_KEY.into()).await?;
    if purpose.as_deref() == Some(OF_DEMO) || store.note(DEMO_DAY_KEY.into()).await?.is_some() {
        return Err(MoveError::IsDemo);
    }
    let mark = match marked(store.note(MOVED_KEY.into()).await?) {
        Some(Mark { to, done: true, .. }) => return Err(MoveError::Moved(to)),
        Some(mark) if mark.to == to => mark,
        Some(mark) => return Err(MoveError::Elsewhere(mark.to)),
        None => Mark { id: ulid::Ulid::generate().to_string(), to: to.to_owned(), done: false },
    };
    keep(source, &mark).await?;
    Ok(mark)
}

async fn keep(source: &Side, mark: &Mark) -> Result<(), StoreError> {
    // Texts and a flag always have JSON.
    let mark = serde_json::to_string(mark).unwrap_or_default();
    source.backend().keep_note(MOVED_KEY.into(), mark).await
}
