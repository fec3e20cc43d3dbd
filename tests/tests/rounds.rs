//! A few rounds of `kill -9` and a short storm; `make faults` runs two hundred of each, and a minute.

use anyhow::Result;
use gwanje_tests::rounds;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_app_loses_nothing_and_tells_nothing_twice() -> Result<()> {
    println!("{}", rounds::app(8, 1).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_loses_nothing_that_it_answered_or_showed() -> Result<()> {
    println!("{}", rounds::hub(6, 1).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_changes_leaves_board_and_cache_true() -> Result<()> {
    println!("{}", rounds::flood(1_000, 6).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_changes_leaves_the_board_true() -> Result<()> {
    let figures = rounds::storm(1_500, Duration::from_secs(8)).await?;
    println!("{figures}");
    assert!(figures.changes > 1_500, "no storm: {figures}");
    Ok(())
}
