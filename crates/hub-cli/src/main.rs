//! The binary `gwanje-hub`: what the hub does, said in one line when it can't.

mod args;
mod commands;
#[cfg(feature = "demo")]
mod demo_args;
mod exit_error;
mod secret;

use args::{Cli, CliCommand, LogFormat, one_line};
use clap::Parser;
use clap::error::ErrorKind;
use exit_error::ExitError;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return explain(&said),
    };
    log_to_stderr(cli.log_format);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gwanje-hub: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn run(cli: Cli) -> Result<(), ExitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| ExitError::running(format!("the runtime can't start: {e}")))?;
    runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "demo")]
            CliCommand::Demo(args) => Ok(gwanje_demo::run(args.into()).await?),
            CliCommand::Serve(args) => commands::serve(&args).await,
            CliCommand::User { action } => commands::user(action).await,
            CliCommand::Key { action } => commands::key(action).await,
            CliCommand::Move(args) => commands::move_to(&args).await,
            CliCommand::Check(args) => commands::check(&args).await,
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
fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().init(),
    }
}
