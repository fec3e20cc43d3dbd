//! Peers that share no code with Gwanje follow a real hub.

use anyhow::{Context, Result};
use gwanje_tests::hub::Hub;
use gwanje_tests::process::Process;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Half a minute of heads (one every 2 s) at 60 s leaves 28 even when a loaded machine starts slowly.
const FOLLOW_SECONDS: &str = "60";

#[test]
fn a_python_client_proves_every_head() -> Result<()> {
    let hub = Hub::demo(&["--speed", "120", "--start", "18:00", "--centers", "1", "--cancel-rate", "0.1"])?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/follow.py");
    // Debian's own interpreter: that is where python3-socketio is installed.
    let peer = Process::start(Command::new("/usr/bin/python3").arg(script).args([
        &hub.url,
        "dispatcher",
        "gangnam",
        FOLLOW_SECONDS,
    ]))?;
    let report =
        peer.line()?.with_context(|| format!("the peer's report; its log:\n{}", peer.whole_log()))?;
    let report: Value = serde_json::from_str(&report).with_context(|| format!("reading {report}"))?;
    assert_eq!(report["error"], Value::Null, "{report}");
    assert!(report["vectors"].as_u64() > Some(0), "the peer read no test vectors: {report}");
    let (heads, proved) = (report["heads"].as_u64(), report["proved"].as_u64());
    assert_eq!(heads, proved, "a head that did not prove: {report}");
    assert!(heads >= Some(20), "too few heads to say anything: {report}");
    assert!(report["frames"].as_u64() > Some(20), "too few frames to say anything: {report}");
    Ok(())
}
