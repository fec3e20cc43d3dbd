//! The benchmark table: `make bench`. Arguments name rows (`P1 P7`); none: all, and the table of docs/measurements.md.

use anyhow::{Context, Result, bail};
use gwanje_tests::bench::{
    board_groups, board_rows, cold_start, commits, fanout, ingest, namespaces, polling, reconcile,
    reconnects, report, suggestions,
};
use std::path::Path;
use std::process::ExitCode;

const ROWS: [&str; 16] = [
    "P1",
    "P5",
    "P6",
    "P6g",
    "P7",
    "P8",
    "P10-200",
    "P10-1000",
    "P10-5000",
    "P10b",
    "P10c",
    "P11-sqlite",
    "P11-postgres",
    "P12",
    "P14",
    "P15",
];

fn main() -> Result<ExitCode> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests package lies in the workspace")?;
    let asked: Vec<String> = std::env::args().skip(1).collect();
    // `P10` means all its sizes.
    let means = |asked: &str, row: &str| {
        row.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if let Some(unknown) = asked.iter().find(|asked| !ROWS.iter().any(|row| means(asked, row))) {
        bail!("there is no row {unknown}; there are {}", ROWS.join(", "));
    }
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let mut outcomes = Vec::new();
    for row in ROWS {
        if !asked.is_empty() && !asked.iter().any(|asked| means(asked, row)) {
            continue;
        }
        eprintln!("{row} …");
        let measured = match row {
            "P1" => runtime.block_on(ingest::ingest()),
            "P5" => Ok(board_rows::bytes_per_change()),
            "P6" => Ok(board_rows::view_change()),
            "P6g" => Ok(board_groups::grouped_view_change()),
            "P7" => runtime.block_on(reconcile::reconcile()),
            "P8" => runtime.block_on(cold_start::cold_start()),
            "P10-200" => runtime.block_on(fanout::fan_out(fanout::SMALL)),
            "P10-1000" => runtime.block_on(fanout::fan_out(fanout::MIDDLE)),
            "P10-5000" => runtime.block_on(fanout::fan_out(fanout::LARGE)),
            "P10b" => runtime.block_on(fanout::gathered()),
            "P10c" => runtime.block_on(namespaces::namespaces()),
            "P11-sqlite" => runtime.block_on(commits::on_sqlite()),
            "P11-postgres" => runtime.block_on(commits::on_postgres()),
            "P12" => runtime.block_on(reconnects::reconnects()),
            "P15" => Ok(suggestions::suggestions()),
            _ => runtime.block_on(polling::polling()),
        };
        outcomes.push(measured.map_err(|why| report::NotMeasured { row, why: format!("{why:#}") }));
    }
    report::publish(&outcomes, root, asked.is_empty())?;
    let all = outcomes.iter().all(Result::is_ok);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
