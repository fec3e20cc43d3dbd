//! `/admin`: a page over the monitor, from the hub's own files. It signs in as anybody who may see it, and asks no other server.

use super::Operation;
use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

/// Only files of this hub, no frame around it, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FRAMES: HeaderName = HeaderName::from_static("x-frame-options");

pub(super) fn router() -> Router<Operation> {
    let file = |kind: &'static str, body: &'static str| {
        get(move || async move {
            let headers = [
                (CONTENT_TYPE, kind),
                (CONTENT_SECURITY_POLICY, POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (REFERRER_POLICY, "no-referrer"),
                (FRAMES, "DENY"),
            ];
            (headers, body).into_response()
        })
    };
    Router::new()
        .route("/admin", file("text/html; charset=utf-8", include_str!("admin/index.html")))
        .route("/admin/admin.css", file("text/css; charset=utf-8", include_str!("admin/admin.css")))
        .route("/admin/admin.js", file("text/javascript; charset=utf-8", include_str!("admin/admin.js")))
}
