//! The binary `gwanje-hub`: what the hub does, said in one line when it can't.

mod args;
mod backup;
mod check;
mod commands;
#[cfg(feature = "demo")]
mod demo_args;
mod erase;
mod exit_error;
mod people;
mod secret;

use args::{Cli, CliCommand, LogFormat, one_line};
use clap::Parser;
use clap::error::ErrorKind;
use exit_error::ExitError;
use gwanje_hub::logged::LogKept;
use std::process::ExitCode;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return explain(&said),
    };
    let log = log_to_stderr(cli.log_format);
    match run(cli, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gwanje-hub: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn run(cli: Cli, log: LogKept) -> Result<(), ExitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| ExitError::running(format!("the runtime can't start: {e}")))?;
    runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "demo")]
            CliCommand::Demo(args) => Ok(gwanje_demo::run(args.into(), log).await?),
            CliCommand::Serve(args) => commands::serve(&args, log).await,
            CliCommand::User { action } => people::user(action).await,
            CliCommand::Key { action } => people::key(action).await,
            CliCommand::Audit(args) => people::audit(&args).await,
            CliCommand::Move(args) => commands::move_to(&args).await,
            CliCommand::Backup(args) => backup::back_up_to(&args).await,
            CliCommand::Restore(args) => backup::restore_from(&args).await,
            CliCommand::Erase(args) => erase::erase(args).await,
            CliCommand::Check(args) => check::check(&args).await,
        }
    })
}

/// Help and version go to stdout; anything else is one line and status 2.
fn explain(said: &clap::Error) -> ExitCode {
    let asked = matches!(said.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || said.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nobody reads a help text that can't be written.
        said.print().ok();
        return ExitCode::from(if asked { 0 } else { 2 });
    }
    eprintln!("gwanje-hub: {}", one_line(said));
    ExitCode::from(2)
}

/// `RUST_LOG` chooses what is logged; customer data appears at debug and below only.
/// What the hub keeps of it takes warnings and errors, whatever is chosen.
fn log_to_stderr(format: LogFormat) -> LogKept {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let kept = LogKept::default();
    let all = tracing_subscriber::registry().with(kept.layer().with_filter(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => all.with(lines.with_ansi(false).with_filter(filter)).init(),
        LogFormat::Json => all.with(lines.json().with_filter(filter)).init(),
    }
    kept
}
