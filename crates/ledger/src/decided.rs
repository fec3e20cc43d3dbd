//! What became of an ask.

use crate::write::Write;
use gwanje_model::{Delivery, Epoch};
use gwanje_wire::Problem;
use gwanje_wire::batch::BatchReply;
use std::sync::Arc;
use thiserror::Error;

/// What became of an ask, and what is to be written before anybody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<T> {
    /// What is answered.
    pub outcome: T,
    /// What is written, in this order.
    pub writes: Vec<Write>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The row, or why not.
    pub result: Result<Accepted, Box<Problem>>,
    /// Whether this is the recorded outcome of an earlier twin.
    pub replayed: bool,
}

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The row after it.
    pub row: Arc<Delivery>,
    /// The history that `row.rev` counts in.
    pub epoch: Epoch,
    /// Whether the row is new.
    pub created: bool,
}

/// A batch that was decided, with the history that its revisions count in.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchDecided {
    /// A result for each delivery.
    pub reply: BatchReply,
    /// Of the center.
    pub epoch: Epoch,
}

/// An ask that could not be decided: what was loaded with it is to be thrown away.
#[derive(Debug, Error)]
pub enum Undecided {
    /// A recorded outcome is not what it was written as.
    #[error("reading a recorded outcome: {0}; the store is damaged")]
    Unreadable(serde_json::Error),
    /// A row or an answer has no JSON.
    #[error("writing JSON: {0}")]
    Unwritable(serde_json::Error),
    /// The store handed in fewer ids than there are orders.
    #[error("there is no id left for a new delivery")]
    NoId,
}
