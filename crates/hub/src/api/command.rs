//! Commands: a new order, an action on a delivery, and the end of an idempotency key.
//!
//! After authentication everything that is decided, refusals too, is decided by the store's writer when there is an
//! idempotency key: so a twin gets the first one's answer, whatever has changed meanwhile.

use super::asking::{Asking, delivery_id, json, visible};
use super::board::etag;
use super::refusal::Refusal;
use crate::auth::Caller;
use crate::hub::Hub;
use crate::store::{Accepted, Ask, Command, Idempotency, IfMatch, Intent, Outcome};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Cancel, CancelBy, CenterId, Epoch, MAX_SAFE_INTEGER, Permission, Rev};
use gwanje_wire::rest::CloseReply;
use gwanje_wire::{CommandBody, ErrorCode, NewOrder};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The header of an idempotency key.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The most characters of an idempotency key.
const KEY_MAX: usize = 200;
/// The most characters of a reason or a note.
const TEXT_MAX: usize = 2_000;
/// Fields in which a body might name who acts; identity comes from the credential alone.
const IDENTITY_FIELDS: [&str; 4] = ["account", "actor", "user", "by"];

#[derive(Deserialize)]
pub(super) struct CenterPath {
    center: String,
}

/// POST `/centers/{c}/deliveries`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
    path: Path<CenterPath>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let center = CenterId::from(path.center.as_str());
    let intent = new_order(&hub, &caller, &center, &body);
    carry_out(&hub, &caller, center, intent, None, &Sent { uri: &uri, headers: &headers, body: &body }).await
}

fn new_order(hub: &Hub, caller: &Caller, center: &CenterId, body: &Bytes) -> Result<Intent, Refusal> {
    visible(hub, caller, center)?;
    allowed(caller, Permission::Create, "take in orders")?;
    names_nobody_else(caller, &json(body)?, &IDENTITY_FIELDS)?;
    let order: NewOrder = json(body)?;
    if order.shop.name.trim().is_empty() || order.dropoff.address.trim().is_empty() {
        return Err(Refusal::new(ErrorCode::Invalid, "an order needs a shop's name and a drop-off address"));
    }
    let ready_at = order.ready_at.map_or(0, |at| at.0.unsigned_abs());
    if order.price_won > MAX_SAFE_INTEGER || ready_at > MAX_SAFE_INTEGER {
        return Err(Refusal::new(ErrorCode::Invalid, "integers stay below 2^53"));
    }
    Ok(Intent::Create(Box::new(order)))
}

#[derive(Deserialize)]
pub(super) struct ActionPath {
    center: String,
    id: String,
    action: String,
}

/// POST `/centers/{c}/deliveries/{id}/{action}`.
pub(super) async fn act(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
    path: Path<ActionPath>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let center = CenterId::from(path.center.as_str());
    let if_match = if_match(&headers);
    let intent = match if_match {
        Ok(_) => action(&hub, &caller, &center, &path, &body),
        Err(_) => Err(Refusal::new(ErrorCode::Invalid, "If-Match takes the ETag of a row: \"epoch-rev\"")),
    };
    let if_match = if_match.unwrap_or_default();
    carry_out(&hub, &caller, center, intent, if_match, &Sent { uri: &uri, headers: &headers, body: &body })
        .await
}

fn action(
    hub: &Hub,
    caller: &Caller,
    center: &CenterId,
    path: &ActionPath,
    body: &Bytes,
) -> Result<Intent, Refusal> {
    visible(hub, caller, center)?;
    let Some(action) = Action::parse(&path.action) else {
        return Err(Refusal::new(ErrorCode::NotFound, format!("there is no action {}", path.action)));
    };
    allowed(caller, Permission::Act(action), action.as_str())?;
    let id = delivery_id(&path.id)?;
    let said: Value = if body.is_empty() { Value::Object(serde_json::Map::new()) } else { json(body)? };
    let fields = IDENTITY_FIELDS.iter().copied().filter(|field| action != Action::Cancel || *field != "by");
    names_nobody_else(caller, &said, &fields.collect::<Vec<_>>())?;
    if let Some(rider) = caller.only_rider()
        && said.get("riderId").is_some_and(|named| named.as_str() != Some(rider.as_str()))
    {
        return Err(Refusal::new(ErrorCode::Forbidden, "a rider acts for nobody else"));
    }
    let said: CommandBody = serde_json::from_value(said).map_err(|error| {
        Refusal::new(ErrorCode::Invalid, format!("the body is not what {action} needs: {error}"))
    })?;
    Ok(Intent::Act(id, ask(action, said)?))
}

fn ask(action: Action, said: CommandBody) -> Result<Ask, Refusal> {
    let text = |text: Option<gwanje_model::Text>, needs: &str| {
        let text = text.filter(|text| !text.trim().is_empty() && text.chars().count() <= TEXT_MAX);
        text.ok_or_else(|| Refusal::new(ErrorCode::Invalid, needs))
    };
    Ok(match action {
        Action::Accept => Ask::Accept,
        Action::Assign => Ask::Assign(
            said.rider_id.ok_or_else(|| Refusal::new(ErrorCode::Invalid, "assign needs {riderId}"))?,
        ),
        Action::Unassign => Ask::Unassign,
        Action::Confirm => Ask::Confirm,
        Action::Pickup => Ask::Pickup,
        Action::Deliver => Ask::Deliver,
        Action::Cancel => Ask::Cancel(Cancel {
            reason: text(said.reason, "cancel needs {reason, by}; a reason has at most 2000 characters")?,
            by: said.by.unwrap_or(CancelBy::Center),
        }),
        Action::Note => Ask::Note(text(said.text, "note needs {text} of at most 2000 characters")?),
    })
}

fn allowed(caller: &Caller, permission: Permission, what: &str) -> Result<(), Refusal> {
    if caller.may(permission) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::Forbidden, format!("this account may not {what}")))
}

fn names_nobody_else(caller: &Caller, said: &Value, fields: &[&str]) -> Result<(), Refusal> {
    let name = caller.name();
    let another = fields.iter().find(|field| {
        said.get(field).is_some_and(|named| !named.is_null() && named.as_str() != Some(name.as_str()))
    });
    match another {
        None => Ok(()),
        Some(field) => {
            Err(Refusal::new(ErrorCode::Forbidden, format!("the body names another identity in {field}")))
        }
    }
}

/// The parts of a request that an idempotency key covers.
struct Sent<'a> {
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

async fn carry_out(
    hub: &Hub,
    caller: &Caller,
    center: CenterId,
    intent: Result<Intent, Refusal>,
    if_match: Option<IfMatch>,
    sent: &Sent<'_>,
) -> Result<Response, Refusal> {
    let idempotency = idempotency(sent)?;
    let intent = match intent {
        Ok(intent) => intent,
        Err(refusal) if idempotency.is_some() => Intent::Refuse(Box::new(refusal.into_problem())),
        Err(refusal) => return Err(refusal),
    };
    let command = Command {
        center,
        intent,
        by: caller.name(),
        at: hub.clock.day_now(),
        idempotency,
        if_match,
        only_rider: caller.only_rider().cloned(),
    };
    let Outcome { result, .. } = hub.store.execute(command).await?;
    match result {
        Ok(Accepted { row, epoch, created }) => {
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, [(ETAG, etag(&epoch, row.rev))], Json(&*row)).into_response())
        }
        Err(problem) => Err(Refusal::from(*problem)),
    }
}

fn idempotency(sent: &Sent<'_>) -> Result<Option<Idempotency>, Refusal> {
    let Some(key) = sent.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_MAX);
    let Some(key) = key else {
        return Err(Refusal::new(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters"));
    };
    Ok(Some(Idempotency {
        path: sent.uri.path().to_owned(),
        key: key.to_owned(),
        body_hash: Sha256::digest(sent.body).into(),
    }))
}

/// `If-Match` is not the tag of a row.
struct NoTag;

fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, NoTag> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let value = value.to_str().map_err(|_| NoTag)?.trim();
    if value == "*" {
        return Ok(None);
    }
    let tag = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or(NoTag)?;
    let (epoch, rev) = tag.rsplit_once('-').ok_or(NoTag)?;
    let rev = rev.parse().map_err(|_| NoTag)?;
    Ok(Some(IfMatch { epoch: Epoch::from(epoch), rev: Rev(rev) }))
}

#[derive(Deserialize)]
pub(super) struct KeyPath {
    center: String,
    key: String,
}

/// POST `/centers/{c}/commands/{key}/close`.
pub(super) async fn close(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
    path: Path<KeyPath>,
) -> Result<Json<CloseReply>, Refusal> {
    let center = CenterId::from(path.center.as_str());
    visible(&hub, &caller, &center)?;
    if path.key.is_empty() || path.key.len() > KEY_MAX {
        return Err(Refusal::new(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters"));
    }
    Ok(Json(hub.store.close_command(caller.name(), &center, path.key.clone()).await?))
}
