//! `gwanje-watch`: the engine without a window, as NDJSON on standard output.

mod args;
mod lines;
mod rows;
mod watch;

use args::{Args, LogFormat};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use watch::Failure;

/// Bad arguments or configuration.
const EXIT_USAGE: u8 = 2;
/// A failure while running.
const EXIT_FAILED: u8 = 1;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return fail(&one_line(&error), EXIT_USAGE),
        // --help and --version.
        Err(asked) => asked.exit(),
    };
    log(args.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("starting the threads: {error}"), EXIT_FAILED),
    };
    match runtime.block_on(watch::run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => fail(&message, EXIT_USAGE),
        Err(Failure::Running(message)) => fail(&message, EXIT_FAILED),
    }
}

/// What is wrong with the arguments, without the usage text that follows.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or(&text).trim_start_matches("error: ");
    format!("{}; see gwanje-watch --help", what.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Writes one line, and no stack trace.
fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("gwanje-watch: {}", message.replace('\n', " "));
    ExitCode::from(code)
}

/// Logs to standard error: standard output is for the lines.
fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("GWANJE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
