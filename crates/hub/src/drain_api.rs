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
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// The longest drain, milliseconds: an hour.
const WITHIN_MAX_MS: u64 = 3_600_000;

/// What a drain may be asked with; absent: the usual.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrainWish {
    within_ms: Option<u64>,
    /// Takes a drain back that was begun before.
    #[serde(default)]
    cancel: bool,
}

#[derive(Clone)]
struct DrainRoutes {
    hub: Arc<Hub>,
    gate: Arc<SocketGate>,
    usual: Drain,
    /// The drain under way.
    leaving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// The route; without a body clients are given the `usual` time.
pub fn router(hub: Arc<Hub>, gate: Arc<SocketGate>, usual: Drain) -> Router {
    Router::new().route(&format!("{API_ROOT}/drain"), post(drain)).with_state(DrainRoutes {
        hub,
        gate,
        usual,
        leaving: Arc::default(),
    })
}

/// Makes `/readyz` say no from now on, and tells every socket to reconnect at a random moment within the time; those that stay
/// half a second longer are closed. With `cancel` it is ready again, and nobody is closed any more.
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
    let mut leaving = routes.leaving.lock().unwrap_or_else(PoisonError::into_inner);
    leaving.take().inspect(JoinHandle::abort);
    if wish.cancel {
        routes.hub.cancel_drain();
        tracing::info!(sockets = routes.gate.connections(), "a drain is taken back");
    } else {
        routes.hub.begin_drain();
        tracing::info!(sockets = routes.gate.connections(), within_ms = drain.within_ms, "a drain begins");
        let gate = routes.gate.clone();
        *leaving = Some(tokio::spawn(async move { gate.empty(drain).await }));
    }
    drop(leaving);
    Ok(Json(drain))
}
