//! What can go wrong for whoever uses the engine.

use crate::ipc::IpcError;
use gwanje_board::ViewError;
use gwanje_wire::{ErrorCode, Problem};
use std::path::PathBuf;
use thiserror::Error;

/// What can go wrong for whoever uses the engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The settings can't be used.
    #[error("{0}")]
    Config(String),
    /// A file of the profile can't be read or written.
    #[error("{doing} {path}: {source}; check that the folder may be written")]
    Profile {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The cache can't be opened, not even afresh.
    #[error(transparent)]
    Cache(#[from] gwanje_cache::CacheError),
    /// The server said no.
    #[error("{}", problem_text(.0))]
    Refused(Box<Problem>),
    /// Nobody answered.
    #[error("the server does not answer: {0}; check the address and the network, then try again")]
    Unreachable(String),
    /// An answer could not be read.
    #[error("the answer to {what} can't be read; is this a Gwanje hub of this version?")]
    Unreadable {
        /// What was asked.
        what: &'static str,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in; sign in first")]
    NotSignedIn,
    /// A foreign server gives only its list, and was asked for more.
    #[error("{name} gives a list of its deliveries and no more; look for this in its own system")]
    ListOnly {
        /// What the server is called.
        name: String,
    },
    /// A draft is longer than what is kept.
    #[error("this draft has {bytes} bytes, and at most {most} are kept; shorten it")]
    DraftTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// A draft about nothing of this account.
    #[error("this draft is about no center that is followed here")]
    DraftOfNothing,
    /// A view is not open.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The engine has stopped.
    #[error("the engine has stopped; start the program again")]
    Stopped,
}

fn problem_text(problem: &Problem) -> &str {
    if problem.detail.is_empty() { problem.code.as_str() } else { &problem.detail }
}

impl EngineError {
    /// A code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::Profile { .. } => "profile",
            Self::Cache(_) => "cache",
            Self::Refused(problem) => problem.code.as_str(),
            Self::Unreachable(_) => "unreachable",
            Self::Unreadable { .. } => "unreadable",
            Self::NotSignedIn => "not-signed-in",
            Self::ListOnly { .. } => "list-only",
            Self::DraftTooLong { .. } => "draft-too-long",
            Self::DraftOfNothing => "draft-of-nothing",
            Self::View(_) => "view-not-open",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(problem) => {
                matches!(problem.code, ErrorCode::Unavailable | ErrorCode::TooManyRequests)
            }
            Self::Config(_)
            | Self::Profile { .. }
            | Self::Cache(_)
            | Self::Unreadable { .. }
            | Self::NotSignedIn
            | Self::ListOnly { .. }
            | Self::DraftTooLong { .. }
            | Self::DraftOfNothing
            | Self::View(_)
            | Self::Stopped => false,
        }
    }

    /// A problem as an error.
    pub(crate) fn from_problem(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<&EngineError> for IpcError {
    fn from(error: &EngineError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string(), retryable: error.is_retryable() }
    }
}

impl From<EngineError> for IpcError {
    fn from(error: EngineError) -> Self {
        Self::from(&error)
    }
}
