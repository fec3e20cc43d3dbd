//! What travels between a hub and its clients: REST bodies, frames, errors, and Socket.IO and STOMP framing as pure
//! codecs.
//!
//! The published form is `docs/protocol.md`. Nothing here does IO.

// A new variant of an enum must be looked at wherever one is taken apart (tests may look at one variant alone).
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants))]

pub mod command;
pub mod frame;
pub mod problem;
pub mod rest;
pub mod sio;
pub mod socket;
pub mod stomp;

pub use command::{CommandBody, NewOrder};
pub use frame::{Frame, Gone, Head, WireRow};
pub use problem::{ErrorCode, Problem, ResyncReason};
