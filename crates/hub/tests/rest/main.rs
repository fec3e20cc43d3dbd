//! The REST contract against a real hub on a real port with a real store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod batch;
mod bounds;
mod commands;
mod following;
mod harness;
#[path = "../shared/logs.rs"]
mod logs;
mod people;
mod preferences;
mod problems;
mod roles;
mod search;
mod shapes;
mod sign_in;
mod texts;
mod undo;
#[path = "../shared/vectors.rs"]
mod vectors;
