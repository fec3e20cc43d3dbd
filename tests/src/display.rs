//! A virtual display with a session bus of its own, and what a program must find around it to run there as on a desk.

use crate::process::Process;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the display and the bus are found by.
const FOUND_BY: [&str; 3] = ["DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS"];
/// What of the machine's own desk must not be found.
const NOT_FOUND: [&str; 4] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "WAYLAND_DISPLAY"];

/// A running display. It ends when it is dropped, and with it what shows a window there.
pub struct Display {
    found_by: Vec<String>,
    home: PathBuf,
    _process: Process,
}

impl Display {
    /// Starts one for programs at that home.
    ///
    /// # Errors
    /// When Xvfb or the session bus do not come up.
    pub fn start(home: &Path) -> Result<Self> {
        let mut command = Command::new("xvfb-run");
        let says = FOUND_BY.map(|name| format!("\"${name}\"")).join(" ");
        command
            .args(["-a", "-s", "-screen 0 1440x900x24", "dbus-run-session", "--", "sh", "-c"])
            .arg(format!("printf '%s\\n' {says}; exec sleep infinity"));
        around(&mut command, home);
        let process = Process::start(&mut command)?;
        let mut found_by = Vec::new();
        for name in FOUND_BY {
            let line = process.line().with_context(|| format!("waiting for {name} of a virtual display"))?;
            found_by
                .push(line.with_context(|| format!("a virtual display ended; its log:\n{}", process.log()))?);
        }
        Ok(Self { found_by, home: home.to_path_buf(), _process: process })
    }

    /// A command that runs there.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        around(&mut command, &self.home);
        command.envs(FOUND_BY.iter().zip(&self.found_by));
        command
    }
}

/// The environment: a home of its own, nothing of the machine's desk, and a webview that draws without a GPU.
fn around(command: &mut Command, home: &Path) {
    command
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        .env("NO_AT_BRIDGE", "1")
        // What cargo has installed must still be found when the home is another.
        .env("PATH", path_with_cargo_bin())
        .env("HOME", home)
        .env("LANG", "C.UTF-8");
    for variable in NOT_FOUND.iter().chain(&FOUND_BY) {
        command.env_remove(variable);
    }
}

fn path_with_cargo_bin() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    home.map_or(path.clone(), |home| format!("{home}/bin:{path}"))
}
