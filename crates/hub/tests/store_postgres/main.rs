//! The same laws as `store` has, on a real PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

#[path = "../store/alarms.rs"]
mod alarms;
mod clocks;
#[path = "../store/day.rs"]
mod day;
#[path = "../store/due.rs"]
mod due;
#[path = "../store/emission.rs"]
mod emission;
mod encryption;
#[path = "../store/frames.rs"]
mod frames;
#[path = "../store/laws.rs"]
mod laws;
mod moving;
mod nodes;
mod opening;
mod outages;
#[path = "../shared/postgres.rs"]
mod postgres;
mod promotion;
#[path = "../shared/redis.rs"]
mod redis;
mod refusals;
mod signals;
mod together;
