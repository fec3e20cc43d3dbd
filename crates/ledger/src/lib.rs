//! The hub's law without a store: where a center stands, and what a frame of its changes holds.
//!
//! It has no SQL, no task and no clock: a store hands in what it read and the moment, and writes what comes back.

mod recent;
mod standing;

pub use recent::{Entry, Recent, RecentBounds, cut_frame};
pub use standing::Standing;
