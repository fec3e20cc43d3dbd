//! Browsers: from which pages they may ask, by which names, and what they are told of that.

use super::Refusal;
use crate::host;
use crate::hub::Hub;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gwanje_wire::{ErrorCode, Problem};
use std::sync::Arc;

/// What pages may send beside what every page may.
const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, x-request-id";

/// Whether a request may come from where it says, and asks by a name of this hub. It may not come from a browser's page of a
/// foreign origin that isn't listed.
///
/// # Errors
/// `forbidden`.
pub(crate) fn check_origin(hub: &Hub, headers: &HeaderMap) -> Result<(), Problem> {
    host::check(hub, headers)?;
    check_page(hub, headers)
}

fn check_page(hub: &Hub, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let listed = hub.config.origins.iter().any(|listed| listed == origin);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = host.is_some_and(|host| {
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
    });
    // Behind a proxy it may be asked by another name than the page's.
    let public = hub.config.public_url.as_ref().is_some_and(|url| url.origin() == origin);
    if listed || own || public {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::Forbidden,
        "this hub lets no pages of that origin in; list it in the hub's `origins`",
    ))
}

/// Whether a browser asks what a page may send. It has been checked that the page may.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN)
}

/// Tells a browser that a page of that origin may read the answer; to a preflight also what it may send.
pub(crate) fn for_browsers(mut response: Response, origin: HeaderValue, preflight: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
    headers
        .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, retry-after, x-request-id"));
    if preflight {
        headers
            .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    }
    response
}

pub(super) async fn browsers_from_listed_origins(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Response {
    // Balancers ask by whatever address they have for a hub.
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    let checked = if is_probe { check_page } else { check_origin };
    if let Err(problem) = checked(&hub, request.headers()) {
        return Refusal::from(problem).into_response();
    }
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    let preflight = is_preflight(request.method(), request.headers());
    let response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    for_browsers(response, origin, preflight)
}
