//! `gwanje-storm`: many seats in one process against a hub that is killed and restarted; prints what they asked, and
//! fails when they came back as a herd.

use anyhow::{Context, Result, bail};
use gwanje_tests::storm::{Plan, run};
use std::time::Duration;

const USAGE: &str = "usage: gwanje-storm [--sessions N] [--away-s SECONDS]";

#[tokio::main]
async fn main() -> Result<()> {
    let mut plan = Plan { sessions: 2_000, away: Duration::from_secs(3) };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().context(USAGE)?.parse::<u64>().context(USAGE)?;
        match word.as_str() {
            "--sessions" => plan.sessions = usize::try_from(value)?,
            "--away-s" => plan.away = Duration::from_secs(value),
            _ => bail!("{USAGE}"),
        }
    }
    let folder = std::env::temp_dir().join(format!("gwanje-storm-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let outcome = run(plan, &folder).await;
    std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    let outcome = outcome?;
    println!("{outcome}");
    outcome.check()
}
