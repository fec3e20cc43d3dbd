//! Why a demo does not run.

use gwanje_hub::claim::ClaimError;
use std::fmt;
use thiserror::Error;

/// Why a demo does not run, in words for the person who started it.
#[derive(Debug, Error)]
pub enum DemoFailure {
    /// What was asked for can't be done: a folder, an instance's file.
    #[error("{0}")]
    Input(String),
    /// Something failed while it ran.
    #[error("{0}")]
    Running(String),
}

impl DemoFailure {
    pub(crate) fn input(what: impl fmt::Display) -> Self {
        Self::Input(what.to_string())
    }

    pub(crate) fn running(what: impl fmt::Display) -> Self {
        Self::Running(what.to_string())
    }
}

impl From<ClaimError> for DemoFailure {
    fn from(error: ClaimError) -> Self {
        if error.is_about_folder() { Self::input(error) } else { Self::running(error) }
    }
}
