//! A measured row: printed, written as JSON, and put into the table of docs/measurements.md.

use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// One row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// `P1`, …
    pub row: &'static str,
    /// What is measured, in words.
    #[serde(skip)]
    pub what: &'static str,
    /// What we want, in words.
    pub goal: &'static str,
    /// Our figure.
    pub ours: f64,
    /// The peers' figures, same unit, same run.
    pub peers: BTreeMap<&'static str, f64>,
    /// Of all these figures.
    pub unit: &'static str,
    /// What the goal speaks of.
    pub ratio: f64,
    /// Whether the goal is reached.
    pub met: bool,
}

/// A row that could not be measured.
#[derive(Debug, Clone)]
pub struct NotMeasured {
    /// `P1`, …
    pub row: &'static str,
    /// In words.
    pub why: String,
}

/// Where the table stands in docs/measurements.md.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// Prints the rows, writes `target/bench/<row>.json` each, and, when these are all rows, the table into docs/measurements.md.
///
/// # Errors
/// When a file can't be written.
pub fn publish(rows: &[Result<Measured, NotMeasured>], root: &Path, all: bool) -> Result<()> {
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for row in rows {
        match row {
            Ok(row) => {
                let file = folder.join(format!("{}.json", row.row));
                std::fs::write(&file, serde_json::to_vec_pretty(row)?)
                    .with_context(|| format!("writing {}", file.display()))?;
            }
            Err(missing) => {
                // A figure of an earlier run must not pass for one of this run. There may be none.
                let _ = std::fs::remove_file(folder.join(format!("{}.json", missing.row)));
            }
        }
    }
    let table = table(rows);
    println!("{table}");
    if !all {
        return Ok(());
    }
    let page = root.join("docs/measurements.md");
    let text = std::fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("docs/measurements.md has lost its begin marker")?;
    let (_, after) = rest.split_once(END).context("docs/measurements.md has lost its end marker")?;
    let text = format!("{before}{BEGIN}\n{}\n\n{table}{END}{after}", circumstances(root));
    std::fs::write(&page, text).with_context(|| format!("writing {}", page.display()))
}

fn table(rows: &[Result<Measured, NotMeasured>]) -> String {
    let mut table = String::from(
        "| # | what | ours | peers, same run | ratio | goal | met |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let line = match row {
            Ok(row) => line(row),
            Err(NotMeasured { row, why }) => {
                let why = why.lines().next().unwrap_or_default().replace('|', "/");
                format!("| {row} | not measured: {why} | | | | | |")
            }
        };
        table.push_str(&line);
        table.push('\n');
    }
    table
}

fn line(row: &Measured) -> String {
    let peers: Vec<_> = row.peers.iter().map(|(name, value)| format!("{name} {}", figure(*value))).collect();
    let met = if row.met { "yes" } else { "no" };
    format!(
        "| {} | {} | {} {} | {} | {:.4} | {} | {met} |",
        row.row,
        row.what,
        figure(row.ours),
        row.unit,
        peers.join(" · "),
        row.ratio,
        row.goal,
    )
}

/// Enough digits to compare, no more.
fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 1_000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Machine, date and commit.
fn circumstances(root: &Path) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = said("uname", &["-srm"]).unwrap_or_else(unknown);
    let date = said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_else(unknown);
    let commit = said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(unknown);
    format!("{cores} cores, {system}; {date}; commit {commit}.")
}
