//! The arguments of `gwanje-hub`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{SocketAddr, ToSocketAddrs as _};
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
        /// Where the database is.
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
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
}

/// How the demo runs.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Where to serve; port 0 takes any free port
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDR", value_parser = parse_address)]
    pub listen: SocketAddr,
    /// Serve sockets on a port of their own
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub socket_listen: Option<SocketAddr>,
    /// Play the MDRP instance in this folder (repeat it for more centers, one each); absent: a synthetic day
    #[arg(long, value_name = "DIR")]
    pub day: Vec<PathBuf>,
    /// Begin at this time of the day; what lies before is played at once
    #[arg(long, value_name = "HH:MM", value_parser = parse_time)]
    pub start: Option<TimeOfDay>,
    /// Day seconds a second
    #[arg(long, default_value_t = 60.0, value_parser = parse_speed)]
    pub speed: f64,
    /// Centers of a synthetic day
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub centers: u16,
    /// The day's seed: the same seed gives the same day
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders a day and center
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub orders: Option<u32>,
    /// Keep the day in this folder; a restart on it goes on where the day was. Absent: temporary
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Share of orders that is cancelled, 0 to 1
    #[arg(long, value_parser = parse_share)]
    pub cancel_rate: Option<f64>,
    /// Share of orders that is given to another rider, 0 to 1
    #[arg(long, value_parser = parse_share)]
    pub reassign_rate: Option<f64>,
    /// Share of frames that is lost on purpose, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub drop_rate: f64,
}

/// A time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// Minutes since midnight.
    pub minutes: u32,
}

/// An address, or a host name with a port: `localhost:7400`.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let wrong =
        |why: &dyn std::fmt::Display| format!("{text:?} is not an address such as 127.0.0.1:7400: {why}");
    let mut found = text.to_socket_addrs().map_err(|error| wrong(&error))?;
    found.next().ok_or_else(|| wrong(&"the name leads nowhere"))
}

fn parse_time(text: &str) -> Result<TimeOfDay, String> {
    let wrong = || format!("{text:?} is not a time of the day such as 18:30");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    if minutes.len() != 2 || hours.is_empty() || hours.len() > 2 {
        return Err(wrong());
    }
    let (hours, minutes): (u32, u32) =
        hours.parse().ok().zip(minutes.parse().ok()).filter(|(h, m)| *h < 24 && *m < 60).ok_or_else(wrong)?;
    Ok(TimeOfDay { minutes: hours * 60 + minutes })
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("{text:?} is not a share between 0 and 1"))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.0..=86_400.0).contains(speed))
        .ok_or_else(|| format!("{text:?} is not a number of day seconds a second between 0 and 86400"))
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
    fn times_of_the_day() {
        for (text, minutes) in
            [("00:00", Some(0)), ("9:05", Some(545)), ("23:59", Some(1439)), ("24:00", None)]
        {
            assert_eq!(parse_time(text).ok().map(|t| t.minutes), minutes, "{text}");
        }
        for text in ["", "12", "12:5", "12:60", "-1:00", "+1:00x", "123:00", "noon"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_may_be_a_name() {
        assert_eq!(parse_address("127.0.0.1:7400"), Ok(SocketAddr::from(([127, 0, 0, 1], 7400))));
        assert!(parse_address("localhost:0").is_ok_and(|address| address.ip().is_loopback()));
        for text in ["", "here", "localhost", "127.0.0.1:99999"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_arguments_are_one_line() {
        for (args, expected) in [
            (&["demo", "--sped", "1"][..], "unexpected argument '--sped' found"),
            (&["demo", "--start", "25:00"], "\"25:00\" is not a time of the day"),
            (&["demo", "--speed", "fast"], "\"fast\" is not a number"),
            (&["demo", "--drop-rate", "2"], "\"2\" is not a share"),
            (&["demo", "--listen", "here"], "invalid value 'here' for '--listen <ADDR>'"),
            (&["user", "add", "kim"], "required arguments were not provided: --role <ROLE>"),
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
