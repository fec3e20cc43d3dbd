//! POST `/api/v1/drain`: empties this hub before it is stopped. Only an admin may.

use crate::api::Refusal;
use crate::hub::Hub;
use crate::socket::SocketGate;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use gwanje_model::Permission;
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::API_ROOT;
use gwanje_wire::socket::Drain;
use serde::Deserialize;
use std::sync::Arc;

/// The longest drain, milliseconds: an hour.
const WITHIN_MAX_MS: u64 = 3_600_000;

/// What a drain may be asked with; absent: the usual.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrainWish {
    within_ms: Option<u64>,
}

#[derive(Clone)]
struct DrainRoutes {
    hub: Arc<Hub>,
    gate: Arc<SocketGate>,
    usual: Drain,
}

/// The route; without a body clients are given the `usual` time.
pub fn router(hub: Arc<Hub>, gate: Arc<SocketGate>, usual: Drain) -> Router {
    Router::new().route(&format!("{API_ROOT}/drain"), post(drain)).with_state(DrainRoutes {
        hub,
        gate,
        usual,
    })
}

/// Makes `/readyz` say no from now on, and tells every socket to reconnect at a random moment within the time.
async fn drain(
    State(routes): State<DrainRoutes>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Drain>, Refusal> {
    if !routes.hub.auth.identify(&headers).await?.may(Permission::Operate) {
        return Err(Refusal::new(ErrorCode::Forbidden, "only an admin may begin a drain"));
    }
    let wish: DrainWish = if body.trim_ascii().is_empty() {
        DrainWish::default()
    } else {
        serde_json::from_slice::<Option<_>>(&body)
            .map_err(|e| Refusal::new(ErrorCode::Invalid, format!("the drain can't be read: {e}")))?
            .unwrap_or_default()
    };
    let drain = Drain { within_ms: wish.within_ms.unwrap_or(routes.usual.within_ms) };
    if drain.within_ms > WITHIN_MAX_MS {
        return Err(Refusal::new(ErrorCode::Invalid, format!("withinMs is at most {WITHIN_MAX_MS}")));
    }
    routes.hub.begin_drain();
    tracing::info!(sockets = routes.gate.connections(), within_ms = drain.within_ms, "a drain begins");
    routes.gate.drain(drain).await;
    Ok(Json(drain))
}
