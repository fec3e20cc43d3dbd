//! The arguments of `gwanje-hub`.

#[cfg(feature = "demo")]
use crate::demo_args::DemoArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The hub of a delivery control room.
#[derive(Debug, Parser)]
#[command(name = "gwanje-hub", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// How log lines (stderr) look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: CliCommand,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Run an embedded hub with a simulated day
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Run a production hub
    Serve(ServeArgs),
    /// Accounts
    User {
        /// What to do with them.
        #[command(subcommand)]
        action: UserAction,
    },
    /// API keys
    Key {
        /// What to do with them.
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Who did what, when and from where, oldest first
    Audit(AuditArgs),
    /// Move all that a store keeps into an empty one, with its history; the old one serves no more
    Move(MoveArgs),
    /// Copy all that the store keeps into a new file, while hubs run
    Backup(BackupArgs),
    /// Make a store of a backup: a new epoch begins in every center, and boards fetch anew
    Restore(BackupArgs),
    /// Erase a customer, by phone or by a delivery: from boards, history and files; deliveries stay, without whose they were
    Erase(EraseArgs),
    /// Say what is wrong with configuration and database, and how to mend it
    Check(ConfigArgs),
}

/// How a production hub runs.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Begin a new history in every center: once, after an older copy of the database was put back
    #[arg(long)]
    pub new_epoch: bool,
}

/// What is moved where.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The store to move: postgres://…, or a folder or file (absent: the file in `data`)
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// The empty store to move to (absent: `database`)
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Which backup.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The backup's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Whom to erase.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The customer's phone, in any writing; `-`: one line of stdin, which shows in no list of processes
    #[arg(
        long,
        value_name = "PHONE",
        required_unless_present = "delivery",
        conflicts_with = "delivery",
        allow_hyphen_values = true
    )]
    pub phone: Option<String>,
    /// A delivery of the customer, by its id
    #[arg(long, value_name = "ID")]
    pub delivery: Option<u64>,
    /// Where the database is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration (TOML); every key also as a GWANJE_… environment variable
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum UserAction {
    /// The accounts: name, role, whether it may sign in, centers, what people call it
    List {
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Add an account, or change its password, role and centers; the password is read from stdin
    Add {
        /// The account's name
        name: String,
        /// What people call whoever has it (absent: as before, or by the account's name)
        #[arg(long = "name", value_name = "NAME")]
        person: Option<String>,
        /// dispatcher, callcenter, supervisor, admin or rider
        #[arg(long)]
        role: String,
        /// The centers that it may see, separated by commas (an admin sees all)
        #[arg(long, value_delimiter = ',')]
        centers: Vec<String>,
        /// With the role rider: which rider (absent: the one whose id is the account's name)
        #[arg(long, value_name = "ID")]
        rider: Option<String>,
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Change an account; what is not named stays
    Edit {
        /// The account's name
        name: String,
        /// What people call whoever has it
        #[arg(long = "name", value_name = "NAME")]
        person: Option<String>,
        /// dispatcher, callcenter, supervisor, admin or rider
        #[arg(long)]
        role: Option<String>,
        /// The centers that it may see from now on, separated by commas
        #[arg(long, value_delimiter = ',')]
        centers: Option<Vec<String>>,
        /// With the role rider: which rider
        #[arg(long, value_name = "ID")]
        rider: Option<String>,
        /// Read a new password from stdin
        #[arg(long)]
        password: bool,
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Let an account sign in no more, and end its sign-ins
    Disable(Named),
    /// Let an account sign in again
    Enable(Named),
    /// Take an account away, with its sign-ins
    Remove(Named),
    /// The sign-ins of an account (absent: of all): id, account, since, last used, from
    Sessions {
        /// The account's name
        name: Option<String>,
        /// End this sign-in; `all` ends every one of the account
        #[arg(long, value_name = "ID")]
        end: Option<String>,
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// An account or a key, by its name.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name
    pub name: String,
    /// Where the database is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// The keys: name, scopes, centers
    List {
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Make an API key; it is shown once
    Add {
        /// The integration's name
        name: String,
        /// What it may: read, create, cancel, publish; separated by commas
        #[arg(long, value_delimiter = ',', default_value = "read")]
        scopes: Vec<String>,
        /// The centers that it may see, separated by commas (none: all)
        #[arg(long, value_delimiter = ',')]
        centers: Vec<String>,
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Take a key away
    Remove(Named),
}

/// What is shown of the audit.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Not before this day or instant: 2026-01-31, 2026-01-31T10:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this day or instant
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// What this account did
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Where the database is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// One line for people out of what the argument parser has to say.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let said = said.join(" ");
    format!("{}; see gwanje-hub --help", said.strip_prefix("error: ").unwrap_or(&said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_arguments_are_one_line() {
        for (args, expected) in [
            #[cfg(feature = "demo")]
            (&["demo", "--sped", "1"][..], "unexpected argument '--sped' found"),
            #[cfg(feature = "demo")]
            (&["demo", "--start", "25:00"], "\"25:00\" is not a time of the day"),
            #[cfg(feature = "demo")]
            (&["demo", "--speed", "fast"], "\"fast\" is not a number"),
            #[cfg(feature = "demo")]
            (&["demo", "--drop-rate", "2"], "\"2\" is not a share"),
            #[cfg(feature = "demo")]
            (&["demo", "--listen", "here"], "invalid value 'here' for '--listen <ADDR>'"),
            (&["user", "add", "kim"][..], "required arguments were not provided: --role <ROLE>"),
            (&["fly"], "unrecognized subcommand 'fly'"),
        ] {
            let error =
                Cli::try_parse_from(std::iter::once("gwanje-hub").chain(args.iter().copied())).unwrap_err();
            let line = one_line(&error);
            assert!(line.contains(expected), "{line:?} should contain {expected:?}");
            assert!(!line.contains('\n'), "{line:?}");
        }
    }
}
