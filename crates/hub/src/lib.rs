//! The hub: REST and Socket.IO over SQLite.
//!
//! `store` commits, `auth` knows who asks, `api` answers requests, `socket` tells followers, and [`Hub`] is what they
//! share. A simulated day and the command line stand outside.

mod accepting;
pub mod admission;
pub mod api;
pub mod auth;
mod body;
pub mod claim;
pub mod clock;
pub mod config;
mod connections;
mod due_alarms;
pub mod erasing;
pub mod fanout;
pub mod host;
pub mod hub;
pub mod listening;
pub mod logged;
pub mod mail;
pub mod meters;
mod node_call;
pub mod node_url;
mod operation;
pub mod origin;
pub mod positions;
pub mod public_url;
pub mod purpose;
pub mod readiness;
mod reports;
pub mod retention;
pub mod roster;
mod seat_name;
pub mod serve;
pub mod socket;
pub mod store;

pub use clock::Clock;
pub use hub::{Hub, HubConfig};
