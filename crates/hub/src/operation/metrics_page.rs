//! GET `/metrics`: what the hub measures, as Prometheus reads it.

use super::{Operation, operators_only};
use crate::api::Refusal;
use crate::hub::Hub;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::net::SocketAddr;

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
    let passed_on =
        ["x-forwarded-for", "forwarded"].iter().any(|header| request.headers().contains_key(*header));
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    peer.is_some_and(|peer| {
        !passed_on
            && (peer.is_loopback() || hub.config.metrics_from.iter().any(|one| one.to_canonical() == peer))
    })
}
