//! What is wrong with a dialect file, and where.

use std::ops::Range;
use thiserror::Error;

/// Why a text is no dialect: one sentence, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct DialectError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl DialectError {
    /// At a place in bytes of the text.
    pub(crate) fn at(text: &str, span: &Range<usize>, reason: impl Into<String>) -> Self {
        let mut end = span.start.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = text.get(..end).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            reason: reason.into(),
        }
    }
}

/// A variable that the dialect asks for is not set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the dialect takes a secret from the environment variable {0}, which is not set; set it and start again"
)]
pub struct MissingVariable(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "a = 1\n이름 = 2\n";
        let place = |at: usize| {
            let error = DialectError::at(text, &(at..at), "");
            (error.line, error.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(text.find('=').unwrap()), (1, 3));
        assert_eq!(place(text.rfind('=').unwrap()), (2, 4));
        assert_eq!(place(7), (2, 1), "in the middle of a character");
        assert_eq!(place(999), (3, 1), "beyond the end");
    }
}
