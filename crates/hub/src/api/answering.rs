//! What holds for every request: it has an id, by which its lines in the log are found, and its answer is measured.

use crate::hub::Hub;
use crate::meters::method_label;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use gwanje_wire::ErrorCode;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;

/// Where the id comes from, and goes to.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a request, bytes.
const ID_MAX_BYTES: usize = 64;

/// Gives the request an id, or keeps the one that it has; measures the answer.
pub(super) async fn noted(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let id = id_of(&request);
    let (method, begun) = (method_label(request.method()), Instant::now());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, ms = begun.elapsed().as_millis(), "answered"));
    hub.meters.answered(method, route, status, begun.elapsed());
    if let Some(code) = response.extensions().get::<ErrorCode>() {
        hub.meters.refused(*code);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// An id of anybody's making must not break a line of the log.
fn id_of(request: &Request) -> HeaderValue {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let given = request
        .headers()
        .get(&REQUEST_ID)
        .filter(|id| (1..=ID_MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain));
    let made = || HeaderValue::from_str(&ulid::Ulid::generate().to_string());
    given.cloned().or_else(|| made().ok()).unwrap_or(HeaderValue::from_static("none"))
}
