//! What operators ask of a hub, at every node: the monitor, measurements, a page over both, and a drain.

mod admin_page;
mod clients;
mod drain;
mod metrics_page;
mod openapi;
mod passing_on;

use crate::api::{Asking, Refusal};
use crate::hub::Hub;
use crate::roster::Sight;
use crate::socket::SocketGate;
use axum::extract::{FromRef, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use gwanje_model::Permission;
use gwanje_wire::ErrorCode;
use gwanje_wire::monitor::MonitorReply;
use gwanje_wire::rest::API_ROOT;
use gwanje_wire::socket::Drain;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// What the routes need to know.
#[derive(Clone)]
pub(crate) struct Operation {
    hub: Arc<Hub>,
    gate: Arc<SocketGate>,
    /// How a drain is where nothing else is said.
    usual: Drain,
    /// The drain under way.
    leaving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl FromRef<Operation> for Arc<Hub> {
    fn from_ref(operation: &Operation) -> Self {
        Self::clone(&operation.hub)
    }
}

/// The routes; a drain without a time gives clients the `usual` one.
pub(crate) fn router(hub: Arc<Hub>, gate: Arc<SocketGate>, usual: Drain) -> Router {
    routes().with_state(Operation { hub, gate, usual, leaving: Arc::default() })
}

fn routes() -> Router<Operation> {
    let api = Router::new()
        .route("/drain", post(drain::drain))
        .route("/monitor", get(monitor))
        .route("/monitor/clients", get(clients::list))
        .route("/monitor/clients/{connection_id}", delete(clients::put_out));
    Router::new()
        .nest(API_ROOT, api)
        .route("/metrics", get(metrics_page::metrics))
        .route("/openapi.json", get(openapi::document))
        .merge(admin_page::router())
}

/// GET `/monitor`.
async fn monitor(
    State(Operation { hub, .. }): State<Operation>,
    Looking(sight): Looking,
) -> Json<MonitorReply> {
    Json(hub.roster.shown_to(&sight, hub.clock.wall_now()))
}

/// Whoever looks at the monitor, and how much of it.
struct Looking(Sight);

impl axum::extract::FromRequestParts<Operation> for Looking {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        operation: &Operation,
    ) -> Result<Self, Refusal> {
        let asking: Asking = Asking::from_request_parts(parts, &operation.hub).await?;
        let identity = asking.account()?;
        match Sight::of(&identity) {
            Some(sight) => Ok(Self(sight)),
            None => Err(Refusal::new(ErrorCode::Forbidden, "a rider sees nothing of the monitor")),
        }
    }
}

/// Refuses everybody who does not operate hubs.
async fn operators_only(hub: &Hub, headers: &axum::http::HeaderMap, what: &str) -> Result<(), Refusal> {
    if hub.auth.identify(headers).await?.may(Permission::Operate) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::Forbidden, format!("only an admin may {what}")))
}
