//! What became of a command.

use gwanje_model::{Delivery, Epoch};
use gwanje_wire::Problem;
use std::sync::Arc;

/// What became of a command. It is durable.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The row, or why not.
    pub result: Decision,
    /// Whether this is the recorded outcome of an earlier twin.
    pub replayed: bool,
}

/// A command that was carried out.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The row after it.
    pub row: Arc<Delivery>,
    /// The history that `row.rev` counts in.
    pub epoch: Epoch,
    /// Whether the row is new.
    pub created: bool,
}

/// The row, or why not.
pub type Decision = Result<Accepted, Box<Problem>>;
