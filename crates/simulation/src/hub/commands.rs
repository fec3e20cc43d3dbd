//! Commands by REST: a new order, an action, the end of an idempotency key. Records every decided outcome, refusals
//! too, under the key of its request.

use super::ModelHub;
use super::accounts::Caller;
use super::bodies::{self, complete};
use super::reply::{Refusal, etag, ok, refuse, tagged};
use super::request::Asked;
use super::setup::Instants;
use crate::oracle::{Act, Decision, Done, Keyed, Meant, Order, Wanted, unequal};
use gwanje_ledger::Need;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, DeliveryId, MAX_SAFE_INTEGER, Permission, Text};
use gwanje_sync::HttpResponse;
use gwanje_wire::rest::{CloseReply, Outcome};
use gwanje_wire::{CommandBody, ErrorCode, NewOrder, WireRow};
use serde_json::Value;

/// The most characters of an idempotency key.
const KEY_MAX: usize = 200;
/// Fields in which a body might name who acts; the identity comes from the credential alone.
const IDENTITY_FIELDS: [&str; 4] = ["account", "actor", "user", "by"];

impl ModelHub {
    /// POST `/centers/{c}/deliveries`.
    pub(super) fn create(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let wanted = self.visible(caller, center).and_then(|()| new_order(caller, asked));
        self.carry_out(caller, center, wanted.map(Wanted::Create), asked, at)
    }

    /// POST `/centers/{c}/deliveries/{id}/{action}`.
    pub(super) fn act(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        (id, action): (&str, &str),
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let wanted = self.visible(caller, center).and_then(|()| named_act(caller, id, action, asked));
        self.carry_out(caller, center, wanted.map(Wanted::Act), asked, at)
    }

    /// POST `/centers/{c}/commands/{key}/close`.
    pub(super) fn close(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        key: &str,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        key_is_good(key)?;
        let Some(reply) = self.close_key(&caller.account, center, key, at) else {
            return refuse(ErrorCode::Unavailable, "a change is under way");
        };
        match (self.visible(caller, center), reply.outcome) {
            (Ok(()), _) => Ok(ok(&reply)),
            // The key is void even so.
            (Err(hidden), Outcome::Void) => Err(hidden),
            (Err(_), Outcome::Done | Outcome::Refused) => Ok(ok(&without_rows(reply))),
        }
    }

    fn close_key(
        &mut self,
        account: &Text,
        center: &CenterId,
        key: &str,
        at: Instants,
    ) -> Option<CloseReply> {
        let mut transaction = self.store.lock(center)?;
        let need = Need::of_close(account.clone(), key.to_owned());
        let mut loaded = self.store.load(&mut transaction, &need);
        let closed = gwanje_ledger::close(&mut loaded, account, key);
        self.commit(transaction, loaded.standing, closed.writes, at);
        let reply = closed.outcome;
        let expected = self.oracle.close(account, center, key, at.into());
        let bare = |reply: &CloseReply| (reply.outcome, reply.status);
        self.differs(unequal("what is told of a closed key", &bare(&reply), &bare(&expected)));
        Some(reply)
    }

    pub(super) fn carry_out(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        wanted: Result<Wanted, Refusal>,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let key = asked.header("idempotency-key");
        let wanted = match (wanted, key) {
            (Err(refusal), None) => return Err(refusal),
            (Err(refusal), Some(_)) => Wanted::Refused(Box::new(refusal.problem)),
            (Ok(wanted), _) => wanted,
        };
        key.map_or(Ok(()), key_is_good)?;
        let keyed = |key: &str| Keyed {
            key: key.to_owned(),
            path: asked.path.clone(),
            meant: asked.said().map_or_else(|| Meant::Garbage(asked.body().to_owned()), Meant::Json),
        };
        let (center, by, key) = (center.clone(), caller.account.clone(), key.map(keyed));
        answer(self.execute(Order { center, wanted, by, key, at: at.into() }, at)?)
    }
}

fn new_order(caller: &Caller, asked: &Asked<'_>) -> Result<Box<NewOrder>, Refusal> {
    allowed(caller, Permission::Create)?;
    let said: Value = asked.json()?;
    names_nobody_else(caller, &said, &IDENTITY_FIELDS)?;
    bodies::order(said).map(Box::new)
}

fn named_act(caller: &Caller, id: &str, action: &str, asked: &Asked<'_>) -> Result<Box<Act>, Refusal> {
    let Some(action) = Action::parse(action) else {
        return refuse(ErrorCode::NotFound, "there is no such action");
    };
    allowed(caller, Permission::Act(action))?;
    let id = delivery_id(id)?;
    let body = body_of(caller, action, asked.said())?;
    complete(action, &body)?;
    let (if_match, role) = (if_match(asked.header("if-match")), Some(caller.role));
    let only_rider = caller.only_rider();
    Ok(Box::new(Act { id, action, body, if_match, if_rev: None, only_rider, role }))
}

/// What a body says that the action needs, and of nobody else.
pub(super) fn body_of(caller: &Caller, action: Action, said: Option<Value>) -> Result<CommandBody, Refusal> {
    let Some(mut said) = said.filter(Value::is_object) else {
        return refuse(ErrorCode::Invalid, "an action takes an object, or no body");
    };
    if let Some(rider) = said.get_mut("riderId").filter(|rider| rider.is_number()) {
        *rider = Value::String(rider.to_string());
    }
    // Who cancels is a different matter from who acts.
    let fields: Vec<_> =
        IDENTITY_FIELDS.into_iter().filter(|field| action != Action::Cancel || *field != "by").collect();
    names_nobody_else(caller, &said, &fields)?;
    let only_rider = caller.only_rider();
    let named = said.get("riderId");
    if let (Some(rider), Some(named)) = (&only_rider, named)
        && named.as_str() != Some(rider.as_str())
    {
        return refuse(ErrorCode::Forbidden, "a rider acts for nobody else");
    }
    serde_json::from_value(said)
        .or_else(|_| refuse(ErrorCode::Invalid, "the body is not what the action needs"))
}

/// A delivery's id in a path; anything else names no delivery.
pub(super) fn delivery_id(text: &str) -> Result<DeliveryId, Refusal> {
    match text.parse() {
        Ok(id) if id <= MAX_SAFE_INTEGER => Ok(DeliveryId(id)),
        Ok(_) | Err(_) => refuse(ErrorCode::NotFound, "there is no such delivery"),
    }
}

/// The tags that `If-Match` names, without quotes; none: any will do.
fn if_match(header: Option<&str>) -> Option<Vec<String>> {
    let tags: Vec<_> = header?.split(',').map(str::trim).collect();
    if tags.contains(&"*") {
        return None;
    }
    Some(tags.iter().map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned()).collect())
}

pub(super) fn allowed(caller: &Caller, permission: Permission) -> Result<(), Refusal> {
    if caller.may(permission) { Ok(()) } else { refuse(ErrorCode::Forbidden, "this account may not do that") }
}

fn names_nobody_else(caller: &Caller, said: &Value, fields: &[&str]) -> Result<(), Refusal> {
    let names_another = |field: &str| {
        said.get(field).is_some_and(|named| !named.is_null() && named.as_str() != Some(&*caller.account))
    };
    if fields.iter().any(|field| names_another(field)) {
        return refuse(ErrorCode::Forbidden, "the body names another identity");
    }
    Ok(())
}

fn key_is_good(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_MAX).contains(&key.len()) && key.is_ascii() {
        return Ok(());
    }
    refuse(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters")
}

fn answer(decision: Decision) -> Result<HttpResponse, Refusal> {
    Ok(match decision? {
        Done::Row { row, epoch, created } => {
            tagged(if created { 201 } else { 200 }, etag(&epoch, row.rev), &*row)
        }
        Done::Each(reply, epoch) => {
            let newest =
                reply.results.iter().filter_map(|result| result.row.as_ref()).map(WireRow::rev).max();
            HttpResponse { etag: newest.map(|rev| etag(&epoch, rev)), ..ok(&reply) }
        }
    })
}

/// What is told of an outcome to a caller who may no longer see the center: a refusal keeps its reason, and no row is
/// told.
fn without_rows(reply: CloseReply) -> CloseReply {
    let body = match (reply.outcome, reply.body) {
        (Outcome::Refused, Some(Value::Object(mut problem))) => {
            problem.remove("current");
            problem.remove("latest");
            Some(Value::Object(problem))
        }
        (Outcome::Done | Outcome::Refused | Outcome::Void, _) => None,
    };
    CloseReply { body, ..reply }
}
