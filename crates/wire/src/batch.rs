//! The same action on several deliveries: one command, a result each.

use crate::command::CommandBody;
use crate::frame::WireRow;
use crate::problem::Problem;
use gwanje_model::lifecycle::Action;
use gwanje_model::{DeliveryId, Rev};
use serde::{Deserialize, Serialize};

/// The most deliveries of one batch.
pub const BATCH_MAX: usize = 200;

/// POST `/centers/{c}/deliveries/batch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// What is done to each.
    pub action: Action,
    /// What the action needs.
    #[serde(default)]
    pub body: CommandBody,
    /// To which, at most [`BATCH_MAX`]; one that is named twice is decided twice.
    pub ids: Vec<BatchRow>,
}

/// One delivery of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRow {
    /// Which.
    pub id: DeliveryId,
    /// Only while it is at this revision; with `undo`, the one that the change made. Absent: whatever it is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<Rev>,
}

/// The answer: results in the order that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchReply {
    /// One for each id.
    pub results: Vec<BatchResult>,
}

/// What became of one delivery of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchResult {
    /// Which.
    pub id: DeliveryId,
    /// As the HTTP status of the action alone.
    pub status: u16,
    /// The row after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<WireRow>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

impl BatchResult {
    /// What became of a delivery.
    #[must_use]
    pub fn of(id: DeliveryId, decided: Result<WireRow, Box<Problem>>) -> Self {
        match decided {
            Ok(row) => Self { id, status: 200, row: Some(row), problem: None },
            Err(problem) => Self { id, status: problem.status, row: None, problem: Some(problem) },
        }
    }

    /// Whether it was carried out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
