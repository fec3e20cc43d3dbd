//! POST `/centers/{c}/deliveries/batch`: one action on several deliveries, a result each.

use super::asking::{Asking, delivery_id, shaped, visible};
use super::board::etag;
use super::cleaning::cleaned_json;
use super::command::{CenterPath, Sent, allowed, ask, idempotency, reads_body};
use super::refusal::Refusal;
use super::told;
use crate::auth::Caller;
use crate::hub::Hub;
use crate::store::{BatchAct, BatchCommand, BatchDecided, Seen, Undo};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Permission};
use gwanje_wire::ErrorCode;
use gwanje_wire::batch::{BATCH_MAX, BatchRow};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A batch as it comes: its body is read as that of the action.
#[derive(Deserialize)]
struct Asked {
    action: String,
    #[serde(default)]
    body: Value,
    ids: Vec<BatchRow>,
}

/// POST `/centers/{c}/deliveries/batch`.
pub(super) async fn batch(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
    path: Path<CenterPath>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let center = CenterId::from(path.center.as_str());
    let acts = acts(&hub, &caller, &center, &body);
    let idempotency = idempotency(&Sent { uri: &uri, headers: &headers, body: &body })?;
    let acts = match acts {
        Ok(acts) => Ok(acts),
        Err(refusal) if idempotency.is_some() => Err(Box::new(refusal.into_problem())),
        Err(refusal) => return Err(refusal),
    };
    let command = BatchCommand {
        center,
        acts,
        by: caller.name(),
        at: hub.clock.day_now(),
        idempotency,
        only_rider: caller.only_rider().cloned(),
    };
    match hub.store.execute_batch(command).await? {
        Ok(BatchDecided { reply, epoch }) => {
            let newest =
                reply.results.iter().filter_map(|result| result.row.as_ref()).map(|row| row.rev()).max();
            let tag = newest.map(|rev| [(ETAG, etag(&epoch, rev))]);
            if told::reads(&caller) {
                return Ok((tag, Json(reply)).into_response());
            }
            Ok((tag, Json(told::batch_named(reply))).into_response())
        }
        Err(problem) => Err(Refusal::from(*problem)),
    }
}

fn acts(hub: &Hub, caller: &Caller, center: &CenterId, body: &Bytes) -> Result<Vec<BatchAct>, Refusal> {
    visible(hub, caller, center)?;
    let Asked { action, body, ids } = shaped(cleaned_json(body)?, "a batch")?;
    let Some(action) = Action::parse(&action) else {
        return Err(Refusal::new(ErrorCode::Invalid, format!("there is no action {action}")));
    };
    allowed(caller, Permission::Act(action), action.as_str())?;
    if ids.len() > BATCH_MAX {
        return Err(Refusal::new(ErrorCode::Invalid, format!("a batch has at most {BATCH_MAX} deliveries")));
    }
    let said = reads_body(caller, action, body)?;
    // What all need is read once; with `undo` each names the change.
    let all = if action == Action::Undo { None } else { Some(ask(action, said, caller)?) };
    let act = |row: BatchRow| {
        let known = delivery_id(&row.id.to_string());
        let ask = match (&all, row.rev) {
            (Some(ask), _) => Ok(ask.clone()),
            (None, Some(rev)) => Ok(crate::store::Ask::Undo(Undo { rev, role: caller.role() })),
            (None, None) => Err(Refusal::new(ErrorCode::Invalid, "undo needs the rev of each change")),
        };
        let ask = known.and(ask).map_err(|refusal| Box::new(refusal.into_problem()));
        let seen = row.rev.filter(|_| all.is_some()).map(Seen::At);
        BatchAct { id: row.id, ask, seen }
    };
    Ok(ids.into_iter().map(act).collect())
}
