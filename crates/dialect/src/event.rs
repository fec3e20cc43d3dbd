//! What a message of a foreign server's means.

use crate::path::JsonPath;
use gwanje_model::Status;

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// Messages of this name; none: all that no other rule names.
    pub name: Option<String>,
    /// What it brings.
    pub means: Means,
    /// Where the row, or the array of rows, lies.
    pub at: JsonPath,
    /// Which argument of a Socket.IO event it lies in, from 1.
    pub argument: usize,
    /// Where the id lies in the message, when it is not in the row.
    pub id: Option<JsonPath>,
    /// The status that it means, whatever the row says.
    pub status: Option<Status>,
    /// Fields that are absent stay as they are known.
    pub partial: bool,
}

/// What a message brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A row.
    Row,
    /// Many rows: a partial list.
    Rows,
    /// A row that has left the board.
    Gone,
    /// Nothing for a board.
    Nothing,
}
