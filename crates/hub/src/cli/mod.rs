//! The command line: what `gwanje-hub` does, said in one line when it can't.

mod args;
mod commands;

pub use args::{
    Cli, Command, ConfigArgs, DemoArgs, KeyAction, LogFormat, ServeArgs, TimeOfDay, UserAction, one_line,
};
pub use commands::{check, key, serve, user};

use std::fmt;

/// Why a command ended, and with which exit status.
#[derive(Debug)]
pub enum Failure {
    /// The arguments, the configuration or a file named in them: status 2.
    Input(String),
    /// Something went wrong while running: status 1.
    Running(String),
}

impl Failure {
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

impl fmt::Display for Failure {
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
