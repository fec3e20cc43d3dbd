//! The hub: REST and Socket.IO over SQLite.
//!
//! `store` commits, `auth` knows who asks, `api` answers requests, `socket` tells followers, and [`Hub`] is what they
//! share. `demo` runs a simulated day on it.

mod accepting;
pub mod admission;
pub mod api;
pub mod auth;
mod claim;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
mod demo_day;
mod drain_api;
mod drill_api;
pub mod drill_runner;
mod due_alarms;
mod exit_error;
pub mod hub;
pub mod listening;
pub mod serve;
pub mod socket;
pub mod store;

pub use clock::Clock;
pub use hub::{Hub, HubConfig};
