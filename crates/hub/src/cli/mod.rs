//! The command line: what `gwanje-hub` does, said in one line when it can't.

mod args;
mod commands;

pub use crate::exit_error::ExitError;
pub use args::{
    Cli, CliCommand, ConfigArgs, DemoArgs, KeyAction, LogFormat, ServeArgs, TimeOfDay, UserAction, one_line,
};
pub use commands::{check, key, serve, user};
