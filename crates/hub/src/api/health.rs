//! Whether the hub lives, and whether it should be sent requests.

use crate::hub::Hub;
use crate::readiness::Readiness;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// What `/readyz` says.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
enum Said {
    Ready {
        without: [&'static str; 0],
    },
    Degraded {
        /// What it does without.
        without: Vec<&'static str>,
        /// What is wrong with the Redis that hubs share, and what mends it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Draining {
        why: &'static str,
    },
    Unavailable {
        why: String,
    },
}

/// GET `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// GET `/readyz`: the store answers, and the hub is not being emptied. From a state that is kept: however often this is
/// asked, nothing is read for it. A balancer (`?balancer`) is told 404 of a hub that is being emptied, so that it keeps
/// what is there and sends nothing new.
pub(super) async fn ready(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Response {
    let of_balancer =
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("balancer")));
    let (status, said) = match hub.readiness() {
        Readiness::Ready => {
            let without = hub.store.without();
            let why = hub.store.fanout().trouble().map(|trouble| trouble.to_string());
            let said = if without.is_empty() {
                Said::Ready { without: [] }
            } else {
                Said::Degraded { without, why }
            };
            (StatusCode::OK, said)
        }
        Readiness::Draining => {
            let status = if of_balancer { StatusCode::NOT_FOUND } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Said::Draining { why: "this hub is being emptied; use another" })
        }
        Readiness::Unavailable(why) => (StatusCode::SERVICE_UNAVAILABLE, Said::Unavailable { why }),
    };
    (status, Json(said)).into_response()
}
