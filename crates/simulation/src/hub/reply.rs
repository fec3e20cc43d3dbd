//! Answers: a status, a body, an entity tag; or a problem.

use gwanje_model::{Epoch, Rev};
use gwanje_sync::HttpResponse;
use gwanje_wire::{ErrorCode, Problem, ResyncReason};
use serde::Serialize;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub problem: Problem,
    pub retry_after_s: Option<u64>,
}

/// Refuses.
pub(super) fn refuse<T>(code: ErrorCode, detail: &str) -> Result<T, Refusal> {
    Err(Problem::new(code, detail).into())
}

/// Refuses a cursor.
pub(super) fn resync<T>(reason: ResyncReason) -> Result<T, Refusal> {
    let mut problem = Problem::new(ErrorCode::Resync, "the cursor can't be resumed; fetch a snapshot");
    problem.reason = Some(reason);
    Err(problem.into())
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after_s: None }
    }
}

impl Refusal {
    pub fn response(self) -> HttpResponse {
        let Self { problem, retry_after_s } = self;
        HttpResponse {
            status: problem.status,
            retry_after_s,
            etag: None,
            body: bytes(&problem),
            ..HttpResponse::default()
        }
    }
}

/// The entity tag of a row or board at a revision.
pub(super) fn etag(epoch: &Epoch, rev: Rev) -> String {
    format!("\"{epoch}-{rev}\"")
}

/// An answer with this body.
pub(super) fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse {
        status: 200,
        retry_after_s: None,
        etag: None,
        body: bytes(body),
        ..HttpResponse::default()
    }
}

/// An answer with this body, at this revision.
pub(super) fn tagged(status: u16, etag: String, body: &impl Serialize) -> HttpResponse {
    HttpResponse {
        status,
        retry_after_s: None,
        etag: Some(etag),
        body: bytes(body),
        ..HttpResponse::default()
    }
}

/// An answer without a body.
pub(super) fn empty(status: u16, etag: Option<String>) -> HttpResponse {
    HttpResponse { status, retry_after_s: None, etag, body: Vec::new(), ..HttpResponse::default() }
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    // Everything that travels has a JSON form.
    serde_json::to_vec(body).unwrap_or_default()
}
