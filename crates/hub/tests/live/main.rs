//! The hub as it runs: sockets seen by a peer that shares no code with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod admin;
mod bounds;
mod browsers;
mod harness;
#[path = "../shared/logs.rs"]
mod logs;
mod metrics;
mod monitor;
mod openapi;
mod peer;
mod shapes;
mod sockets;
#[path = "../shared/vectors.rs"]
mod vectors;
