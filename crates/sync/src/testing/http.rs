//! Answers of a scripted server.

use crate::io::HttpResponse;

/// A plain answer: what else it carries is put in with `..`.
pub(crate) fn response(status: u16, body: impl ToString) -> HttpResponse {
    HttpResponse {
        status,
        retry_after_s: None,
        etag: None,
        body: body.to_string().into_bytes(),
        ..HttpResponse::default()
    }
}
