//! The store in a file: durability, older files. What every store must do: `store_conformance`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

#[path = "../shared/day.rs"]
#[allow(dead_code, reason = "not every suite uses all")]
mod day;
mod files;
