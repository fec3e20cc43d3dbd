//! What can go wrong with PostgreSQL, in its own words.

use super::connecting::CONNECT_TIMEOUT;
use crate::store::StoreError;
use deadpool_postgres::{PoolError, TimeoutType};
use gwanje_ledger::Undecided;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// What to do when the database can't be used.
const REMEDY: &str =
    "check that it runs, takes connections and writes, and that the settings of `database` are right";

/// The same by what the database says.
const REMEDIES: &[(&SqlState, &str)] = &[
    (
        &SqlState::TOO_MANY_CONNECTIONS,
        "each hub holds up to `database_pool` connections: raise its limit, or lower that",
    ),
    (&SqlState::INVALID_PASSWORD, "check user and password in `database`"),
    (
        &SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        "check the user in `database`, and the server's pg_hba.conf",
    ),
    (&SqlState::INVALID_CATALOG_NAME, "make it (createdb), or name another in `database`"),
    (&SqlState::CANNOT_CONNECT_NOW, "it starts or recovers; try again when it has"),
    (&SqlState::READ_ONLY_SQL_TRANSACTION, "name a server that takes writes in `database`, or let this one"),
    (&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "name the primary in `database`, or promote this server"),
    (
        &SqlState::INSUFFICIENT_PRIVILEGE,
        "make the role of `database` the owner of its database, and where functions were denied to everybody, GRANT \
         EXECUTE ON FUNCTION pg_control_system(), pg_current_wal_lsn(), pg_walfile_name(pg_lsn) to it",
    ),
];

/// Why something could not be done.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The database refused, or is away. Its own text says only that there was an error; what it said is behind it.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection could be had.
    #[error("{}", without_connection(.0))]
    Pool(#[from] PoolError),
    /// JSON that can't be read or written.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A column holds what it never should.
    #[error("{0} holds {1:?}; the store is damaged")]
    Damaged(&'static str, String),
    /// The database lacks commits perhaps that were told: new epochs begin before anything is answered.
    #[error("the database's history is not the one that was told")]
    OtherHistory,
    /// A read was cancelled.
    #[error("the read took too long")]
    TooLong,
    /// It can be read alone.
    #[error("the database takes no writes at present")]
    ReadOnly,
    /// The server goes on with a history that was left.
    #[error(
        "the database goes on with timeline {timeline}, and timeline {used} was used since: it is an old primary; stop it"
    )]
    LeftBehind {
        /// Of the server.
        timeline: i64,
        /// The latest that this node has used.
        used: i64,
    },
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
            Self::Pool(_)
            | Self::Json(_)
            | Self::Damaged(..)
            | Self::OtherHistory
            | Self::ReadOnly
            | Self::TooLong
            | Self::LeftBehind { .. }
            | Self::Undecided(_) => false,
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
                error.code().is_some_and(|code| !is_of_server(code))
                    && !self.is_lost_connection()
                    && !self.is_lock_timeout()
            }
            Self::Json(_) | Self::Damaged(..) | Self::Undecided(_) => true,
            Self::Pool(_) | Self::OtherHistory | Self::ReadOnly | Self::TooLong | Self::LeftBehind { .. } => {
                false
            }
        }
    }

    /// What the database or the way to it said.
    fn of_database(&self) -> Option<&tokio_postgres::Error> {
        match self {
            Self::Postgres(error) | Self::Pool(PoolError::Backend(error)) => Some(error),
            Self::Pool(_)
            | Self::Json(_)
            | Self::Damaged(..)
            | Self::OtherHistory
            | Self::ReadOnly
            | Self::TooLong
            | Self::LeftBehind { .. }
            | Self::Undecided(_) => None,
        }
    }

    /// As the rest of the hub knows it.
    pub fn while_doing(self, doing: impl Into<String>) -> StoreError {
        if matches!(self, Self::TooLong) {
            return StoreError::TooLong { doing: doing.into() };
        }
        let code = self.of_database().and_then(tokio_postgres::Error::code);
        let remedy =
            REMEDIES.iter().find(|(known, _)| Some(*known) == code).map_or(REMEDY, |(_, remedy)| remedy);
        StoreError::Unusable { doing: doing.into(), source: self.into(), remedy }
    }
}

/// The server lacks something, or takes no writes: no ask is to blame.
fn is_of_server(code: &SqlState) -> bool {
    let takes_none = [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE];
    code.code().starts_with("53") || takes_none.contains(code)
}

/// The server ends the connection: it stops, or somebody asked it to.
fn is_ending(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

fn without_connection(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => format!("no connection: {}", said(error)),
        PoolError::Timeout(TimeoutType::Wait) => "all connections of this hub are in use".to_owned(),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            format!("no connection: the database has not answered for {} s", CONNECT_TIMEOUT.as_secs())
        }
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => causes(error),
    }
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
