//! What travels between a hub and its clients: REST bodies, frames, errors, and Socket.IO framing as a pure codec.
//!
//! The published form is `docs/protocol.md`. Nothing here does IO.

pub mod command;
pub mod frame;
pub mod problem;
pub mod rest;
pub mod sio;
pub mod socket;

pub use command::{CommandBody, NewOrder};
pub use frame::{Frame, Gone, Head, WireRow};
pub use problem::{ErrorCode, Problem, ResyncReason};
