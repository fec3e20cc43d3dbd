//! The binary `gwanje-drill`: plays a day of a public problem set and writes what its evaluator reads.

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use gwanje_drill::Instance;
use gwanje_drill::solve::{Dispatcher, Figures, solve, write_solution};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Days of operations, played and judged.
#[derive(Parser)]
#[command(name = "gwanje-drill", version, about, arg_required_else_help = true)]
struct Cli {
    /// How errors are told on stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Plays a day of the Meal Delivery Routing Problem by its paper's rules, writes the three solution files that the set's
    /// evaluator reads, and prints one line of JSON with the figures
    Solve(SolveArgs),
}

#[derive(clap::Args)]
struct SolveArgs {
    /// The instance: a folder with orders.txt, couriers.txt, restaurants.txt and instance_parameters.txt
    #[arg(long, value_name = "DIR")]
    day: PathBuf,
    /// Who decides
    #[arg(long, value_enum, default_value_t = Chosen::Suggest)]
    dispatcher: Chosen,
    /// Where the solution files go; made when it is missing
    #[arg(long, value_name = "DIR")]
    solution: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Chosen {
    /// Orders by placement, each at once to the rider who would pick it up first, one order a trip
    Nearest,
    /// Plans ahead, bundles by shop, tells a rider when it is time to leave
    Suggest,
}

impl From<Chosen> for Dispatcher {
    fn from(chosen: Chosen) -> Self {
        match chosen {
            Chosen::Nearest => Self::Nearest,
            Chosen::Suggest => Self::Suggest,
        }
    }
}

/// Why the command ended, and its exit status.
enum Failure {
    /// Wrong arguments, or a file named in them that is none: status 2.
    Input(String),
    /// Something went wrong while running: status 1.
    Running(String),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return explain(&said),
    };
    let (CliCommand::Solve(args), log_format) = (cli.command, cli.log_format);
    match play(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (status, what) = match failure {
                Failure::Input(what) => (2, what),
                Failure::Running(what) => (1, what),
            };
            match log_format {
                LogFormat::Text => eprintln!("gwanje-drill: {what}"),
                LogFormat::Json => eprintln!("{}", json!({ "level": "ERROR", "message": what })),
            }
            ExitCode::from(status)
        }
    }
}

fn play(args: &SolveArgs) -> Result<(), Failure> {
    let instance = Instance::read(&args.day).map_err(|error| Failure::Input(error.to_string()))?;
    let dispatcher = args.dispatcher.into();
    let solution = solve(&instance, dispatcher);
    write_solution(&args.solution, &instance, &solution).map_err(|error| {
        let what = format!("writing the solution into {}: {error}", args.solution.display());
        if error.kind() == std::io::ErrorKind::InvalidInput {
            Failure::Input(what)
        } else {
            Failure::Running(what)
        }
    })?;
    println!("{}", Figures::of(&instance, &solution).to_json(dispatcher));
    Ok(())
}

/// Help and version go to stdout; anything else is one line and status 2.
fn explain(said: &clap::Error) -> ExitCode {
    let asked = matches!(said.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || said.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nothing else can be said when even this can't be printed.
        let _ = said.print();
        return ExitCode::from(if asked { 0 } else { 2 });
    }
    let text = said.to_string();
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    eprintln!("gwanje-drill: {}", line.trim_start_matches("error: "));
    ExitCode::from(2)
}
