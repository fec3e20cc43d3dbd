//! Where a request comes from.

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use gwanje_model::Text;
use std::net::SocketAddr;

/// The address that a request comes from; empty: nobody knows.
#[must_use]
pub fn origin_of(request: &Extensions) -> Text {
    let peer = request.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| Text::from(peer.ip().to_canonical().to_string())).unwrap_or_default()
}
