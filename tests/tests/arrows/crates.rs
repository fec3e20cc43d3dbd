//! Which crate may depend on which, and what a pure one must not reach for.

use crate::{files, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The arrows of ARCHITECTURE.md. A crate that is missing here may depend on nothing of ours.
fn permitted() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("gwanje-model", &[][..]),
        ("gwanje-reading", &[]),
        ("gwanje-wire", &["gwanje-model"]),
        ("gwanje-dialect", &["gwanje-reading", "gwanje-model"]),
        ("gwanje-sync", &["gwanje-dialect", "gwanje-reading", "gwanje-wire", "gwanje-model"]),
        ("gwanje-board", &["gwanje-model"]),
        ("gwanje-assign", &["gwanje-model"]),
        ("gwanje-cache", &["gwanje-model"]),
        ("gwanje-persist", &["gwanje-sync", "gwanje-cache", "gwanje-wire", "gwanje-model"]),
        (
            "gwanje-engine",
            &["gwanje-persist", "gwanje-sync", "gwanje-board", "gwanje-cache", "gwanje-wire", "gwanje-model"],
        ),
        ("gwanje", &["gwanje-engine"]),
        ("gwanje-drill", &["gwanje-assign", "gwanje-reading", "gwanje-wire", "gwanje-model"]),
        (
            "gwanje-simulation",
            &[
                "gwanje-ledger",
                "gwanje-persist",
                "gwanje-sync",
                "gwanje-board",
                "gwanje-cache",
                "gwanje-wire",
                "gwanje-model",
            ],
        ),
        ("gwanje-ledger", &["gwanje-wire", "gwanje-model"]),
        ("gwanje-hub", &["gwanje-ledger", "gwanje-reading", "gwanje-wire", "gwanje-model"]),
        ("gwanje-demo", &["gwanje-hub", "gwanje-drill", "gwanje-wire", "gwanje-model"]),
        ("gwanje-hub-cli", &["gwanje-hub", "gwanje-demo", "gwanje-wire", "gwanje-model"]),
        ("gwanje-fuzzing", &["gwanje-dialect", "gwanje-cache", "gwanje-sync", "gwanje-wire", "gwanje-model"]),
    ])
}

/// What the pure crates must never reach for.
const IMPURE: [&str; 9] =
    ["tokio", "reqwest", "rusqlite", "tauri", "tokio-tungstenite", "axum", "socketioxide", "jiff", "hyper"];
/// `gwanje-persist` names the cache's records and opens no file of it.
const PURE: [&str; 9] = [
    "gwanje-model",
    "gwanje-reading",
    "gwanje-wire",
    "gwanje-dialect",
    "gwanje-sync",
    "gwanje-board",
    "gwanje-assign",
    "gwanje-persist",
    "gwanje-ledger",
];
/// The one exception: a dialect reads clock times by the zones that it is built with (no clock, no file of the machine's).
const EXCEPTED: [(&str, &str); 1] = [("gwanje-dialect", "jiff")];

/// The packages of the workspace, as cargo tells of them.
pub fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Names of normal and build dependencies (tests may use what they like).
fn dependencies(package: &Value) -> BTreeSet<String> {
    package["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().expect("name").to_owned())
        .collect()
}

#[test]
fn only_the_permitted_arrows() {
    let permitted = permitted();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("name").to_owned();
        if name == "gwanje-tests" {
            continue;
        }
        let allowed = permitted.get(name.as_str()).copied().unwrap_or_default();
        for dependency in dependencies(&package) {
            if dependency.starts_with("gwanje") && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} → {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden arrows: {wrong:?}; the permitted ones are in ARCHITECTURE.md");
}

#[test]
fn pure_crates_do_no_io() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("name").to_owned();
        if PURE.contains(&name.as_str()) {
            let is_impure =
                |d: &String| IMPURE.contains(&d.as_str()) && !EXCEPTED.contains(&(name.as_str(), d.as_str()));
            let impure = dependencies(&package).into_iter().filter(is_impure);
            wrong.extend(impure.map(|dependency| format!("{name} → {dependency}")));
        }
    }
    assert!(wrong.is_empty(), "IO in a pure crate: {wrong:?}");
    for name in PURE {
        let folder = root().join("crates").join(name.trim_start_matches("gwanje-")).join("src");
        for file in files(&folder, "rs") {
            let text = std::fs::read_to_string(&file).expect("a source file");
            let machine = [
                "SystemTime::now",
                "Instant::now",
                "Timestamp::now",
                "Zoned::now",
                "TimeZone::system",
                "TimeZone::get",
                "std::fs::",
                "std::net::",
                "std::thread::",
                "Cache::open",
            ];
            for clock in machine {
                assert!(!text.contains(clock), "{} reaches for {clock}", file.display());
            }
        }
    }
}
