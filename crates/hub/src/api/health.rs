//! Whether the hub lives, and whether it should be sent requests.

use super::refusal::Refusal;
use crate::hub::Hub;
use axum::extract::State;
use gwanje_wire::ErrorCode;
use std::sync::Arc;

/// GET `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// GET `/readyz`: the store can be read and the hub is not being emptied.
pub(super) async fn ready(State(hub): State<Arc<Hub>>) -> Result<&'static str, Refusal> {
    if hub.is_draining() {
        return Err(Refusal::new(ErrorCode::Unavailable, "this hub is being emptied; use another"));
    }
    if !hub.store.takes_writes() {
        return Err(Refusal::new(ErrorCode::Unavailable, "the store takes no writes; restart this hub"));
    }
    hub.store.centers().await?;
    Ok("ready\n")
}
