//! Commands: a new order, an action on a delivery, and the end of an idempotency key.
//!
//! With an idempotency key, the store's writer decides everything after authentication, refusals too. So a twin gets
//! the first one's answer, whatever has changed meanwhile. So does whoever asks what became of it.

use super::asking::{Asking, delivery_id, json, shaped, visible};
use super::board::etag;
use super::cleaning::{cleaned, cleaned_json};
use super::order::{fits, tidied};
use super::refusal::Refusal;
use super::told;
use crate::auth::Caller;
use crate::hub::Hub;
use crate::store::{Accepted, Ask, Command, Decided, Idempotency, IfMatch, Intent, Undo};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Cancel, CancelBy, CenterId, Epoch, Permission, Rev};
use gwanje_wire::rest::{CloseReply, Outcome};
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
/// The most characters of a rider's id.
const RIDER_MAX: usize = 100;
/// The most bytes of a path that an outcome is kept for: longer than any that names something.
const PATH_MAX: usize = 500;
/// Fields in which a body might name who acts; identity comes from the credential alone.
const IDENTITY_FIELDS: [&str; 4] = ["account", "actor", "user", "by"];

#[derive(Deserialize)]
pub(super) struct CenterPath {
    pub center: String,
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
    let said = tidied(cleaned_json(body)?);
    names_nobody_else(caller, &said, &IDENTITY_FIELDS)?;
    let order: NewOrder = shaped(said, "a new order")?;
    if order.shop.name.trim().is_empty() || order.dropoff.address.trim().is_empty() {
        return Err(Refusal::new(ErrorCode::Invalid, "an order needs a shop's name and a drop-off address"));
    }
    fits(&order).map_err(|beyond| Refusal::new(ErrorCode::Invalid, beyond))?;
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
    let intent = action(&hub, &caller, &center, &path, &body);
    let if_match = if_match(&headers);
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
    let said = reads_body(caller, action, cleaned(said(body)?))?;
    Ok(Intent::Act(id, ask(action, said, caller)?))
}

/// What a body says that the action needs; null says nothing.
pub(super) fn reads_body(caller: &Caller, action: Action, said: Value) -> Result<CommandBody, Refusal> {
    let said = match said {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::Object(mut said) => {
            if let Some(rider) = said.get_mut("riderId").filter(|rider| rider.is_number()) {
                *rider = Value::String(rider.to_string());
            }
            Value::Object(said)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Refusal::new(ErrorCode::Invalid, format!("{action} takes an object, or no body")));
        }
    };
    let fields = IDENTITY_FIELDS.iter().copied().filter(|field| action != Action::Cancel || *field != "by");
    names_nobody_else(caller, &said, &fields.collect::<Vec<_>>())?;
    if let Some(rider) = caller.only_rider()
        && said.get("riderId").is_some_and(|named| named.as_str() != Some(rider.as_str()))
    {
        return Err(Refusal::new(ErrorCode::Forbidden, "a rider acts for nobody else"));
    }
    let said: CommandBody = shaped(said, action.as_str())?;
    if said.rider_id.as_ref().is_some_and(|rider| rider.as_str().chars().count() > RIDER_MAX) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("riderId has at most {RIDER_MAX} characters")));
    }
    Ok(said)
}

/// What is asked of the store.
pub(super) fn ask(action: Action, said: CommandBody, caller: &Caller) -> Result<Ask, Refusal> {
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
        Action::Note => Ask::Note {
            text: text(said.text, "note needs {text} of at most 2000 characters")?,
            role: caller.role(),
        },
        Action::Undo => {
            let rev = said.rev.ok_or_else(|| Refusal::new(ErrorCode::Invalid, "undo needs {rev}"))?;
            Ask::Undo(Undo { rev, role: caller.role() })
        }
    })
}

pub(super) fn allowed(caller: &Caller, permission: Permission, what: &str) -> Result<(), Refusal> {
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
pub(super) struct Sent<'a> {
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
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
    let Decided { result, .. } = hub.store.execute(command).await?;
    match result {
        Ok(Accepted { row, epoch, created }) => {
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            let tag = [(ETAG, etag(&epoch, row.rev))];
            if told::reads(caller) {
                return Ok((status, tag, Json(&*row)).into_response());
            }
            Ok((status, tag, Json(told::named(&row))).into_response())
        }
        Err(problem) if told::reads(caller) => Err(Refusal::from(*problem)),
        Err(problem) => Err(Refusal::from(problem.without_rows())),
    }
}

/// The body of an action: no body, and `null`, say nothing.
fn said(body: &Bytes) -> Result<Value, Refusal> {
    let said = if body.trim_ascii().is_empty() { Value::Null } else { json(body)? };
    Ok(if said.is_null() { Value::Object(serde_json::Map::new()) } else { said })
}

/// A body reduced to its meaning, so that a twin may be written another way.
fn meant(body: &Bytes) -> Vec<u8> {
    said(body).ok().and_then(|said| serde_json::to_vec(&said).ok()).unwrap_or_else(|| body.to_vec())
}

pub(super) fn idempotency(sent: &Sent<'_>) -> Result<Option<Idempotency>, Refusal> {
    let Some(key) = sent.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_MAX);
    let Some(key) = key else {
        return Err(Refusal::new(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters"));
    };
    if sent.uri.path().len() > PATH_MAX {
        return Err(Refusal::new(ErrorCode::Invalid, "nothing has a path as long as this"));
    }
    Ok(Some(Idempotency {
        path: sent.uri.path().to_owned(),
        key: key.to_owned(),
        body_hash: Sha256::digest(meant(sent.body)).into(),
    }))
}

/// What `If-Match` names. A tag that is no row's matches none: it leads to `conflict` with the row as it is.
fn if_match(headers: &HeaderMap) -> Option<IfMatch> {
    let mut values = headers.get_all(IF_MATCH).iter().peekable();
    values.peek()?;
    let mut seen = Vec::new();
    for tag in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let tag = tag.trim();
        if tag == "*" {
            return None;
        }
        // Even weak or without its quotes it says which revision was seen.
        let bare = tag.trim_start_matches("W/").trim_matches('"');
        if let Some((epoch, rev)) = bare.rsplit_once('-')
            && let Ok(rev) = rev.parse()
        {
            seen.push((Epoch::from(epoch), Rev(rev)));
        }
    }
    Some(IfMatch { seen })
}

#[derive(Deserialize)]
pub(super) struct KeyPath {
    center: String,
    key: String,
}

/// POST `/centers/{c}/commands/{key}/close`.
///
/// A key's record is the answer to the caller's own command, so the caller is told it even when it may no longer see
/// the center; then without rows. With nothing recorded, the key is void from now on in any case, also where the answer
/// is that the center is not found: a twin that is still on its way may arrive when the center has been given back. And
/// writing alike for a hidden center and for none tells neither from the other.
pub(super) async fn close(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
    path: Path<KeyPath>,
) -> Result<Json<CloseReply>, Refusal> {
    let center = CenterId::from(path.center.as_str());
    if path.key.is_empty() || path.key.len() > KEY_MAX {
        return Err(Refusal::new(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters"));
    }
    let seen = visible(&hub, &caller, &center);
    let reply = hub.store.close_command(caller.name(), &center, path.key.clone()).await?;
    match (seen, reply.outcome) {
        (Ok(()), _) if !told::reads(&caller) => Ok(Json(told::closed_named(reply))),
        (Ok(()), _) => Ok(Json(reply)),
        (Err(hidden), Outcome::Void) => Err(hidden),
        (Err(_), Outcome::Done | Outcome::Refused) => Ok(Json(without_rows(reply))),
    }
}

/// Keeps a refusal's reason, without the row that a conflict shows.
fn without_rows(mut reply: CloseReply) -> CloseReply {
    match (reply.outcome, &mut reply.body) {
        (Outcome::Refused, Some(Value::Object(problem))) => {
            problem.remove("current");
            problem.remove("latest");
        }
        (Outcome::Done | Outcome::Refused | Outcome::Void, body) => *body = None,
    }
    reply
}
