//! The model hub never drifts from the real one. The real hub runs over SQLite, in this process, without sockets. It is
//! asked what the model was asked, at the same instants and with the same ids. Answers, frames, heads and alarms must
//! be equal.

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
