//! An invariant that does not hold.

use serde::Serialize;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant's letter.
    pub letter: char,
    /// When, milliseconds of the run.
    pub at_ms: u64,
    /// What was seen.
    pub what: String,
}
