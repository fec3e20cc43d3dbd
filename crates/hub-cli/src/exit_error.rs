//! Why a command of the command line ended, and with which exit status.

use gwanje_hub::claim::ClaimError;
use std::fmt;

/// Why it ended.
#[derive(Debug)]
pub enum ExitError {
    /// The arguments, the configuration or a file named in them: status 2.
    Input(String),
    /// Something went wrong while running: status 1.
    Running(String),
}

impl ExitError {
    /// For wrong arguments, configuration or files.
    pub fn input(what: impl fmt::Display) -> Self {
        Self::Input(what.to_string())
    }

    /// For what goes wrong while running.
    pub fn running(what: impl fmt::Display) -> Self {
        Self::Running(what.to_string())
    }

    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Running(_) => 1,
        }
    }
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Input(what) | Self::Running(what)) = self;
        // One line, whatever the cause had to say.
        for (n, line) in what.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            f.write_str(if n == 0 { "" } else { " " })?;
            f.write_str(line)?;
        }
        Ok(())
    }
}

impl From<ClaimError> for ExitError {
    fn from(error: ClaimError) -> Self {
        if error.is_about_folder() { Self::input(error) } else { Self::running(error) }
    }
}

#[cfg(feature = "demo")]
impl From<gwanje_demo::DemoFailure> for ExitError {
    fn from(error: gwanje_demo::DemoFailure) -> Self {
        match error {
            gwanje_demo::DemoFailure::Input(what) => Self::Input(what),
            gwanje_demo::DemoFailure::Running(what) => Self::Running(what),
        }
    }
}
