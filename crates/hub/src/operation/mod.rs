//! What operators ask of a hub, at every node: the monitor, measurements, a page over both, and a drain.

mod admin_page;
mod clients;
mod drain;
mod metrics_page;
mod openapi;
mod passing_on;
mod shown;

use crate::api::{Asking, Refusal};
use crate::auth::By;
use crate::hub::Hub;
use crate::roster::Sight;
use crate::socket::SocketGate;
use axum::extract::{FromRef, State};
use axum::http::{Extensions, HeaderMap};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use gwanje_model::{Permission, Text};
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
        .route("/monitor/shown", post(shown::shown))
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
async fn operators_only(hub: &Hub, headers: &HeaderMap, what: &str) -> Result<(), Refusal> {
    operator(hub, headers, &Extensions::new(), what).await.map(drop)
}

/// Who operates hubs, and from where; everybody else is refused.
async fn operator(hub: &Hub, headers: &HeaderMap, request: &Extensions, what: &str) -> Result<By, Refusal> {
    let caller = hub.auth.identify(headers).await?;
    if caller.may(Permission::Operate) {
        return Ok(By { account: caller.name(), from: hub.origin_of(headers, request).name() });
    }
    Err(Refusal::new(ErrorCode::Forbidden, format!("only an admin may {what}")))
}

/// Tells the audit what an operator did. It is done: a store that can't be written keeps nobody from emptying a hub.
async fn told(hub: &Hub, by: &By, action: &str, target: Text) {
    let line = by.did(hub.clock.wall_now(), action, target);
    if let Err(error) = hub.store.write_audit(vec![line]).await {
        tracing::error!(%error, action, "the audit could not be told of it");
    }
}
