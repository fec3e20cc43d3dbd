//! The benchmark table: `make bench`.

use anyhow::{Context, Result};
use gwanje_tests::bench::{board_rows, report};
use std::path::Path;

fn main() -> Result<()> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests package lies in the workspace")?;
    let rows = [board_rows::bytes_per_change(), board_rows::view_change()];
    report::publish(&rows, root)
}
