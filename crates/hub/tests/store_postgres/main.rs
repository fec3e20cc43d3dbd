//! The store in a real PostgreSQL: servers, hosts, clocks, moves. What every store must do: `store_conformance`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod backups;
mod clocks;
#[path = "../shared/day.rs"]
#[allow(dead_code, reason = "not every suite uses all")]
mod day;
mod encryption;
mod erasing;
#[path = "../shared/followed.rs"]
mod followed;
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
