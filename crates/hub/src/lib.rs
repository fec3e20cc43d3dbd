//! The hub: REST and Socket.IO over SQLite.
//!
//! `store` commits, `auth` knows who asks, `api` answers requests, and [`Hub`] is what they share.

pub mod api;
pub mod auth;
pub mod clock;
pub mod hub;
pub mod store;

pub use clock::Clock;
pub use hub::{Hub, HubConfig};
