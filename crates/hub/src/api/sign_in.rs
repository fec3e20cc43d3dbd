//! Signing in and out, and tickets for sockets.

use super::asking::{Asking, json};
use super::refusal::Refusal;
use crate::hub::Hub;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode};
use gwanje_wire::rest::{LoginReply, RefreshRequest, TicketReply};
use std::sync::Arc;

/// POST `/login`.
pub(super) async fn login(
    State(hub): State<Arc<Hub>>,
    request: Extensions,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<LoginReply>, Refusal> {
    let (_, reply) = hub.auth.login(json(&body)?, &hub.origin_of(&headers, &request)).await?;
    Ok(tokens(&hub, reply))
}

/// POST `/login/refresh`.
pub(super) async fn refresh(State(hub): State<Arc<Hub>>, body: Bytes) -> Result<Json<LoginReply>, Refusal> {
    let request: RefreshRequest = json(&body)?;
    let reply = hub.auth.refresh(&request.refresh_token).await?;
    Ok(tokens(&hub, reply))
}

fn tokens(hub: &Hub, mut reply: LoginReply) -> Json<LoginReply> {
    reply.socket_urls = hub.socket_urls();
    if reply.role.sees_all_centers() {
        // Those that it was given come first, in that order.
        let given = std::mem::take(&mut reply.centers);
        let mut all = hub.store.center_ids();
        all.sort();
        all.sort_by_key(|id| given.iter().position(|one| one == id).unwrap_or(usize::MAX));
        reply.centers = all;
    }
    Json(reply)
}

/// POST `/logout`.
pub(super) async fn logout(State(hub): State<Arc<Hub>>, asking: Asking) -> Result<StatusCode, Refusal> {
    hub.auth.logout(&asking.account()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// POST `/socket-tickets`.
pub(super) async fn ticket(
    State(hub): State<Arc<Hub>>,
    asking: Asking,
) -> Result<Json<TicketReply>, Refusal> {
    Ok(Json(hub.auth.issue_ticket(&asking.account()?)))
}
