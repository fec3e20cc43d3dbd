//! The ledger over a center in memory. That stores answer the same is tried with the hub's
//! (`crates/hub/tests/store_conformance/equal.rs`, over the same steps).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

#[allow(dead_code, reason = "the hub's suite uses the rest")]
mod center;
mod needs;
mod numbers;
#[allow(dead_code, reason = "the hub's suite uses the rest")]
mod steps;
