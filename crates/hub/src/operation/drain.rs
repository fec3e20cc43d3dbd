//! POST `/drain`: empties a hub before it is stopped. Only an admin may.

use super::{Operation, operator, passing_on, told};
use crate::api::Refusal;
use crate::hub::Hub;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{Extensions, HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use gwanje_wire::ErrorCode;
use gwanje_wire::monitor::{DrainReply, DrainRequest};
use gwanje_wire::socket::Drain;
use std::sync::PoisonError;
use tokio::task::JoinHandle;

/// The longest drain, milliseconds: an hour.
const WITHIN_MAX_MS: u64 = 3_600_000;
/// What is passed on to the hub that is meant.
const ABOUT: &str = "drain";

/// Makes `/readyz` say no from now on, and tells every socket to reconnect at a random moment within the time; those that stay
/// half a second longer are closed. With `cancel` it is ready again, and nobody is closed any more.
pub(super) async fn drain(
    State(operation): State<Operation>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Result<Response, Refusal> {
    let hub = &operation.hub;
    let by = operator(hub, &headers, &extensions, "begin a drain").await?;
    let passed = passing_on::is_passed(hub, &headers, ABOUT)?;
    let wish = read(&body)?;
    if wish.within_ms.is_some_and(|ms| ms > WITHIN_MAX_MS) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("withinMs is at most {WITHIN_MAX_MS}")));
    }
    let own = hub.roster.name();
    let (what, node) = (
        if wish.cancel { "drain.cancel" } else { "drain" },
        wish.node.clone().unwrap_or_else(|| own.clone()),
    );
    let answer = match &wish.node {
        None if hub.roster.nodes() > 1 => {
            let said = "there are several hubs: say by `node` which one is meant; /monitor has their names";
            Err(Refusal::new(ErrorCode::Invalid, said))
        }
        Some(node) if *node != own => match hub.roster.node(node).filter(|_| !passed) {
            Some(node) => {
                let request = passing_on::request_of(Method::POST, uri, headers, body);
                passing_on::pass(hub, &node, ABOUT, request).await
            }
            None => Err(Refusal::new(ErrorCode::NotFound, format!("there is no hub {node:?}"))),
        },
        None | Some(_) => Ok(Json(operation.drain(&wish)?).into_response()),
    }?;
    if !passed && answer.status().is_success() {
        told(hub, &by, what, node).await;
    }
    Ok(answer)
}

fn read(body: &Bytes) -> Result<DrainRequest, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(DrainRequest::default());
    }
    serde_json::from_slice::<Option<DrainRequest>>(body)
        .map(Option::unwrap_or_default)
        .map_err(|error| Refusal::new(ErrorCode::Invalid, format!("the drain can't be read: {error}")))
}

/// Whether nobody would be left who takes what comes. A hub that knows of no others is not asked: it stops with its clients.
fn is_last(hub: &Hub) -> bool {
    !hub.roster.is_alone() && !hub.roster.is_another_ready()
}

impl Operation {
    fn drain(&self, wish: &DrainRequest) -> Result<DrainReply, Refusal> {
        let hub = &self.hub;
        if !wish.cancel && !wish.force && is_last(hub) {
            let said =
                "no other hub is ready: its clients would find none; say `force` to drain it all the same";
            return Err(Refusal::new(ErrorCode::Conflict, said));
        }
        let drain = Drain { within_ms: wish.within_ms.unwrap_or(self.usual.within_ms) };
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.take().inspect(JoinHandle::abort);
        if wish.cancel {
            hub.cancel_drain();
            tracing::info!(sockets = self.gate.connections(), "a drain is taken back");
        } else {
            hub.begin_drain();
            tracing::info!(sockets = self.gate.connections(), within_ms = drain.within_ms, "a drain begins");
            let gate = self.gate.clone();
            *leaving = Some(tokio::spawn(async move { gate.empty(drain).await }));
        }
        drop(leaving);
        Ok(DrainReply { node: hub.roster.name(), within_ms: drain.within_ms })
    }
}
