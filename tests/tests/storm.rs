//! All seats of a hub that was killed come back, and not as a herd. (`gwanje-storm --sessions 2000` is the long run.)

use anyhow::Result;
use gwanje_tests::storm::{Plan, run};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_seats_come_back_one_after_the_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan { sessions: 200, away: Duration::from_secs(2) };
    let outcome = run(plan, folder.path()).await?;
    println!("{outcome}");
    outcome.check()
}
