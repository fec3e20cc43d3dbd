//! The command line.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Follows centers of a hub and writes what happens as NDJSON: states, proofs, alarms, counts and, with --rows, rows.
///
/// On SIGUSR1 everything is compared with the hub and the cache read from disk; a line tells what was found.
/// The password is read from GWANJE_PASSWORD. GWANJE_LOG sets what is logged to standard error (warn, info, debug).
#[derive(Debug, Parser)]
#[command(name = "gwanje-watch", version)]
pub struct Args {
    /// The hub, as http://host:port or https://host; again, or after a comma, for further endpoints of the same hub in
    /// order of preference. With --dialect: the server, instead of the one that the file names
    #[arg(long = "server", required_unless_present = "dialect", value_name = "URL", value_delimiter = ',')]
    pub servers: Vec<String>,
    /// The account to sign in with
    #[arg(long, value_name = "NAME", required_unless_present = "dialect", conflicts_with = "dialect")]
    pub account: Option<String>,
    /// A center to follow; again for more; absent: all of the account's
    #[arg(long = "center", value_name = "ID", conflicts_with = "dialect")]
    pub centers: Vec<String>,
    /// Write a line for each change of a row (the cached board first)
    #[arg(long)]
    pub rows: bool,
    /// Keep cache and session in this folder; absent: a temporary one
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// End, with success, as soon as every followed center has been proven once
    #[arg(long)]
    pub once: bool,
    /// How to log to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Follow a foreign server by this dialect file (docs/dialects.md); nobody signs in
    #[arg(long, value_name = "FILE")]
    pub dialect: Option<PathBuf>,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}
