//! GET `/metrics`: what the hub measures, as Prometheus reads it.

use super::{Operation, operators_only};
use crate::api::Refusal;
use crate::hub::Hub;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// As the text format is called.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Open to this machine and to listed addresses; from anywhere else an admin signs in.
pub(super) async fn metrics(
    State(Operation { hub, .. }): State<Operation>,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    if !comes_from_listed(&hub, &request) {
        operators_only(&hub, request.headers(), "read the measurements from there").await?;
    }
    Ok(([(CONTENT_TYPE, KIND)], hub.meters.text()))
}

/// A request that somebody passes on comes from wherever it was before.
fn comes_from_listed(hub: &Hub, request: &Request) -> bool {
    let from = hub.origin_of(request.headers(), request.extensions());
    from.is_loopback || (!from.is_unsure && from.is_among(&hub.config.metrics_from))
}
