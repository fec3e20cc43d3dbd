//! `gwanje-rounds --app N --hub N --storm N --seed S`: kills the app's engine and the hub so often, lets a storm of so many
//! orders blow for a minute, and prints what that came to.

use anyhow::{Context, Result, bail};
use gwanje_tests::rounds;
use std::process::ExitCode;
use std::time::Duration;

/// How long a storm blows.
const STORM: Duration = Duration::from_secs(60);

/// What to do.
struct Args {
    app: u32,
    hub: u32,
    /// Orders.
    storm: u32,
    seed: u64,
}

impl Args {
    fn read() -> Result<Self> {
        let mut args = Self { app: 200, hub: 200, storm: 40_000, seed: 1 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("a number after {word}"))?;
            let number: u64 = value.parse().with_context(|| format!("{word}: {value:?} is no number"))?;
            match word.as_str() {
                "--app" => args.app = u32::try_from(number)?,
                "--hub" => args.hub = u32::try_from(number)?,
                "--storm" => args.storm = u32::try_from(number)?,
                "--seed" => args.seed = number,
                _ => bail!("{word} is none of --app N, --hub N, --storm N, --seed S"),
            }
        }
        Ok(args)
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::read()?;
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
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
