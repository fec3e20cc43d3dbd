//! What travels between a hub and its clients: REST bodies, frames, errors, and Socket.IO and STOMP framing as pure
//! codecs.
//!
//! The published form is `docs/protocol.md`. Nothing here does IO.

pub mod batch;
pub mod command;
pub mod frame;
pub mod monitor;
pub mod people;
pub mod problem;
pub mod rest;
pub mod sio;
pub mod socket;
pub mod stomp;

pub use command::{CommandBody, NewOrder, Person};
pub use frame::{Frame, Gone, Head, WireRow};
pub use problem::{ErrorCode, LatestChange, Problem, ResyncReason};
