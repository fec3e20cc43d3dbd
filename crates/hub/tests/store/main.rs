//! The store itself: laws over random days, frames against the tables, durability, older files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod alarms;
mod day;
mod due;
mod emission;
mod files;
mod frames;
mod laws;
mod opening;
