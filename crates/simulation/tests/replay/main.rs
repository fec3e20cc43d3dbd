//! The model hub never drifts from the real one: what the model was asked is asked of the real hub over SQLite, in this
//! process, without sockets, at the same instants and with the same ids; answers, frames, heads and alarms are equal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agree;
mod emitting;
mod names;
mod random;
mod real;
mod replayed;
mod same;
mod setting;
mod taken;
mod tapes;
