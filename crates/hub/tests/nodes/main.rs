//! Hubs with sockets, on one real PostgreSQL and one real Redis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod accounts;
#[allow(dead_code, reason = "not every suite does all of it")]
#[path = "../shared/bad_redis.rs"]
mod bad_redis;
mod harness;
#[path = "../shared/logs.rs"]
mod logs;
mod mail;
mod matrix;
mod monitor;
#[allow(dead_code, reason = "not every suite does all of it")]
#[path = "../live/peer.rs"]
mod peer;
#[allow(dead_code, reason = "not every suite does all of it")]
#[path = "../shared/poller.rs"]
mod poller;
mod polling;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/redis.rs"]
mod redis;
mod seats;
mod troubles;
