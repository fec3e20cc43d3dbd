//! An error as an answer: problem+json, with `Retry-After` where waiting helps.

use crate::admission::come_back_s;
use crate::auth::Refused;
use crate::store::StoreError;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gwanje_wire::problem::PROBLEM_JSON;
use gwanje_wire::{ErrorCode, Problem};

/// The most characters of a reason in words.
const DETAIL_MAX: usize = 500;

/// Why a request was refused, as an answer.
#[derive(Debug)]
pub struct Refusal(Box<Refused>);

impl Refusal {
    /// A refusal with that code and a text for people.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// Not now: `unavailable`, with a moment to come back; the next refusal names another.
    pub fn later(detail: impl Into<String>) -> Self {
        let problem = Problem::new(ErrorCode::Unavailable, detail);
        Refused { problem, retry_after_s: Some(come_back_s()) }.into()
    }

    /// The problem without the answer around it.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        self.0.problem
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refused::from(problem).into()
    }
}

impl From<Refused> for Refusal {
    fn from(mut refused: Refused) -> Self {
        // What was sent may stand in it: nobody has the hub repeat, or keep under a key, a text of any length.
        if let Some((end, _)) = refused.problem.detail.char_indices().nth(DETAIL_MAX) {
            refused.problem.detail.truncate(end);
            refused.problem.detail.push('…');
        }
        Self(Box::new(refused))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refused::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refused { problem, retry_after_s } = *self.0;
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(problem.code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.code == ErrorCode::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whether an answer is a problem already.
pub(super) fn is_problem(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON)
}
