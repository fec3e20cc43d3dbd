//! `gwanje-rounds`: kills the app's engine and the hub again and again, lets a storm of orders and a flood of changes go on
//! for a minute each, and prints what that came to.

use anyhow::{Context, Result};
use clap::Parser;
use gwanje_tests::rounds;
use std::process::ExitCode;
use std::time::Duration;

/// How long a storm blows.
const STORM: Duration = Duration::from_secs(60);

/// Kills the app's engine and the hub in rounds; a storm of orders and a flood of changes go on for a minute each
#[derive(Debug, Parser)]
#[command(name = "gwanje-rounds", version, about)]
struct Args {
    /// How often the engine is killed
    #[arg(long, value_name = "N", default_value_t = 200)]
    app: u32,
    /// How often the hub is killed
    #[arg(long, value_name = "N", default_value_t = 200)]
    hub: u32,
    /// How many orders a storm has
    #[arg(long, value_name = "N", default_value_t = 40_000)]
    storm: u32,
    /// How many changes a second a flood has
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    flood: u64,
    /// Where the dice begin
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let mut failed = false;
    let mut report = |name: &str, outcome: Result<String>| match outcome {
        Ok(figures) => println!("rounds: {figures}"),
        Err(error) => {
            failed = true;
            println!("rounds: {name} FAILED: {error:#}");
        }
    };
    if args.app > 0 {
        report("app", runtime.block_on(rounds::app(args.app, args.seed)).map(|figures| figures.to_string()));
    }
    if args.hub > 0 {
        report("hub", runtime.block_on(rounds::hub(args.hub, args.seed)).map(|figures| figures.to_string()));
    }
    if args.storm > 0 {
        let figures = runtime.block_on(rounds::storm(args.storm, STORM)).map(|figures| figures.to_string());
        report("storm", figures);
    }
    if args.flood > 0 {
        let figures = runtime.block_on(rounds::flood(args.flood, STORM.as_secs()));
        report("flood", figures.map(|figures| figures.to_string()));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
