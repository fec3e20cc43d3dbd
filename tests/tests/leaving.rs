//! The app leaves nothing behind: asked to end, it ends cleanly, and the demo hub that it started ends with it.

use anyhow::{Context, Result, bail};
use gwanje_tests::display::Display;
use gwanje_tests::process::{PATIENCE, Process, binary};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often the process table is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Ids of the processes with that parent.
fn children(of: u32) -> Result<Vec<u32>> {
    let listed =
        Command::new("ps").args(["-o", "pid=", "--ppid", &of.to_string()]).output().context("running ps")?;
    Ok(String::from_utf8(listed.stdout)?.split_whitespace().filter_map(|id| id.parse().ok()).collect())
}

/// The command name of a process, while it lives (one that has ended may wait for its parent to notice).
fn name(id: u32) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let ended = field("State:").is_some_and(|state| state.starts_with('Z'));
    field("Name:").filter(|_| !ended).map(str::to_owned)
}

/// A descendant with that command name.
fn descendant(of: u32, wanted: &str) -> Result<Option<u32>> {
    let mut open = vec![of];
    while let Some(id) = open.pop() {
        if name(id).as_deref() == Some(wanted) {
            return Ok(Some(id));
        }
        open.extend(children(id)?);
    }
    Ok(None)
}

fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("{what} did not happen");
        }
        std::thread::sleep(LOOK);
    }
}

#[test]
fn a_demo_ends_with_the_app_that_started_it() -> Result<()> {
    let home = tempfile::tempdir()?;
    let display = Display::start(home.path())?;
    let app = Process::start(display.command(binary("gwanje")?).arg("--demo"))?;
    let hub = until("the demo hub to run", || descendant(app.id(), "gwanje-hub"))?;
    let app = app.id();
    let asked = Command::new("kill").args(["-s", "TERM", &app.to_string()]).status()?;
    assert!(asked.success(), "the app can be asked to end");
    until("the app to end", || Ok(name(app).is_none_or(|name| name != "gwanje").then_some(())))?;
    until("the demo hub to end", || Ok(name(hub).is_none_or(|name| name != "gwanje-hub").then_some(())))
}
