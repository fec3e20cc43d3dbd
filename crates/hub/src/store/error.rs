//! What can go wrong with the store, and how that travels.

use gwanje_model::{CenterId, DeliveryId, Epoch};
use gwanje_wire::{ErrorCode, Problem, ResyncReason};
use thiserror::Error;

/// What went wrong with the store, and what to do about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be opened or used.
    #[error("{doing}: {source}; {remedy}")]
    Unusable {
        /// What was being done, to what.
        doing: String,
        /// Its own words.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A folder or thread could not be made.
    #[error("{doing}: {source}")]
    System {
        /// What was being done, to what.
        doing: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The file was written by a newer hub.
    #[error(
        "the store has version {found}, this hub knows {known}: run the newer hub, or restore an older file"
    )]
    Newer {
        /// The file's version.
        found: usize,
        /// This build's version.
        known: usize,
    },
    /// The store's tokens are signed with another secret than this hub has.
    #[error(
        "the tokens of this store are signed with another secret; give each of its hubs the same `token_secret_file`"
    )]
    OtherSecret,
    /// The secret of the store's tokens is kept outside of it.
    #[error("the secret of this store's tokens is kept apart from it; name its file as `token_secret_file`")]
    SecretApart,
    /// No center of that id.
    #[error("there is no center {0}")]
    UnknownCenter(CenterId),
    /// No alarm of that key.
    #[error("center {center} has no such alarm of delivery {id}")]
    NoAlarm {
        /// Where it was looked for.
        center: CenterId,
        /// Of which delivery.
        id: DeliveryId,
    },
    /// No alarm may be given word on before it is due.
    #[error("delivery {id} is not {kind} at that instant: no alarm is written, and none is due")]
    NotDue {
        /// Wire name of the alarm's kind.
        kind: &'static str,
        /// Of which delivery.
        id: DeliveryId,
    },
    /// An epoch that does not sort after the present one.
    #[error("center {center} has gone on to an epoch after {epoch}; epochs sort")]
    OldEpoch {
        /// Which center.
        center: CenterId,
        /// The epoch that was to begin.
        epoch: Epoch,
    },
    /// The cursor can't go on from where it is.
    #[error("the cursor can't be resumed: {}; fetch a snapshot", why(*.0))]
    Resync(ResyncReason),
    /// Others are being served.
    #[error("too many others are being served; ask again in a moment")]
    Busy,
    /// A read was interrupted.
    #[error("{doing} took too long; ask for less")]
    TooLong {
        /// What was read.
        doing: String,
    },
    /// The database was lost while it committed: it may have, or not.
    #[error("the database did not say whether it was written; ask again under the same key")]
    Unsettled,
    /// The transaction was rolled back, or the store is closed. Nothing was written.
    #[error("nothing was written: the store is closed or its disk refused; ask again in a moment")]
    NotCommitted,
}

fn why(reason: ResyncReason) -> &'static str {
    match reason {
        ResyncReason::Epoch => "it is of another epoch, or of none",
        ResyncReason::Floor => "what it lacks is not kept any more",
        ResyncReason::Ahead => "it is ahead of the head",
    }
}

impl StoreError {
    /// As it travels.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Unusable { .. }
            | Self::System { .. }
            | Self::Newer { .. }
            | Self::OtherSecret
            | Self::SecretApart
            | Self::NotCommitted => {
                Problem::new(ErrorCode::Unavailable, "the store can't be used at the moment; ask again")
            }
            Self::Busy | Self::TooLong { .. } | Self::Unsettled => {
                Problem::new(ErrorCode::Unavailable, self.to_string())
            }
            Self::OldEpoch { .. } | Self::NotDue { .. } => Problem::new(ErrorCode::Invalid, self.to_string()),
            Self::UnknownCenter(_) | Self::NoAlarm { .. } => {
                Problem::new(ErrorCode::NotFound, self.to_string())
            }
            Self::Resync(reason) => {
                let mut problem = Problem::new(ErrorCode::Resync, self.to_string());
                problem.reason = Some(*reason);
                problem
            }
        }
    }
}
