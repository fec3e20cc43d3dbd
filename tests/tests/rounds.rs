//! A few rounds of `kill -9`; `make faults` runs two hundred of each.

use anyhow::Result;
use gwanje_tests::rounds;

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
