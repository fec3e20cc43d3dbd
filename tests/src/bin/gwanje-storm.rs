//! `gwanje-storm`: many seats in one process against a hub that is killed and restarted; prints what they asked, and
//! fails when they came back as a herd.

use anyhow::{Context, Result};
use clap::Parser;
use gwanje_tests::storm::{Plan, run};
use std::time::Duration;

/// Many seats against a hub that is killed and restarted
#[derive(Debug, Parser)]
#[command(name = "gwanje-storm", version, about)]
struct Args {
    /// Seats
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    sessions: usize,
    /// For how many seconds the hub is away, beside the time that its start takes
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    away_s: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let plan = Plan { sessions: args.sessions, away: Duration::from_secs(args.away_s) };
    let folder = std::env::temp_dir().join(format!("gwanje-storm-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let outcome = run(plan, &folder).await;
    std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    let outcome = outcome?;
    println!("{outcome}");
    outcome.check()
}
