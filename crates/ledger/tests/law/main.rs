//! The ledger over a store in memory: needs name all that decisions look at, and another store's outcomes are the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod equal;
mod steps;
