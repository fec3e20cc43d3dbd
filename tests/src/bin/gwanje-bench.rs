//! The benchmark table: `make bench`. Arguments name rows (`P1 P7`); none: all, and the table of docs/measurements.md.

use anyhow::{Context, Result, bail};
use gwanje_tests::bench::{board_groups, board_rows, cold_start, ingest, reconcile, report};
use std::path::Path;
use std::process::ExitCode;

const ROWS: [&str; 6] = ["P1", "P5", "P6", "P6g", "P7", "P8"];

fn main() -> Result<ExitCode> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests package lies in the workspace")?;
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = asked.iter().find(|row| !ROWS.contains(&row.as_str())) {
        bail!("there is no row {unknown}; there are {}", ROWS.join(", "));
    }
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let mut outcomes = Vec::new();
    for row in ROWS {
        if !asked.is_empty() && !asked.iter().any(|asked| asked == row) {
            continue;
        }
        eprintln!("{row} …");
        let measured = match row {
            "P1" => runtime.block_on(ingest::ingest()),
            "P5" => Ok(board_rows::bytes_per_change()),
            "P6" => Ok(board_rows::view_change()),
            "P6g" => Ok(board_groups::grouped_view_change()),
            "P7" => runtime.block_on(reconcile::reconcile()),
            _ => runtime.block_on(cold_start::cold_start()),
        };
        outcomes.push(measured.map_err(|why| report::NotMeasured { row, why: format!("{why:#}") }));
    }
    report::publish(&outcomes, root, asked.is_empty())?;
    let all = outcomes.iter().all(Result::is_ok);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
