//! The TypeScript types in the page's folder are those of this crate. `UPDATE_TYPES=1` writes them anew.
#![cfg(test)] // so that clippy takes the helpers for tests too

use gwanje_engine::ipc::{
    AppEvent, AuditView, CenterDiagnostics, CenterView, CommandPhase, ComparedView, Diagnostics, IpcError,
    LinkState, LinkView, Queues, RepairView, SignedIn,
};
use gwanje_engine::sync::{
    Calls, CheckPhase, CheckReport, Latencies, LatencySummary, MismatchesBy, ProofsBy, RepairCause,
    RepairReport, RepairStats, RestBy, RowsFrom, SocketBy, Stats,
};
use std::path::PathBuf;
use ts_rs::{Config, TS};

/// Where the page keeps what Rust wrote.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/platform/generated")
}

/// Compares the committed file of `T` with what `T` is now, or writes it.
fn check<T: TS + 'static>(stale: &mut Vec<String>) {
    // Counts stay below 2^53.
    let config = Config::default().with_large_int("number");
    let name = T::ident(&config);
    let path = folder().join(format!("{name}.ts"));
    let text = T::export_to_string(&config).unwrap();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        stale.push(format!("{name}.ts"));
    }
}

#[test]
fn committed_types_are_up_to_date() {
    let mut stale = Vec::new();
    check::<AppEvent>(&mut stale);
    check::<CenterView>(&mut stale);
    check::<CommandPhase>(&mut stale);
    check::<IpcError>(&mut stale);
    check::<LinkState>(&mut stale);
    check::<LinkView>(&mut stale);
    check::<SignedIn>(&mut stale);
    check::<Diagnostics>(&mut stale);
    check::<CenterDiagnostics>(&mut stale);
    check::<Queues>(&mut stale);
    check::<AuditView>(&mut stale);
    check::<ComparedView>(&mut stale);
    check::<RepairView>(&mut stale);
    check::<RepairReport>(&mut stale);
    check::<RepairCause>(&mut stale);
    check::<CheckReport>(&mut stale);
    check::<CheckPhase>(&mut stale);
    check::<Stats>(&mut stale);
    check::<ProofsBy>(&mut stale);
    check::<MismatchesBy>(&mut stale);
    check::<RepairStats>(&mut stale);
    check::<RowsFrom>(&mut stale);
    check::<SocketBy>(&mut stale);
    check::<RestBy>(&mut stale);
    check::<Calls>(&mut stale);
    check::<Latencies>(&mut stale);
    check::<LatencySummary>(&mut stale);
    assert!(stale.is_empty(), "stale types: {stale:?}; run this test with UPDATE_TYPES=1 and commit them");
}
