//! What can go wrong with PostgreSQL, in its own words.

use crate::store::StoreError;
use gwanje_ledger::Undecided;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// What to do when the database can't be used.
const REMEDY: &str =
    "check that it runs, takes connections and writes, and that the settings of `database` are right";

/// Why something could not be done.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The database refused, or is away. Its own text says only that there was an error; what it said is behind it.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection could be had.
    #[error("no connection: {}", causes(.0))]
    Pool(#[from] deadpool_postgres::PoolError),
    /// JSON that can't be read or written.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A column holds what it never should.
    #[error("{0} holds {1:?}; the store is damaged")]
    Damaged(&'static str, String),
    /// The ledger could not decide.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

impl Failure {
    /// The connection was lost: another one may do.
    pub fn is_lost_connection(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                error.is_closed() || matches!(error.code(), Some(code) if is_ending(code))
            }
            Self::Pool(_) | Self::Json(_) | Self::Damaged(..) | Self::Undecided(_) => false,
        }
    }

    /// Others held a lock for too long.
    pub fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// It may lie in one ask, while the others of its transaction could be decided.
    pub fn may_be_of_one_ask(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                error.as_db_error().is_some() && !self.is_lost_connection() && !self.is_lock_timeout()
            }
            Self::Json(_) | Self::Damaged(..) | Self::Undecided(_) => true,
            Self::Pool(_) => false,
        }
    }

    /// As the rest of the hub knows it.
    pub fn while_doing(self, doing: impl Into<String>) -> StoreError {
        StoreError::Unusable { doing: doing.into(), source: self.into(), remedy: REMEDY }
    }
}

/// The server ends the connection: it stops, or somebody asked it to.
fn is_ending(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refused) => format!("{} ({})", refused.message(), refused.code().code()),
        None => causes(error),
    }
}

/// An error with what lies behind it, which these libraries do not tell by themselves.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}
