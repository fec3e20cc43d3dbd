//! Errors as they travel: problem+json (RFC 9457) with a code that programs read.

use crate::command::Person;
use gwanje_model::{Delivery, Rev, Text, UtcMillis};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The content type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// No, an unknown or an expired credential.
    Unauthorized,
    /// The role does not allow it, or a body named another identity.
    Forbidden,
    /// No such thing, or none that the account may see.
    NotFound,
    /// The request can't be understood; also: the same idempotency key with another body.
    Invalid,
    /// The lifecycle does not allow it.
    InvalidTransition,
    /// `If-Match` named an older revision; the current row comes with it.
    Conflict,
    /// The idempotency key was closed before this request was decided.
    Void,
    /// The cursor can't be resumed; see [`ResyncReason`].
    Resync,
    /// Too many requests; `Retry-After` says when.
    TooManyRequests,
    /// Not now; `Retry-After` may say when.
    Unavailable,
    /// A code of a newer hub.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// Every code that a hub gives.
    pub const ALL: [Self; 10] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Invalid,
        Self::InvalidTransition,
        Self::Conflict,
        Self::Void,
        Self::Resync,
        Self::TooManyRequests,
        Self::Unavailable,
    ];

    /// The HTTP status it travels with.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Invalid => 400,
            Self::InvalidTransition | Self::Conflict | Self::Void => 409,
            Self::Resync => 410,
            Self::TooManyRequests => 429,
            Self::Unavailable => 503,
            Self::Other => 500,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::InvalidTransition => "invalid-transition",
            Self::Conflict => "conflict",
            Self::Void => "void",
            Self::Resync => "resync",
            Self::TooManyRequests => "too-many-requests",
            Self::Unavailable => "unavailable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a cursor can't be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResyncReason {
    /// It belongs to another epoch (or to none).
    Epoch,
    /// It lies below the floor of kept tombstones.
    Floor,
    /// It lies ahead of the head.
    Ahead,
}

/// What made a row what it is: its latest change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestChange {
    /// The revision that it made.
    pub rev: Rev,
    /// Operations time.
    pub at: UtcMillis,
    /// Who did it.
    pub by: Person,
    /// As in the history.
    pub action: Text,
}

/// An error body (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// A short text for people.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// For programs.
    pub code: ErrorCode,
    /// What was being done, to what, and what to do next.
    #[serde(default)]
    pub detail: String,
    /// With `resync`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ResyncReason>,
    /// With `conflict`: the row as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Box<Delivery>>,
    /// With `current`: who made it so, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Box<LatestChange>>,
    /// With `unauthorized`: the account is disabled or gone, not only its sign-in; what a client keeps of its data is to go.
    #[serde(default, skip_serializing_if = "is_false")]
    pub account_gone: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Problem {
    /// A problem of that code with a text for people.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:gwanje:problem:{code}"),
            title: code.as_str().replace('-', " "),
            status: code.http_status(),
            code,
            detail: detail.into(),
            reason: None,
            current: None,
            latest: None,
            account_gone: false,
        }
    }

    /// The same, telling that the account itself is disabled or gone.
    #[must_use]
    pub fn account_gone(self) -> Self {
        Self { account_gone: true, ..self }
    }

    /// The same without what only they are told who may read the row.
    #[must_use]
    pub fn without_rows(self) -> Self {
        Self { current: None, latest: None, ..self }
    }
}
