//! The mark of a row with a command under way.

/// A command of this seat that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowMark {
    /// Sent, not answered.
    Pending,
    /// Not answered in time; nobody knows yet.
    Unknown,
}
